#include "io/http_exchange.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTIFICATE_BYTES_MAX (256 * 1024)
#define RUNS_PER_TURN 8

/* -- making -- */

static char *copy_or_null(const char *s)
{
    return s ? xstrdup(s) : NULL;
}

static void copy_config(struct http_server *s, const struct http_config *config)
{
    s->config = *config;
    s->config.listen = copy_or_null(config->listen);
    s->config.unix_socket = copy_or_null(config->unix_socket);
    s->config.tls_certificate_file = copy_or_null(config->tls_certificate_file);
    s->config.tls_key_file = copy_or_null(config->tls_key_file);
    s->config.hosts = (const char *const *)xstrdup_list((char *const *)(uintptr_t)config->hosts);
}

struct http_server *http_server_new(uv_loop_t *loop, const struct http_config *config,
                                    const struct http_route *routes, size_t route_count)
{
    struct http_server *s = xnew(struct http_server);
    s->loop = loop;
    s->spare_fd = -1;
    s->tcp.socket = s->local.socket = (struct listener)LISTENER_CLOSED;
    s->tcp.server = s->local.server = s->plain.server = s->tls.server = s;
    copy_config(s, config);
    http_router_init(&s->router, routes, route_count);
    s->stats = xcalloc(route_count + 1, sizeof(*s->stats));
    map_init(&s->per_address);
    hash_random((uint8_t *)&s->request_seed, sizeof(s->request_seed));
    return s;
}

struct http_server *http_server_free(struct http_server *s)
{
    if (!s)
        return NULL;
    assert(!s->connections && s->open_handles == 0);
    for (size_t i = 0; i <= s->router.route_count; i++)
        for (size_t k = 0; k < HTTP_STATUSES_MAX; k++)
            free(s->stats[i].by_status[k]);
    free(s->stats);
    free((char *)(uintptr_t)s->config.listen);
    free((char *)(uintptr_t)s->config.unix_socket);
    free((char *)(uintptr_t)s->config.tls_certificate_file);
    free((char *)(uintptr_t)s->config.tls_key_file);
    free_list((char **)(uintptr_t)s->config.hosts);
    free_list(s->hosts);
    http_router_deinit(&s->router);
    map_deinit(&s->per_address);
    free(s);
    return NULL;
}

int http_server_port(const struct http_server *s)
{
    return s->tcp.socket.port;
}

/* -- libmicrohttpd in the loop -- */

static bool has_more(struct http_daemon *d)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    return MHD_get_timeout(d->mhd, &timeout_ms) == MHD_YES && timeout_ms == 0;
}

static void on_again(uv_idle_t *idle);

void http_daemon_wake(struct http_daemon *d)
{
    if (!uv_is_closing((uv_handle_t *)&d->again))
        (void)uv_idle_start(&d->again, on_again);
}

/* Never called from within itself: libmicrohttpd's callbacks only mark connections, they do not run it. */
static void run_daemon(struct http_daemon *d)
{
    int runs = 0;
    do
        (void)MHD_run(d->mhd);
    while (has_more(d) && ++runs < RUNS_PER_TURN);
    if (has_more(d))
        http_daemon_wake(d);
    else
        (void)uv_idle_stop(&d->again);
    http_server_continue(d->server);
}

static void on_again(uv_idle_t *idle)
{
    run_daemon(CONTAINER_OF(idle, struct http_daemon, again));
}

static void on_daemon_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run_daemon(CONTAINER_OF(poll, struct http_daemon, poll));
}

static void on_connection(void *server, struct MHD_Connection *mhd, void **connection,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = server;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *connection = s->accepting;
        http_connection_opened(TAKE(s->accepting), mhd);
    } else {
        http_connection_closed(TAKE(*connection));
    }
}

/* The target is split and decoded by us: a '/' or NUL that was escaped must not become structure. */
static size_t leave_escapes(void *server, struct MHD_Connection *mhd, char *text)
{
    (void)server;
    (void)mhd;
    return strlen(text);
}

static enum counter_id counter_of_status(unsigned status)
{
    switch (status) {
    case 413:
        return COUNTER_HTTP_REFUSED_BODY_LARGE;
    case 414:
    case 431:
        return COUNTER_HTTP_REFUSED_HEADER_LARGE;
    default:
        return COUNTER_HTTP_REFUSED_MALFORMED;
    }
}

/* What libmicrohttpd refuses by itself it tells nobody but its log.  The status is the first argument. */
static void on_log(void *server, const char *format, va_list args)
{
    static const char refusal[] = "Error processing request (HTTP response code is %u";
    (void)server;
    if (strncmp(format, refusal, sizeof(refusal) - 1) == 0)
        counter_add(counter_of_status(va_arg(args, unsigned)), 1);
}

/* Room for the header, what libmicrohttpd notes of each field (56 bytes), and the head of the answer; a
 * header of very many small fields meets this limit first.  No more than that: all of it is cleared after
 * each request. */
