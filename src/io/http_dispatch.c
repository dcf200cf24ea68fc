#include "io/http_exchange.h"

#include "base/clock.h"

/* The course of a request: http_on_target (request line), http_on_access once for the head, once per piece of
 * body, once at the end, and once more when a handler that answered later has resumed it; http_on_completed.
 */

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void *http_on_target(void *server, const char *target, struct MHD_Connection *mhd)
{
    struct http_connection *c = connection_of(mhd);
    (void)server;
    if (!c->request)
        c->request = http_request_new(c);
    c->request->start_us = clock_monotonic_us();
    http_request_target(c->request, target);
    if (c->phase == HTTP_PHASE_NEW || c->phase == HTTP_PHASE_HEADER)
        c->phase = HTTP_PHASE_HEADER; /* its time began with the connection, or its first bytes */
    else if (c->phase != HTTP_PHASE_LINGER)
        http_connection_phase(c, HTTP_PHASE_HEADER, c->request->start_us);
    return c->request;
}

/* Gives the reply to libmicrohttpd.  Before the whole request has come in this makes it close the connection.
 */
static enum MHD_Result queue(struct http_request *r)
{
    enum MHD_Result rc = MHD_queue_response(r->mhd, (unsigned)r->status, r->response);
    http_release_response(r); /* libmicrohttpd holds it now */
    r->stage = HTTP_STAGE_QUEUED;
    return rc;
}

/* -- refusing -- */

/* Says it past libmicrohttpd, which takes an answer at the head or at the end of a request only. */
static enum MHD_Result refuse_raw(struct http_request *r)
{
    const struct http_refusal_row *row = &http_refusals[r->refusal];
    if (row->counter >= 0)
        counter_add((enum counter_id)row->counter, 1);
    r->error = row->detail;
    r->stage = HTTP_STAGE_QUEUED;
    http_request_replied(r, row->status);
    return http_connection_refuse_raw(r->connection, row->status, row->detail) ? MHD_YES : MHD_NO;
}

static bool expects_continue(const struct http_request *r)
{
    return str_equal_nocase(r->head.expect, STR("100-continue"));
}

/* At once when nothing that follows can be trusted or is worth reading; else the body is read and dropped
 * first, since closing on unread bytes would cut the answer off. */
static enum MHD_Result refuse_at_head(struct http_request *r)
{
    bool at_once = http_refusals[r->refusal].closes || (r->has_body && expects_continue(r));
    if (!at_once && r->length <= (int64_t)r->server->config.limits.body_bytes)
        return MHD_YES;
    if (!at_once && !r->connection->tls)
        return refuse_raw(r);
    http_reply_refusal(r, r->refusal);
    return queue(r);
}

/* -- head, body, handler -- */

static enum MHD_Result on_head(struct http_request *r, const char *method, const char *version)
{
    http_check_head(r, method, version);
    r->stage = HTTP_STAGE_BODY;
    r->connection->phase = HTTP_PHASE_BODY;
    if (r->refusal)
        return refuse_at_head(r);
    return MHD_YES;
}

static enum MHD_Result on_body(struct http_request *r, const char *upload, size_t bytes)
{
    size_t limit = r->server->config.limits.body_bytes;
    r->body_seen += bytes;
    if (r->body_seen > limit) {
        if (!r->refusal)
            r->refusal = HTTP_REFUSE_BODY_LARGE;
        return refuse_raw(r);
    }
    if (r->refusal)
        return MHD_YES;
    if (r->body.n == 0 && r->length > 0)
        buf_reserve(&r->body, (size_t)r->length); /* checked against the limit */
    buf_add(&r->body, upload, bytes);
    return MHD_YES;
}

static enum MHD_Result handle(struct http_request *r)
{
    r->stage = HTTP_STAGE_HANDLING;
    r->connection->phase = HTTP_PHASE_HANDLING;
    r->route->handle(r, r->server->config.context);
    if (r->stage == HTTP_STAGE_REPLIED)
        return queue(r);
    MHD_suspend_connection(r->mhd);
    r->suspended = true;
    return MHD_YES;
}

static enum MHD_Result on_end(struct http_request *r)
{
    if (!r->refusal)
        return handle(r);
    http_reply_refusal(r, r->refusal);
    return queue(r);
}

enum MHD_Result http_on_access(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_bytes, void **request)
{
    struct http_request *r = *request;
    size_t bytes = *upload_bytes;
    (void)server;
    (void)mhd;
    (void)url;
    *upload_bytes = 0; /* whatever it is, all of it is taken */
    if (!r->connection)
        return MHD_NO;
    if (r->connection->phase == HTTP_PHASE_LINGER)
        return bytes ? MHD_YES : MHD_NO;
    switch (r->stage) {
    case HTTP_STAGE_HEAD:
        return on_head(r, method, version);
    case HTTP_STAGE_BODY:
        return bytes ? on_body(r, upload, bytes) : on_end(r);
    case HTTP_STAGE_REPLIED:
        return queue(r);
    default:
        return MHD_YES;
    }
}

void http_on_completed(void *server, struct MHD_Connection *mhd, void **request,
                       enum MHD_RequestTerminationCode why)
{
    struct http_request *r = TAKE(*request);
    (void)server;
    (void)mhd;
    (void)why;
    if (!r || !r->connection)
        return;
    assert(r->stage != HTTP_STAGE_HANDLING); /* suspended: libmicrohttpd does not touch it */
    r->connection->idle_bytes = -1;
    if (r->connection->phase != HTTP_PHASE_LINGER)
        http_connection_phase(r->connection, HTTP_PHASE_IDLE, clock_monotonic_us());
    http_request_clear(r);
}

void http_request_detach(struct http_request *r)
{
    if (r->suspended)
        http_connection_resume(r->connection);
    r->own_caller = *http_caller_find(r); /* it may be the connection's */
    r->caller = &r->own_caller;
    TAKE(r->connection)->request = NULL;
    r->mhd = NULL;
    r->server = NULL;
}
