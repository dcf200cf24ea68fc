/* /api/v1/agents: every agent that this node knows, and those that register themselves (spec 70). */
#include "io/procfs.h"
#include "node/api/api.h"
#include "store/fleet.h"

#include <math.h>

#define PERIOD_MIN_S 0.1
#define PERIOD_MAX_S 2592000.0   /* 30 days */
#define PID_MAX INT64_C(4194304) /* the kernel's largest */

struct agent_body {
    struct str name, session_id, status, specialization, server, terminal;
    int64_t process_id;
    double period_s;
    bool has_period;
};
static const struct json_field agent_fields[] = {
    {"name", JSON_FIELD_TEXT, offsetof(struct agent_body, name), .required = true, .min = 1, .max = 200,
     .doc = "What people call it."},
    {"session_id", JSON_FIELD_TEXT, offsetof(struct agent_body, session_id), .required = true, .min = 1,
     .max = 200, .doc = "The session that it belongs to; one that is not known yet is made."},
    {"status", JSON_FIELD_TEXT, offsetof(struct agent_body, status), .one_of = AGENT_STATUS_WORDS,
     .doc = "`active` unless it says otherwise."},
    {"process_id", JSON_FIELD_INT, offsetof(struct agent_body, process_id), .min = 1, .max = PID_MAX,
     .doc = "Its process, whose resources are then known and whose end is seen at once."},
    {"specialization", JSON_FIELD_TEXT, offsetof(struct agent_body, specialization), .max = 200,
     .doc = "What it is for."},
    {"server", JSON_FIELD_TEXT, offsetof(struct agent_body, server), .max = 253,
     .doc = "Host it runs on, when that is not this one: its process is not looked at then."},
    {"terminal", JSON_FIELD_TEXT, offsetof(struct agent_body, terminal), .max = 200,
     .doc = "Tab, pane or tty where it can be found."},
    {"period_s", JSON_FIELD_NUMBER, offsetof(struct agent_body, period_s),
     offsetof(struct agent_body, has_period),
     .doc = "Seconds between its heartbeats, from 0.1; after 3 periods without one it is not accessible."},
    {0}};

struct heartbeat_body {
    int64_t process_id;
    struct str status, specialization, terminal;
    double period_s;
    bool has_period;
};
static const struct json_field heartbeat_fields[] = {
    {"status", JSON_FIELD_TEXT, offsetof(struct heartbeat_body, status), .one_of = AGENT_STATUS_WORDS,
     .doc = "Its status from now on."},
    {"process_id", JSON_FIELD_INT, offsetof(struct heartbeat_body, process_id), .min = 1, .max = PID_MAX,
     .doc = "Its process, when that is another one now."},
    {"specialization", JSON_FIELD_TEXT, offsetof(struct heartbeat_body, specialization), .max = 200,
     .doc = "What it is for from now on."},
    {"terminal", JSON_FIELD_TEXT, offsetof(struct heartbeat_body, terminal), .max = 200,
     .doc = "Where it can be found from now on."},
    {"period_s", JSON_FIELD_NUMBER, offsetof(struct heartbeat_body, period_s),
     offsetof(struct heartbeat_body, has_period), .doc = "Seconds between its heartbeats from now on."},
    {0}};

/* -- shape -- */

static void id_or_null(struct json_writer *w, const char *key, int64_t id)
{
    json_kv_i64_or_null(w, key, id != 0, id);
}

/* One decimal: neither is known any better. */
static void double_or_null(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    if (value >= 0)
        json_double(w, round(value * 10) / 10);
    else
        json_null_value(w);
}

static void put_verdict(struct json_writer *w, const struct liveness_verdict *v)
{
    json_object_begin(w);
    json_kv_text(w, "verdict", verdict_name(v->verdict));
    json_kv_time_or_null(w, "since", true, v->since);
    json_kv_time_or_null(w, "until", v->until != 0, v->until);
    json_kv_text(w, "cause", v->cause);
    json_kv_text(w, "waits_for", verdict_waits_for(v->verdict));
    json_object_end(w);
}

