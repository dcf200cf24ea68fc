/* store_listen.h -- hears what other nodes have committed to a store that they share (spec 80 H13).
 *
 * A table's function announces a topic (db_announce) with the change itself; after the commit every other
 * node's callback gets it, on the loop thread.  It is a hint and may be lost with a connection, so whoever
 * listens also looks by himself now and then; each new connection says all topics once.  A thread of its own
 * waits on a connection of its own.  With SQLite nothing is ever heard. */
#pragma once
#include "store/db.h"

#include <uv.h>

struct store_listener;
/* `writer` is not heard: it is this node's own. */
struct store_listener *store_listener_new(uv_loop_t *loop, const char *store, const char *writer,
                                          void (*heard)(void *arg, unsigned topics), void *arg);
struct store_listener *store_listener_free(struct store_listener *l); /* NULL ok */
