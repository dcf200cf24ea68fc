#include "node/fleet/fleet_internal.h"

#include "base/json.h"
#include "io/counters.h"

#include <stdio.h>
#include <sys/pidfd.h>
#include <unistd.h>

void agent_set_text(char **member, const char *text)
{
    if (!text || (*member && strcmp(*member, text) == 0))
        return;
    free(*member);
    *member = xstrdup(text);
}

struct fleet_agent *agent_find(struct fleet *f, const char *id)
{
    return map_get(&f->agents, str_of(id));
}

/* -- observed time -- */

int64_t fleet_observed_us(const struct fleet *f)
{
    int64_t gap_us = clock_monotonic_us() - f->pulse_us;
    return f->observed_us + MIN(gap_us, FLEET_PULSE_CREDIT_US);
}

/* -- the process -- */

/* The handle outlives its agent until libuv has let go of it. */
struct exit_watch {
    uv_poll_t poll;
    int pidfd;
    struct fleet_agent *agent;
};

static void close_watch(uv_handle_t *handle)
{
    struct exit_watch *w = handle->data;
    closep(&w->pidfd);
    free(w);
}

static void unwatch(struct fleet_agent *a)
{
    struct exit_watch *w = TAKE(a->exit_watch);
    if (!w)
        return;
    w->agent = NULL;
    (void)uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, close_watch);
}

static void set_gone(struct fleet_agent *a)
{
    a->is_gone = true;
    unwatch(a);
    agent_refresh(a);
}

static void on_exit_seen(uv_poll_t *poll, int status, int events)
{
    struct exit_watch *w = poll->data;
    (void)status;
    (void)events;
    if (w->agent)
        set_gone(w->agent);
}

/* Its end is seen at once.  Without a pidfd the next look at /proc sees it. */
static void watch(struct fleet_agent *a)
{
    int pidfd = pidfd_open((pid_t)a->pid, 0);
    if (pidfd < 0)
        return;
    /* The pidfd holds on to one process; only now does comparing tell whether it is the right one. */
    if (procfs_start_ticks("/proc", a->pid) != a->start_ticks) {
        closep(&pidfd);
        a->is_gone = true;
        return;
    }
    struct exit_watch *w = xnew(struct exit_watch);
    w->pidfd = pidfd;
    w->agent = a;
    if (uv_poll_init(a->fleet->loop, &w->poll, pidfd) != 0) {
        closep(&w->pidfd);
        free(w);
        return;
    }
    w->poll.data = w;
    (void)uv_poll_start(&w->poll, UV_READABLE, on_exit_seen);
    a->exit_watch = w;
}

void agent_set_process(struct fleet_agent *a, int64_t pid, int64_t start_ticks)
{
    if (a->pid == pid && a->start_ticks == start_ticks)
        return;
    unwatch(a);
    a->pid = pid;
    a->start_ticks = start_ticks;
    a->is_gone = false;
    a->gone_us = 0;
    leavings_drop(a);
    a->liveness = (struct liveness){0};
    if (pid == 0 || a->is_remote)
        return;
    if (start_ticks == 0)
        a->is_gone = true;
    else if (a->origin == FLEET_REGISTERED)
        watch(a);
}

/* -- status -- */

static enum agent_status status_of_verdict(enum verdict v)
{
    static const enum agent_status statuses[VERDICT_COUNT] = {
        [VERDICT_STARTING] = AGENT_STARTING,   [VERDICT_WORKING] = AGENT_ACTIVE,
        [VERDICT_TOOL_RUNNING] = AGENT_ACTIVE, [VERDICT_WAITING_PERMISSION] = AGENT_IDLE,
        [VERDICT_WAITING_INPUT] = AGENT_IDLE,  [VERDICT_RATE_LIMITED] = AGENT_IDLE,
        [VERDICT_API_RETRYING] = AGENT_ACTIVE, [VERDICT_HUNG_STREAM] = AGENT_DEGRADED,
        [VERDICT_HUNG_STDIN] = AGENT_DEGRADED, [VERDICT_LOOPING] = AGENT_DEGRADED,
        [VERDICT_IDLE] = AGENT_IDLE,           [VERDICT_DONE] = AGENT_IDLE,
        [VERDICT_ORPHAN] = AGENT_DEGRADED,     [VERDICT_ZOMBIE] = AGENT_FAILED,
        [VERDICT_DEAD] = AGENT_FAILED,         [VERDICT_UNKNOWN] = AGENT_ACTIVE,
    };
    return statuses[v];
}

static int64_t silence_allowed_us(const struct fleet_agent *a)
{
    if (a->period_us > 0)
        return FLEET_PERIODS * a->period_us;
    /* Nobody promised anything: one who was never heard of is known by its process. */
    return a->heartbeat_at || a->pid == 0 || a->is_remote ? FLEET_PERIODS * FLEET_PERIOD_DEFAULT_US
                                                          : INT64_MAX;
}