static size_t memory_of(const struct http_limits *limits)
{
    return limits->header_bytes + limits->header_bytes / 8 + 1024;
}

static struct MHD_Daemon *start_mhd(struct http_server *s, unsigned flags, struct MHD_OptionItem *tls_options)
{
    struct MHD_OptionItem no_options[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, s}, /* first, so that it hears the others */
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)memory_of(&s->config.limits), NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)UINT_MAX, NULL}, /* counted by us */
        {MHD_OPTION_CONNECTION_TIMEOUT, 0, NULL},                /* deadlines are ours */
        {MHD_OPTION_STRICT_FOR_CLIENT, 0, NULL},                 /* http_check is stricter, and says why */
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, s},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)http_on_target, s},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)http_on_completed, s},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escapes, s},
        {MHD_OPTION_ARRAY, 0, tls_options ? tls_options : no_options},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL | MHD_USE_TURBO |
                                MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | flags,
                            0, NULL, NULL, http_on_access, s, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static int watch_daemon(struct http_daemon *d, struct err *e)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    int rc = info ? uv_poll_init(d->server->loop, &d->poll, info->epoll_fd) : UV_EINVAL;
    if (rc == 0) {
        (void)uv_idle_init(d->server->loop, &d->again);
        d->server->open_handles += 2;
        rc = uv_poll_start(&d->poll, UV_READABLE, on_daemon_ready);
    }
    return rc ? err_set(e, ERR_INTERNAL, rc, "cannot watch the HTTP daemon: %s", uv_strerror(rc)) : 0;
}

/* A small file as text; the caller frees. */
static char *read_text(const char *path, struct err *e)
{
    int fd CLEANUP(closep) = open(path, O_RDONLY | O_CLOEXEC);
    char *text = xcalloc(1, CERTIFICATE_BYTES_MAX + 1);
    ssize_t n = fd < 0 ? -1 : read(fd, text, CERTIFICATE_BYTES_MAX);
    if (n > 0)
        return text;
    (void)err_set(e, ERR_INVALID, -EINVAL, "cannot read %s: %s", path,
                  n < 0 ? strerror(errno) : "it is empty");
    free(text);
    return NULL;
}

static int start_tls(struct http_server *s, struct err *e)
{
    char *certificate CLEANUP(freep) = read_text(s->config.tls_certificate_file, e);
    char *key CLEANUP(freep) = certificate ? read_text(s->config.tls_key_file, e) : NULL;
    if (!certificate || !key)
        return -EINVAL;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    s->tls.mhd = start_mhd(s, MHD_USE_TLS, options);
    explicit_bzero(key, strlen(key));
    if (!s->tls.mhd)
        return err_set(e, ERR_INVALID, -EINVAL,
                       "cannot serve TLS with %s and %s: not a matching certificate and key",
                       s->config.tls_certificate_file, s->config.tls_key_file);
    return watch_daemon(&s->tls, e);
}

/* -- starting -- */

static void add_host(struct http_server *s, size_t *count, struct str name)
{
    s->hosts = xrealloc(s->hosts, (*count + 3) * sizeof(*s->hosts));
    s->hosts[(*count)++] = str_dup(name);
    struct buf with_port = BUF_INIT;
    buf_printf(&with_port, "%.*s:%d", STR_ARG(name), s->tcp.socket.port);
    s->hosts[(*count)++] = buf_take(&with_port);
    s->hosts[*count] = NULL;
}

/* Which values of Host are ours: the listen address, this machine's names for itself, and those configured.
 */
static void list_hosts(struct http_server *s)
{
    size_t count = 0;
    struct str address = str_of(s->config.listen);
    while (address.n > 0 && address.p[address.n - 1] != ':')
        address.n--;
    address.n -= address.n > 0;
    add_host(s, &count, address);
    add_host(s, &count, STR("localhost"));
    add_host(s, &count, STR("127.0.0.1"));
    add_host(s, &count, STR("[::1]"));
    for (size_t i = 0; s->config.hosts[i]; i++)
        add_host(s, &count, str_of(s->config.hosts[i]));
}

static void on_listener_ready(uv_poll_t *poll, int status, int events)
{
    struct http_listener *l = CONTAINER_OF(poll, struct http_listener, poll);
    (void)status;
    (void)events;
    http_connection_accept(l);
    run_daemon(l->socket.is_unix || !l->server->tls.mhd ? &l->server->plain : &l->server->tls);
}

static int watch_listener(struct http_listener *l, struct err *e)
{
    int rc = uv_poll_init(l->server->loop, &l->poll, l->socket.fd);
    if (rc == 0) {
        l->server->open_handles++;
        rc = uv_poll_start(&l->poll, UV_READABLE, on_listener_ready);
    }
    return rc ? err_set(e, ERR_INTERNAL, rc, "cannot watch a listening socket: %s", uv_strerror(rc)) : 0;
}

