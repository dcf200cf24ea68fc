#include "node/bus/server_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#define REBIND_MS 5000 /* how often the default address is tried when somebody else has it */

/* -- timers -- */

static void on_clock(uv_timer_t *timer)
{
    struct bus_server *s = timer->data;
    bus_connection_expire(s, clock_monotonic_us());
    bus_server_arm(s);
}

void bus_server_arm(struct bus_server *s)
{
    int64_t next = bus_connection_next_deadline(s);
    if (uv_is_closing((uv_handle_t *)&s->clock) || next == INT64_MAX) {
        (void)uv_timer_stop(&s->clock);
        return;
    }
    if (next == s->armed_us && uv_is_active((uv_handle_t *)&s->clock))
        return;
    int64_t wait_us = MAX(next - clock_monotonic_us(), 0);
    s->armed_us = next;
    (void)uv_timer_start(&s->clock, on_clock, (uint64_t)(wait_us / USEC_PER_MSEC) + 1, 0);
}

static void on_rested(uv_timer_t *timer)
{
    bus_connection_wake_all(timer->data);
}

void bus_server_start_rest(struct bus_server *s)
{
    if (!uv_is_closing((uv_handle_t *)&s->rest))
        (void)uv_timer_start(&s->rest, on_rested, BUS_PUBLISHER_REST_MS, 0);
}

/* -- each turn -- */

static void count_traffic(struct bus_server *s)
{
    static const struct {
        enum counter_id counter;
        size_t offset;
    } rows[] = {
        {COUNTER_BUS_IN_MESSAGES, offsetof(struct bus_traffic, in_messages)},
        {COUNTER_BUS_OUT_MESSAGES, offsetof(struct bus_traffic, out_messages)},
        {COUNTER_BUS_IN_BYTES, offsetof(struct bus_traffic, in_bytes)},
        {COUNTER_BUS_OUT_BYTES, offsetof(struct bus_traffic, out_bytes)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t now = *(int64_t *)(void *)((char *)&s->traffic + rows[i].offset);
        int64_t *seen = (int64_t *)(void *)((char *)&s->counted + rows[i].offset);
        if (now != *seen)
            counter_add(rows[i].counter, now - *seen);
        *seen = now;
    }
}

static void on_flush(uv_prepare_t *prepare)
{
    struct bus_server *s = prepare->data;
    bus_connection_settle(s);
    bus_connection_flush_all(s);
    bus_connection_settle(s);
    count_traffic(s);
}

/* -- listening -- */

static void tell_watchers(struct bus_server *s)
{
    struct bus_port port = bus_server_port(s);
    bool up = port.connected(s);
    if (up == s->told_connected)
        return;
    s->told_connected = up;
    for (size_t i = 0; i < s->watcher_count; i++)
        s->watchers[i].on_change(s->watchers[i].arg, up);
}

static void on_tcp(uv_poll_t *poll, int status, int events)
{
    struct bus_server *s = poll->data;
    (void)status;
    (void)events;
    bus_connection_accept(s, &s->tcp);
}

static void on_local(uv_poll_t *poll, int status, int events)
{
    struct bus_server *s = poll->data;
    (void)status;
    (void)events;
    bus_connection_accept(s, &s->local);
}

static int watch(struct bus_server *s, struct listener *l, uv_poll_t *poll, uv_poll_cb on_ready,
                 struct err *e)
{
    int rc = uv_poll_init(s->loop, poll, l->fd);
    if (rc == 0) {
        s->open_handles++;
        poll->data = s;
        rc = uv_poll_start(poll, UV_READABLE, on_ready);
    }
    return rc ? err_set(e, ERR_INTERNAL, rc, "cannot watch the bus's socket: %s", uv_strerror(rc)) : 0;
}

static void note_host(struct bus_server *s)
{
    const char *listen = s->config->bus_listen, *colon = strrchr(listen, ':');
    (void)snprintf(s->host, sizeof(s->host), "%.*s", colon ? (int)(colon - listen) : 0, listen);
}

static int listen_tcp(struct bus_server *s, struct err *e)
{
    note_host(s);
    int rc = listener_tcp(&s->tcp, "bus.listen", s->config->bus_listen, s->auth_required, e);
    return rc ? rc : watch(s, &s->tcp, &s->tcp_poll, on_tcp, e);
}

static void on_rebind(uv_timer_t *timer)
{
    struct bus_server *s = timer->data;
    if (listen_tcp(s, NULL) != 0)
        return;
    (void)uv_timer_stop(timer);
    log_info("bus", "listening after all", LOG_TEXT("bus", s->config->bus_listen));
    tell_watchers(s);
}

/* A workstation may have a nats-server on the usual port; that is no reason not to serve. */
static int listen_or_wait(struct bus_server *s, struct err *e)
{
    struct err why = {0};
    int rc = listen_tcp(s, &why);
    if (rc == 0)
        return 0;
    if (rc != -EADDRINUSE || s->config->bus_listen_given) {
        *e = why;
        return rc;
    }
    log_warn(
        "bus",
        "the usual address is taken, and is tried again; set bus.listen, or bus.url if that is your NATS",
        LOG_TEXT("error", why.text));
    (void)uv_timer_start(&s->rebind, on_rebind, REBIND_MS, REBIND_MS);
    return 0;
}

int bus_server_start(struct bus_server *s, struct err *e)
{
    int rc = s->config->bus_listen[0] ? listen_or_wait(s, e) : 0;
    if (rc == 0 && s->config->bus_socket[0]) {
        rc = listener_unix(&s->local, "bus.socket", s->config->bus_socket, e);
        rc = rc ? rc : watch(s, &s->local, &s->local_poll, on_local, e);
    }
    s->started = rc == 0;
    tell_watchers(s);
    return rc;
}

char *bus_server_address(const struct bus_server *s)
{
    struct buf text = BUF_INIT;
    if (s->tcp.fd >= 0)
        buf_printf(&text, "%s:%d", s->host, s->tcp.port);
    else
        buf_add_text(&text, s->local.fd >= 0 ? s->local.path : "none");
    return buf_take(&text);
}

/* -- life -- */

static void init_handles(struct bus_server *s)
{
    uv_timer_t *timers[] = {&s->clock, &s->rest, &s->rebind, &s->grace};
    for (size_t i = 0; i < COUNT_OF(timers); i++) {
        (void)uv_timer_init(s->loop, timers[i]);
        timers[i]->data = s;
    }
    (void)uv_prepare_init(s->loop, &s->flush);
    (void)uv_idle_init(s->loop, &s->own_turn);
    s->flush.data = s->own_turn.data = s;
    (void)uv_prepare_start(&s->flush, on_flush);
    s->open_handles = COUNT_OF(timers) + 2;
}

struct bus_server *bus_server_new(uv_loop_t *loop, const struct config *config)
{
    struct bus_server *s = xnew(struct bus_server);
    s->loop = loop;
    s->config = config;
    s->auth_required = config->bus_token[0] || config->bus_user_count;
    hash_random_hex(sizeof(s->id) / 2, s->id);
    hash_random((uint8_t *)&s->random, sizeof(s->random));
    s->random |= 1;
    s->tcp = s->local = (struct listener)LISTENER_CLOSED;
    s->start_us = clock_monotonic_us();
    s->start_wall_us = clock_wall_us();
    s->own_last = &s->own_first;
    s->read_buffer = xrealloc(NULL, BUS_READ_BYTES);
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    interest_init(&s->interest);
    buf_init(&s->line);
    init_handles(s);
    return s;
}

struct bus_server *bus_server_free(struct bus_server *s)
{
    if (!s)
        return NULL;
    assert(s->open_handles == 0);
    own_port_deinit(s);
    interest_deinit(&s->interest);
    outbox_pool_deinit(&s->pool);
    buf_deinit(&s->line);
    closep(&s->spare_fd);
    free(s->read_buffer);
    free(s);
    return NULL;
}

/* -- stopping -- */

void bus_server_closed(uv_handle_t *handle)
{
    struct bus_server *s = handle->data;
    if (--s->open_handles == 0 && s->on_stopped)
        s->on_stopped(s->stopped_arg);
}

static void close_handle(void *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, bus_server_closed);
}

