#include "node/queue/queue_internal.h"

#include "base/json.h"
#include "store/agents.h"

/* -- profiles and slots -- */

struct queue_profile *queue_profile(struct queue *q, const char *agent)
{
    for (size_t i = 0; i < q->profile_count; i++)
        if (strcmp(q->profiles[i].profile->name, agent) == 0)
            return &q->profiles[i];
    return NULL;
}

int64_t queue_repo_running(const struct queue *q, const char *repo)
{
    return repo ? (int64_t)(intptr_t)map_get(&q->repo_running, str_of(repo)) : 0;
}

static void count_repo(struct queue *q, const char *repo, int64_t delta)
{
    if (!repo)
        return;
    int64_t count = queue_repo_running(q, repo) + delta;
    if (count > 0)
        (void)map_put(&q->repo_running, str_of(repo), (void *)(intptr_t)count);
    else
        (void)map_remove(&q->repo_running, str_of(repo));
}

void queue_slot_taken(struct queue *q, const char *agent, const char *repo, bool launcher, int64_t run_id)
{
    struct queue_profile *p = queue_profile(q, agent);
    if (p) {
        p->running++;
        breaker_started(&p->breaker, run_id);
    }
    if (launcher)
        q->launcher_running++;
    count_repo(q, repo, 1);
}

void queue_slot_freed(struct queue *q, const char *agent, const char *repo, bool launcher)
{
    struct queue_profile *p = queue_profile(q, agent);
    if (p && p->running > 0)
        p->running--;
    if (launcher) {
        assert(q->launcher_running > 0);
        q->launcher_running--;
    }
    count_repo(q, repo, -1);
    queue_wake(q);
}

/* Takes over what is known of profiles that stay; a run in flight keeps its own pointer to the old profile,
 * since configurations live as long as the process. */
static void set_profiles(struct queue *q, const struct config *config)
{
    struct queue_profile *fresh = xcalloc(config->agent_count, sizeof(*fresh));
    for (size_t i = 0; i < config->agent_count; i++) {
        struct queue_profile *old = queue_profile(q, config->agents[i].name);
        if (old)
            fresh[i] = *old;
        else
            breaker_init(&fresh[i].breaker);
        fresh[i].profile = &config->agents[i];
    }
    free(q->profiles);
    q->profiles = fresh;
    q->profile_count = config->agent_count;
    q->config.config = config;
}

/* -- events -- */

static void kv_id(struct json_writer *w, const char *key, int64_t id)
{
    json_kv_i64_or_null(w, key, id != 0, id);
}

void queue_publish_job(struct queue *q, int64_t job_id, const char *agent, enum job_state state,
                       int64_t run_id, int64_t task_id, const char *cause)
{
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_i64(&w, "job_id", job_id);
    json_kv_text(&w, "agent", agent);
    json_kv_text(&w, "state", job_state_name(state));
    kv_id(&w, "run_id", run_id);
    kv_id(&w, "task_id", task_id);
    json_kv_text(&w, "cause", cause && cause[0] ? cause : NULL);
    json_object_end(&w);
    events_publish(q->events, "event.job.state", buf_str(&body));
    buf_deinit(&body);
}

void queue_publish_run(struct queue *q, const struct live_run *run, const struct run *row)
{
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_i64(&w, "run_id", run->run_id);
    kv_id(&w, "job_id", run->job_id);
    kv_id(&w, "task_id", run->task_id);
    json_kv_text(&w, "agent", run->agent);
    json_kv_text(&w, "outcome", row->outcome);
    json_kv_i64_or_null(&w, "exit_code", row->exit_code >= 0, row->exit_code);
    json_kv_i64_or_null(&w, "signal", row->signal > 0, row->signal);
    json_kv_text(&w, "cause", row->cause);
    json_kv_micros_or_null(&w, "cost_usd", row->usage.cost_known, row->usage.cost_micro_usd);
    json_object_end(&w);
    events_publish(q->events, "event.run.exit", buf_str(&body));
    buf_deinit(&body);
}

/* -- pauses and waking -- */

void queue_wake(struct queue *q)
{
    if (!q->started || q->stopping)
        return;
    q->wake_pending = true;
    claim_start_round(q);
}

void queue_set_paused(struct queue *q, const char *agent, bool paused)
{
    struct queue_profile *p = agent ? queue_profile(q, agent) : NULL;
    if (p)
        p->paused = paused;
    else if (!agent)
        q->paused_all = paused;
    if (!paused)
        queue_wake(q);
}

static struct live_run *live_of_job(struct queue *q, int64_t job_id)
{
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&q->live, &at, &key, &value)) {
        struct live_run *run = value;
        if (run->job_id == job_id)
            return run;
    }
    return NULL;
}

