/* http_server.h -- HTTP/1.1 over TCP, TLS and a Unix socket, in the loop.
 *
 * libmicrohttpd does HTTP and TLS; this file owns the listening sockets, the limits and the deadlines (spec
 * 00 HTTP), who is calling, routing, and problem+json for every refusal.  A handler gets a whole, checked
 * request on the loop thread and answers now or later with exactly one http_reply_*; between, the connection
 * is suspended and the request, with its arena, stays valid (the client may vanish meanwhile: replying is
 * still required and harmless).
 *
 * It knows no resource of muster: routes, roles and their meaning come from the caller.  Loop thread only. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "io/json_fields.h"

#include <uv.h>

struct http_server;
struct http_request;

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_DELETE = 8, HTTP_PATCH = 16 };
#define HTTP_PATH_PARAMS_MAX 4

/* Roles form a set, not a ladder; a route lists those it admits. */
enum http_role {
    HTTP_ROLE_ADMIN = 1,
    HTTP_ROLE_OPERATOR = 2,
    HTTP_ROLE_AGENT = 4,
    HTTP_ROLE_VIEWER = 8,
    HTTP_ROLE_SCHEDULER = 16,
    HTTP_ROLE_ANYBODY = 32, /* no credentials needed */
};
const char *http_method_name(enum http_method method);
const char *http_role_name(enum http_role role);
bool http_role_of(struct str name, enum http_role *ret);

struct http_route {
    enum http_method method;
    const char *pattern; /* "/api/v1/jobs/{id}": {x} matches one non-empty segment */
    unsigned roles;      /* set of http_role that may call it */
    void (*handle)(struct http_request *r, void *context);
    const struct json_field
        *body; /* NULL: takes no body; else the table that checks it (the handler calls json_fields_decode) */
    bool body_optional;
    const char *summary;   /* one line, for openapi.json */
    const char *query;     /* "limit:integer:At most this many;after:string:…", NULL for none */
    const char *responses; /* "201:The job;409:It is not running" */
    bool streams;          /* the response has no end (SSE): exempt from the total deadline */
};

/* Who is calling; filled before routing.  `actor` is what the audit log shows: "uid:0", "token:ci",
 * "anonymous". */
struct http_caller {
    unsigned role; /* one http_role, 0 = nobody */
    int64_t token_id;
    int64_t uid; /* -1 unknown */
    char actor[80];
    char scope[128]; /* the token's subject scope, "" for none */
};

struct http_limits { /* spec 00 HTTP; defaults in http_limits_default */
    size_t header_bytes, body_bytes;
    int64_t header_us, total_us, idle_us;
    unsigned connections, connections_per_address;
    size_t stream_pending_bytes;
};
extern const struct http_limits http_limits_default;

struct http_config {
    const char *listen;      /* "127.0.0.1:6878", "[::1]:0", NULL for none; port 0 picks one */
    const char *unix_socket; /* path, NULL for none; mode 0666: callers are known by uid */
    const char *tls_certificate_file, *tls_key_file; /* both or none; TCP only */
    const char *const
        *hosts; /* accepted Host names besides the listen address and localhost, NULL-terminated or NULL */
    struct http_limits limits;
    bool have_token; /* a token is configured: needed to bind anything but loopback */
    /* Token -> caller; true when it is valid.  Constant time in the secret.  NULL refuses every token. */
    bool (*authenticate)(void *context, struct str token, struct http_caller *ret);
    /* After each reply of a request that reached routing, refusals (401 403 404 405 413 415) included, for
     * the audit log: http_route may be NULL there, and http_method 0.  NULL ok. */
    void (*after_reply)(void *context, const struct http_request *r, int status, int64_t duration_us);
    void *context; /* given to handlers and to the two above */
};

struct http_server *http_server_new(uv_loop_t *loop, const struct http_config *config,
                                    const struct http_route *routes, size_t route_count);
MUST_CHECK int http_server_start(struct http_server *s, struct err *e);
int http_server_port(const struct http_server *s); /* the real one, after start; -1 without TCP */
/* Stops accepting, ends streams, gives requests in flight `grace_us`, then closes all and calls on_stopped.
 */
void http_server_stop(struct http_server *s, int64_t grace_us, void (*on_stopped)(void *), void *arg);
struct http_server *http_server_free(struct http_server *s); /* after on_stopped */
void http_server_openapi(const struct http_server *s, const char *title, const char *version,
                         struct buf *out);

