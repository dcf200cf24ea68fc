#include "io/bus_client.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/parse.h"
#include "core/backoff.h"
#include "io/bus_wire.h"

#define DEFAULT_PORT "4222"
#define READ_BYTES 16384
#define WAITING_BYTES_MAX ((size_t)1 << 20)
#define HANDSHAKE_MS 5000
#define PING_MS 20000 /* a server that is gone without a word is noticed within two of these */

static const struct backoff_policy reconnect = {.base_us = 100 * USEC_PER_MSEC, .cap_us = 5 * USEC_PER_SEC};

struct subscription {
    char *subject;
    void (*on_message)(void *arg, struct str subject, struct str payload);
    void *arg;
};

enum state {
    STATE_IDLE,    /* waits for its next attempt */
    STATE_OPENING, /* looks the name up, connects, shakes hands */
    STATE_READY,
    STATE_CLOSED,
};

struct write {
    uv_write_t request;
    struct bus_client *client;
    struct buf bytes;
};

struct bus_client {
    uv_loop_t *loop;
    struct bus_client_config config;
    char *host, *port, *path; /* path: a Unix socket, else host and port */
    char *user, *password, *token, *name;
    enum state state;
    int64_t attempts;
    bool said_lost;      /* on_state was told of this loss */
    unsigned generation; /* of the connection; answers for an earlier one are stale */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    bool socket_open; /* handle initialised and not yet closed */
    uv_connect_t connect;
    uv_getaddrinfo_t lookup;
    bool looking_up;
    uv_timer_t timer; /* next attempt, the handshake's deadline, or the next PING */
    int pings_out;
    struct bus_wire wire;
    size_t waiting_bytes;
    char buffer[READ_BYTES];
    struct subscription subscriptions[BUS_CLIENT_SUBSCRIPTIONS_MAX];
    size_t subscription_count;
    bool stopping, flushing;
    uv_timer_t stop_timer;
    int closing; /* handles whose close is under way */
    void (*done)(void *);
    void *done_arg;
};

/* -- the url -- */

struct url {
    struct str path, host, port, user, password, token;
};

static bool parse_authority(struct str rest, struct url *u)
{
    ptrdiff_t at = -1;
    for (size_t i = 0; i < rest.n; i++)
        if (rest.p[i] == '@')
            at = (ptrdiff_t)i;
    if (at >= 0) {
        struct str secret = {rest.p, (size_t)at};
        ptrdiff_t colon = str_find(secret, STR(":"));
        rest = (struct str){rest.p + at + 1, rest.n - (size_t)at - 1};
        if (colon < 0)
            u->token = secret;
        else {
            u->user = (struct str){secret.p, (size_t)colon};
            u->password = (struct str){secret.p + colon + 1, secret.n - (size_t)colon - 1};
        }
    }
    if (str_ends_with(rest, STR("/")))
        rest.n--;
    u->host = rest;
    u->port = STR(DEFAULT_PORT);
    ptrdiff_t close = str_find(rest, STR("]"));
    for (size_t i = rest.n; i-- > (close >= 0 ? (size_t)close : 0);)
        if (rest.p[i] == ':') {
            u->host.n = i;
            u->port = (struct str){rest.p + i + 1, rest.n - i - 1};
            break;
        }
    if (u->host.n > 2 && u->host.p[0] == '[' && u->host.p[u->host.n - 1] == ']')
        u->host = (struct str){u->host.p + 1, u->host.n - 2};
    int64_t port;
    return u->host.n > 0 && !memchr(u->host.p, '/', u->host.n) && parse_i64_in(u->port, 1, 65535, &port);
}

static bool parse_url(const char *text, struct url *ret)
{
    struct str url = str_of(text);
    *ret = (struct url){0};
    if (str_starts_with(url, STR("unix:"))) {
        ret->path = (struct str){url.p + 5, url.n - 5};
        if (str_starts_with(ret->path, STR("//")))
            ret->path = (struct str){ret->path.p + 2, ret->path.n - 2};
        return ret->path.n > 0;
    }
    if (!str_starts_with(url, STR("nats://")))
        return false;
    return parse_authority((struct str){url.p + 7, url.n - 7}, ret);
}

bool bus_client_url_valid(const char *url)
{
    struct url u;
    return parse_url(url, &u);
}

/* -- states -- */

static void open_socket(struct bus_client *c);
static void finish_stop(struct bus_client *c);

static void tell(struct bus_client *c, bool connected, const char *why)
{
    if (!connected && c->said_lost)
        return;
    c->said_lost = !connected;
    if (c->config.on_state)
        c->config.on_state(c->config.arg, connected, why);
}

