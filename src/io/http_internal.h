/* http_internal.h -- what the files of the HTTP server share; nobody else includes it.
 *
 *   http_server      life of the server, libmicrohttpd inside the loop      http_check    what a request head
 * must be http_listen      listening sockets                                      http_caller   token or uid
 * to caller http_connection  connections: limits, deadlines, refusals in raw bytes  http_route    matching
 *   http_dispatch    libmicrohttpd's callbacks: head, body, handler         http_reply, http_encoding,
 * http_stream http_request     accessors                                              http_stats,
 * http_openapi
 *
 * A connection has at most one request at a time.  The request outlives its connection when the handler still
 * holds it (connection and mhd are NULL then); it is freed by the reply. */
#pragma once
#include "base/map.h"
#include "io/counters.h"
#include "io/http_server.h"

#include <microhttpd.h>
#include <sys/socket.h>

struct http_connection;

/* -- routing -- */
#define HTTP_METHODS 5 /* bits of enum http_method */

struct http_path { /* one pattern with all its methods */
    const char *pattern;
    const struct http_route *routes[HTTP_METHODS]; /* by bit number, NULL when there is none */
    bool literal;                                  /* holds no {x} */
};
struct http_router {
    const struct http_route *routes; /* the caller's, not owned */
    size_t route_count;
    struct http_path *paths;
    size_t path_count;
    struct map literals; /* pattern -> struct http_path */
};
struct http_params { /* {name} = value, as written in the target */
    struct str names[HTTP_PATH_PARAMS_MAX], values[HTTP_PATH_PARAMS_MAX];
    size_t count;
};
void http_router_init(struct http_router *router, const struct http_route *routes, size_t route_count);
void http_router_deinit(struct http_router *router);
/* NULL when no pattern matches.  Literal patterns win. */
const struct http_path *http_router_find(const struct http_router *router, struct str path,
                                         struct http_params *ret);
const struct http_route *http_path_route(const struct http_path *path, enum http_method method);
void http_path_allow(const struct http_path *path, struct buf *out); /* "GET, HEAD, POST" */
const char *http_method_name(enum http_method method);

/* -- statistics -- */
#define HTTP_STATUSES_MAX 16 /* different ones per route; further ones share the last */
struct http_route_stats {
    struct http_stat *by_status[HTTP_STATUSES_MAX]; /* owned; made when first seen */
};
void http_stats_add(struct http_server *s, const struct http_route *route, int status, int64_t duration_us);

