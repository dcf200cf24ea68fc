#include "hub/hub.h"

#include "base/clock.h"
#include "io/daemon.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/sign.h"
#include "hub/hub_internal.h"
#include "hub/report_body.h"
#include "io/file.h"

#include <signal.h>

#define STOP_GRACE_US (5 * USEC_PER_SEC)
#define STOP_DEADLINE_MS 15000
#define BACKLOG_MAX 100000
#define BODY_MAX (3 * REPORT_BODY_MAX) /* an imported report is a text inside JSON */

/* -- stop -- */

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void on_stopped(void *arg)
{
    struct hub *h = arg;
    uv_stop(&h->loop);
}

static void on_deadline(uv_timer_t *timer)
{
    struct hub *h = timer->data;
    log_warn("hub", "stopping takes too long; ending now");
    uv_stop(&h->loop);
}

static void on_stop_signal(uv_signal_t *handle, int signal)
{
    struct hub *h = handle->data;
    if (h->stopping)
        return;
    h->stopping = true;
    log_info("hub", "stopping", LOG_TEXT("reason", signal == SIGINT ? "SIGINT" : "SIGTERM"));
    daemon_tell_stopping();
    watch_stop(h->watch);
    (void)uv_timer_start(&h->deadline, on_deadline, STOP_DEADLINE_MS, 0);
    http_server_stop(h->http, STOP_GRACE_US, on_stopped, h);
}

/* -- start -- */

static void init_handles(struct hub *h)
{
    uv_signal_t *signals[] = {&h->on_term, &h->on_int};
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        (void)uv_signal_init(&h->loop, signals[i]);
        signals[i]->data = h;
    }
    (void)uv_signal_start(&h->on_term, on_stop_signal, SIGTERM);
    (void)uv_signal_start(&h->on_int, on_stop_signal, SIGINT);
    uv_timer_t *timers[] = {&h->watchdog, &h->deadline};
    for (size_t i = 0; i < COUNT_OF(timers); i++) {
        (void)uv_timer_init(&h->loop, timers[i]);
        timers[i]->data = h;
    }
    daemon_feed_watchdog(&h->watchdog);
}

static bool authenticate(void *context, struct str token, struct http_caller *ret)
{
    const struct hub *h = context;
    const char *configured = h->config->token;
    if (!configured || !hash_equal_constant_time(str_of(configured), token))
        return false;
    ret->role = HTTP_ROLE_ADMIN;
    (void)snprintf(ret->actor, sizeof(ret->actor), "token:configured");
    return true;
}

static struct http_config http_settings(struct hub *h)
{
    const struct config *c = h->config;
    struct http_config settings = {
        .listen = c->hub_listen,
        .tls_certificate_file = c->tls_certificate_file[0] ? c->tls_certificate_file : NULL,
        .tls_key_file = c->tls_key_file[0] ? c->tls_key_file : NULL,
        .hosts = (const char *const *)c->hosts,
        .limits = http_limits_default,
        .have_token = c->token != NULL,
        .authenticate = authenticate,
        .context = h,
    };
    settings.limits.header_bytes = (size_t)c->http_max_header_bytes;
    settings.limits.body_bytes = BODY_MAX;
    settings.limits.header_us = c->http_header_timeout_us;
    settings.limits.total_us = c->http_total_timeout_us;
    settings.limits.idle_us = c->http_idle_timeout_us;
    settings.limits.connections = (unsigned)c->http_max_connections;
    settings.limits.connections_per_address = (unsigned)c->http_max_connections_per_address;
    return settings;
}

static struct http_route *all_routes(size_t *ret_count)
{
    static const struct hub_routes *const tables[] = {
        &hub_status_routes, &hub_ingest_routes, &hub_instance_routes, &hub_licence_routes,
        &hub_usage_routes,  &hub_event_routes,  &hub_console_routes};
    size_t count = 0, used = 0;
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        count += tables[i]->count;
    struct http_route *all = xcalloc(count, sizeof(*all));
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        memcpy(all + used, tables[i]->routes, tables[i]->count * sizeof(*all));
        used += tables[i]->count;
    }
    *ret_count = count;
    return all;
}

