/* http_bench.h -- an HTTP server in the test's own process, and raw bytes to talk to it.
 *
 * Server and client take turns in one thread: every wait runs the loop until what is awaited can be observed,
 * and fails the test after HTTP_BENCH_PATIENCE_US. */
#pragma once
#include "base/clock.h"
#include "io/counters.h"
#include "io/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define HTTP_BENCH_PATIENCE_US (10 * USEC_PER_SEC)

struct http_bench {
    uv_loop_t loop;
    struct http_server *server;
    struct http_config config; /* change before http_bench_start */
    bool stopped;
    /* what the handlers of the test have seen and do */
    struct http_request *held; /* not answered yet */
    struct http_stream *stream;
    int streams_closed, handled;
    struct http_shared *shared;
    struct buf audit; /* one line per after_reply */
};

struct http_client_end {
    int fd;
    struct buf in;
    bool ended; /* the server closed, or reset, it */
};

struct http_answer {
    int status;
    struct buf head, body; /* head with its last CR LF CR LF */
};

/* -- the server -- */

static inline void http_bench_turn(struct http_bench *b)
{
    uv_run(&b->loop, UV_RUN_NOWAIT);
    struct pollfd p = {.fd = uv_backend_fd(&b->loop), .events = POLLIN};
    int timeout_ms = uv_backend_timeout(&b->loop);
    (void)poll(&p, 1, timeout_ms < 0 ? 1 : MIN(timeout_ms, 1));
}

#define http_bench_until(b, condition)                                                                       \
    do {                                                                                                     \
        int64_t give_up_us_ = clock_monotonic_us() + HTTP_BENCH_PATIENCE_US;                                 \
        while (!(condition)) {                                                                               \
            assert_true(clock_monotonic_us() < give_up_us_);                                                 \
            http_bench_turn(b);                                                                              \
        }                                                                                                    \
    } while (0)

static inline struct http_bench *http_bench_new(void)
{
    struct http_bench *b = xnew(struct http_bench);
    uv_loop_init(&b->loop);
    buf_init(&b->audit);
    b->config = (struct http_config){.listen = "127.0.0.1:0", .limits = http_limits_default, .context = b};
    return b;
}

static inline void http_bench_start(struct http_bench *b, const struct http_route *routes, size_t count)
{
    struct err e = {0};
    b->server = http_server_new(&b->loop, &b->config, routes, count);
    if (http_server_start(b->server, &e) != 0)
        fail_msg("%s", e.text);
}

static inline void http_bench_on_stopped(void *arg)
{
    ((struct http_bench *)arg)->stopped = true;
}

static inline void http_bench_free(struct http_bench *b)
{
    if (b->server && !b->stopped) {
        http_server_stop(b->server, 0, http_bench_on_stopped, b);
        http_bench_until(b, b->stopped);
    }
    b->server = http_server_free(b->server);
    b->shared = http_shared_free(b->shared);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    buf_deinit(&b->audit);
    free(b);
}

/* -- the client -- */

static inline struct http_client_end http_bench_connect(const struct http_bench *b)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_server_port(b->server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct http_client_end c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .in = BUF_INIT};
    assert_int_equal(connect(c.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)fcntl(c.fd, F_SETFL, O_NONBLOCK);
    return c;
}

static inline struct http_client_end http_bench_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    struct http_client_end c = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .in = BUF_INIT};
    assert_int_equal(connect(c.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)fcntl(c.fd, F_SETFL, O_NONBLOCK);
    return c;
}

static inline void http_end_close(struct http_client_end *c)
{
    closep(&c->fd);
    c->fd = -1;
    buf_deinit(&c->in);
}

/* Sends all of it, the loop running while the socket is full.  False when the server has closed meanwhile. */
static inline bool http_end_send_str(struct http_bench *b, struct http_client_end *c, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n > 0)
            bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
        http_bench_turn(b);
    }
    return true;
}

static inline bool http_end_send(struct http_bench *b, struct http_client_end *c, const char *text)
{
    return http_end_send_str(b, c, str_of(text));
}

/* What has come in so far. */
static inline void http_end_read(struct http_client_end *c)
{
    char bytes[65536];
    ssize_t n;
    while (!c->ended && (n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) != -1) {
        buf_add(&c->in, bytes, (size_t)n);
        c->ended = n == 0;
    }
    c->ended |= errno == ECONNRESET || errno == EPIPE;
}

static inline bool http_end_has(struct http_client_end *c, const char *text)
{
    errno = 0;
    http_end_read(c);
    return str_find(buf_str(&c->in), str_of(text)) >= 0;
}

static inline bool http_end_closed(struct http_client_end *c)
{
    errno = 0;
    http_end_read(c);
    return c->ended;
}

static inline struct str http_answer_header(const struct http_answer *a, const char *name)
{
    struct str rest = buf_str(&a->head), line, key;
    while (str_split(&rest, '\n', &line))
        if (str_split(&line, ':', &key) && str_equal_nocase(key, str_of(name)))
            return str_trim(line);
    return (struct str){0};
}

static inline void http_answer_deinit(struct http_answer *a)
{
    buf_deinit(&a->head);
    buf_deinit(&a->body);
}

static inline int http_end_status(const struct http_client_end *c)
{
    int status = 0;
    assert_int_equal(sscanf(c->in.p, "HTTP/1.1 %d ", &status), 1);
    return status;
}

/* Takes one answer with a Content-Length off the connection (`no_body`: to a HEAD request, or a 304). */
static inline struct http_answer http_end_answer(struct http_bench *b, struct http_client_end *c,
                                                 bool no_body)
{
    struct http_answer a = {0, BUF_INIT, BUF_INIT};
    http_bench_until(b, http_end_has(c, "\r\n\r\n") || c->ended);
    ptrdiff_t end = str_find(buf_str(&c->in), STR("\r\n\r\n"));
    assert_true(end >= 0);
    a.status = http_end_status(c);
    buf_add(&a.head, c->in.p, (size_t)end + 4);
    struct str length = http_answer_header(&a, "Content-Length");
    size_t n = no_body || !length.p ? 0 : strtoul(length.p, NULL, 10);
    http_bench_until(b, (http_end_closed(c), c->in.n >= a.head.n + n));
    buf_add(&a.body, c->in.p + a.head.n, n);
    buf_consume(&c->in, a.head.n + n);
    return a;
}

/* One request on a connection of its own; the status. */
static inline int http_bench_status(struct http_bench *b, struct str request)
{
    struct http_client_end c = http_bench_connect(b);
    (void)http_end_send_str(b, &c, request);
    struct http_answer a = http_end_answer(b, &c, false);
    int status = a.status;
    http_answer_deinit(&a);
    http_end_close(&c);
    return status;
}