static int listen_tcp(struct http_server *s, struct err *e)
{
    return listener_tcp(&s->tcp.socket, "listen", s->config.listen, s->config.have_token, e);
}

static int start_listeners(struct http_server *s, struct err *e)
{
    int rc = 0;
    if (s->config.listen && (rc = listen_tcp(s, e)) == 0)
        rc = watch_listener(&s->tcp, e);
    if (rc == 0 && s->config.unix_socket &&
        (rc = listener_unix(&s->local.socket, "socket", s->config.unix_socket, e)) == 0)
        rc = watch_listener(&s->local, e);
    if (rc == 0 && s->config.listen)
        list_hosts(s);
    return rc;
}

static void start_timers(struct http_server *s)
{
    (void)uv_timer_init(s->loop, &s->sweep);
    (void)uv_timer_init(s->loop, &s->grace);
    s->open_handles += 2;
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* After a failure the caller still stops the server, which closes what there is. */
int http_server_start(struct http_server *s, struct err *e)
{
    start_timers(s);
    if (!!s->config.tls_certificate_file != !!s->config.tls_key_file)
        return err_set(e, ERR_INVALID, -EINVAL, "TLS needs both a certificate and a key file");
    s->plain.mhd = start_mhd(s, 0, NULL);
    if (!s->plain.mhd)
        return err_set(e, ERR_INTERNAL, -ENOMEM, "the HTTP daemon does not start");
    int rc = watch_daemon(&s->plain, e);
    if (rc == 0 && s->config.tls_certificate_file)
        rc = start_tls(s, e);
    return rc ? rc : start_listeners(s, e);
}

/* -- stopping -- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_server *s = handle->data;
    if (--s->open_handles == 0 && s->on_stopped)
        s->on_stopped(s->stopped_arg);
}

static void close_handle(struct http_server *s, void *handle)
{
    uv_handle_t *h = handle;
    if (h->type == UV_UNKNOWN_HANDLE || uv_is_closing(h))
        return;
    h->data = s;
    uv_close(h, on_handle_closed);
}

static void close_listener(struct http_listener *l)
{
    close_handle(l->server, &l->poll);
    listener_close(&l->socket);
}

/* What handlers still hold is let go of: their replies go nowhere.  libmicrohttpd must hold nothing
 * suspended. */
static void abandon_requests(struct http_server *s)
{
    for (struct http_connection *c = s->connections; c; c = c->next) {
        if (c->phase != HTTP_PHASE_HANDLING)
            continue;
        (void)http_connection_refuse_raw(c, 503, http_refusals[HTTP_REFUSE_STOPPING].detail);
        http_request_detach(c->request);
    }
}

static void stop_daemon(struct http_daemon *d)
{
    if (!d->mhd)
        return;
    (void)MHD_run(d->mhd); /* what was resumed gets its last answer */
    close_handle(d->server, &d->poll);
    close_handle(d->server, &d->again);
    MHD_stop_daemon(TAKE(d->mhd));
}

static void finish_stop(struct http_server *s)
{
    if (uv_is_closing((uv_handle_t *)&s->grace))
        return;
    abandon_requests(s);
    http_streams_close(s);
    stop_daemon(&s->plain);
    stop_daemon(&s->tls);
    closep(&s->spare_fd);
    s->spare_fd = -1;
    close_handle(s, &s->sweep);
    close_handle(s, &s->grace);
}

/* Later, because this may be called from inside libmicrohttpd. */
static void on_grace(uv_timer_t *timer)
{
    finish_stop(CONTAINER_OF(timer, struct http_server, grace));
}

static bool is_busy(const struct http_server *s)
{
    for (const struct http_connection *c = s->connections; c; c = c->next)
        if (c->phase != HTTP_PHASE_IDLE && c->phase != HTTP_PHASE_NEW && c->phase != HTTP_PHASE_HEADER)
            return true;
    return false;
}

void http_server_continue(struct http_server *s)
{
    if (s->stopping && s->plain.mhd && !is_busy(s))
        (void)uv_timer_start(&s->grace, on_grace, 0, 0);
}

void http_server_stop(struct http_server *s, int64_t grace_us, void (*on_stopped)(void *), void *arg)
{
    assert(!s->stopping);
    s->stopping = true;
    s->on_stopped = on_stopped;
    s->stopped_arg = arg;
    if (s->grace.type == UV_UNKNOWN_HANDLE) { /* it was never started */
        on_stopped(arg);
        return;
    }
    close_listener(&s->tcp);
    close_listener(&s->local);
    http_streams_close(s);
    bool wait = s->plain.mhd && is_busy(s);
    (void)uv_timer_start(&s->grace, on_grace, wait ? (uint64_t)(grace_us / USEC_PER_MSEC) : 0, 0);
}