static void put_fields(struct json_writer *w, const struct fleet_agent_view *v)
{
    json_kv_text(w, "id", v->id);
    json_kv_text(w, "name", v->name);
    json_kv_text(w, "origin", fleet_origin_name(v->origin));
    json_kv_text(w, "status", agent_status_name(v->status));
    json_kv_bool(w, "is_accessible", v->is_accessible);
    json_kv_text(w, "error_message", v->error);
    json_kv_text(w, "session_id", v->session_id);
    json_kv_text(w, "vendor", v->vendor);
    json_kv_text(w, "specialization", v->specialization);
    json_kv_text(w, "server", v->server);
    json_kv_text(w, "terminal", v->terminal);
    id_or_null(w, "process_id", v->pid);
    id_or_null(w, "pid", v->pid);
    id_or_null(w, "start_ticks", v->start_ticks);
    json_kv_text(w, "cwd", v->cwd);
    json_kv_text(w, "repo", v->repo);
    json_kv_text(w, "transcript", v->transcript);
    json_kv_text(w, "agent_session", v->agent_session);
    id_or_null(w, "run_id", v->run_id);
    id_or_null(w, "task_id", v->task_id);
    json_key(w, "period_s");
    if (v->period_us)
        json_double(w, (double)v->period_us / 1e6);
    else
        json_null_value(w);
    json_kv_time_or_null(w, "created_at", v->created_at != 0, v->created_at);
    json_kv_time_or_null(w, "last_activity", v->last_activity != 0, v->last_activity);
    json_kv_time_or_null(w, "last_heartbeat", v->heartbeat_at != 0, v->heartbeat_at);
    json_kv_text(w, "model", v->model);
    api_put_usage(w, &v->usage);
    double_or_null(w, "tokens_per_minute", v->tokens_per_minute);
    double_or_null(w, "cpu_percent", v->cpu_percent);
    json_kv_i64_or_null(w, "memory_bytes", v->memory_bytes >= 0, v->memory_bytes);
    json_key(w, "liveness");
    if (v->liveness)
        put_verdict(w, &v->liveness->now);
    else
        json_null_value(w);
}

static void put_agent(struct json_writer *w, const struct fleet_agent_view *v)
{
    json_object_begin(w);
    put_fields(w, v);
    json_object_end(w);
}

/* The answer to a write: the agent as it is after the commit. */
static void put_agent_by_id(struct api_op *op, const char *id)
{
    struct fleet_agent_view view;
    if (fleet_find(op->node->fleet, id, &view))
        put_agent(&op->json, &view);
    else
        op->status = 204; /* removed meanwhile */
}

/* -- GET /api/v1/agents -- */

struct list_filter {
    struct json_writer w;
    const char *origin, *session_id, *status, *after;
    int64_t limit, count;
    bool reached; /* the place after which the page begins */
    bool more;
    char last[64];
};

static bool differs(const char *wanted, const char *is)
{
    return wanted && (!is || strcmp(wanted, is) != 0);
}

static void put_listed(void *arg, const struct fleet_agent_view *v)
{
    struct list_filter *f = arg;
    if (!f->reached) {
        f->reached = strcmp(v->id, f->after) == 0;
        return;
    }
    if (differs(f->origin, fleet_origin_name(v->origin)) || differs(f->session_id, v->session_id) ||
        differs(f->status, agent_status_name(v->status)))
        return;
    if (f->count == f->limit) {
        f->more = true;
        return;
    }
    f->count++;
    (void)snprintf(f->last, sizeof(f->last), "%s", v->id);
    put_agent(&f->w, v);
}

static void list(struct http_request *r, void *context)
{
    struct node *n = context;
    struct buf body = BUF_INIT;
    struct list_filter f = {.origin = api_query_text(r, "origin"),
                            .session_id = api_query_text(r, "session_id"),
                            .status = api_query_text(r, "status"),
                            .after = api_query_text(r, "after")};
    if (!http_query_i64(r, "limit", 1, 10000, 1000, &f.limit))
        return;
    f.reached = !f.after;
    json_init(&f.w, &body);
    json_object_begin(&f.w);
    json_key(&f.w, "agents");
    json_array_begin(&f.w);
    fleet_each(n->fleet, put_listed, &f);
    json_array_end(&f.w);
    api_put_profiles(&f.w, n);
    json_object_end(&f.w);
    if (f.more)
        http_add_header(r, "Link",
                        arena_printf(http_arena(r), "</api/v1/agents?limit=%lld&after=%s>; rel=\"next\"",
                                     (long long)f.limit, f.last));
    http_reply_json(r, 200, &body);
}