static enum agent_status status_of_registered(struct fleet_agent *a, bool *ret_accessible)
{
    char took[32];
    *ret_accessible = true;
    if (a->is_gone) {
        (void)snprintf(a->error, sizeof(a->error), "process %lld is gone", (long long)a->pid);
        return AGENT_FAILED;
    }
    int64_t silence_us = fleet_observed_us(a->fleet) - a->heard_us;
    if (silence_us > silence_allowed_us(a)) {
        int64_t period_us = a->period_us > 0 ? a->period_us : FLEET_PERIOD_DEFAULT_US;
        (void)snprintf(took, sizeof(took), "%.1f", (double)period_us / 1e6);
        (void)snprintf(a->error, sizeof(a->error), "no heartbeat for %d periods of %s s", FLEET_PERIODS,
                       took);
        *ret_accessible = false;
        return AGENT_OFFLINE;
    }
    *ret_accessible = a->said != AGENT_OFFLINE;
    if (!*ret_accessible)
        (void)snprintf(a->error, sizeof(a->error), "it said that it goes offline");
    return a->said;
}

static enum agent_status status_of(struct fleet_agent *a, bool *ret_accessible)
{
    a->error[0] = '\0';
    if (a->origin == FLEET_REGISTERED)
        return status_of_registered(a, ret_accessible);
    *ret_accessible = true;
    if (a->is_gone && a->liveness.now.verdict == VERDICT_DONE) {
        *ret_accessible = false;
        (void)snprintf(a->error, sizeof(a->error), "it has ended");
        return AGENT_OFFLINE;
    }
    if (a->is_gone) {
        (void)snprintf(a->error, sizeof(a->error), "process %lld is gone", (long long)a->pid);
        return AGENT_FAILED;
    }
    if (a->pid == 0)
        return AGENT_STARTING;
    return a->liveness.samples ? status_of_verdict(a->liveness.now.verdict) : AGENT_ACTIVE;
}

static void publish(const struct fleet_agent *a, const char *from, const char *to)
{
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_text(&w, "agent_id", a->id);
    json_kv_text(&w, "agent_name", a->name);
    json_kv_text(&w, "session_id", a->session ? a->session->id : NULL);
    json_kv_text(&w, "origin", fleet_origin_name(a->origin));
    json_kv_text(&w, "from", from);
    json_kv_text(&w, "to", to);
    json_kv_text(&w, "error", a->error[0] ? a->error : NULL);
    json_object_end(&w);
    events_publish(a->fleet->events, "event.agent.status", buf_str(&body));
    buf_deinit(&body);
}

void fleet_publish_verdict(const struct fleet_agent *a)
{
    const struct liveness_verdict *v = &a->liveness.now;
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_text(&w, "agent_id", a->id);
    json_kv_text(&w, "agent_name", a->name);
    json_kv_i64_or_null(&w, "pid", a->pid != 0, a->pid);
    json_kv_text(&w, "from", a->liveness.before_count ? verdict_name(a->liveness.before[0].verdict) : NULL);
    json_kv_text(&w, "to", verdict_name(v->verdict));
    json_kv_text(&w, "cause", v->cause);
    json_kv_time_or_null(&w, "until", v->until != 0, v->until);
    json_object_end(&w);
    events_publish(a->fleet->events, "event.agent.verdict", buf_str(&body));
    buf_deinit(&body);
}

static void tell_change(const struct fleet_agent *a)
{
    if (a->session && a->fleet->changed && !a->fleet->stopping)
        a->fleet->changed(a->fleet->changed_arg, a->session->id);
}

void agent_refresh(struct fleet_agent *a)
{
    bool accessible;
    enum agent_status status = status_of(a, &accessible), before = a->shown;
    if (!a->is_new && status == before && accessible == a->was_accessible)
        return;
    bool was_new = a->is_new;
    a->is_new = false;
    a->shown = status;
    a->was_accessible = accessible;
    if (a->fleet->stopping) /* who would be told may be gone */
        return;
    publish(a, was_new ? NULL : agent_status_name(before), agent_status_name(status));
    tell_change(a);
}

/* -- coming and going -- */

struct fleet_agent *agent_new(struct fleet *f, enum fleet_origin origin, const char *id, const char *name)
{
    if (f->count == FLEET_AGENTS_MAX) {
        counter_add(COUNTER_AGENTS_REFUSED, 1);
        return NULL;
    }
    struct fleet_agent *a = xnew(struct fleet_agent);
    a->fleet = f;
    a->origin = origin;
    a->id = xstrdup(id);
    a->name = xstrdup(name);
    a->said = AGENT_ACTIVE;
    a->shim_pid = a->shim_start_ticks = -1;
    a->cpu_percent = -1;
    a->memory_bytes = -1;
    a->created_at = clock_wall_us();
    a->heard_us = fleet_observed_us(f);
    a->is_new = true;
    (void)map_put(&f->agents, str_of(a->id), a);
    if (f->count == f->capacity) {
        f->capacity = f->capacity ? 2 * f->capacity : 64;
        f->order = xrealloc(f->order, f->capacity * sizeof(struct fleet_agent *));
    }
    f->order[f->count++] = a;
    return a;
}

