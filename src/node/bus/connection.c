/* connection.c -- the bytes of one client, its deadlines and its end. */
#include "node/bus/server_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "io/peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 64
#define OVER_LIMIT_MAX 64               /* connections that are just being told that they are too many */
#define END_US (5 * USEC_PER_SEC)       /* to take its last words */
#define CROWDED_BYTES ((size_t)4 << 20) /* in one outbox */

/* -- deadlines -- */

static void leave_deadlines(struct bus_connection *c)
{
    struct bus_deadlines *list = &c->server->deadlines[c->deadline];
    if (c->deadline_us == 0)
        return;
    if (c->sooner)
        c->sooner->later = c->later;
    else
        list->first = c->later;
    if (c->later)
        c->later->sooner = c->sooner;
    else
        list->last = c->sooner;
    c->sooner = c->later = NULL;
    c->deadline_us = 0;
}

void bus_connection_deadline(struct bus_connection *c, enum bus_deadline kind, int64_t at_us)
{
    struct bus_deadlines *list = &c->server->deadlines[kind];
    leave_deadlines(c);
    c->deadline = kind;
    c->deadline_us = at_us;
    c->sooner = list->last;
    if (list->last)
        list->last->later = c;
    else
        list->first = c;
    list->last = c;
    bus_server_arm(c->server);
}

int64_t bus_connection_next_deadline(const struct bus_server *s)
{
    int64_t next = INT64_MAX;
    for (size_t kind = 0; kind < BUS_DEADLINES; kind++)
        if (s->deadlines[kind].first)
            next = MIN(next, s->deadlines[kind].first->deadline_us);
    return next;
}

static void auth_expired(struct bus_connection *c, int64_t now_us)
{
    (void)now_us;
    bus_connection_end(c, COUNTER_BUS_REFUSED_AUTH_TIMEOUT, "Authentication Timeout");
}

static void ping_due(struct bus_connection *c, int64_t now_us)
{
    const struct config *config = c->server->config;
    if (now_us - c->active_us < config->bus_ping_interval_us)
        c->pings_out = 0;
    else if (c->pings_out >= config->bus_max_pings_out) {
        bus_connection_end(c, COUNTER_BUS_STALE, "Stale Connection");
        return;
    } else {
        c->pings_out++;
        bus_connection_put_text(c, "PING\r\n");
    }
    bus_connection_deadline(c, BUS_DEADLINE_PING, now_us + config->bus_ping_interval_us);
}

static void end_expired(struct bus_connection *c, int64_t now_us)
{
    (void)now_us;
    bus_connection_close(c);
}

void bus_connection_expire(struct bus_server *s, int64_t now_us)
{
    static void (*const expired[BUS_DEADLINES])(struct bus_connection *, int64_t) = {
        [BUS_DEADLINE_AUTH] = auth_expired,
        [BUS_DEADLINE_PING] = ping_due,
        [BUS_DEADLINE_END] = end_expired,
    };
    for (size_t kind = 0; kind < BUS_DEADLINES; kind++) {
        struct bus_connection *c;
        while ((c = s->deadlines[kind].first) && c->deadline_us <= now_us)
            expired[kind](c, now_us);
    }
    bus_connection_settle(s);
}

/* -- its end -- */

static void remove_from(struct bus_connection **list, struct bus_connection *c, size_t link)
{
    while (*list && *list != c)
        list = (struct bus_connection **)(void *)((char *)*list + link);
    if (*list)
        *list = *(struct bus_connection **)(void *)((char *)c + link);
}

static void leave_lists(struct bus_connection *c)
{
    struct bus_server *s = c->server;
    if (c->dirty)
        remove_from(&s->dirty, c, offsetof(struct bus_connection, next_dirty));
    if (c->resting)
        remove_from(&s->resting, c, offsetof(struct bus_connection, next_resting));
    c->dirty = c->resting = false;
    leave_deadlines(c);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->connections = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->connection_count--;
}

static void on_released(uv_handle_t *handle)
{
    struct bus_connection *c = CONTAINER_OF(handle, struct bus_connection, poll);
    handle->data = c->server;
    bus_server_closed(handle);
    map_deinit(&c->subscriptions);
    bus_connect_options_deinit(&c->options);
    free(c);
}

static void add_ending(struct bus_connection *c)
{
    if (c->ending)
        return;
    c->ending = true;
    c->next_ending = c->server->ending_first;
    c->server->ending_first = c;
}

