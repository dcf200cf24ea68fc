/* server_internal.h -- what the files of the embedded bus share: the server, its connections, their
 * subscriptions.
 *
 * - server: life, listening, timers     - connection: the bytes of one client, its deadlines, its end
 * - session: one operation of a client  - route: from one message to all who want it
 * - own_port: the node's own subscriptions and messages    - monitor: what is told about it all
 *
 * The order of a turn: connections are read, each operation is done at once, what it makes for others is
 * appended to their outboxes, and before the loop sleeps every outbox is sent.  Nobody is freed, and no list
 * that is being walked changes, before that: who is to go is put on `ending`. */
#pragma once
#include "base/log.h"
#include "io/counters.h"
#include "io/listener.h"
#include "node/bus/connect_options.h"
#include "node/bus/interest.h"
#include "node/bus/outbox.h"
#include "node/bus/parser.h"
#include "node/bus/permissions.h"
#include "node/bus/server.h"

#define BUS_READ_BYTES ((size_t)128 << 10)
#define BUS_NAME_MAX 128         /* of a client, in connz */
#define BUS_PUBLISHER_REST_MS 10 /* how long somebody who fills an outbox is not read, at most */

struct bus_traffic {
    int64_t in_messages, out_messages, in_bytes, out_bytes;
};

struct bus_connection;
struct subscription { /* a client's, or the base of one of the node's own */
    struct interest_entry entry;
    struct bus_connection *connection; /* NULL: the node's own */
    char *text;                        /* pattern, queue and sid, one behind the other */
    struct str sid;
    int64_t delivered, max; /* max 0: no end */
    bool over;              /* gets nothing more; to be removed */
    struct subscription *next_over;
};

enum bus_phase {
    BUS_PHASE_OPEN,   /* connected; no CONNECT yet */
    BUS_PHASE_READY,  /* CONNECT was accepted */
    BUS_PHASE_ENDING, /* gets what waits and its -ERR, then goes; nothing of it is read any more */
    BUS_PHASE_GONE,   /* closed; freed when the loop lets go of it */
};
enum bus_deadline { BUS_DEADLINE_AUTH, BUS_DEADLINE_PING, BUS_DEADLINE_END, BUS_DEADLINES };

struct bus_connection {
    struct bus_connection *prev, *next;    /* all, newest first */
    struct bus_connection *sooner, *later; /* those with the same kind of deadline */
    struct bus_connection *next_dirty, *next_ending, *next_resting;
    struct bus_server *server;
    uv_poll_t poll;
    int fd, events; /* events: those asked for now */
    enum bus_phase phase;
    enum bus_deadline deadline;
    int64_t deadline_us, start_us, start_wall_us, active_us;
    int pings_out;
    bool dirty, ending, resting, is_unix, trusted, must_authenticate;
    int64_t sent_bytes, stuck_bytes,
        stuck_ms;    /* stuck: sent_bytes when the outbox was long, and since when */
    int64_t id, uid; /* uid -1: unknown */
    char peer[48];   /* address, "" for a Unix socket */
    int port;
    struct bus_permissions may;
    struct bus_connect_options options;
    struct bus_parser parser;
    struct outbox outbox;
    struct map subscriptions; /* sid -> struct subscription */
    struct bus_traffic traffic;
};

struct bus_deadlines { /* sorted by themselves: each kind has one length */
    struct bus_connection *first, *last;
};