static void on_retry(uv_timer_t *timer)
{
    struct bus_client *c = timer->data;
    if (!c->socket_open && !c->looking_up)
        open_socket(c);
    else
        (void)uv_timer_start(timer, on_retry, 10, 0); /* the last one is still being closed */
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct bus_client *c = handle->data;
    c->socket_open = false;
    c->closing--;
    finish_stop(c);
}

static void close_socket(struct bus_client *c)
{
    c->generation++;
    if (!c->socket_open || uv_is_closing(&c->socket.handle))
        return;
    c->closing++;
    uv_close(&c->socket.handle, on_socket_closed);
}

static void lost(struct bus_client *c, const char *why)
{
    if (c->state == STATE_CLOSED)
        return;
    c->state = STATE_IDLE;
    close_socket(c);
    if (c->stopping) {
        c->flushing = false;
        finish_stop(c);
        return;
    }
    c->attempts++;
    int64_t wait_us = backoff_delay_us(&reconnect, c->attempts, hash_random_unit());
    (void)uv_timer_start(&c->timer, on_retry, (uint64_t)(wait_us / USEC_PER_MSEC) + 1, 0);
    tell(c, false, why);
}

/* -- writing -- */

static void on_written(uv_write_t *request, int status)
{
    struct write *w = CONTAINER_OF(request, struct write, request);
    struct bus_client *c = w->client;
    c->waiting_bytes -= w->bytes.n;
    buf_deinit(&w->bytes);
    free(w);
    if (status < 0 && status != UV_ECANCELED)
        lost(c, uv_strerror(status));
}

static void send_bytes(struct bus_client *c, struct buf *bytes)
{
    struct write *w = xnew(struct write);
    w->client = c;
    w->bytes = *bytes;
    buf_init(bytes);
    c->waiting_bytes += w->bytes.n;
    uv_buf_t part = uv_buf_init(w->bytes.p, (unsigned)w->bytes.n);
    int rc = uv_write(&w->request, &c->socket.stream, &part, 1, on_written);
    if (rc < 0) {
        c->waiting_bytes -= w->bytes.n;
        buf_deinit(&w->bytes);
        free(w);
        lost(c, uv_strerror(rc));
    }
}

static void send_text(struct bus_client *c, const char *text)
{
    struct buf bytes = BUF_INIT;
    buf_add_text(&bytes, text);
    send_bytes(c, &bytes);
}

static void send_subscription(struct bus_client *c, size_t i)
{
    struct buf bytes = BUF_INIT;
    buf_printf(&bytes, "SUB %s %zu\r\n", c->subscriptions[i].subject, i + 1);
    send_bytes(c, &bytes);
}

static void send_connect(struct bus_client *c)
{
    struct buf bytes = BUF_INIT;
    struct json_writer w;
    buf_add_text(&bytes, "CONNECT ");
    json_init(&w, &bytes);
    json_object_begin(&w);
    json_kv_bool(&w, "verbose", false);
    json_kv_bool(&w, "pedantic", false);
    json_kv_text(&w, "lang", "c");
    json_kv_text(&w, "version", MUSTER_VERSION);
    json_kv_i64(&w, "protocol", 0);
    json_kv_text(&w, "name", c->name);
    if (c->token)
        json_kv_text(&w, "auth_token", c->token);
    if (c->user) {
        json_kv_text(&w, "user", c->user);
        json_kv_text(&w, "pass", c->password);
    }
    json_object_end(&w);
    buf_add_text(&bytes, "\r\nPING\r\n"); /* its PONG says that we are let in */
    send_bytes(c, &bytes);
}

/* -- reading -- */

static void on_ping_time(uv_timer_t *timer)
{
    struct bus_client *c = timer->data;
    if (c->pings_out >= 2) {
        lost(c, "the bus does not answer");
        return;
    }
    c->pings_out++;
    send_text(c, "PING\r\n");
}

static void become_ready(struct bus_client *c)
{
    c->state = STATE_READY;
    c->attempts = 0;
    (void)uv_timer_start(&c->timer, on_ping_time, PING_MS, PING_MS);
    unsigned generation = c->generation;
    for (size_t i = 0; i < c->subscription_count && c->generation == generation; i++)
        send_subscription(c, i);
    if (c->generation == generation)
        tell(c, true, NULL);
}

static void on_pong(struct bus_client *c)
{
    c->pings_out = MAX(c->pings_out - 1, 0);
    if (c->flushing && c->pings_out == 0) {
        c->flushing = false;
        finish_stop(c);
    } else if (c->state == STATE_OPENING) {
        become_ready(c);
    }
}

