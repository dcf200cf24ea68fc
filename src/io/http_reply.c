#include "io/http_exchange.h"

#include "base/clock.h"
#include "base/json.h"

#define GZIP_MIN_BYTES 1024

const char *http_reason(int status)
{
    return MHD_get_reason_phrase_for((unsigned)status);
}

/* -- the reply itself -- */

void http_request_replied(struct http_request *r, int status)
{
    int64_t now_us = clock_monotonic_us();
    if (!r->server)
        return;
    http_stats_add(r->server, r->route, status, now_us - r->start_us);
    bool reached_routing = r->refusal == HTTP_REFUSE_NOT || r->refusal >= HTTP_REFUSE_PATH;
    if (r->server->config.after_reply && reached_routing)
        r->server->config.after_reply(r->server->config.context, r, status, now_us - r->start_us);
    if (r->connection)
        http_connection_phase(r->connection, HTTP_PHASE_SENDING, now_us);
}

void http_reply_response(struct http_request *r, int status, struct MHD_Response *response)
{
    assert(r->stage < HTTP_STAGE_REPLIED); /* exactly one reply */
    r->status = status;
    r->response = response;
    r->stage = HTTP_STAGE_REPLIED;
    http_request_replied(r, status);
    if (!r->connection) {
        (void)http_request_free(r);
        return;
    }
    if (r->suspended)
        http_connection_resume(r->connection);
    r->suspended = false;
}

void http_release_response(struct http_request *r)
{
    if (r->shared)
        http_shared_drop(TAKE(r->shared));
    else if (r->response)
        MHD_destroy_response(r->response);
    r->response = NULL;
}

/* -- headers -- */

void http_add_header(struct http_request *r, const char *name, const char *value)
{
    struct http_added_header *h = arena_alloc(&r->arena, sizeof(*h));
    h->name = arena_strdup(&r->arena, str_of(name));
    h->value = arena_strdup(&r->arena, str_of(value));
    h->next = r->headers;
    r->headers = h;
}

static bool has_added(const struct http_request *r, const char *name)
{
    for (const struct http_added_header *h = r->headers; h; h = h->next)
        if (str_equal_nocase(str_of(h->name), str_of(name)))
            return true;
    return false;
}

void http_reply_headers(const struct http_request *r, struct MHD_Response *response, const char *content_type)
{
    if (content_type)
        (void)MHD_add_response_header(response, "Content-Type", content_type);
    if (!has_added(r, "Cache-Control"))
        (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (http_request_id(r)[0])
        (void)MHD_add_response_header(response, "X-Request-Id", http_request_id(r));
    for (const struct http_added_header *h = r->headers; h; h = h->next)
        (void)MHD_add_response_header(response, h->name, h->value);
}

/* The bytes move out of *body. */
static struct MHD_Response *response_of(struct buf *body)
{
    size_t n = body->n;
    return MHD_create_response_from_buffer(n, buf_take(body), MHD_RESPMEM_MUST_FREE);
}

void http_reply_status(struct http_request *r, int status, const char *word)
{
    struct buf body = BUF_INIT;
    buf_printf(&body, "{\"status\":\"%s\"}", word);
    http_reply_json(r, status, &body);
}

void http_reply_empty(struct http_request *r, int status)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    http_reply_headers(r, response, NULL);
    http_reply_response(r, status, response);
}

/* -- bodies -- */

static bool is_compressible(const char *content_type)
{
    static const char *const kinds[] = {"text/", "application/json", "application/javascript",
                                        "application/problem+json", "image/svg+xml"};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_starts_with(str_of(content_type), str_of(kinds[i])))
            return true;
    return false;
}

static bool try_gzip(const struct http_request *r, struct buf *body)
{
    struct buf packed = BUF_INIT;
    if (!r->connection || !http_accepts_gzip(r->head.accept_encoding) || !http_gzip(buf_str(body), &packed)) {
        buf_deinit(&packed);
        return false;
    }
    buf_deinit(body);
    *body = packed;
    return true;
}

