/* http_internal.h -- what the files of the HTTP server share: the server and its connections.
 *
 * - http_server: life of the server, libmicrohttpd inside the loop
 * - http_connection: connections, their limits and deadlines, refusals in raw bytes
 * - http_dispatch: libmicrohttpd's callbacks, which are the course of a request
 * - http_check: what the head of a request must be; http_caller: who sends it; http_router: where it goes
 * - http_request: accessors; http_reply, http_shared, http_encoding, http_stream: answers
 * - http_stats, http_openapi: what is told about it all
 *
 * http_exchange.h has requests and replies.  Nobody else includes either. */
#pragma once
#include "io/counters.h"
#include "io/http_router.h"
#include "io/listener.h"

#include <microhttpd.h>
#include <sys/socket.h>

struct http_connection;

/* -- statistics -- */
#define HTTP_STATUSES_MAX 16 /* different ones per route; further ones share the last */
struct http_route_stats {
    struct http_stat *by_status[HTTP_STATUSES_MAX]; /* owned; made when first seen */
};
void http_stats_add(struct http_server *s, const struct http_route *route, int status, int64_t duration_us);

/* -- the server -- */
struct http_listener {
    struct http_server *server;
    struct listener socket;
    uv_poll_t poll;
};
struct http_daemon { /* one libmicrohttpd daemon in the loop */
    struct http_server *server;
    struct MHD_Daemon *mhd; /* NULL when there is none */
    uv_poll_t poll;         /* on its epoll descriptor */
    uv_idle_t again;        /* active while it has work that no descriptor announces */
};

struct http_server {
    uv_loop_t *loop;
    struct http_config config; /* texts are copies */
    struct http_router router;
    struct http_route_stats *stats; /* one per route, then one for requests that matched none */
    struct http_listener tcp, local;
    struct http_daemon plain, tls;
    char **hosts; /* accepted Host values, with and without port; NULL-terminated */

    struct http_connection *connections; /* newest first */
    unsigned connection_count;
    struct http_stream *streams;       /* newest first */
    struct map per_address;            /* address bytes -> count as pointer */
    struct http_connection *accepting; /* handed to libmicrohttpd right now */
    int spare_fd;                      /* given up for a moment when descriptors run out */
    uv_timer_t sweep;                  /* runs while there are connections */

    uint64_t request_seed, request_count; /* of the ids that we make */

    bool stopping;
    uv_timer_t grace;
    unsigned open_handles;
    void (*on_stopped)(void *);
    void *stopped_arg;
};

void http_daemon_wake(struct http_daemon *d);     /* runs it in the next turn */
void http_server_continue(struct http_server *s); /* after anything ended: is it time to stop? */

/* -- connections -- */
enum http_phase {
    HTTP_PHASE_NEW,       /* no request line yet: header deadline */
    HTTP_PHASE_HEADER,    /* request line seen: header deadline */
    HTTP_PHASE_BODY,      /* header seen: total deadline */
    HTTP_PHASE_HANDLING,  /* the handler's time: none */
    HTTP_PHASE_SENDING,   /* reply queued: idle deadline */
    HTTP_PHASE_STREAMING, /* none; a reader that is gone is noticed */
    HTTP_PHASE_IDLE,      /* between requests: idle deadline */
    HTTP_PHASE_LINGER,    /* refused in raw bytes; what still comes in is dropped for a moment */
    HTTP_PHASE_COUNT
};
struct http_connection {
    struct http_connection *prev, *next;
    struct http_server *server;
    struct MHD_Connection *mhd;
    int fd; /* libmicrohttpd's */
    bool tls, is_unix;
    enum http_phase phase;
    int64_t since_us;   /* when the deadline of the phase began to count */
    int64_t idle_bytes; /* received when the sweep first saw it idle, -1: it has not yet */
    bool caller_asked;
    struct http_caller caller; /* who the other end is when it shows no token; valid when caller_asked */
    unsigned char address[17]; /* key of per_address: family and bytes */
    unsigned char address_bytes;
    struct http_request *request; /* the current one, or one kept for the next */
};
void http_connection_accept(struct http_listener *l);
void http_connection_opened(struct http_connection *c, struct MHD_Connection *mhd);
void http_connection_closed(struct http_connection *c);
void http_connection_phase(struct http_connection *c, enum http_phase phase, int64_t now_us);
/* Answers past libmicrohttpd and lets the connection die; false when it cannot (TLS). */
bool http_connection_refuse_raw(struct http_connection *c, int status, const char *detail);
void http_connection_sweep(struct http_server *s);
void http_connection_resume(
    struct http_connection *c); /* a suspended one; it runs in the next turn of the loop */
const struct http_caller *http_connection_caller(struct http_connection *c); /* asks the kernel once */