/* -- the request, valid until its reply has been sent -- */
enum http_method http_method(const struct http_request *r); /* GET for HEAD too; 0: none of these */
struct str http_path(const struct http_request *r);
const struct http_route *http_route(const struct http_request *r);
struct str http_param(const struct http_request *r, const char *name); /* {name} of the pattern */
bool http_query(const struct http_request *r, const char *name, struct str *ret);
struct str http_query_string(const struct http_request *r); /* all of it, as it came */
/* As an integer in [min, max], `fallback` when absent; replies 400 and returns false when it is no such
 * number. */
MUST_CHECK bool http_query_i64(struct http_request *r, const char *name, int64_t min, int64_t max,
                               int64_t fallback, int64_t *ret);
/* {name} as a positive integer; replies 404 and returns false when it is none. */
MUST_CHECK bool http_param_id(struct http_request *r, const char *name, int64_t *ret);
struct str http_header(const struct http_request *r, const char *name); /* empty slice when absent */
struct str http_body(const struct http_request *r);
struct arena *http_arena(struct http_request *r);
const struct http_caller *http_caller(const struct http_request *r);
const char *http_request_id(const struct http_request *r); /* X-Request-Id, the client's or ours */

/* -- the reply: exactly one of these -- */
/* JSON is moved out of *body.  ETag, If-None-Match (GET) and gzip are handled here. */
void http_reply_json(struct http_request *r, int status, struct buf *body);
void http_reply_body(struct http_request *r, int status, const char *content_type, struct buf *body);
void http_reply_empty(struct http_request *r, int status);
/* {"status":"WORD"}; `word` needs no escapes. */
void http_reply_status(struct http_request *r, int status, const char *word);
/* problem+json (RFC 9457).  `pointer` is a JSON pointer to the field, or NULL. */
void http_reply_problem(struct http_request *r, int status, const char *pointer, const char *format, ...)
    PRINTF_LIKE(4, 5);
void http_reply_err(struct http_request *r,
                    const struct err *e); /* http_status_of(e->code), place as pointer */
int http_status_of(enum err_code code);
void http_add_header(struct http_request *r, const char *name, const char *value); /* before the reply */
/* Key facts for the audit log: the resource acted on, what came of it (one JSON object), and the error text
 * if any.  Copied. */
void http_note_resource(struct http_request *r, const char *format, ...) PRINTF_LIKE(2, 3);
void http_note_details(struct http_request *r, struct str json);
const char *http_noted_resource(const struct http_request *r); /* "" when none */
const char *http_noted_details(const struct http_request *r);
const char *http_noted_error(const struct http_request *r); /* text of the problem, "" when none */

/* A body that many requests share (the hot path): one response object, its compressed twin and its ETag, made
 * once. */
struct http_shared;
struct http_shared *http_shared_new(const char *content_type, struct buf *body); /* takes the bytes */
struct http_shared *http_shared_free(struct http_shared *b);
void http_reply_shared(struct http_request *r, struct http_shared *b);

/* -- server-sent events -- */
struct http_stream;
/* Turns the request into a stream of text/event-stream.  on_close runs once, when the client or the server
 * has ended it, and never from within a call of these functions; the stream is gone after it.  NULL, without
 * on_close, when the server has stopped meanwhile. */
struct http_stream *http_stream_open(struct http_request *r,
                                     void (*on_close)(struct http_stream *, void *arg), void *arg);
/* Queues bytes.  A stream over limits.stream_pending_bytes is closed and counted. */
void http_stream_send(struct http_stream *s, struct str bytes);
void http_stream_close(struct http_stream *s);

/* Requests by route and status, and latency, for /metrics: calls `each` per (route, status) seen. */
#define HTTP_LATENCY_BUCKETS 12
extern const double http_latency_bounds_s[HTTP_LATENCY_BUCKETS];
struct http_stat {
    const char *method, *pattern;
    int status;
    int64_t count, sum_us;
    int64_t buckets[HTTP_LATENCY_BUCKETS + 1]; /* not cumulative; the last is +Inf */
};
void http_server_stats(const struct http_server *s, void (*each)(void *arg, const struct http_stat *stat),
                       void *arg);
unsigned http_server_connections(const struct http_server *s);