void bus_connection_close(struct bus_connection *c)
{
    if (c->phase == BUS_PHASE_GONE)
        return;
    c->phase = BUS_PHASE_GONE;
    leave_lists(c);
    add_ending(c);
    outbox_clear(&c->outbox, &c->server->pool);
    bus_parser_deinit(&c->parser);
    (void)uv_poll_stop(&c->poll);
    uv_close((uv_handle_t *)&c->poll, on_released);
    closep(&c->fd);
    c->fd = -1;
}

void bus_connection_settle(struct bus_server *s)
{
    while (s->ending_first) {
        struct bus_connection *c = s->ending_first;
        size_t at = 0;
        struct str sid;
        void *sub;
        s->ending_first = c->next_ending;
        c->ending = false;
        while (map_next(&c->subscriptions, &at, &sid, &sub))
            subscription_end(s, sub);
    }
    bus_route_settle(s);
}

/* -- out -- */

static void ask_for_events(struct bus_connection *c);

void bus_connection_touch(struct bus_connection *c)
{
    if (c->dirty || c->phase == BUS_PHASE_GONE)
        return;
    c->dirty = true;
    c->next_dirty = c->server->dirty;
    c->server->dirty = c;
}

void bus_connection_put(struct bus_connection *c, struct str bytes)
{
    if (c->phase == BUS_PHASE_GONE)
        return;
    outbox_add(&c->outbox, &c->server->pool, bytes);
    bus_connection_touch(c);
}

void bus_connection_put_text(struct bus_connection *c, const char *text)
{
    bus_connection_put(c, str_of(text));
}

void bus_connection_complain(struct bus_connection *c, enum counter_id counter, const char *format, ...)
{
    struct buf text = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_add_text(&text, "-ERR '");
    buf_vprintf(&text, format, args);
    buf_add_text(&text, "'\r\n");
    va_end(args);
    if (counter != COUNTER_COUNT)
        counter_add(counter, 1);
    bus_connection_put(c, buf_str(&text));
    buf_deinit(&text);
}

void bus_connection_end(struct bus_connection *c, enum counter_id counter, const char *text)
{
    if (c->phase >= BUS_PHASE_ENDING)
        return;
    if (text) {
        bus_connection_complain(c, counter, "%s", text);
        log_info("bus", "a client is dropped", LOG_TEXT("reason", text), LOG_INT("client", c->id),
                 LOG_TEXT("name", c->options.name), LOG_TEXT("peer", c->peer), LOG_INT("uid", c->uid));
    }
    c->phase = BUS_PHASE_ENDING;
    add_ending(c);
    bus_connection_deadline(c, BUS_DEADLINE_END, clock_monotonic_us() + END_US);
    bus_connection_touch(c);
}

size_t bus_connection_crowded_at(const struct bus_server *s)
{
    return MIN((size_t)s->config->bus_max_pending / 4, CROWDED_BYTES);
}

/* Its last words are out: it hears the end, and what it still sends is read, so that nothing is reset. */
static void say_end(struct bus_connection *c)
{
    if (c->phase == BUS_PHASE_ENDING && c->outbox.n == 0)
        (void)shutdown(c->fd, SHUT_WR);
}

void bus_connection_flush(struct bus_connection *c)
{
    int64_t sent;
    size_t before = c->outbox.n, relief = bus_connection_crowded_at(c->server) / 2;
    if (c->phase == BUS_PHASE_GONE)
        return;
    if (outbox_send(&c->outbox, &c->server->pool, c->fd, &sent) != 0) {
        bus_connection_close(c);
        return;
    }
    c->sent_bytes += sent;
    if (before > relief && c->outbox.n <= relief)
        bus_connection_wake_all(c->server);
    say_end(c);
    ask_for_events(c);
}

void bus_connection_flush_all(struct bus_server *s)
{
    s->unflushed = 0;
    while (s->dirty) {
        struct bus_connection *c = s->dirty;
        s->dirty = c->next_dirty;
        c->dirty = false;
        bus_connection_flush(c);
    }
}

/* -- in -- */

static void on_bytes(struct bus_connection *c, struct str bytes)
{
    if (c->phase >= BUS_PHASE_ENDING)
        return;
    c->active_us = (int64_t)uv_now(c->server->loop) * USEC_PER_MSEC;
    enum bus_parser_error error = bus_parser_feed(&c->parser, bytes, bus_session_operation, c);
    if (error && c->phase < BUS_PHASE_ENDING)
        bus_session_parse_error(c, error);
}