struct own_message;
struct bus_watcher {
    bus_connected_handler on_change;
    void *arg;
};
struct bus_server {
    uv_loop_t *loop;
    const struct config *config;
    bool auth_required, stopping, started;
    char id[57];    /* of the server, as INFO shows it */
    char host[256]; /* of bus.listen */
    bool told_connected;
    struct bus_watcher watchers[BUS_WATCHERS_MAX];
    size_t watcher_count;
    struct log_limit violations;
    int64_t armed_us, stop_by_us;
    struct listener tcp, local;
    uv_poll_t tcp_poll, local_poll;
    uv_prepare_t flush; /* before each sleep */
    uv_idle_t own_turn; /* while the node's own messages wait */
    uv_timer_t clock, rest, rebind, grace;
    char *read_buffer;
    struct interest interest;
    struct outbox_pool pool;
    struct buf line; /* of the message that is being delivered */
    struct bus_connection *connections, *dirty, *ending_first, *resting;
    struct subscription *over;
    struct bus_deadlines deadlines[BUS_DEADLINES];
    size_t connection_count, own_count;
    int64_t last_id, total_connections, slow_consumers, start_us, start_wall_us;
    struct bus_traffic traffic, counted; /* counted: what the counters have seen of it */
    size_t unflushed;                    /* bytes of this turn, in all outboxes */
    int spare_fd;                        /* given up for a moment when descriptors run out */
    uint64_t random;
    struct bus_subscription *own; /* newest first */
    struct own_message *own_first, **own_last;
    unsigned open_handles;
    void (*on_stopped)(void *);
    void *stopped_arg;
};

/* -- connection.c -- */
void bus_connection_accept(struct bus_server *s, struct listener *l);
void bus_connection_put(struct bus_connection *c, struct str bytes); /* into its outbox */
void bus_connection_put_text(struct bus_connection *c, const char *text);
void bus_connection_touch(struct bus_connection *c); /* its outbox is to be sent in this turn */
/* -ERR 'text', counted (COUNTER_COUNT: not); the connection goes on. */
void bus_connection_complain(struct bus_connection *c, enum counter_id counter, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The same as its last word.  Its subscriptions get nothing more at once. */
void bus_connection_end(struct bus_connection *c, enum counter_id counter, const char *text); /* NULL: none */
void bus_connection_flush(struct bus_connection *c);
void bus_connection_flush_all(struct bus_server *s);
void bus_connection_rest(struct bus_connection *c); /* is not read for a moment */
void bus_connection_wake_all(struct bus_server *s);
size_t
bus_connection_crowded_at(const struct bus_server *s); /* from here on, who fills an outbox is slowed */
void bus_connection_expire(struct bus_server *s, int64_t now_us); /* deadlines that have passed */
int64_t bus_connection_next_deadline(const struct bus_server *s); /* INT64_MAX: none */
void bus_connection_settle(struct bus_server *s); /* who is ending lets go of its subscriptions */
void bus_connection_deadline(struct bus_connection *c, enum bus_deadline kind, int64_t at_us);
void bus_connection_close(struct bus_connection *c);

/* -- session.c -- */
void bus_session_begin(struct bus_connection *c); /* INFO */
bool bus_session_operation(void *connection, const struct bus_operation *op);
void bus_session_parse_error(struct bus_connection *c, enum bus_parser_error error);
void bus_session_info(struct bus_connection *c);

/* -- route.c -- */
struct subscription *subscription_new(struct bus_connection *c, struct str pattern, struct str queue,
                                      struct str sid);
void subscription_init(struct subscription *sub, struct str pattern, struct str queue, struct str sid);
void subscription_end(struct bus_server *s, struct subscription *sub); /* and its memory, at the settle */
struct bus_reach {
    size_t all, clients; /* that it was given to; clients: without the node's own */
};
/* `from` NULL: the node.  `subject` may be anything: false when it is no subject. */
MUST_CHECK bool bus_route(struct bus_server *s, struct bus_connection *from, const struct bus_message *m,
                          struct bus_reach *ret);
void bus_route_no_responders(struct bus_connection *c, struct str reply);
void bus_route_settle(struct bus_server *s); /* subscriptions that have ended go */

/* -- own_port.c -- */
void own_port_deliver(struct bus_server *s, struct subscription *sub, const struct bus_message *m);
void own_port_turn(uv_idle_t *idle);
void own_port_stop(struct bus_server *s); /* what was asked gets its answer */
void own_port_deinit(struct bus_server *s);

/* -- server.c -- */
void bus_server_start_rest(struct bus_server *s); /* wakes those who rest in a moment */
void bus_server_arm(struct bus_server *s);        /* the clock, for the next deadline */
void bus_server_closed(uv_handle_t *handle);      /* of a handle that was counted */
