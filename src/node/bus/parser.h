/* parser.h -- the NATS client protocol as a client speaks it: bytes in, operations out (spec 40 B1, B4).
 *
 * Knows no socket and no bus.  Bytes may be cut anywhere: the operations are the same (fuzz_bus_parser holds
 * it to that).  What is complete within one feed is passed on as slices of the caller's bytes; only what is
 * cut is copied, and a parser between operations holds no memory.
 *
 * A line ends with LF, a CR before it is dropped; words are parted by spaces and tabs; verbs have no case; a
 * payload ends with CR LF (docs.nats.io, client protocol).  After an error the parser takes nothing more: the
 * stream cannot be trusted.  Any thread, one at a time. */
#pragma once
#include "base/buf.h"

#define BUS_WORDS_MAX 5 /* the verb apart; one more than any verb takes, to see that there are too many */

enum bus_verb {
    BUS_VERB_CONNECT,
    BUS_VERB_PUB,
    BUS_VERB_HPUB,
    BUS_VERB_SUB,
    BUS_VERB_UNSUB,
    BUS_VERB_PING,
    BUS_VERB_PONG,
    BUS_VERB_OK,    /* a client need not say these, and they mean nothing */
    BUS_VERB_ERROR, /* the client's complaint */
    BUS_VERB_INFO,
    BUS_VERB_CLUSTER, /* RS+ RS- RMSG LS+ LS- LMSG A+ A-: servers among themselves */
};

/* One operation; the slices are valid during the call. */
struct bus_operation {
    enum bus_verb verb;
    struct str subject, reply, queue, sid; /* as sent: not yet checked; reply, queue: may be empty */
    struct str headers, payload;           /* PUB, HPUB */
    int64_t max;                           /* UNSUB; 0: at once */
    bool bad_subject;                      /* PUB, HPUB: spaces in the subject */
    struct str text;                       /* CONNECT: its JSON; ERROR: the words */
};

enum bus_parser_error {
    BUS_PARSER_OK,
    BUS_PARSER_E_VERB,         /* Unknown Protocol Operation */
    BUS_PARSER_E_LINE,         /* Maximum Control Line Exceeded */
    BUS_PARSER_E_WORDS,        /* Parser Error: too few words, too many, or a number that is none */
    BUS_PARSER_E_PAYLOAD,      /* Maximum Payload Violation: more is announced than is allowed */
    BUS_PARSER_E_PAYLOAD_TAIL, /* Unknown Protocol Operation: no CR LF behind a payload */
};

struct bus_parser {
    size_t max_control_line, max_payload; /* bytes: behind the verb; headers and payload */
    struct buf partial;                   /* an operation that was cut */
    size_t wanted;                        /* bytes of it in all, once its line is known; 0: not yet */
    enum bus_parser_error error;
};

void bus_parser_init(struct bus_parser *p, size_t max_control_line, size_t max_payload);
void bus_parser_deinit(struct bus_parser *p);
/* False: the caller wants no more (it is closing); the rest is then dropped, and the parser must not be fed
 * again. */
typedef bool (*bus_operation_handler)(void *arg, const struct bus_operation *op);
MUST_CHECK enum bus_parser_error bus_parser_feed(struct bus_parser *p, struct str bytes,
                                                 bus_operation_handler handle, void *arg);
