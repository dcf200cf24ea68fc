#include "node/fleet/fleet_internal.h"

#include <unistd.h>

/* -- sessions -- */

struct fleet_session *session_make(struct fleet *f, const char *id)
{
    struct fleet_session *s = map_get(&f->sessions, str_of(id));
    if (s)
        return s;
    s = xnew(struct fleet_session);
    s->id = xstrdup(id);
    s->created_at = clock_wall_us();
    (void)map_put(&f->sessions, str_of(id), s);
    return s;
}

static void session_free(struct fleet_session *s)
{
    free(s->id);
    free(s->name);
    free(s);
}

void session_let_go(struct fleet *f, struct fleet_session *s)
{
    if (!s || --s->agents > 0 || s->is_stored)
        return;
    (void)map_remove(&f->sessions, str_of(s->id));
    session_free(s);
}

void fleet_put_session(struct fleet *f, const struct stored_session *stored)
{
    struct fleet_session *s = session_make(f, stored->id);
    if (!s->is_stored)
        s->created_at = stored->created_at;
    s->is_stored = true;
    agent_set_text(&s->name, stored->name);
    if (f->changed && !f->stopping)
        f->changed(f->changed_arg, s->id);
}

bool fleet_has_named_session(const struct fleet *f, struct str id)
{
    const struct fleet_session *s = map_get(&f->sessions, id);
    return s && s->name;
}

/* -- registered agents -- */

static bool is_here(const struct fleet *f, const char *server)
{
    return !server || strcmp(server, f->hostname) == 0 || strcmp(server, "localhost") == 0;
}

const char *fleet_put_agent(struct fleet *f, const struct stored_agent *stored)
{
    char id[40];
    (void)snprintf(id, sizeof(id), "agent-%lld", (long long)stored->id);
    struct fleet_agent *a = agent_new(f, FLEET_REGISTERED, id, stored->name);
    if (!a)
        return NULL;
    a->row_id = stored->id;
    a->said = stored->status;
    a->created_at = stored->created_at;
    a->heartbeat_at = stored->heartbeat_at;
    a->period_us = stored->period_us;
    agent_set_text(&a->specialization, stored->specialization);
    agent_set_text(&a->server, stored->server);
    agent_set_text(&a->terminal, stored->terminal);
    a->is_remote = !is_here(f, stored->server);
    agent_set_session(a, stored->session_id);
    a->session->is_stored = true;
    agent_set_process(a, stored->process_id, stored->start_ticks);
    agent_refresh(a);
    return a->id;
}

bool fleet_is_full(const struct fleet *f)
{
    return f->count >= FLEET_AGENTS_MAX;
}

static struct fleet_agent *find_row(struct fleet *f, int64_t row_id)
{
    char id[40];
    (void)snprintf(id, sizeof(id), "agent-%lld", (long long)row_id);
    return agent_find(f, id);
}

void fleet_heard(struct fleet *f, const struct stored_agent *heard, bool has_status)
{
    struct fleet_agent *a = find_row(f, heard->id);
    if (!a)
        return;
    a->heartbeat_at = MAX(a->heartbeat_at, heard->heartbeat_at);
    a->heard_us = fleet_observed_us(f);
    a->said = has_status ? heard->status : a->said;
    a->period_us = heard->period_us ? heard->period_us : a->period_us;
    agent_set_text(&a->specialization, heard->specialization);
    agent_set_text(&a->terminal, heard->terminal);
    if (heard->process_id)
        agent_set_process(a, heard->process_id, heard->start_ticks);
    agent_refresh(a);
}

void fleet_remove_agent(struct fleet *f, int64_t row_id)
{
    struct fleet_agent *a = find_row(f, row_id);
    if (a)
        agent_remove(a);
}

/* -- an agent's own word -- */

bool fleet_word(struct fleet *f, const char *id, const struct fleet_word *word)
{
    struct fleet_agent *a = agent_find(f, id);
    if (!a)
        return false;
    enum liveness_report report = word->report == REPORT_NONE ? a->word.report : word->report;
    a->word = *word;
    a->word.report = report;
    a->word.reason = a->word.session = a->word.transcript = NULL;
    a->word_us = clock_monotonic_us();
    a->active_at = clock_wall_us();
    if (word->report != REPORT_NONE) {
        free(a->reason);
        a->reason = word->reason ? xstrdup(word->reason) : NULL;
    }
    agent_set_text(&a->agent_session, word->session);
    if (word->transcript && strlen(word->transcript) < sizeof(a->place.transcript)) {
        agent_set_text(&a->transcript, word->transcript);
        (void)snprintf(a->place.transcript, sizeof(a->place.transcript), "%s", word->transcript);
    }
    look_now(f);
    return true;
}

