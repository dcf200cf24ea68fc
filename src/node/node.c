#include "node/node.h"

#include "base/clock.h"
#include "io/daemon.h"
#include "base/log.h"
#include "io/file.h"
#include "node/api/api.h"
#include "node/auth.h"
#include "node/collector.h"
#include "node/command_processors.h"
#include "node/marketplaces.h"
#include "node/memory.h"
#include "node/pipeline.h"
#include "node/schedule_waits.h"
#include "node/components.h"
#include "node/cost_ledger.h"
#include "node/sweep.h"
#include "node/telemetry/telemetry.h"
#include "node/usage.h"
#include "run/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODE_STOP_GRACE_US (5 * USEC_PER_SEC)
#define NODE_BUS_GRACE_US (2 * USEC_PER_SEC) /* for clients that do not read */
#define NODE_STOP_DEADLINE_MS 15000          /* then it ends all the same: runs are not harmed by it */

/* -- data directory -- */

static char *under(const struct config *config, const char *name)
{
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s", config->data_dir, name);
    return buf_take(&path);
}

static int make_dir(const char *path, struct err *e)
{
    int rc = file_mkdirs(path, 0700);
    return rc ? err_set(e, ERR_INTERNAL, rc,
                        "%s cannot be made: %s; set data_dir to a place that can be written", path,
                        strerror(-rc))
              : 0;
}

/* /run is empty after a boot.  Others may enter: the socket asks the kernel who they are. */
static int make_socket_dir(const struct config *config, struct err *e)
{
    const char *slash = strrchr(config->socket, '/');
    if (!slash || slash == config->socket)
        return 0;
    char *dir = xstrndup(config->socket, (size_t)(slash - config->socket));
    mode_t kept = umask(022);
    int rc = file_mkdirs(dir, 0755);
    (void)umask(kept);
    if (rc != 0)
        (void)err_set(e, ERR_INTERNAL, rc, "%s cannot be made: %s; set socket to a place that can be written",
                      dir, strerror(-rc));
    free(dir);
    return rc;
}

/* One node per data directory: it is the only writer (spec 10 D2).  The descriptor stays open until the
 * process ends. */
