#include "io/http_exchange.h"

#include "base/clock.h"
#include "io/peer.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 64
#define LINGER_US (2 * USEC_PER_SEC)

const struct http_limits http_limits_default = {
    .header_bytes = 8192,
    .body_bytes = 1024 * 1024,
    .header_us = 10 * USEC_PER_SEC,
    .total_us = 30 * USEC_PER_SEC,
    .idle_us = 75 * USEC_PER_SEC,
    .connections = 1024,
    .connections_per_address = 256,
    .stream_pending_bytes = 1024 * 1024,
};

/* -- raw answers -- */

/* The whole of an answer that libmicrohttpd does not write; the connection ends with it. */
static void send_raw(int fd, int status, const char *detail)
{
    struct buf body = BUF_INIT, out = BUF_INIT;
    http_problem_body(status, NULL, detail, NULL, &body);
    buf_printf(&out,
               "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nContent-Length: %zu\r\n"
               "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%sConnection: close\r\n\r\n",
               status, http_reason(status), body.n,
               status == 429 || status == 503 ? "Retry-After: 1\r\n" : "");
    buf_add_str(&out, buf_str(&body));
    (void)send(fd, out.p, out.n,
               MSG_NOSIGNAL | MSG_DONTWAIT); /* a fresh socket buffer takes it whole, or nobody reads */
    (void)shutdown(fd, SHUT_WR);
    buf_deinit(&body);
    buf_deinit(&out);
}

bool http_connection_refuse_raw(struct http_connection *c, int status, const char *detail)
{
    if (c->tls)
        return false;
    send_raw(c->fd, status, detail);
    http_connection_phase(c, HTTP_PHASE_LINGER, clock_monotonic_us());
    return true;
}

/* -- how many from where -- */