/* -- GET /api/v1/agents/{id}: with the evidence, and how the verdict came about -- */

static void number(struct json_writer *w, const char *key, int64_t n)
{
    json_kv_i64_or_null(w, key, n >= 0, n);
}

static void seconds(struct json_writer *w, const char *key, int64_t us)
{
    json_key(w, key);
    if (us >= 0)
        json_double(w, (double)(us / 1000) / 1000);
    else
        json_null_value(w);
}

static void put_git(struct json_writer *w, const struct fleet_git *g)
{
    json_key(w, "git");
    if (!g) {
        json_null_value(w);
        return;
    }
    json_object_begin(w);
    json_kv_text(w, "worktree", g->place.worktree);
    json_kv_text(w, "branch", g->place.branch[0] ? g->place.branch : NULL);
    json_kv_text(w, "head", g->place.head[0] ? g->place.head : NULL);
    number(w, "modified_files", g->counts.modified);
    number(w, "untracked_files", g->counts.untracked);
    json_kv_time_or_null(w, "read_at", g->read_at != 0, g->read_at);
    json_kv_text(w, "cause",
                 g->read_at == 0      ? "git is counting"
                 : g->counts.cause[0] ? g->counts.cause
                                      : NULL);
    json_object_end(w);
}

static void put_evidence(struct json_writer *w, const struct liveness *l, const struct fleet_git *git)
{
    static const char *const turns[] = {NULL, "none", "open", "tool", "permission", "ended"};
    static const char *const inputs[] = {NULL, "null", "file", "terminal", "pipe", "socket"};
    static const char *const reports[] = {NULL, "working", "idle", "waiting", "stuck"};
    const struct liveness_sample *s = &l->last;
    char state[2] = {s->state, '\0'};
    json_key(w, "evidence");
    json_object_begin(w);
    json_kv_time_or_null(w, "sampled_at", true, s->at);
    json_kv_i64(w, "samples", l->samples);
    json_kv_text(w, "process_state", state[0] ? state : NULL);
    seconds(w, "age_s", s->age_us);
    number(w, "cpu_ticks", s->cpu_ticks);
    seconds(w, "cpu_quiet_s", s->cpu_ticks < 0 ? -1 : l->cpu_quiet_us);
    number(w, "tools", s->tools);
    json_kv_text(w, "tool", s->tool[0] ? s->tool : NULL);
    number(w, "connections_established", s->established);
    number(w, "connections_close_wait", s->close_wait);
    number(w, "received_bytes", s->received_bytes);
    seconds(w, "last_received_s", s->last_receive_us);
    seconds(w, "received_quiet_s", s->received_bytes < 0 ? -1 : l->received_quiet_us);
    json_kv_text(w, "stdin", inputs[s->stdin_kind]);
    json_key(w, "stdin_held_open");
    if (s->stdin_held >= 0)
        json_bool(w, s->stdin_held != 0);
    else
        json_null_value(w);
    json_kv_bool(w, "reads_stdin", s->reads_stdin);
    json_kv_bool(w, "foreground", s->is_foreground);
    json_kv_bool(w, "orphaned", s->is_orphaned);
    json_kv_text(w, "turn", turns[s->turn]);
    number(w, "transcript_bytes", s->transcript_bytes);
    seconds(w, "transcript_quiet_s", s->transcript_bytes < 0 ? -1 : l->transcript_quiet_us);
    json_kv_i64(w, "same_tool_calls", s->same_calls);
    json_kv_bool(w, "retries", s->retries);
    json_kv_bool(w, "limit_reached", s->is_limited);
    json_kv_text(w, "reported", reports[s->report]);
    json_kv_text(w, "reported_reason", s->reason[0] ? s->reason : NULL);
    seconds(w, "credited_s", l->credited_us);
    put_git(w, git);
    json_object_end(w);
    json_key(w, "history");
    json_array_begin(w);
    for (size_t i = 0; i < l->before_count; i++)
        put_verdict(w, &l->before[i]);
    json_array_end(w);
}