static void free_texts(struct fleet_agent *a)
{
    char *const texts[] = {a->id,  a->name, a->vendor,     a->specialization, a->server, a->terminal,
                           a->cwd, a->repo, a->transcript, a->agent_session,  a->reason, a->model};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        free(texts[i]);
}

void agent_remove(struct fleet_agent *a)
{
    struct fleet *f = a->fleet;
    size_t i = 0;
    while (f->order[i] != a)
        i++;
    memmove(f->order + i, f->order + i + 1, (--f->count - i) * sizeof(struct fleet_agent *));
    (void)map_remove(&f->agents, str_of(a->id));
    unwatch(a);
    leavings_drop(a);
    tell_change(a);
    session_let_go(f, a->session);
    free_texts(a);
    free(a);
}

void agent_set_session(struct fleet_agent *a, const char *session_id)
{
    struct fleet_session *before = a->session;
    if (before && strcmp(before->id, session_id) == 0)
        return;
    a->session = session_make(a->fleet, session_id);
    a->session->agents++;
    session_let_go(a->fleet, before);
}

static void set_usage(struct fleet_agent *a, const struct usage *u)
{
    int64_t total = 0;
    bool known = false;
    a->usage = *u;
    for (int kind = USAGE_INPUT; kind <= USAGE_CACHE_CREATION; kind++) { /* those that do not overlap */
        known |= u->known[kind];
        total += u->tokens[kind];
    }
    if (known)
        token_rate_note(&a->token_rate, clock_monotonic_us(), total);
}

static void set_run(struct fleet_agent *a, const struct fleet_run *run)
{
    char session[40];
    a->run_id = run->run_id;
    a->task_id = run->task_id;
    agent_set_text(&a->repo, run->repo);
    agent_set_text(&a->model, run->usage.model[0] ? run->usage.model : run->model);
    set_usage(a, &run->usage);
    agent_set_text(&a->server, a->fleet->hostname);
    a->shim_pid = run->shim_pid ? run->shim_pid : -1;
    a->shim_start_ticks = run->shim_start_ticks ? run->shim_start_ticks : -1;
    if (run->task_id) {
        (void)snprintf(session, sizeof(session), "task-%lld", (long long)run->task_id);
        agent_set_session(a, session);
    }
    agent_set_process(a, run->pid, run->start_ticks);
}

/* The queue's live runs are agents as long as they live. */
void fleet_sync_runs(struct fleet *f)
{
    struct arena arena;
    struct fleet_run *runs = NULL;
    size_t count = 0;
    char id[40];
    uint64_t mark = ++f->run_mark;
    arena_init(&arena);
    f->inputs.runs(f->inputs.context, &arena, &runs, &count);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(id, sizeof(id), "run-%lld", (long long)runs[i].run_id);
        struct fleet_agent *a = agent_find(f, id);
        if (!a)
            a = agent_new(f, FLEET_RUN, id, runs[i].agent ? runs[i].agent : "run");
        if (!a)
            break;
        a->seen_run = mark;
        set_run(a, &runs[i]);
        agent_refresh(a);
    }
    for (size_t i = f->count; i-- > 0;)
        if (f->order[i]->origin == FLEET_RUN && f->order[i]->seen_run != mark)
            agent_remove(f->order[i]);
    arena_reset(&arena);
}

/* -- view -- */

void agent_view(struct fleet_agent *a, struct fleet_agent_view *ret)
{
    *ret = (struct fleet_agent_view){
        .id = a->id,
        .name = a->name,
        .vendor = a->vendor,
        .session_id = a->session ? a->session->id : NULL,
        .specialization = a->specialization,
        .server = a->server,
        .terminal = a->terminal,
        .cwd = a->cwd,
        .repo = a->repo,
        .transcript = a->transcript,
        .agent_session = a->agent_session,
        .error = a->error[0] ? a->error : NULL,
        .origin = a->origin,
        .status = a->shown,
        .is_accessible = a->was_accessible,
        .row_id = a->row_id,
        .run_id = a->run_id,
        .task_id = a->task_id,
        .pid = a->pid,
        .start_ticks = a->start_ticks,
        .period_us = a->period_us,
        .created_at = a->created_at,
        .heartbeat_at = a->heartbeat_at,
        .last_activity = MAX(MAX(a->heartbeat_at, a->active_at), a->created_at),
        .liveness = a->liveness.samples ? &a->liveness : NULL,
        .git = leavings_view(a->leavings),
        .model = a->model,
        .usage = a->usage,
        .cpu_percent = a->cpu_percent,
        .memory_bytes = a->memory_bytes,
        .tokens_per_minute = token_rate_per_minute(&a->token_rate, clock_monotonic_us()),
    };
}