static void set_address(struct http_connection *c, const struct sockaddr_storage *from)
{
    unsigned char *bytes = c->address + 1;
    c->address[0] = (unsigned char)from->ss_family;
    switch (from->ss_family) {
    case AF_INET:
        memcpy(bytes, &((const struct sockaddr_in *)from)->sin_addr, 4);
        c->address_bytes = 1 + 4;
        break;
    case AF_INET6:
        memcpy(bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
        c->address_bytes = 1 + 16;
        break;
    default: /* the Unix socket: one address per user */
        memcpy(bytes, &http_connection_caller(c)->uid, sizeof(c->caller.uid));
        c->address_bytes = 1 + sizeof(c->caller.uid);
        break;
    }
}

static struct str address_key(const struct http_connection *c)
{
    return (struct str){(const char *)c->address, c->address_bytes};
}

static uintptr_t address_count(const struct http_connection *c)
{
    return (uintptr_t)map_get(&c->server->per_address, address_key(c));
}

static void set_address_count(struct http_connection *c, uintptr_t count)
{
    if (count == 0)
        (void)map_remove(&c->server->per_address, address_key(c));
    else
        (void)map_put(&c->server->per_address, address_key(c),
                      (void *)count); /* NOLINT: a number, not an address */
}

/* -- life -- */

static int64_t sweep_interval_ms(const struct http_limits *limits)
{
    int64_t shortest = MIN(limits->header_us, MIN(limits->total_us, limits->idle_us));
    return MAX(10, MIN(1000, shortest / 4 / USEC_PER_MSEC));
}

static void on_sweep(uv_timer_t *timer)
{
    http_connection_sweep(CONTAINER_OF(timer, struct http_server, sweep));
}

static void link_connection(struct http_connection *c)
{
    struct http_server *s = c->server;
    c->next = s->connections;
    if (c->next)
        c->next->prev = c;
    s->connections = c;
    set_address_count(c, address_count(c) + 1);
    uint64_t interval_ms = (uint64_t)sweep_interval_ms(&s->config.limits);
    if (s->connection_count++ == 0)
        (void)uv_timer_start(&s->sweep, on_sweep, interval_ms, interval_ms);
}

static void unlink_connection(struct http_connection *c)
{
    struct http_server *s = c->server;
    *(c->prev ? &c->prev->next : &s->connections) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    set_address_count(c, address_count(c) - 1);
    if (--s->connection_count == 0)
        (void)uv_timer_stop(&s->sweep);
}

void http_connection_opened(struct http_connection *c, struct MHD_Connection *mhd)
{
    c->mhd = mhd;
    link_connection(c);
    counter_add(COUNTER_HTTP_CONNECTIONS, 1);
}

void http_connection_closed(struct http_connection *c)
{
    /* Bytes that libmicrohttpd took for no request it drops without a word, so that nobody has counted them.
     */
    if (c->phase == HTTP_PHASE_NEW && !c->tls && peer_was_ignored(c->fd))
        counter_add(COUNTER_HTTP_REFUSED_MALFORMED, 1);
    unlink_connection(c);
    c->request = http_request_free(c->request);
    free(c);
}

void http_connection_phase(struct http_connection *c, enum http_phase phase, int64_t now_us)
{
    c->phase = phase;
    c->since_us = now_us;
}

void http_connection_resume(struct http_connection *c)
{
    MHD_resume_connection(c->mhd);
    http_daemon_wake(c->tls ? &c->server->tls : &c->server->plain);
}

/* -- accepting -- */

/* Which limit stands against one more; 0: none. */
static int refused_by_limit(const struct http_connection *c)
{
    const struct http_limits *limits = &c->server->config.limits;
    if (c->server->connection_count >= limits->connections) {
        counter_add(COUNTER_HTTP_REFUSED_CONNECTIONS, 1);
        return 503;
    }
    if (address_count(c) >= limits->connections_per_address) {
        counter_add(COUNTER_HTTP_REFUSED_PER_ADDRESS, 1);
        return 429;
    }
    return 0;
}

static void take(struct http_listener *l, int fd, const struct sockaddr_storage *from, socklen_t from_bytes)
{
    struct http_server *s = l->server;
    struct http_connection *c = xnew(struct http_connection);
    *c = (struct http_connection){.server = s, .fd = fd, .is_unix = l->socket.is_unix};
    c->tls = !l->socket.is_unix && s->tls.mhd;
    c->since_us = clock_monotonic_us();
    set_address(c, from);
    int status = refused_by_limit(c);
    if (status) {
        if (!c->tls)
            send_raw(fd, status, "too many connections");
        close(fd);
        free(c);
        return;
    }
    s->accepting = c;
    (void)MHD_add_connection(c->tls ? s->tls.mhd : s->plain.mhd, fd, (const struct sockaddr *)from,
                             from_bytes);
    if (TAKE(s->accepting)) /* it never got as far as being opened; the descriptor is closed */
        free(c);
}

/* Out of descriptors: the connection would stay in the backlog and the loop would spin on it.  One that is
 * kept for this is given up for a moment, to take the connection and drop it. */
static void drop_one(struct http_listener *l)
{
    closep(&l->server->spare_fd);
    int fd = accept4(l->socket.fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        send_raw(fd, 503, "out of file descriptors");
    closep(&fd);
    l->server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    counter_add(COUNTER_HTTP_REFUSED_CONNECTIONS, 1);
}

void http_connection_accept(struct http_listener *l)
{
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t bytes = sizeof(from);
        int fd = accept4(l->socket.fd, (struct sockaddr *)&from, &bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            take(l, fd, &from, bytes);
        else if (errno == EMFILE || errno == ENFILE)
            drop_one(l);
        else if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

/* -- deadlines -- */

static void refuse_slow_header(struct http_connection *c)
{
    counter_add(COUNTER_HTTP_REFUSED_HEADER_SLOW, 1);
    if (!http_connection_refuse_raw(c, 408, "the request's header did not arrive in time"))
        (void)shutdown(c->fd, SHUT_RDWR);
}

static void refuse_slow_body(struct http_connection *c)
{
    counter_add(COUNTER_HTTP_REFUSED_BODY_SLOW, 1);
    if (!http_connection_refuse_raw(c, 408, "the request did not arrive in time"))
        (void)shutdown(c->fd, SHUT_RDWR);
}

static void hang_up(struct http_connection *c)
{
    (void)shutdown(c->fd, SHUT_RDWR); /* libmicrohttpd reads the end and closes */
}

static const struct {
    size_t limit_offset; /* in struct http_limits; SIZE_MAX: no deadline */
    void (*expired)(struct http_connection *c);
} deadlines[HTTP_PHASE_COUNT] = {
    [HTTP_PHASE_NEW] = {offsetof(struct http_limits, header_us), refuse_slow_header},
    [HTTP_PHASE_HEADER] = {offsetof(struct http_limits, header_us), refuse_slow_header},
    [HTTP_PHASE_BODY] = {offsetof(struct http_limits, total_us), refuse_slow_body},
    [HTTP_PHASE_HANDLING] = {SIZE_MAX, NULL},
    [HTTP_PHASE_SENDING] = {offsetof(struct http_limits, idle_us), hang_up},
    [HTTP_PHASE_STREAMING] = {SIZE_MAX, NULL},
    [HTTP_PHASE_IDLE] = {offsetof(struct http_limits, idle_us), hang_up},
    [HTTP_PHASE_LINGER] = {SIZE_MAX, hang_up},
};

static bool is_due(const struct http_connection *c, int64_t now_us)
{
    size_t offset = deadlines[c->phase].limit_offset;
    int64_t limit_us = LINGER_US;
    if (!deadlines[c->phase].expired)
        return false;
    if (offset != SIZE_MAX)
        memcpy(&limit_us, (const char *)&c->server->config.limits + offset, sizeof(limit_us));
    return now_us - c->since_us >= limit_us;
}

/* libmicrohttpd tells of a request once its first line is whole.  One that trickles in on a connection kept
 * alive is seen by its bytes, so that it gets a header's time and not an idle connection's. */
static void look_for_first_bytes(struct http_connection *c, int64_t now_us)
{
    int64_t bytes = peer_bytes(c->fd);
    if (c->idle_bytes >= 0 && bytes > c->idle_bytes)
        http_connection_phase(c, HTTP_PHASE_HEADER, now_us);
    c->idle_bytes = bytes;
}

void http_connection_sweep(struct http_server *s)
{
    int64_t now_us = clock_monotonic_us();
    for (struct http_connection *c = s->connections; c; c = c->next) {
        if (c->phase == HTTP_PHASE_IDLE)
            look_for_first_bytes(c, now_us);
        if (is_due(c, now_us))
            deadlines[c->phase].expired(c);
    }
    http_streams_sweep(s, now_us);
}

unsigned http_server_connections(const struct http_server *s)
{
    return s->connection_count;
}