static void on_msg(struct bus_client *c, const struct bus_wire_item *item)
{
    int64_t sid;
    if (!parse_i64_in(item->sid, 1, (int64_t)c->subscription_count, &sid))
        return;
    const struct subscription *s = &c->subscriptions[sid - 1];
    s->on_message(s->arg, item->subject, item->payload);
}

/* A refusal of one subject leaves the connection as it is; any other ends it, and says why first. */
static void on_err(struct bus_client *c, struct str text)
{
    if (str_starts_with(text, STR("Permissions Violation")))
        return;
    char why[160];
    (void)snprintf(why, sizeof(why), "the bus says: %.*s", (int)MIN(text.n, (size_t)120), text.p);
    lost(c, why);
}

static void on_item(struct bus_client *c, const struct bus_wire_item *item)
{
    switch (item->type) {
    case BUS_WIRE_INFO:
        if (c->state == STATE_OPENING && c->pings_out == 0) {
            c->pings_out = 1;
            send_connect(c);
        }
        break;
    case BUS_WIRE_MSG:
        on_msg(c, item);
        break;
    case BUS_WIRE_PING:
        send_text(c, "PONG\r\n");
        break;
    case BUS_WIRE_PONG:
        on_pong(c);
        break;
    case BUS_WIRE_ERR:
        on_err(c, item->text);
        break;
    case BUS_WIRE_OK:
        break;
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct bus_client *c = stream->data;
    if (n < 0) {
        lost(c, n == UV_EOF ? "the bus has closed the connection" : uv_strerror((int)n));
        return;
    }
    struct str bytes = {buffer->base, (size_t)n};
    struct bus_wire_item item;
    unsigned generation = c->generation;
    int rc;
    while ((rc = bus_wire_next(&c->wire, &bytes, &item)) == 1) {
        on_item(c, &item);
        if (c->generation != generation)
            return;
    }
    if (rc < 0)
        lost(c, "what answers there is no NATS server");
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
    struct bus_client *c = handle->data;
    (void)wanted;
    *ret = uv_buf_init(c->buffer, sizeof(c->buffer));
}

/* -- connecting -- */

static void on_handshake_over(uv_timer_t *timer)
{
    lost(timer->data, "the bus does not answer");
}

static void on_connected(uv_connect_t *request, int status)
{
    struct bus_client *c = request->data;
    if (status == UV_ECANCELED || c->state != STATE_OPENING)
        return;
    if (status < 0 || uv_read_start(&c->socket.stream, on_alloc, on_read) < 0)
        lost(c, status < 0 ? uv_strerror(status) : "the connection cannot be read");
}

static void begin(struct bus_client *c)
{
    c->socket_open = true;
    c->socket.handle.data = c->connect.data = c;
    bus_wire_clear(&c->wire);
    c->pings_out = 0;
}

static void connect_pipe(struct bus_client *c)
{
    (void)uv_pipe_init(c->loop, &c->socket.pipe, 0);
    begin(c);
    uv_pipe_connect(&c->connect, &c->socket.pipe, c->path, on_connected);
}

static void connect_tcp(struct bus_client *c, const struct sockaddr *address)
{
    (void)uv_tcp_init(c->loop, &c->socket.tcp);
    begin(c);
    (void)uv_tcp_nodelay(&c->socket.tcp, 1);
    int rc = uv_tcp_connect(&c->connect, &c->socket.tcp, address, on_connected);
    if (rc < 0)
        lost(c, uv_strerror(rc));
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct bus_client *c = lookup->data;
    c->looking_up = false;
    if (c->stopping || c->state != STATE_OPENING || status < 0) {
        uv_freeaddrinfo(found);
        if (c->stopping)
            finish_stop(c);
        else if (status < 0)
            lost(c, uv_strerror(status));
        return;
    }
    connect_tcp(c, found->ai_addr);
    uv_freeaddrinfo(found);
}

/* An address needs no look-up, which would take a thread. */
static bool connect_address(struct bus_client *c)
{
    struct sockaddr_storage address;
    int64_t port;
    bool ok = parse_i64(str_of(c->port), &port) &&
              (uv_ip4_addr(c->host, (int)port, (struct sockaddr_in *)&address) == 0 ||
               uv_ip6_addr(c->host, (int)port, (struct sockaddr_in6 *)&address) == 0);
    if (ok)
        connect_tcp(c, (const struct sockaddr *)&address);
    return ok;
}

static void open_socket(struct bus_client *c)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    c->state = STATE_OPENING;
    (void)uv_timer_start(&c->timer, on_handshake_over, HANDSHAKE_MS, 0);
    if (c->path) {
        connect_pipe(c);
        return;
    }
    if (connect_address(c))
        return;
    c->lookup.data = c;
    int rc = uv_getaddrinfo(c->loop, &c->lookup, on_looked_up, c->host, c->port, &hints);
    c->looking_up = rc == 0;
    if (rc < 0)
        lost(c, uv_strerror(rc));
}