static void show(struct http_request *r, void *context)
{
    struct node *n = context;
    struct fleet_agent_view view;
    const char *id = arena_strdup(http_arena(r), http_param(r, "id"));
    if (!fleet_find(n->fleet, id, &view)) {
        http_reply_problem(r, 404, NULL, "there is no agent \"%s\"", id);
        return;
    }
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    json_object_begin(&w);
    put_fields(&w, &view);
    if (view.liveness)
        put_evidence(&w, view.liveness, view.git);
    json_object_end(&w);
    http_reply_json(r, 200, &body);
}

/* -- POST /api/v1/agents -- */

/* False, with the refusal sent, when a period was given that is none. */
static bool period_of(struct http_request *r, bool given, double period_s, int64_t *ret_us)
{
    *ret_us = 0;
    if (!given)
        return true;
    if (!(period_s >= PERIOD_MIN_S && period_s <= PERIOD_MAX_S)) {
        http_reply_problem(r, 422, "/period_s", "period_s must be from %g to %g seconds", PERIOD_MIN_S,
                           PERIOD_MAX_S);
        return false;
    }
    *ret_us = (int64_t)llround(period_s * 1e6);
    return true;
}

static enum agent_status status_or_active(struct str word)
{
    enum agent_status status = AGENT_ACTIVE;
    return word.p && agent_status_of(word, &status) ? status : AGENT_ACTIVE;
}

static int create_work(struct api_op *op, struct db *db, struct err *e)
{
    struct stored_agent *a = op->input;
    a->created_at = op->op.now_us;
    op->status = 201;
    return agent_insert(db, a, op->op.now_us, &a->id, e);
}

static void create_after(struct api_op *op)
{
    const char *id = fleet_put_agent(op->node->fleet, op->input);
    if (!id)
        return;
    op->location = arena_printf(op->arena, "/api/v1/agents/%s", id);
    put_agent_by_id(op, id);
}

static void create(struct http_request *r, void *context)
{
    struct node *n = context;
    struct agent_body body = {0};
    int64_t period_us;
    if (!api_body(r, &body) || !period_of(r, body.has_period, body.period_s, &period_us))
        return;
    if (fleet_is_full(n->fleet)) {
        http_reply_problem(r, 503, NULL, "this node knows as many agents as it can; remove some");
        return;
    }
    struct api_op *op = api_op_new(r, n, create_work);
    struct stored_agent *a = op->input = arena_alloc(op->arena, sizeof(*a));
    *a = (struct stored_agent){.name = api_text(op, body.name),
                               .session_id = api_text(op, body.session_id),
                               .status = status_or_active(body.status),
                               .process_id = body.process_id,
                               .specialization = api_text(op, body.specialization),
                               .server = api_text(op, body.server),
                               .terminal = api_text(op, body.terminal),
                               .period_us = period_us};
    if (a->process_id)
        a->start_ticks = MAX(procfs_start_ticks("/proc", a->process_id), 0);
    op->after = create_after;
    api_write(op);
}

/* -- PUT /api/v1/agents/{id}/heartbeat -- */

struct heartbeat_input {
    struct stored_agent agent;
    bool has_status;
    const char *id;
};

static int heartbeat_work(struct api_op *op, struct db *db, struct err *e)
{
    struct heartbeat_input *in = op->input;
    in->agent.heartbeat_at = op->op.now_us;
    int rc = agent_update(db, &in->agent, in->has_status, e);
    return rc == FLEET_E_ABSENT ? err_set(e, ERR_NOT_FOUND, rc, "there is no agent \"%s\"", in->id) : rc;
}

