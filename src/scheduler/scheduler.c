#include "scheduler/scheduler.h"

#include "base/clock.h"
#include "io/daemon.h"
#include "base/log.h"
#include "io/beater.h"
#include "scheduler/scheduler_internal.h"

#include <signal.h>
#include <unistd.h>

/* -- turns -- */

bool scheduler_find(const struct scheduler *s, struct str name, size_t *ret_job)
{
    size_t found = (size_t)(uintptr_t)map_get(&s->by_name, name);
    *ret_job = found - 1;
    return found > 0;
}

void scheduler_turn(struct scheduler *s, bool clock_set)
{
    if (clock_set)
        log_info("scheduler", "the clock was set: all instants are worked out again");
    if (!s->stopping)
        schedule_engine_turn(s->engine, clock_wall_us(), clock_set);
    state_file_flush(s->state);
    clock_set_wake(s, s->stopping ? INT64_MAX : schedule_engine_wake_us(s->engine));
}

void scheduler_run_now(struct scheduler *s, struct str name, int64_t at_us)
{
    size_t job;
    if (s->stopping || !scheduler_find(s, name, &job))
        return;
    s->slots[job].manual = true;
    if (schedule_engine_run_now(s->engine, job, at_us)) {
        scheduler_turn(s, false);
        return;
    }
    s->slots[job].manual = false;
    const struct ledger_row row = {
        .instant = {at_us, at_us, 1, SCHEDULE_SKIPPED_OVERLAP}, .trigger = "manual", .at_us = at_us};
    slots_add_row(s, job, &row);
    state_file_flush(s->state);
}

void scheduler_pause(struct scheduler *s, size_t job, bool paused)
{
    if (schedule_engine_state(s->engine, job)->paused == paused)
        return;
    schedule_engine_pause(s->engine, job, paused, clock_wall_us());
    log_info("scheduler", paused ? "paused" : "resumed", LOG_TEXT("schedule", s->table.jobs[job].name));
    state_file_touch(s->state, job);
    reporter_changed(s->reporter, job);
    scheduler_turn(s, false);
}

/* -- jobs: at the start and after a reload -- */

static void index_names(struct scheduler *s)
{
    map_deinit(&s->by_name);
    map_init(&s->by_name);
    for (size_t i = 0; i < s->table.count; i++)
        (void)map_put(&s->by_name, str_of(s->table.jobs[i].name), (void *)(uintptr_t)(i + 1));
}

static void set_target(struct scheduler *s)
{
    const char *token = getenv("SCHEDULER_API_TOKEN");
    bool own_node = config_is_embedded() && config_is_default(s->config, "scheduler", "node") &&
                    !getenv("API_URL") && s->config->socket[0];
    s->target = (struct firing_target){.client = s->client,
                                       .loop = &s->loop,
                                       .node_url = s->table.node_url,
                                       .token = token && token[0] ? token : NULL,
                                       .unix_socket = own_node ? s->config->socket : NULL};
}

static struct schedule_engine *new_engine(const struct scheduler *s, int64_t grace_us)
{
    return schedule_engine_new(s->instance, s->table.tick_us, clock_wall_us() + grace_us, &slots_engine_ops,
                               (void *)(uintptr_t)s);
}

static void start_jobs(struct scheduler *s)
{
    s->slots = xcalloc(s->table.count, sizeof(*s->slots));
    struct schedule_state *states = slots_take_states(s);
    s->engine = new_engine(s, s->config->scheduler_startup_grace_us);
    index_names(s);
    set_target(s);
    schedule_engine_set_jobs(s->engine, s->table.jobs, states, s->table.count, true, clock_wall_us());
    slots_forget_restored(s);
    free(states);
}