static void close_listener(struct listener *l, uv_poll_t *poll)
{
    if (l->fd < 0)
        return;
    close_handle(poll);
    listener_close(l);
}

static void finish(struct bus_server *s)
{
    while (s->connections)
        bus_connection_close(s->connections);
    bus_connection_settle(s);
    own_port_stop(s);
    void *handles[] = {&s->clock, &s->rest, &s->rebind, &s->grace, &s->flush, &s->own_turn};
    for (size_t i = 0; i < COUNT_OF(handles); i++)
        close_handle(handles[i]);
}

static bool all_sent(const struct bus_server *s)
{
    for (const struct bus_connection *c = s->connections; c; c = c->next)
        if (c->outbox.n > 0)
            return false;
    return true;
}

static void on_grace(uv_timer_t *timer)
{
    struct bus_server *s = timer->data;
    bool late = clock_monotonic_us() >= s->stop_by_us;
    if (!late && !all_sent(s))
        return;
    finish(s);
}

void bus_server_stop(struct bus_server *s, int64_t grace_us, void (*on_stopped)(void *), void *arg)
{
    assert(!s->stopping);
    s->stopping = true;
    s->on_stopped = on_stopped;
    s->stopped_arg = arg;
    s->stop_by_us = clock_monotonic_us() + grace_us;
    close_listener(&s->tcp, &s->tcp_poll);
    close_listener(&s->local, &s->local_poll);
    (void)uv_timer_stop(&s->rebind);
    tell_watchers(s);
    for (struct bus_connection *c = s->connections; c; c = c->next)
        if (c->phase == BUS_PHASE_READY && c->options.protocol >= 1)
            bus_session_info(c);
    (void)uv_timer_start(&s->grace, on_grace, 1, 20);
}