static void read_some(struct bus_connection *c)
{
    ssize_t n = recv(c->fd, c->server->read_buffer, BUS_READ_BYTES, 0);
    if (n > 0)
        on_bytes(c, (struct str){c->server->read_buffer, (size_t)n});
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        bus_connection_close(c);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct bus_connection *c = CONTAINER_OF(poll, struct bus_connection, poll);
    struct bus_server *s = c->server;
    if (status < 0)
        bus_connection_close(c);
    else if (events & UV_WRITABLE)
        bus_connection_flush(c);
    if ((events & (UV_READABLE | UV_DISCONNECT)) && c->phase != BUS_PHASE_GONE)
        read_some(c);
    bus_connection_settle(s);
}

static void ask_for_events(struct bus_connection *c)
{
    int wanted = (c->resting ? 0 : UV_READABLE) | (c->outbox.n ? UV_WRITABLE : 0);
    if (wanted == c->events || c->phase == BUS_PHASE_GONE)
        return;
    c->events = wanted;
    if (wanted)
        (void)uv_poll_start(&c->poll, wanted, on_event);
    else
        (void)uv_poll_stop(&c->poll);
}

void bus_connection_rest(struct bus_connection *c)
{
    struct bus_server *s = c->server;
    if (c->resting || c->phase >= BUS_PHASE_ENDING)
        return;
    c->resting = true;
    c->next_resting = s->resting;
    s->resting = c;
    ask_for_events(c);
    if (!uv_is_active((uv_handle_t *)&s->rest))
        bus_server_start_rest(s);
}

void bus_connection_wake_all(struct bus_server *s)
{
    while (s->resting) {
        struct bus_connection *c = s->resting;
        s->resting = c->next_resting;
        c->resting = false;
        ask_for_events(c);
    }
    (void)uv_timer_stop(&s->rest);
}

/* -- its beginning -- */

static void describe_peer(struct bus_connection *c, const struct sockaddr_storage *from)
{
    char address[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in *v4 = (const void *)from;
    const struct sockaddr_in6 *v6 = (const void *)from;
    if (from->ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &v4->sin_addr, address, sizeof(address));
    else if (from->ss_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, address, sizeof(address));
    else
        return;
    c->port = ntohs(from->ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
    (void)snprintf(c->peer, sizeof(c->peer), "%s", address);
}

static void init(struct bus_connection *c, struct bus_server *s)
{
    int64_t now = clock_monotonic_us();
    c->id = ++s->last_id;
    c->start_us = c->active_us = now;
    c->start_wall_us = clock_wall_us();
    c->uid = peer_uid(c->fd);
    c->trusted = c->uid >= 0 && (c->uid == 0 || c->uid == (int64_t)geteuid());
    bus_connect_options_init(&c->options);
    bus_parser_init(&c->parser, (size_t)s->config->bus_max_control_line, (size_t)s->config->bus_max_payload);
    c->next = s->connections;
    if (c->next)
        c->next->prev = c;
    s->connections = c;
    s->connection_count++;
    s->total_connections++;
    counter_add(COUNTER_BUS_CONNECTIONS, 1);
}

static void take(struct bus_server *s, const struct listener *l, int fd, const struct sockaddr_storage *from)
{
    int on = 1;
    if (s->connection_count >= (size_t)s->config->bus_max_connections + OVER_LIMIT_MAX) {
        counter_add(COUNTER_BUS_REFUSED_CONNECTIONS, 1);
        close(fd);
        return;
    }
    struct bus_connection *c = xnew(struct bus_connection);
    c->server = s;
    c->fd = fd;
    c->is_unix = l->is_unix;
    if (uv_poll_init(s->loop, &c->poll, fd) != 0) {
        close(fd);
        free(c);
        return;
    }
    s->open_handles++;
    if (!l->is_unix)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    describe_peer(c, from);
    init(c, s);
    bus_session_begin(c);
    ask_for_events(c);
    if (s->connection_count > (size_t)s->config->bus_max_connections)
        bus_connection_end(c, COUNTER_BUS_REFUSED_CONNECTIONS, "maximum connections exceeded");
}

/* Out of descriptors: the connection would stay in the backlog and the loop would spin on it. */
static void drop_one(struct bus_server *s, const struct listener *l)
{
    closep(&s->spare_fd);
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    closep(&fd);
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    counter_add(COUNTER_BUS_REFUSED_CONNECTIONS, 1);
}

void bus_connection_accept(struct bus_server *s, struct listener *l)
{
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t bytes = sizeof(from);
        int fd = accept4(l->fd, (struct sockaddr *)&from, &bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            take(s, l, fd, &from);
        else if (errno == EMFILE || errno == ENFILE)
            drop_one(s, l);
        else if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}
