/* external.h -- a NATS server elsewhere as the node's bus (spec 40, `bus { url }`).
 *
 * libnats connects, comes back after a loss with a growing pause, and subscribes again by itself.  What may
 * block (publishing, subscribing) is done on a worker, requests on another; what libnats calls from its own
 * threads comes to the loop through a mailbox.  The port behaves as the embedded bus's does: callbacks on the
 * loop thread, `connected` true only while the socket is up.
 *
 * What is published while it is down is lost and counted: the store is the truth.  Loop thread. */
#pragma once
#include "base/err.h"
#include "node/bus_port.h"

#include <uv.h>

struct external_bus;
struct external_bus *external_bus_new(uv_loop_t *loop, const char *url,
                                      const char *token);                 /* token "": none */
MUST_CHECK int external_bus_start(struct external_bus *b, struct err *e); /* never waits for the server */
void external_bus_stop(struct external_bus *b, int64_t grace_us, void (*on_stopped)(void *), void *arg);
struct external_bus *external_bus_free(struct external_bus *b); /* after on_stopped */
struct bus_port external_bus_port(struct external_bus *b);
char *external_bus_address(const struct external_bus *b); /* without credentials; the caller frees */