/* A reading of a few lines of /proc, up from the process. */
const char *fleet_agent_of_process(struct fleet *f, int64_t pid)
{
    fleet_sync_runs(f);
    for (int up = 0; up < 64 && pid > 1; up++) {
        for (size_t i = 0; i < f->count; i++)
            if (f->order[i]->pid == pid && !f->order[i]->is_gone && !f->order[i]->is_remote)
                return f->order[i]->id;
        pid = procfs_parent("/proc", pid);
    }
    look_now(f); /* it may be one that is new */
    return NULL;
}

/* -- views -- */

const char *fleet_origin_name(enum fleet_origin origin)
{
    static const char *const names[] = {"run", "discovered", "registered"};
    return names[origin];
}

/* Whatever is shown has been worked out now. */
static void refresh_all(struct fleet *f)
{
    fleet_sync_runs(f);
    for (size_t i = 0; i < f->count; i++)
        agent_refresh(f->order[i]);
}

void fleet_each(struct fleet *f, void (*each)(void *arg, const struct fleet_agent_view *view), void *arg)
{
    struct fleet_agent_view view;
    refresh_all(f);
    for (size_t i = 0; i < f->count; i++) {
        agent_view(f->order[i], &view);
        each(arg, &view);
    }
}

bool fleet_find(struct fleet *f, const char *id, struct fleet_agent_view *ret)
{
    fleet_sync_runs(f);
    struct fleet_agent *a = agent_find(f, id);
    if (!a)
        return false;
    agent_refresh(a);
    agent_view(a, ret);
    return true;
}

static int compare_sessions(const void *x, const void *y)
{
    return strcmp(((const struct fleet_session_view *)x)->id, ((const struct fleet_session_view *)y)->id);
}

void fleet_sessions(struct fleet *f, struct arena *arena, struct fleet_session_view **ret, size_t *ret_count)
{
    refresh_all(f);
    struct fleet_session_view *views = arena_alloc(arena, (f->sessions.count + 1) * sizeof(*views));
    size_t at = 0, count = 0;
    struct str key;
    void *value;
    while (map_next(&f->sessions, &at, &key, &value)) {
        struct fleet_session *s = value;
        s->view = count;
        views[count++] = (struct fleet_session_view){
            .id = s->id, .name = s->name ? s->name : s->id, .created_at = s->created_at};
    }
    for (size_t i = 0; i < f->count; i++) {
        struct fleet_agent_view view;
        if (!f->order[i]->session)
            continue;
        agent_view(f->order[i], &view);
        struct fleet_session_view *of = &views[f->order[i]->session->view];
        session_counts_add(&of->counts, view.status, view.is_accessible);
        of->last_activity = MAX(of->last_activity, view.last_activity);
    }
    if (count > 0)
        qsort(views, count, sizeof(*views), compare_sessions);
    *ret = views;
    *ret_count = count;
}

/* -- for the session status -- */

static const char *copy(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, str_of(text)) : NULL;
}

static void status_agent_of(struct fleet_agent *a, struct arena *arena, struct status_agent *ret)
{
    struct fleet_agent_view v;
    agent_view(a, &v);
    bool watched = v.liveness && a->liveness.samples;
    bool is_here_now = a->pid && !a->is_remote;
    *ret = (struct status_agent){
        .id = copy(arena, v.id),
        .name = copy(arena, v.name),
        .session_id = copy(arena, v.session_id),
        .specialization = copy(arena, v.specialization),
        .terminal = copy(arena, v.terminal),
        .server = copy(arena, v.server),
        .status = v.status,
        .is_accessible = v.is_accessible,
        .error = copy(arena, v.error),
        .trouble = watched && verdict_is_trouble(a->liveness.now.verdict) ? copy(arena, a->liveness.now.cause)
                                                                          : NULL,
        .created_at = v.created_at,
        .last_activity = v.last_activity,
        .process_id = v.pid,
        .pid = is_here_now && !a->is_gone && v.is_accessible ? v.pid : 0,
        .start_ticks = v.start_ticks,
        .shim_pid = a->shim_pid,
        .shim_start_ticks = a->shim_start_ticks,
    };
}

static bool status_session(void *context, struct str id, struct arena *arena, struct status_session *ret)
{
    struct fleet *f = context;
    fleet_sync_runs(f);
    const struct fleet_session *s = map_get(&f->sessions, id);
    if (!s)
        return false;
    *ret = (struct status_session){.id = copy(arena, s->id), .name = copy(arena, s->name ? s->name : s->id)};
    ret->agents = arena_alloc(arena, (s->agents + 1) * sizeof(*ret->agents));
    for (size_t i = 0; i < f->count; i++) {
        if (f->order[i]->session != s)
            continue;
        agent_refresh(f->order[i]);
        status_agent_of(f->order[i], arena, &ret->agents[ret->count++]);
    }
    return true;
}