/* What was in flight stays so, under its name; a job that is gone is no longer waited for. */
static void adopt(struct scheduler *s, struct job_table *table, struct config *config)
{
    struct job_table old_table = s->table;
    struct slot *old_slots = s->slots;
    struct schedule_engine *old_engine = s->engine;
    struct config *old_config = s->config;
    s->slots = xcalloc(table->count, sizeof(*s->slots));
    struct schedule_state *states = xcalloc(table->count, sizeof(*states));
    for (size_t i = 0; i < table->count; i++) {
        size_t before;
        states[i] = SCHEDULE_STATE_INIT;
        if (!scheduler_find(s, str_of(table->jobs[i].name), &before))
            continue;
        states[i] = *schedule_engine_state(old_engine, before);
        slots_move(&s->slots[i], &old_slots[before]);
        s->slots[i].rows_sent = 0;
    }
    s->table = *table;
    s->config = config;
    s->engine = new_engine(s, 0);
    index_names(s);
    set_target(s);
    schedule_engine_set_jobs(s->engine, s->table.jobs, states, s->table.count, false, clock_wall_us());
    free(states);
    slots_free(old_slots, old_table.count);
    free(old_slots);
    (void)schedule_engine_free(old_engine);
    job_table_deinit(&old_table);
    (void)config_free(old_config);
}

static void log_lines(const struct buf *errors)
{
    struct str rest = buf_str(errors), line;
    while (str_split(&rest, '\n', &line))
        if (line.n)
            log_error("scheduler", "the configuration is not reloaded; the running one is kept",
                      LOG_STR("error", line));
}

static int load(const char *path, struct config **ret, struct job_table *ret_table, struct buf *errors)
{
    struct err e = {0};
    struct config *config;
    int rc = config_load(path, &config, errors, &e);
    if (rc != 0 && errors->n == 0)
        buf_printf(errors, "%s\n", e.text);
    if (rc != 0)
        return rc;
    rc = job_table_load(config, ret_table, errors);
    if (rc != 0)
        (void)config_free(config);
    else
        *ret = config;
    return rc;
}

static void on_hup(uv_signal_t *handle, int signal)
{
    struct scheduler *s = handle->data;
    struct buf errors = BUF_INIT;
    struct config *config;
    struct job_table table;
    (void)signal;
    if (s->stopping)
        return;
    if (load(s->config_path, &config, &table, &errors) != 0) {
        log_lines(&errors);
    } else {
        state_file_finish(s->state); /* what waits to be fired knows its job by its present place */
        adopt(s, &table, config);
        log_setup(config->log_level, config->log_format);
        state_file_set_jobs(s->state, s->table.count);
        reporter_all_changed(s->reporter);
        log_info("scheduler", "configuration reloaded", LOG_INT("jobs", s->table.count));
        scheduler_turn(s, false);
    }
    buf_deinit(&errors);
}

/* -- stop -- */

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

#define STOP_LOOK_MS 20

/* Over when nothing is under way, or the grace is: what is then in flight is fired again by the next start.
 */
static void on_stop_timer(uv_timer_t *timer)
{
    struct scheduler *s = timer->data;
    bool over = clock_monotonic_us() >= s->stop_deadline_us;
    size_t left = 0, asked = 0;
    for (const struct fired *f = s->fired; f; f = f->next) {
        left++;
        asked += !firing_is_followed(f->firing); /* a run that has begun is asked about by the next start */
    }
    if (!s->beater_ended || (!over && (asked || !reporter_is_idle(s->reporter))))
        return;
    log_info("scheduler", "stopped", LOG_INT("in_flight", left));
    uv_stop(&s->loop);
}

static void on_stop_signal(uv_signal_t *handle, int signal)
{
    struct scheduler *s = handle->data;
    (void)signal;
    if (s->stopping)
        return;
    s->stopping = true;
    s->stop_deadline_us = clock_monotonic_us() + s->config->scheduler_shutdown_grace_us;
    log_info("scheduler", "stopping: nothing more is fired");
    daemon_tell_stopping();
    reporter_stop(s->reporter);
    beat_stop(s);
    scheduler_turn(s, false);
    (void)uv_timer_start(&s->stop_timer, on_stop_timer, 0, STOP_LOOK_MS);
}

/* -- start -- */

