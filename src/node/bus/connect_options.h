/* connect_options.h -- what a client says of itself in CONNECT (docs.nats.io, client protocol).
 *
 * Unknown fields are left alone, as servers do; a known one of a wrong type is refused.  Before CONNECT a
 * connection has the protocol's defaults, which are verbose and pedantic: a person at a terminal.  Any
 * thread. */
#pragma once
#include "base/str.h"

struct bus_connect_options {
    bool verbose, pedantic, echo, headers, no_responders, tls_required;
    bool foreign_auth;                  /* a JWT or an nkey: what this bus does not know */
    char *user, *password, *auth_token; /* NULL: not given; secret */
    char *name, *lang, *version;        /* of the client; NULL: not given */
    int64_t protocol;
};

void bus_connect_options_init(struct bus_connect_options *o); /* as before CONNECT */
void bus_connect_options_deinit(struct bus_connect_options *o);
/* False when `json` is no object, or a field has the wrong type; *o is then unchanged. */
MUST_CHECK bool bus_connect_options_read(struct str json, struct bus_connect_options *o);
/* Credentials are not kept once they were looked at. */
void bus_connect_options_forget(struct bus_connect_options *o);