static void heartbeat_after(struct api_op *op)
{
    const struct heartbeat_input *in = op->input;
    fleet_heard(op->node->fleet, &in->agent, in->has_status);
    put_agent_by_id(op, in->id);
}

/* The agent of {id}, if it is one that registered itself; else the refusal is sent. */
static bool find_registered(struct http_request *r, struct node *n, const char *id, int64_t *ret_row_id)
{
    struct fleet_agent_view view;
    if (!fleet_find(n->fleet, id, &view)) {
        http_reply_problem(r, 404, NULL, "there is no agent \"%s\"", id);
        return false;
    }
    if (view.origin != FLEET_REGISTERED) {
        http_reply_problem(r, 409, NULL, "agent \"%s\" was not registered: this node sees it by itself", id);
        return false;
    }
    *ret_row_id = view.row_id;
    return true;
}

static void heartbeat(struct http_request *r, void *context)
{
    struct node *n = context;
    struct heartbeat_body body = {0};
    int64_t period_us, row_id;
    const char *id = arena_strdup(http_arena(r), http_param(r, "id"));
    if (!api_body(r, &body) || !period_of(r, body.has_period, body.period_s, &period_us) ||
        !find_registered(r, n, id, &row_id))
        return;
    struct api_op *op = api_op_new(r, n, heartbeat_work);
    struct heartbeat_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    in->id = id;
    in->has_status = body.status.p != NULL;
    in->agent = (struct stored_agent){.id = row_id,
                                      .status = status_or_active(body.status),
                                      .process_id = body.process_id,
                                      .specialization = api_text(op, body.specialization),
                                      .terminal = api_text(op, body.terminal),
                                      .period_us = period_us};
    if (body.process_id)
        in->agent.start_ticks = MAX(procfs_start_ticks("/proc", body.process_id), 0);
    op->after = heartbeat_after;
    api_write(op);
}

/* -- DELETE /api/v1/agents/{id} -- */

static int remove_work(struct api_op *op, struct db *db, struct err *e)
{
    const int64_t *row_id = op->input;
    int rc = agent_delete(db, *row_id, e);
    op->status = 204;
    return rc == FLEET_E_ABSENT ? err_set(e, ERR_NOT_FOUND, rc, "there is no such agent") : rc;
}

static void remove_after(struct api_op *op)
{
    const int64_t *row_id = op->input;
    fleet_remove_agent(op->node->fleet, *row_id);
}

static void remove_agent(struct http_request *r, void *context)
{
    struct node *n = context;
    int64_t row_id;
    if (!find_registered(r, n, arena_strdup(http_arena(r), http_param(r, "id")), &row_id))
        return;
    struct api_op *op = api_op_new(r, n, remove_work);
    int64_t *input = op->input = arena_alloc(op->arena, sizeof(*input));
    *input = row_id;
    op->after = remove_after;
    api_write(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/agents", API_READERS, list,
     .summary = "All agents: runs, discovered and registered ones; and the profiles of the configuration",
     .query =
         "origin:string:Only run, discovered or registered;session_id:string:Only of this "
         "session;status:string:Only with this status;limit:integer:At most this many;after:string:Those "
         "behind this id",
     .responses = "200:Agents with status and verdict, and profiles"},
    {HTTP_POST, "/api/v1/agents", API_WORKERS, create, .body = agent_fields, .summary = "Register an agent",
     .responses = "201:The agent"},
    {HTTP_GET, "/api/v1/agents/{id}", API_READERS, show,
     .summary = "One agent, with the evidence of its verdict and how it came about",
     .responses = "200:The agent;404:No such agent"},
    {HTTP_PUT, "/api/v1/agents/{id}/heartbeat", API_WORKERS, heartbeat, .body = heartbeat_fields,
     .body_optional = true, .summary = "A registered agent says that it is there",
     .responses = "200:The agent;404:No such agent;409:Not a registered one"},
    {HTTP_DELETE, "/api/v1/agents/{id}", API_WORKERS, remove_agent, .summary = "Forget a registered agent",
     .responses = "204:Done;404:No such agent;409:Not a registered one"},
};
const struct api_routes api_agents_routes = {routes, COUNT_OF(routes)};