void http_reply_body(struct http_request *r, int status, const char *content_type, struct buf *body)
{
    bool tagged = status == 200 && r->method == HTTP_GET, varies = false, packed = false;
    char etag[HTTP_ETAG_MAX] = "", packed_etag[HTTP_ETAG_MAX] = "";
    if (tagged) {
        http_etag(buf_str(body), false, etag);
        http_etag(buf_str(body), true, packed_etag);
        if (r->connection && http_etag_matches(r->head.if_none_match, etag, packed_etag)) {
            buf_clear(body);
            status = 304;
        }
    }
    if (body->n > GZIP_MIN_BYTES && is_compressible(content_type)) {
        varies = true;
        packed = try_gzip(r, body);
    }
    struct MHD_Response *response = response_of(body);
    http_reply_headers(r, response, status == 304 ? NULL : content_type);
    if (tagged)
        (void)MHD_add_response_header(response, "ETag", packed ? packed_etag : etag);
    if (varies || status == 304)
        (void)MHD_add_response_header(response, "Vary", "Accept-Encoding");
    if (packed)
        (void)MHD_add_response_header(response, "Content-Encoding", "gzip");
    http_reply_response(r, status, response);
}

void http_reply_json(struct http_request *r, int status, struct buf *body)
{
    http_reply_body(r, status, "application/json", body);
}

/* -- problems -- */

void http_problem_body(int status, const char *pointer, const char *detail, const char *id, struct buf *out)
{
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_text(&w, "type", "about:blank"); /* RFC 9457 §4.2.1: the status says which */
    json_kv_text(&w, "title", http_reason(status));
    json_kv_i64(&w, "status", status);
    json_kv_text(&w, "detail", detail);
    if (pointer && pointer[0])
        json_kv_text(&w, "pointer", pointer);
    if (id && id[0])
        json_kv_text(&w, "request_id", id);
    json_object_end(&w);
}

/* What some statuses owe the client besides (RFC 9110 §10.2.3, §11.6.1). */
static void add_owed_headers(struct http_request *r, int status)
{
    if (status == 401)
        http_add_header(r, "WWW-Authenticate", "Bearer realm=\"muster\"");
    if ((status == 429 || status == 503) && !has_added(r, "Retry-After"))
        http_add_header(r, "Retry-After", "1");
}

static void reply_problem(struct http_request *r, int status, const char *pointer, const char *detail)
{
    struct buf body = BUF_INIT;
    r->error = arena_strdup(&r->arena, str_of(detail));
    add_owed_headers(r, status);
    http_problem_body(status, pointer, detail, http_request_id(r), &body);
    struct MHD_Response *response = response_of(&body);
    http_reply_headers(r, response, "application/problem+json");
    http_reply_response(r, status, response);
}

void http_reply_problem(struct http_request *r, int status, const char *pointer, const char *format, ...)
{
    struct buf detail = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&detail, format, args);
    va_end(args);
    reply_problem(r, status, pointer, detail.p);
    buf_deinit(&detail);
}

int http_status_of(enum err_code code)
{
    static const int statuses[] = {
        [ERR_NONE] = 500,
        [ERR_INTERNAL] = 500,
        [ERR_BAD_REQUEST] = 400,
        [ERR_INVALID] = 422,
        [ERR_UNAUTHORIZED] = 401,
        [ERR_FORBIDDEN] = 403,
        [ERR_NOT_FOUND] = 404,
        [ERR_METHOD] = 405,
        [ERR_CONFLICT] = 409,
        [ERR_TOO_LARGE] = 413,
        [ERR_UNSUPPORTED_MEDIA] = 415,
        [ERR_TOO_MANY] = 429,
        [ERR_STORAGE_FULL] = 507,
        [ERR_UNAVAILABLE] = 503,
    };
    return (size_t)code < COUNT_OF(statuses) && statuses[code] ? statuses[code] : 500;
}

void http_reply_err(struct http_request *r, const struct err *e)
{
    reply_problem(r, http_status_of(e->code), e->place[0] == '/' ? e->place : NULL, e->text);
}

void http_reply_refusal(struct http_request *r, enum http_refusal refusal)
{
    const struct http_refusal_row *row = &http_refusals[refusal];
    if (row->counter >= 0)
        counter_add((enum counter_id)row->counter, 1);
    if (refusal == HTTP_REFUSE_METHOD) {
        struct buf allow = BUF_INIT;
        http_path_allow(r->matched, &allow);
        http_add_header(r, "Allow", allow.p);
        buf_deinit(&allow);
    }
    reply_problem(r, row->status, NULL, row->detail);
}