struct status_inputs fleet_status_inputs(struct fleet *f)
{
    return (struct status_inputs){status_session, f};
}

/* -- heartbeats that stay out -- */

static void on_pulse(uv_timer_t *timer)
{
    struct fleet *f = timer->data;
    f->observed_us = fleet_observed_us(f);
    f->pulse_us = clock_monotonic_us();
    for (size_t i = 0; i < f->count; i++)
        if (f->order[i]->origin == FLEET_REGISTERED)
            agent_refresh(f->order[i]);
}

/* -- start -- */

struct load {
    struct store_op op;
    struct fleet *fleet;
    struct arena arena;
    struct stored_session *sessions;
    struct stored_agent *agents;
    size_t session_count, agent_count;
};

static int run_load(struct store_op *op, struct db *db, struct err *e)
{
    struct load *l = CONTAINER_OF(op, struct load, op);
    int rc = session_list(db, &l->arena, &l->sessions, &l->session_count, e);
    return rc ? rc : agent_list(db, &l->arena, &l->agents, &l->agent_count, e);
}

static void on_loaded(struct store_op *op)
{
    struct load *l = CONTAINER_OF(op, struct load, op);
    struct fleet *f = l->fleet;
    for (size_t i = 0; op->rc == 0 && i < l->session_count; i++)
        fleet_put_session(f, &l->sessions[i]);
    for (size_t i = 0; op->rc == 0 && i < l->agent_count; i++)
        (void)fleet_put_agent(f, &l->agents[i]);
    if (op->rc == 0 && !f->stopping) {
        (void)uv_timer_start(&f->pulse, on_pulse, FLEET_PULSE_MS, FLEET_PULSE_MS);
        look_start(f);
    }
    f->ready(f->ready_arg, op->rc == 0 ? NULL : &op->err);
    arena_reset(&l->arena);
    free(l);
}

void fleet_start(struct fleet *f, void (*ready)(void *arg, const struct err *e), void *arg)
{
    struct load *l = xnew(struct load);
    f->ready = ready;
    f->ready_arg = arg;
    l->fleet = f;
    l->op.run = run_load;
    l->op.done = on_loaded;
    arena_init(&l->arena);
    store_read(f->store, &l->op);
}

struct fleet *fleet_new(uv_loop_t *loop, struct store *store, struct events *events,
                        struct proc_sampler *sampler, const struct fleet_config *config,
                        const struct fleet_inputs *inputs)
{
    struct fleet *f = xnew(struct fleet);
    f->loop = loop;
    f->store = store;
    f->events = events;
    f->sampler = sampler;
    f->config = *config;
    f->inputs = *inputs;
    f->pulse_us = clock_monotonic_us();
    if (gethostname(f->hostname, sizeof(f->hostname) - 1) != 0)
        (void)snprintf(f->hostname, sizeof(f->hostname), "localhost");
    f->waiting_end = &f->waiting;
    map_init(&f->agents);
    map_init(&f->sessions);
    uv_timer_t *timers[] = {&f->pulse, &f->look_timer};
    for (size_t i = 0; i < COUNT_OF(timers); i++) {
        (void)uv_timer_init(loop, timers[i]);
        timers[i]->data = f;
    }
    return f;
}

void fleet_on_change(struct fleet *f, void (*changed)(void *arg, const char *session_id), void *arg)
{
    f->changed = changed;
    f->changed_arg = arg;
}

void fleet_reload(struct fleet *f, const struct fleet_config *config)
{
    f->config = *config;
    if (uv_is_active((uv_handle_t *)&f->look_timer))
        look_start(f);
}

void fleet_stop(struct fleet *f)
{
    f->stopping = true;
    for (size_t i = 0; i < f->count; i++)
        leavings_drop(f->order[i]);
    (void)uv_timer_stop(&f->pulse);
    (void)uv_timer_stop(&f->look_timer);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct fleet *f = handle->data;
    if (--f->open_timers == 0)
        free(f);
}

struct fleet *fleet_free(struct fleet *f)
{
    size_t at = 0;
    struct str key;
    void *value;
    if (!f)
        return NULL;
    f->changed = NULL;
    f->events = NULL;
    while (f->count > 0)
        agent_remove(f->order[f->count - 1]);
    while (map_next(&f->sessions, &at, &key, &value))
        session_free(value);
    map_deinit(&f->sessions);
    map_deinit(&f->agents);
    free(f->order);
    look_free_memory(f);
    f->open_timers = 2;
    uv_close((uv_handle_t *)&f->pulse, on_timer_closed);
    uv_close((uv_handle_t *)&f->look_timer, on_timer_closed);
    return NULL;
}
