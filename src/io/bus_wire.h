/* bus_wire.h -- what a NATS server says to a client, from bytes to items (spec 40 B1, the client's side).
 *
 * Fed as bytes arrive, in pieces of any size: split at any byte the items are the same.  Foreign bytes, so
 * every length is bounded before memory is asked for; a line or a payload beyond its bound, or a line that is
 * none of the protocol's, ends the connection.  No socket here.  One thread at a time. */
#pragma once
#include "base/buf.h"

#define BUS_WIRE_LINE_MAX 65536 /* INFO of a cluster lists its servers */
#define BUS_WIRE_PAYLOAD_MAX 1048576

enum bus_wire_type { BUS_WIRE_INFO, BUS_WIRE_MSG, BUS_WIRE_PING, BUS_WIRE_PONG, BUS_WIRE_OK, BUS_WIRE_ERR };

struct bus_wire_item { /* slices are valid until the next call */
    enum bus_wire_type type;
    struct str text;         /* INFO: JSON.  ERR: the words, without quotes */
    struct str subject, sid; /* MSG */
    struct str reply;        /* MSG: empty when no answer is expected */
    struct str payload;      /* MSG */
};

struct bus_wire {
    struct buf line, payload;
    size_t want;   /* bytes of payload and its CRLF, 0 between messages */
    bool complete; /* line and payload belong to an item that was given out */
};
void bus_wire_init(struct bus_wire *w);
void bus_wire_deinit(struct bus_wire *w);
void bus_wire_clear(struct bus_wire *w); /* for a new connection */
/* Takes from the front of *bytes.  1: an item; 0: all is taken and more is needed; -EPROTO: no such thing. */
MUST_CHECK int bus_wire_next(struct bus_wire *w, struct str *bytes, struct bus_wire_item *ret);