bool queue_cancel_run(struct queue *q, int64_t job_id)
{
    struct live_run *run = live_of_job(q, job_id);
    if (run)
        live_cancel(run, false);
    return run != NULL;
}

/* -- start -- */

struct load_op {
    struct store_op op;
    struct queue *queue;
    struct arena arena;
    struct agent_row *agents;
    size_t agent_count;
    struct pause_row *pauses;
    size_t pause_count;
    bool pauses_only; /* another node has changed them */
};

static int load_run(struct store_op *op, struct db *db, struct err *e)
{
    struct load_op *load = CONTAINER_OF(op, struct load_op, op);
    int rc = agent_breakers(db, &load->arena, &load->agents, &load->agent_count, e);
    return rc ? rc : pause_list(db, &load->arena, &load->pauses, &load->pause_count, e);
}

static void load_done(struct store_op *op)
{
    struct load_op *load = CONTAINER_OF(op, struct load_op, op);
    struct queue *q = load->queue;
    if (op->rc != 0)
        log_error("queue", "breakers and pauses could not be read; all start closed and running",
                  LOG_TEXT("error", op->err.text));
    for (size_t i = 0; op->rc == 0 && !load->pauses_only && i < load->agent_count; i++) {
        struct queue_profile *p = queue_profile(q, load->agents[i].agent);
        if (p) {
            p->breaker = load->agents[i].breaker;
            p->breaker.probing =
                false; /* the probe of the last node is taken up, or has ended, without a verdict yet */
        }
    }
    q->paused_all = q->paused_all && op->rc != 0;
    for (size_t i = 0; op->rc == 0 && i < q->profile_count; i++)
        q->profiles[i].paused = false;
    for (size_t i = 0; op->rc == 0 && i < load->pause_count; i++) {
        struct str scope = str_of(load->pauses[i].scope);
        if (str_equal(scope, STR("all")))
            q->paused_all = true;
        else if (str_starts_with(scope, STR("agent:")))
            queue_set_paused(q, scope.p + 6, true);
    }
    bool again = load->pauses_only;
    arena_reset(&load->arena);
    free(load);
    if (again)
        queue_wake(q);
    else
        reconcile_take_up(q);
}

static void load(struct queue *q, bool pauses_only)
{
    struct load_op *load = xnew(struct load_op);
    load->queue = q;
    load->pauses_only = pauses_only;
    load->op.run = load_run;
    load->op.done = load_done;
    arena_init(&load->arena);
    store_read(q->store, &load->op);
}

void queue_heard(struct queue *q, unsigned topics)
{
    if (!q->started || q->stopping)
        return;
    if (topics & DB_TOPIC_PAUSES)
        load(q, true);
    if (topics & DB_TOPIC_CANCELS)
        reconcile_on_timer(&q->reconcile_timer);
    if (topics & DB_TOPIC_JOBS)
        queue_wake(q);
}

struct queue *queue_new(uv_loop_t *loop, struct store *store, struct events *events,
                        const struct queue_config *config)
{
    struct queue *q = xnew(struct queue);
    q->loop = loop;
    q->store = store;
    q->events = events;
    q->config = *config;
    map_init(&q->live);
    map_init(&q->live_keys);
    map_init(&q->repo_running);
    map_init(&q->suspects);
    set_profiles(q, config->config);
    claim_init(q);
    (void)uv_timer_init(loop, &q->due_timer);
    (void)uv_timer_init(loop, &q->lease_timer);
    q->lease_timer.data = q;
    (void)uv_timer_init(loop, &q->output_timer);
    (void)uv_timer_init(loop, &q->retry_timer);
    (void)uv_timer_init(loop, &q->reconcile_timer);
    (void)uv_timer_init(loop, &q->notice_timer);
    (void)uv_fs_event_init(loop, &q->runs_watch);
    q->notice_timer.data = q->runs_watch.data = q;
    (void)uv_signal_init(loop, &q->child_watch);
    q->due_timer.data = q->output_timer.data = q->retry_timer.data = q->reconcile_timer.data = q;
    q->child_watch.data = q;
    q->reaper = worker_new(loop, "reaper", reconcile_reap_batch, NULL);
    return q;
}

void queue_start(struct queue *q, void (*ready)(void *), void *arg)
{
    q->ready = ready;
    q->ready_arg = arg;
    (void)uv_signal_start(&q->child_watch, live_on_children, SIGCHLD);
    load(q, false);
}

void queue_reload(struct queue *q, const struct config *config)
{
    set_profiles(q, config);
    if (q->started)
        report_start_expiry(q);
    queue_wake(q);
}