static int lock_data_dir(const struct config *config, struct err *e)
{
    char *path = under(config, "node.lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -errno : 0;
    if (rc == 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
        rc = -errno;
    if (rc == -EWOULDBLOCK)
        (void)err_set(e, ERR_CONFLICT, rc,
                      "another node serves %s already; stop it, or give this one another data_dir",
                      config->data_dir);
    else if (rc != 0)
        (void)err_set(e, ERR_INTERNAL, rc, "%s: %s", path, strerror(-rc));
    free(path);
    return rc;
}

static int prepare_dirs(struct node *n, struct err *e)
{
    n->runs_dir = under(n->config, "runs");
    n->ended_dir = under(n->config, "ended");
    int rc = make_dir(n->runs_dir, e);
    if (rc == 0)
        rc = make_dir(n->ended_dir, e);
    if (rc == 0)
        rc = make_socket_dir(n->config, e);
    return rc ? rc : lock_data_dir(n->config, e);
}

/* -- configuration -- */

static void keep_config(struct node *n, struct config *config)
{
    n->configs = xrealloc(n->configs, (n->config_count + 1) * sizeof(*n->configs));
    n->configs[n->config_count++] = config;
    n->config = config;
}

static struct metrics_config metrics_settings(const struct config *config)
{
    return (struct metrics_config){.enabled = config->metrics_enabled,
                                   .freshness_us = config->metrics_freshness_us,
                                   .proc_root = "/proc",
                                   .version = MUSTER_VERSION,
                                   .max_label_values = 200};
}

static struct fleet_config fleet_settings(const struct config *config)
{
    return (struct fleet_config){.discovers = config->fleet_discover,
                                 .interval_us = config->fleet_interval_us,
                                 .hung_us = config->fleet_hung_after_us,
                                 .matchers = (const char *const *)config->fleet_matchers};
}

static struct status_config status_settings(const struct config *config)
{
    return (struct status_config){.deadline_us = config->status_deadline_us,
                                  .cache_us = config->status_cache_us};
}

static void drop_status(void *arg, const char *session_id)
{
    status_drop_session(arg, session_id);
}

static void reload(struct node *n)
{
    struct config *fresh;
    struct buf errors = BUF_INIT, reloaded = BUF_INIT, needs_restart = BUF_INIT;
    struct err e = {0};
    if (config_load(n->config_path, &fresh, &errors, &e) != 0) {
        log_error("node", "the configuration is not reloaded; the running one is kept",
                  LOG_TEXT("at", e.place), LOG_TEXT("error", e.text));
        buf_deinit(&errors);
        return;
    }
    config_diff(n->config, fresh, &reloaded, &needs_restart);
    keep_config(n, fresh);
    struct metrics_config settings = metrics_settings(fresh);
    struct fleet_config fleet = fleet_settings(fresh);
    struct status_config status = status_settings(fresh);
    log_setup(fresh->log_level, fresh->log_format);
    auth_reload(n->auth, fresh);
    queue_reload(n->queue, fresh);
    metrics_reload(n->metrics, &settings);
    fleet_reload(n->fleet, &fleet);
    status_reload(n->status, &status);
    sweep_set_config(n->sweep, fresh);
    log_info("node", "configuration reloaded", LOG_STR("changed", buf_str(&reloaded)),
             LOG_STR("needs_restart", buf_str(&needs_restart)));
    buf_deinit(&errors);
    buf_deinit(&reloaded);
    buf_deinit(&needs_restart);
}

static void on_hup(uv_signal_t *handle, int signal)
{
    (void)signal;
    struct node *n = handle->data;
    if (n->ready && !n->stopping)
        reload(n);
}

/* -- stop -- */

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void on_part_stopped(void *arg)
{
    struct node *n = arg;
    if (--n->stops_waited_for == 0)
        uv_stop(&n->loop);
}

static void on_deadline(uv_timer_t *timer)
{
    struct node *n = timer->data;
    log_warn("node", "stopping takes too long; ending now");
    uv_stop(&n->loop);
}

static void stop(struct node *n, const char *why)
{
    if (n->stopping)
        return;
    n->stopping = true;
    log_info("node", "stopping", LOG_TEXT("reason", why), LOG_INT("live_runs", queue_live_count(n->queue)));
    daemon_tell_stopping();
    workers_stop(n->workers);
    queue_stop(n->queue);
    fleet_stop(n->fleet);
    sweep_stop(n->sweep);
    schedule_waits_stop(n->schedule_waits);
    marketplaces_stop(n->marketplaces);
    telemetry_stop(n->telemetry);
    collector_stop(n->collector);
    memory_stop(n->memory);
    command_processors_stop(n->command_processors);
    (void)uv_timer_start(&n->deadline, on_deadline, NODE_STOP_DEADLINE_MS, 0);
    n->stops_waited_for = 2;
    bus_stop(n->bus, NODE_BUS_GRACE_US, on_part_stopped, n);
    http_server_stop(n->http, NODE_STOP_GRACE_US, on_part_stopped, n);
}

static void on_stop_signal(uv_signal_t *handle, int signal)
{
    stop(handle->data, signal == SIGINT ? "SIGINT" : "SIGTERM");
}

/* -- start -- */

static void fail_to_start(struct node *n, const struct err *e)
{
    log_error("node", "cannot start", LOG_TEXT("at", e->place), LOG_TEXT("error", e->text));
    n->exit_code = 1;
    stop(n, "it cannot serve");
}

/* The address that is served, with the port that the kernel picked when it was asked to. */
static char *served_address(const struct node *n)
{
    const char *listen = n->config->listen, *colon = strrchr(listen, ':');
    struct buf text = BUF_INIT;
    if (!colon)
        return xstrdup("none"); /* the Unix socket alone */
    buf_printf(&text, "%.*s:%d", (int)(colon - listen), listen, http_server_port(n->http));
    return buf_take(&text);
}

/* Runs are taken up, and tokens and agents are known: now callers may come. */
static void on_fleet_ready(void *arg, const struct err *why)
{
    struct node *n = arg;
    struct err e = {0};
    if (why) {
        fail_to_start(n, why);
        return;
    }
    if (bus_start(n->bus, &e) != 0 || http_server_start(n->http, &e) != 0) {
        fail_to_start(n, &e);
        return;
    }
    n->ready = true;
    char *address = served_address(n), *bus = bus_address(n->bus);
    log_info("node", "ready", LOG_TEXT("listen", address), LOG_TEXT("bus", bus),
             LOG_TEXT("socket", n->config->socket), LOG_TEXT("data_dir", n->config->data_dir),
             LOG_INT("live_runs", queue_live_count(n->queue)));
    daemon_tell_ready("Serving %s", address);
    free(address);
    free(bus);
    daemon_feed_watchdog(&n->watchdog);
    telemetry_start(n->telemetry);
    workers_start_own(n->workers);
    if (!n->shim_path)
        log_warn("node", "muster-shim is neither beside muster nor in PATH: no agent can be started");
}

static void on_queue_ready(void *arg)
{
    struct node *n = arg;
    fleet_start(n->fleet, on_fleet_ready, n);
}

/* Saved rows are back: nothing that the bus brings can come before them. */
static void on_workers_ready(void *arg)
{
    struct node *n = arg;
    queue_start(n->queue, on_queue_ready, n);
}

static bool authenticate(void *node, struct str token, struct http_caller *ret)
{
    const struct node *n = node;
    return auth_authenticate(n->auth, token, ret);
}

static struct http_config http_settings(struct node *n)
{
    const struct config *c = n->config;
    struct http_config settings = {
        .listen = c->listen[0] ? c->listen : NULL,
        .unix_socket = c->socket[0] ? c->socket : NULL,
        .tls_certificate_file = c->tls_certificate_file[0] ? c->tls_certificate_file : NULL,
        .tls_key_file = c->tls_key_file[0] ? c->tls_key_file : NULL,
        .hosts = (const char *const *)c->hosts,
        .limits = http_limits_default,
        .have_token = c->token != NULL,
        .authenticate = authenticate,
        .after_reply = api_audit_reply,
        .context = n,
    };
    settings.limits.header_bytes = (size_t)c->http_max_header_bytes;
    settings.limits.body_bytes = (size_t)c->http_max_body_bytes;
    settings.limits.header_us = c->http_header_timeout_us;
    settings.limits.total_us = c->http_total_timeout_us;
    settings.limits.idle_us = c->http_idle_timeout_us;
    settings.limits.connections = (unsigned)c->http_max_connections;
    settings.limits.connections_per_address = (unsigned)c->http_max_connections_per_address;
    return settings;
}

static void init_handles(struct node *n)
{
    uv_signal_t *signals[] = {&n->on_term, &n->on_int, &n->on_hup};
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        (void)uv_signal_init(&n->loop, signals[i]);
        signals[i]->data = n;
    }
    (void)uv_signal_start(&n->on_term, on_stop_signal, SIGTERM);
    (void)uv_signal_start(&n->on_int, on_stop_signal, SIGINT);
    (void)uv_signal_start(&n->on_hup, on_hup, SIGHUP);
    uv_timer_t *timers[] = {&n->watchdog, &n->deadline};
    for (size_t i = 0; i < COUNT_OF(timers); i++) {
        (void)uv_timer_init(&n->loop, timers[i]);
        timers[i]->data = n;
    }
}

static int open_store(struct node *n, struct err *e)
{
    struct store_config settings = {.store = n->config->store,
                                    .data_dir = n->config->data_dir,
                                    .synchronous_normal = n->config->synchronous_normal,
                                    .backlog_max = 100000};
    return store_open(&n->loop, &settings, &n->store, e);
}

static void wire_fleet(struct node *n)
{
    struct fleet_config fleet = fleet_settings(n->config);
    struct status_config status = status_settings(n->config);
    struct fleet_inputs runs = queue_fleet_inputs(n->queue);
    n->sampler = proc_sampler_new(&n->loop, "/proc");
    n->fleet = fleet_new(&n->loop, n->store, n->events, n->sampler, &fleet, &runs);
    struct status_inputs sessions = fleet_status_inputs(n->fleet);
    n->status = status_new(&n->loop, n->sampler, &status, &sessions);
    fleet_on_change(n->fleet, drop_status, n->status);
}

static struct workers *make_workers(struct node *n)
{
    struct workers_own own[COMPONENTS_MAX];
    struct workers_config settings = {.names = n->config->workers, .own = own};
    settings.own_count = components_list(n, own);
    return workers_new(&n->loop, n->store, n->events, &settings);
}

/* What another node of the same store has changed. */
static void on_heard(void *arg, unsigned topics)
{
    struct node *n = arg;
    if (topics & DB_TOPIC_TOKENS)
        auth_reload(n->auth, n->config);
    queue_heard(n->queue, topics);
}

static int64_t telemetry_lag(void *telemetry)
{
    struct telemetry_view view;
    telemetry_view(telemetry, &view);
    return view.state == TELEMETRY_OFF ? -1 : view.lag_us;
}

static struct http_route *wire(struct node *n)
{
    struct queue_config queue = {.config = n->config,
                                 .runs_dir = n->runs_dir,
                                 .ended_dir = n->ended_dir,
                                 .shim_path = n->shim_path,
                                 .cgroup = n->cgroup};
    struct metrics_config metrics = metrics_settings(n->config);
    size_t route_count;
    n->events = events_new();
    n->bus = bus_new(&n->loop, n->config);
    events_tap(n->events, bus_event, n->bus);
    n->auth = auth_new(n->store, n->config);
    n->queue = queue_new(&n->loop, n->store, n->events, &queue);
    n->sweep = sweep_new(&n->loop, n->store, n->ended_dir);
    sweep_set_config(n->sweep, n->config);
    n->schedule_waits = schedule_waits_new(&n->loop);
    n->operations = operations_new(api_audit_operation, n);
    n->marketplaces = marketplaces_new(&n->loop, n->store, n->operations);
    n->session_files = session_watch_new(n->config->sessions_roots);
    n->pipeline = pipeline_new(&n->loop, n->store, n->operations, n->session_files);
    n->collector = collector_new(&n->loop, n->operations);
    n->memory = memory_new(&n->loop, n->store, n->operations, n->session_files, n->config);
    n->command_processors =
        command_processors_new(&n->loop, n->store, n->operations, n->session_files, n->config);
    n->usage = usage_service_new(&n->loop, n->session_files, n->config->data_dir);
    n->cost_ledger = cost_ledger_new(n->store, n->usage);
    n->telemetry = telemetry_new(&n->loop, n->store, n->config);
    n->workers = make_workers(n);
    struct http_config http = http_settings(n);
    struct http_route *routes = api_all_routes(&route_count);
    n->http = http_server_new(&n->loop, &http, routes, route_count);
    wire_fleet(n);
    struct metrics_inputs inputs = queue_metrics_inputs(n->queue);
    inputs.workers = workers_metrics;
    inputs.workers_context = n->workers;
    inputs.telemetry_lag_us = telemetry_lag;
    inputs.telemetry_context = n->telemetry;
    inputs.cost_ledger = cost_ledger_sums;
    inputs.cost_ledger_context = n->cost_ledger;
    n->metrics = metrics_new(&n->loop, n->store, n->http, &metrics, &inputs);
    store_listen(n->store, on_heard, n);
    return routes;
}

/* Backwards: who is used goes after who uses it.  What the store still had to do comes back here, to services
 * that are stopped but not yet freed. */
static void unwire(struct node *n)
{
    events_tap(n->events, NULL, NULL);
    n->sampler = proc_sampler_free(n->sampler);
    n->status = status_free(n->status);
    n->metrics = metrics_free(n->metrics);
    cost_ledger_stop(n->cost_ledger);
    n->usage = usage_service_free(n->usage);
    pipeline_stop(n->pipeline);
    n->collector = collector_free(n->collector);
    memory_join(n->memory);
    command_processors_join(n->command_processors);
    n->store = store_close(n->store);
    n->events = events_free(n->events); /* not before: what the store still did is published */
    n->memory = memory_free(n->memory);
    n->pipeline = pipeline_free(n->pipeline);
    n->command_processors = command_processors_free(n->command_processors);
    n->session_files = session_watch_free(n->session_files);
    n->cost_ledger = cost_ledger_free(n->cost_ledger);
    (void)uv_run(&n->loop,
                 UV_RUN_NOWAIT); /* handles that stop() closed are let go of before their owners are freed */
    n->http = http_server_free(n->http);
    n->fleet = fleet_free(n->fleet);
    n->queue = queue_free(n->queue);
    n->sweep = sweep_free(n->sweep);
    n->schedule_waits = schedule_waits_free(n->schedule_waits);
    n->marketplaces = marketplaces_free(n->marketplaces);
    n->operations = operations_free(n->operations);
    n->auth = auth_free(n->auth);
    n->telemetry = telemetry_free(n->telemetry);
    n->bus = bus_free(n->bus); /* answers what still waits to hear whether it reached somebody */
    n->workers = workers_free(n->workers);
    uv_walk(&n->loop, close_handle, NULL);
    (void)uv_run(&n->loop, UV_RUN_DEFAULT);
}

static void serve(struct node *n)
{
    init_handles(n);
    struct http_route *routes = wire(n);
    workers_start(n->workers, bus_port_of(n->bus), on_workers_ready, n);
    (void)uv_run(&n->loop, UV_RUN_DEFAULT);
    unwire(n);
    free(routes);
}

static void say_warnings(const struct config *c)
{
    if (c->warnings & CONFIG_WARN_TOKEN_READABLE)
        log_warn("config", "the token file can be read by others; chmod 600 it",
                 LOG_TEXT("file", c->token_file));
    if (c->warnings & CONFIG_WARN_SCHEDULER_TOKEN_SHORT)
        log_warn("config", "SCHEDULER_API_TOKEN has fewer than 32 characters and is ignored");
}

static int load(struct node *n)
{
    struct config *config;
    struct buf errors = BUF_INIT;
    struct err e = {0};
    int rc = config_load(n->config_path, &config, &errors, &e);
    if (rc != 0)
        (void)fprintf(stderr, "muster: %s\n", errors.n ? errors.p : e.text);
    else
        keep_config(n, config);
    buf_deinit(&errors);
    return rc;
}

int node_main(const char *config_path)
{
    struct node n = {.config_path = config_path ? xstrdup(config_path) : NULL,
                     .started_us = clock_monotonic_us(),
                     .started_wall_us = clock_wall_us()};
    struct err e = {0};
    if (load(&n) != 0) {
        free(n.config_path);
        return 2;
    }
    daemon_prepare();
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a lost shim leaves comes to us, and is reaped */
    log_setup(n.config->log_level, n.config->log_format);
    say_warnings(n.config);
    n.shim_path = launch_find_shim();
    cgroup_find_parent(n.cgroup);
    (void)uv_loop_init(&n.loop);
    if (prepare_dirs(&n, &e) != 0 || open_store(&n, &e) != 0) {
        log_error("node", "cannot start", LOG_TEXT("at", e.place), LOG_TEXT("error", e.text));
        n.exit_code = 1;
        (void)uv_run(&n.loop, UV_RUN_DEFAULT);
    } else {
        serve(&n);
        log_info("node", "stopped");
    }
    (void)uv_loop_close(&n.loop);
    for (size_t i = 0; i < n.config_count; i++)
        (void)config_free(n.configs[i]);
    free(n.configs);
    free(n.config_path);
    free(n.runs_dir);
    free(n.ended_dir);
    free(n.shim_path);
    return n.exit_code;
}