/* -- the server -- */
struct http_listener {
    struct http_server *server;
    int fd; /* -1: closed */
    bool is_unix;
    uv_poll_t poll;
    dev_t device; /* of the path, when is_unix: only that one is unlinked */
    ino_t inode;
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
    int port;         /* -1 without TCP */
    bool any_address; /* bound to the wildcard */
    char **hosts;     /* accepted Host values, with and without port; NULL-terminated */

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

int http_listen_tcp(struct http_server *s, struct err *e);
int http_listen_unix(struct http_server *s, struct err *e);
void http_listener_close(struct http_listener *l,
                         const char *path);       /* the descriptor and, if ours, the path */
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
    bool uid_asked;
    int64_t uid;               /* of the other end, -1 unknown; valid when uid_asked */
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
int64_t http_connection_uid(struct http_connection *c); /* asks once */

/* -- the head of a request, and what is refused in it -- */
enum http_refusal {
    HTTP_REFUSE_NOT,
    HTTP_REFUSE_MALFORMED,
    HTTP_REFUSE_HEADER_LARGE,
    HTTP_REFUSE_LENGTH,
    HTTP_REFUSE_ENCODING,
    HTTP_REFUSE_NO_HOST,
    HTTP_REFUSE_HOST,
    HTTP_REFUSE_PATH,
    HTTP_REFUSE_METHOD,
    HTTP_REFUSE_ORIGIN,
    HTTP_REFUSE_UNAUTHORIZED,
    HTTP_REFUSE_ROLE,
    HTTP_REFUSE_MEDIA_TYPE,
    HTTP_REFUSE_BODY_LARGE,
    HTTP_REFUSE_STOPPING,
    HTTP_REFUSE_COUNT
};
struct http_refusal_row {
    int status;
    int counter; /* enum counter_id, -1: none */
    bool closes; /* what follows on the connection cannot be trusted */
    const char *detail;
};
extern const struct http_refusal_row http_refusals[HTTP_REFUSE_COUNT];

struct http_head { /* slices of libmicrohttpd's memory: valid until the handler has been called */
    struct str host, content_length, transfer_encoding, content_type, origin, authorization, accept_encoding,
        if_none_match, request_id, expect;
    bool malformed, twice; /* a field that may come once came twice */
    const char *end;       /* where the last line ended, to see that nothing lies between the lines */
};

/* -- the request -- */
enum http_stage {
    HTTP_STAGE_HEAD,
    HTTP_STAGE_BODY,
    HTTP_STAGE_HANDLING,
    HTTP_STAGE_REPLIED,
    HTTP_STAGE_QUEUED
};
struct http_added_header {
    struct http_added_header *next;
    const char *name, *value;
};
struct http_request {
    struct http_server *server;         /* NULL once the server is gone */
    struct http_connection *connection; /* NULL once the client is gone */
    struct MHD_Connection *mhd;
    enum http_stage stage;
    bool suspended, bad_target, has_body;
    enum http_method method; /* 0: none that is served */
    enum http_refusal refusal;
    int64_t start_us;
    const char *target_end; /* in libmicrohttpd's memory, until the head is checked */
    struct buf target;      /* path and query as sent */
    struct str authority, path, query;
    struct http_head head;
    const struct http_path *matched;
    const struct http_route *route;
    struct http_params params;
    bool caller_known;
    struct http_caller caller;
    int64_t length; /* declared, -1: none */
    struct buf body;
    size_t body_seen;
    struct arena arena;
    char id[65]; /* "" until somebody asks */
    struct http_added_header *headers;
    const char *resource, *error;  /* in the arena, NULL for none */
    struct MHD_Response *response; /* until it is queued */
    struct http_shared *shared;    /* whose response that is; NULL: the request's own */
    int status;
};
struct http_request *http_request_new(struct http_connection *c);
void http_request_clear(struct http_request *r); /* ready for the next one */
struct http_request *http_request_free(struct http_request *r);
void http_request_target(struct http_request *r, const char *target);
struct str http_percent_decode(struct arena *arena, struct str s,
                               bool plus_is_space); /* escapes are well-formed */

void http_check_head(struct http_request *r, const char *method,
                     const char *version); /* sets refusal, route, length */
bool http_check_host(const struct http_server *s, struct str host);
void http_caller_find(struct http_request *r);

/* libmicrohttpd's callbacks */
void *http_on_target(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result http_on_access(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_bytes, void **request);
void http_on_completed(void *server, struct MHD_Connection *mhd, void **request,
                       enum MHD_RequestTerminationCode why);
void http_request_detach(struct http_request *r); /* its connection is going away */

/* -- replies -- */
void http_release_response(struct http_request *r);
void http_reply_headers(const struct http_request *r, struct MHD_Response *response,
                        const char *content_type);
void http_shared_drop(struct http_shared *b); /* by who holds it */
void http_reply_refusal(struct http_request *r, enum http_refusal refusal);
void http_reply_response(struct http_request *r, int status,
                         struct MHD_Response *response);       /* takes the response */
void http_request_replied(struct http_request *r, int status); /* counts, tells the audit */
const char *http_reason(int status);
/* The body of a problem+json.  `pointer` and `id` may be NULL. */
void http_problem_body(int status, const char *pointer, const char *detail, const char *id, struct buf *out);

bool http_accepts_gzip(struct str accept_encoding);
bool http_gzip(struct str in, struct buf *out); /* false when it would not become smaller */
#define HTTP_ETAG_MAX 32
void http_etag(struct str body, bool gzip, char ret[HTTP_ETAG_MAX]);
bool http_etag_matches(struct str if_none_match, const char *etag, const char *other);

/* -- streams -- */
void http_streams_sweep(struct http_server *s, int64_t now_us);
void http_streams_close(struct http_server *s);