static void init_handles(struct scheduler *s)
{
    uv_signal_t *signals[] = {&s->on_term, &s->on_int, &s->on_hup};
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        (void)uv_signal_init(&s->loop, signals[i]);
        signals[i]->data = s;
    }
    (void)uv_signal_start(&s->on_term, on_stop_signal, SIGTERM);
    (void)uv_signal_start(&s->on_int, on_stop_signal, SIGINT);
    (void)uv_signal_start(&s->on_hup, on_hup, SIGHUP);
    uv_timer_t *timers[] = {&s->stop_timer, &s->watchdog};
    for (size_t i = 0; i < COUNT_OF(timers); i++) {
        (void)uv_timer_init(&s->loop, timers[i]);
        timers[i]->data = s;
    }
    daemon_feed_watchdog(&s->watchdog);
}

static char *instance_name(const struct config *config)
{
    char host[256] = "localhost";
    if (config->scheduler_instance[0])
        return xstrdup(config->scheduler_instance);
    (void)gethostname(host, sizeof(host) - 1);
    return xstrdup(host);
}

static int prepare(struct scheduler *s)
{
    struct buf directory = BUF_INIT;
    buf_printf(&directory, "%s/scheduler", s->config->data_dir);
    s->state = state_file_new(&s->loop, directory.p, &slots_state_ops, s);
    int rc = state_file_load(s->state);
    if (rc != 0)
        log_error("scheduler", "cannot start: its state cannot be kept", LOG_TEXT("directory", directory.p),
                  LOG_TEXT("error", strerror(-rc)));
    buf_deinit(&directory);
    return rc ? rc : clock_start(s);
}

static void say_ready(const struct scheduler *s)
{
    log_info("scheduler", "ready", LOG_INT("jobs", s->table.count), LOG_TEXT("node", s->table.node_url),
             LOG_TEXT("instance", s->instance));
    if (!s->target.token && !s->target.unix_socket)
        log_warn("scheduler", "SCHEDULER_API_TOKEN is not set: requests carry no Authorization");
    daemon_tell_ready("%zu jobs", s->table.count);
}

static void run(struct scheduler *s)
{
    init_handles(s);
    s->client = http_client_new(&s->loop);
    s->reporter = reporter_new(s);
    if (prepare(s) == 0) {
        start_jobs(s);
        state_file_set_jobs(s->state, s->table.count);
        say_ready(s);
        reporter_all_changed(s->reporter);
        beat_start(s);
        scheduler_turn(s, false);
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    } else {
        s->exit_code = 1;
    }
}

static void tear_down(struct scheduler *s)
{
    while (s->fired) {
        firing_abandon(s->fired->firing);
        slots_forget_fired(s->fired);
    }
    s->client = http_client_free(s->client);
    if (s->beater)
        s->beater = beater_free(s->beater);
    s->reporter = reporter_free(s->reporter);
    s->state = state_file_free(s->state);
    slots_free(s->slots, s->engine ? s->table.count : 0);
    free(s->slots);
    s->engine = schedule_engine_free(s->engine);
    slots_forget_restored(s);
    map_deinit(&s->restored);
    map_deinit(&s->by_name);
    uv_walk(&s->loop, close_handle, NULL);
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    closep(&s->timer_fd);
}

int scheduler_main(const char *config_path)
{
    struct scheduler s = {.config_path = config_path ? xstrdup(config_path) : NULL, .timer_fd = -1};
    struct buf errors = BUF_INIT;
    int rc = load(config_path, &s.config, &s.table, &errors);
    if (rc != 0)
        (void)fprintf(stderr, "muster scheduler: %s", errors.p);
    buf_deinit(&errors);
    if (rc == 0) {
        daemon_prepare();
        log_setup(s.config->log_level, s.config->log_format);
        s.instance = instance_name(s.config);
        map_init(&s.by_name);
        map_init(&s.restored);
        (void)uv_loop_init(&s.loop);
        run(&s);
        tear_down(&s);
        (void)uv_loop_close(&s.loop);
        job_table_deinit(&s.table);
        (void)config_free(s.config);
    }
    free(s.config_path);
    free(s.instance);
    return rc ? 2 : s.exit_code;
}
