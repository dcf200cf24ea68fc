#include "io/http_exchange.h"

#include "base/clock.h"

#include <poll.h>

#define BLOCK_BYTES 8192
#define KEEP_ALIVE_US (15 * USEC_PER_SEC)

/* While there is nothing to send the connection is suspended, so that libmicrohttpd does not ask again and
 * again; it then does not see a reader go away either, which the sweep looks for. */
struct http_stream {
    struct http_stream *prev, *next;
    struct http_server *server;
    struct http_connection *connection; /* outlives the stream */
    struct buf pending;
    size_t sent; /* bytes of `pending` that are out */
    bool suspended, closing;
    int64_t active_us; /* when something was last queued */
    void (*on_close)(struct http_stream *, void *arg);
    void *arg;
};

static void wake(struct http_stream *s)
{
    if (s->suspended)
        http_connection_resume(s->connection);
    s->suspended = false;
}

static ssize_t on_read(void *stream, uint64_t position, char *to, size_t room)
{
    struct http_stream *s = stream;
    size_t n = MIN(room, s->pending.n - s->sent);
    (void)position;
    if (n == 0 && s->closing)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        MHD_suspend_connection(s->connection->mhd);
        s->suspended = true;
        return 0;
    }
    memcpy(to, s->pending.p + s->sent, n);
    s->sent += n;
    if (s->sent == s->pending.n) {
        buf_clear(&s->pending);
        s->sent = 0;
    }
    return (ssize_t)n;
}

/* libmicrohttpd is done with the response, however it ended. */
static void on_freed(void *stream)
{
    struct http_stream *s = stream;
    *(s->prev ? &s->prev->next : &s->server->streams) = s->next;
    if (s->next)
        s->next->prev = s->prev;
    if (s->on_close)
        s->on_close(s, s->arg);
    buf_deinit(&s->pending);
    free(s);
}

static struct http_stream *new_stream(struct http_request *r)
{
    struct http_stream *s = xnew(struct http_stream);
    s->server = r->server;
    s->connection = r->connection;
    s->active_us = clock_monotonic_us();
    buf_init(&s->pending);
    buf_add_text(&s->pending, ":\n\n"); /* so that the header does not wait for the first event */
    s->next = s->server->streams;
    if (s->next)
        s->next->prev = s;
    s->server->streams = s;
    return s;
}

struct http_stream *http_stream_open(struct http_request *r,
                                     void (*on_close)(struct http_stream *, void *arg), void *arg)
{
    if (!r->connection) {
        http_reply_empty(r, 503);
        return NULL;
    }
    struct http_stream *s = new_stream(r);
    struct http_connection *c = r->connection;
    s->on_close = on_close;
    s->arg = arg;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, s, on_freed);
    http_reply_headers(r, response, "text/event-stream");
    http_reply_response(r, 200, response);
    c->phase = HTTP_PHASE_STREAMING;
    return s;
}

void http_stream_send(struct http_stream *s, struct str bytes)
{
    if (s->closing)
        return;
    if (s->pending.n - s->sent + bytes.n > s->server->config.limits.stream_pending_bytes) {
        counter_add(COUNTER_SSE_DROPPED, 1);
        buf_clear(&s->pending);
        s->sent = 0;
        (void)shutdown(s->connection->fd, SHUT_RDWR); /* it does not read: an orderly end would wait for it */
        http_stream_close(s);
        return;
    }
    buf_add_str(&s->pending, bytes);
    s->active_us = clock_monotonic_us();
    wake(s);
}

void http_stream_close(struct http_stream *s)
{
    s->closing = true;
    s->active_us = clock_monotonic_us();
    wake(s);
}

void http_streams_close(struct http_server *server)
{
    for (struct http_stream *s = server->streams; s; s = s->next)
        http_stream_close(s);
}

static bool reader_is_gone(const struct http_stream *s)
{
    struct pollfd p = {.fd = s->connection->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0;
}

static void sweep_one(struct http_stream *s, int64_t now_us)
{
    if (s->closing && now_us - s->active_us >= s->server->config.limits.idle_us)
        (void)shutdown(s->connection->fd, SHUT_RDWR);
    else if (s->suspended && reader_is_gone(s))
        http_stream_close(s);
    else if (!s->closing && s->pending.n == s->sent && now_us - s->active_us >= KEEP_ALIVE_US)
        http_stream_send(s, STR(":\n\n"));
}

void http_streams_sweep(struct http_server *server, int64_t now_us)
{
    for (struct http_stream *s = server->streams; s; s = s->next)
        sweep_one(s, now_us);
}