static int open_store(struct hub *h, struct err *e)
{
    struct store_config settings = {.store = h->config->hub_store,
                                    .data_dir = h->config->data_dir,
                                    .synchronous_normal = h->config->synchronous_normal,
                                    .backlog_max = BACKLOG_MAX};
    int rc = file_mkdirs(h->config->data_dir, 0700);
    if (rc)
        return err_set(e, ERR_INTERNAL, rc,
                       "%s cannot be made: %s; set data_dir to a place that can be written",
                       h->config->data_dir, strerror(-rc));
    return store_open(&h->loop, &settings, &h->store, e);
}

static int check_config(const struct hub *h, struct err *e)
{
    const char *key = h->config->hub_licence_key;
    if (key[0] && !sign_is_key(str_of(key)))
        return err_set(e, ERR_INVALID, -EINVAL, "hub.licence_key is not a public key of 64 hex digits");
    if (!strrchr(h->config->hub_listen, ':'))
        return err_set(e, ERR_INVALID, -EINVAL, "hub.listen = \"%s\": an address and a port are expected",
                       h->config->hub_listen);
    return 0;
}

static void say_ready(struct hub *h)
{
    const char *listen = h->config->hub_listen, *colon = strrchr(listen, ':');
    struct buf address = BUF_INIT;
    buf_printf(&address, "%.*s:%d", (int)(colon - listen), listen, http_server_port(h->http));
    log_info("hub", "ready", LOG_TEXT("listen", address.p), LOG_TEXT("data_dir", h->config->data_dir));
    daemon_tell_ready("Serving %s", address.p);
    buf_deinit(&address);
}

static int start(struct hub *h, struct err *e)
{
    int rc = http_server_start(h->http, e);
    if (rc)
        return rc;
    h->ready = true;
    say_ready(h);
    watch_start(h->watch);
    return 0;
}

static void serve(struct hub *h)
{
    struct http_config http = http_settings(h);
    size_t count;
    struct http_route *routes = all_routes(&count);
    struct err e = {0};
    h->rate = rate_new(h->config->hub_rate, h->config->hub_burst);
    h->watch = watch_new(h);
    h->followers = followers_new(h);
    h->http = http_server_new(&h->loop, &http, routes, count);
    init_handles(h);
    if (start(h, &e) == 0) {
        (void)uv_run(&h->loop, UV_RUN_DEFAULT);
    } else {
        log_error("hub", "cannot start", LOG_TEXT("at", e.place), LOG_TEXT("error", e.text));
        h->exit_code = 1;
        http_server_stop(h->http, 0, on_stopped, h);
        (void)uv_run(&h->loop, UV_RUN_DEFAULT);
    }
    h->store = store_close(h->store); /* answers what still waits */
    (void)uv_run(&h->loop, UV_RUN_NOWAIT);
    h->http = http_server_free(h->http);
    h->watch = watch_free(h->watch);
    h->rate = rate_free(h->rate);
    uv_walk(&h->loop, close_handle, NULL);
    (void)uv_run(&h->loop, UV_RUN_DEFAULT);
    h->followers = followers_free(h->followers);
    free(routes);
}

static int load(struct hub *h, const char *config_path)
{
    struct buf errors = BUF_INIT;
    struct err e = {0};
    int rc = config_load(config_path, &h->config, &errors, &e);
    if (rc == 0)
        rc = check_config(h, &e);
    if (rc)
        (void)fprintf(stderr, "muster hub: %s\n", errors.n ? errors.p : e.text);
    buf_deinit(&errors);
    return rc;
}

int hub_main(const char *config_path)
{
    struct hub h = {.started_us = clock_monotonic_us()};
    struct err e = {0};
    if (load(&h, config_path) != 0) {
        (void)config_free(h.config);
        return 2;
    }
    daemon_prepare();
    log_setup(h.config->log_level, h.config->log_format);
    (void)uv_loop_init(&h.loop);
    if (open_store(&h, &e) != 0) {
        log_error("hub", "cannot start", LOG_TEXT("at", e.place), LOG_TEXT("error", e.text));
        h.exit_code = 1;
        (void)uv_run(&h.loop, UV_RUN_DEFAULT);
    } else {
        serve(&h);
        log_info("hub", "stopped");
    }
    (void)uv_loop_close(&h.loop);
    (void)config_free(h.config);
    return h.exit_code;
}
