/* server.h -- the embedded bus: a NATS server in the node's loop (spec 40 B1-B6).
 *
 * Every NATS client speaks to it unchanged.  What it deliberately is not: JetStream, clusters, accounts, TLS;
 * asking for those gets an -ERR that says so, and a site that needs them names a nats-server in bus.url.
 *
 * Order is kept from each publisher to each subscriber.  A connection whose unsent bytes pass max_pending is
 * a slow consumer: it is dropped with an -ERR and counted, and nobody else notices; a publisher that fills
 * somebody's outbox faster than it empties is read a little more slowly before that.  Loop thread. */
#pragma once
#include "base/json.h"
#include "io/config.h"
#include "node/bus_port.h"

#include <uv.h>

struct bus_server;
/* `config` lives on.  Nothing is bound yet; the port works already. */
struct bus_server *bus_server_new(uv_loop_t *loop, const struct config *config);
/* An address that is taken is fatal when it was configured; the default one is waited for. */
MUST_CHECK int bus_server_start(struct bus_server *s, struct err *e);
/* Says goodbye (lame duck), sends what is left, closes; on_stopped within `grace_us`, stalled or not.  Also
 * without a start. */
void bus_server_stop(struct bus_server *s, int64_t grace_us, void (*on_stopped)(void *), void *arg);
struct bus_server *bus_server_free(struct bus_server *s); /* after on_stopped */

struct bus_port bus_server_port(struct bus_server *s);
char *bus_server_address(const struct bus_server *s); /* "127.0.0.1:4222", a path, "none"; the caller frees */

/* -- monitoring, in the shape of nats-server's -- */
void bus_server_varz(const struct bus_server *s, struct json_writer *w);
void bus_server_connz(const struct bus_server *s, int64_t offset, int64_t limit, bool subscriptions,
                      struct json_writer *w);
void bus_server_subsz(const struct bus_server *s, struct json_writer *w);
