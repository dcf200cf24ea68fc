/* http_exchange.h -- one request and its reply, among the files of the HTTP server.
 *
 * A connection has at most one request at a time.  The request outlives its connection when the handler still
 * holds it (connection and mhd are NULL then); it is freed by the reply. */
#pragma once
#include "io/http_internal.h"

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
    const struct http_caller *caller; /* NULL until somebody asks; the connection's, or own_caller */
    struct http_caller own_caller;
    int64_t length; /* declared, -1: none */
    struct buf body;
    size_t body_seen;
    struct arena arena;
    char id[65]; /* "" until somebody asks */
    struct http_added_header *headers;
    const char *resource, *details, *error; /* in the arena, NULL for none */
    struct MHD_Response *response;          /* until it is queued */
    struct http_shared *shared;             /* whose response that is; NULL: the request's own */
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
const struct http_caller *http_caller_find(struct http_request *r);

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
