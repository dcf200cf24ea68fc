/* bus.h -- the heartbeat bus of the node: the embedded one, or an external NATS behind bus.url (spec 40).
 *
 * node.c makes one, hands its port to the services and stops it last, so that their last words still go out.
 * Its heartbeat is that of a component of the node (node/components.h).  muster's own events go out through
 * bus_event (B7); what clients publish under the same subjects stays on the bus, and is never taken for
 * muster's word.  Loop thread. */
#pragma once
#include "base/json.h"
#include "io/config.h"
#include "node/bus_port.h"

#include <uv.h>

struct bus;
struct bus *bus_new(uv_loop_t *loop, const struct config *config); /* `config` lives on */
MUST_CHECK int bus_start(struct bus *b, struct err *e);
/* on_stopped comes within `grace_us` and a little. */
void bus_stop(struct bus *b, int64_t grace_us, void (*on_stopped)(void *), void *arg);
struct bus *bus_free(struct bus *b); /* after on_stopped */

const struct bus_port *bus_port_of(const struct bus *b);
/* What `ready … bus=` names: "127.0.0.1:4222", a path, "nats://host:4222" without credentials, "none". */
char *bus_address(const struct bus *b);                          /* the caller frees */
void bus_event(void *bus, const char *subject, struct str json); /* events_tap */

/* Monitoring; false: an external bus tells of itself. */
struct bus_server;
const struct bus_server *bus_embedded(const struct bus *b); /* NULL: external */