/* -- public -- */

static char *text_of(struct str s)
{
    return s.p ? str_dup(s) : NULL;
}

int bus_client_new(uv_loop_t *loop, const struct bus_client_config *config, struct bus_client **ret)
{
    struct url url;
    if (!parse_url(config->url, &url))
        return -EINVAL;
    struct bus_client *c = xnew(struct bus_client);
    c->loop = loop;
    c->config = *config;
    c->path = text_of(url.path);
    c->host = text_of(url.host);
    c->port = text_of(url.port);
    c->user = text_of(url.user);
    c->password = text_of(url.password);
    c->token = text_of(url.token);
    if (!c->token && !c->user && config->token && config->token[0])
        c->token = xstrdup(config->token);
    c->name = xstrdup(config->name);
    bus_wire_init(&c->wire);
    (void)uv_timer_init(loop, &c->timer);
    (void)uv_timer_init(loop, &c->stop_timer);
    c->timer.data = c->stop_timer.data = c;
    *ret = c;
    return 0;
}

void bus_client_start(struct bus_client *c)
{
    open_socket(c);
}

bool bus_client_connected(const struct bus_client *c)
{
    return c->state == STATE_READY;
}

bool bus_client_publish(struct bus_client *c, struct str subject, struct str payload)
{
    if (c->state != STATE_READY || c->waiting_bytes + payload.n > WAITING_BYTES_MAX)
        return false;
    struct buf bytes = BUF_INIT;
    buf_printf(&bytes, "PUB %.*s %zu\r\n", STR_ARG(subject), payload.n);
    buf_add_str(&bytes, payload);
    buf_add_text(&bytes, "\r\n");
    send_bytes(c, &bytes);
    return true;
}

void bus_client_subscribe(struct bus_client *c, const char *subject,
                          void (*on_message)(void *arg, struct str subject, struct str payload), void *arg)
{
    assert(c->subscription_count < BUS_CLIENT_SUBSCRIPTIONS_MAX);
    c->subscriptions[c->subscription_count++] = (struct subscription){xstrdup(subject), on_message, arg};
    if (c->state == STATE_READY)
        send_subscription(c, c->subscription_count - 1);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct bus_client *c = handle->data;
    c->closing--;
    finish_stop(c);
}

/* Step by step: the flush is over, then all handles are closed, then the caller is told. */
static void finish_stop(struct bus_client *c)
{
    if (!c->stopping || c->flushing)
        return;
    if (c->state != STATE_CLOSED) {
        c->state = STATE_CLOSED;
        c->closing += 2;
        uv_close((uv_handle_t *)&c->timer, on_timer_closed);
        uv_close((uv_handle_t *)&c->stop_timer, on_timer_closed);
        if (c->looking_up)
            (void)uv_cancel((uv_req_t *)&c->lookup);
        close_socket(c);
    }
    if (c->closing == 0 && !c->looking_up && !c->socket_open && c->done) {
        void (*done)(void *) = c->done;
        c->done = NULL;
        done(c->done_arg);
    }
}

static void on_stop_over(uv_timer_t *timer)
{
    struct bus_client *c = timer->data;
    c->flushing = false;
    finish_stop(c);
}

void bus_client_stop(struct bus_client *c, int64_t timeout_us, void (*done)(void *arg), void *arg)
{
    c->done = done;
    c->done_arg = arg;
    c->stopping = true;
    c->flushing = c->state == STATE_READY && timeout_us > 0;
    if (c->flushing) {
        (void)uv_timer_start(&c->stop_timer, on_stop_over, (uint64_t)(timeout_us / USEC_PER_MSEC), 0);
        c->pings_out++; /* its PONG comes when all before it has been read */
        send_text(c, "PING\r\n");
    } else {
        finish_stop(c);
    }
}

struct bus_client *bus_client_free(struct bus_client *c)
{
    if (!c)
        return NULL;
    for (size_t i = 0; i < c->subscription_count; i++)
        free(c->subscriptions[i].subject);
    bus_wire_deinit(&c->wire);
    char *texts[] = {c->host, c->port, c->path, c->user, c->password, c->token, c->name};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        free(texts[i]);
    free(c);
    return NULL;
}