void queue_stop(struct queue *q)
{
    q->stopping = true;
    claim_end_waits(q);
    reconcile_end_waits(q);
    uv_handle_t *handles[] = {(uv_handle_t *)&q->due_timer,       (uv_handle_t *)&q->lease_timer,
                              (uv_handle_t *)&q->output_timer,    (uv_handle_t *)&q->retry_timer,
                              (uv_handle_t *)&q->reconcile_timer, (uv_handle_t *)&q->child_watch,
                              (uv_handle_t *)&q->notice_timer,    (uv_handle_t *)&q->runs_watch};
    for (size_t i = 0; i < COUNT_OF(handles); i++)
        if (!uv_is_closing(handles[i]))
            uv_close(handles[i], NULL);
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&q->live, &at, &key, &value))
        live_unwatch(value);
}

struct queue *queue_free(struct queue *q)
{
    if (!q)
        return NULL;
    q->reaper = worker_free(q->reaper);
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&q->live, &at, &key, &value))
        live_free(value);
    map_deinit(&q->live);
    map_deinit(&q->live_keys);
    map_deinit(&q->repo_running);
    map_deinit(&q->suspects);
    free(q->profiles);
    free(q);
    return NULL;
}

/* -- views -- */

bool queue_started(const struct queue *q)
{
    return q->started;
}

bool queue_paused(const struct queue *q)
{
    return q->paused_all;
}

int64_t queue_last_look_us(const struct queue *q)
{
    return q->last_look_us;
}

int64_t queue_live_count(const struct queue *q)
{
    return (int64_t)q->live.count;
}

size_t queue_profiles(const struct queue *q, struct queue_profile_view *ret, size_t max)
{
    size_t count = MIN(max, q->profile_count);
    for (size_t i = 0; i < count; i++) {
        const struct queue_profile *p = &q->profiles[i];
        ret[i] = (struct queue_profile_view){p->profile, p->breaker, p->running, p->paused || q->paused_all};
    }
    return count;
}

bool queue_live_usage(const struct queue *q, int64_t run_id, struct usage *ret)
{
    const struct live_run *run = map_get(&q->live, map_key_i64(&run_id));
    if (!run)
        return false;
    *ret = *output_usage(run->parser);
    return true;
}

static bool view_queue(void *context, struct arena *a, struct metrics_queue *ret)
{
    struct queue *q = context;
    if (!q->started)
        return false;
    struct metrics_profile *profiles = arena_alloc(a, q->profile_count * sizeof(*profiles));
    for (size_t i = 0; i < q->profile_count; i++) {
        const struct queue_profile *p = &q->profiles[i];
        profiles[i] =
            (struct metrics_profile){arena_strdup(a, str_of(p->profile->name)), p->breaker, p->running,
                                     p->profile->max_concurrency, p->paused || q->paused_all};
    }
    *ret = (struct metrics_queue){profiles, q->profile_count, q->config.config->max_concurrency,
                                  q->config.config->poll_interval_us, q->paused_all};
    return true;
}

static bool view_live_runs(void *context, struct arena *a, struct metrics_live_run **ret, size_t *ret_count)
{
    struct queue *q = context;
    struct metrics_live_run *runs = arena_alloc(a, q->live.count * sizeof(*runs));
    size_t at = 0, count = 0;
    struct str key;
    void *value;
    while (map_next(&q->live, &at, &key, &value)) {
        const struct live_run *run = value;
        runs[count++] = (struct metrics_live_run){run->run_id, *output_usage(run->parser)};
    }
    *ret = runs;
    *ret_count = count;
    return true;
}

struct metrics_inputs queue_metrics_inputs(struct queue *q)
{
    return (struct metrics_inputs){view_queue, view_live_runs, q};
}

static void view_fleet_runs(void *context, struct arena *a, struct fleet_run **ret, size_t *ret_count)
{
    struct queue *q = context;
    struct fleet_run *runs = arena_alloc(a, (q->live.count + 1) * sizeof(*runs));
    size_t at = 0, count = 0;
    struct str key;
    void *value;
    while (map_next(&q->live, &at, &key, &value)) {
        const struct live_run *run = value;
        if (run->state != LIVE_STARTING && run->state != LIVE_RUNNING)
            continue;
        runs[count++] = (struct fleet_run){.run_id = run->run_id,
                                           .job_id = run->job_id,
                                           .task_id = run->task_id,
                                           .agent = arena_strdup(a, str_of(run->agent)),
                                           .repo = run->repo ? arena_strdup(a, str_of(run->repo)) : NULL,
                                           .model = run->model ? arena_strdup(a, str_of(run->model)) : NULL,
                                           .pid = run->process.pid,
                                           .start_ticks = run->process.start_ticks,
                                           .shim_pid = run->shim.pid,
                                           .shim_start_ticks = run->shim.start_ticks,
                                           .usage = *output_usage(run->parser)};
    }
    *ret = runs;
    *ret_count = count;
}

struct fleet_inputs queue_fleet_inputs(struct queue *q)
{
    return (struct fleet_inputs){view_fleet_runs, q};
}
