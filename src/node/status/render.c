#include "node/status/render.h"

#include "base/clock.h"
#include "base/json.h"
#include "core/session_health.h"

#define MIB (1024.0 * 1024.0)

const char *const status_strategy_names[] = {"fast", "detailed", "comprehensive"};

struct totals { /* over the accessible agents; known: at least one agent's figure is */
    double cpu_percent, memory_mb, max_memory_mb;
    int64_t file_descriptors, threads;
    bool cpu_known, memory_known, file_descriptors_known, threads_known;
    int64_t took_us, timed;
    struct session_counts counts;
};

static void number_or_null(struct json_writer *w, const char *key, bool known, double v)
{
    json_key(w, key);
    if (known)
        json_double(w, v);
    else
        json_null_value(w);
}

/* A late agent's figures are not there; they may still be written. */
static bool has_figures(const struct collected_agent *a)
{
    return !a->is_late && a->pid_count > 0;
}

static void add_agent(struct totals *t, const struct collected_agent *a)
{
    session_counts_add(&t->counts, a->agent.status, a->agent.is_accessible);
    if (!a->agent.is_accessible || a->is_late)
        return;
    t->timed++;
    t->took_us += a->took_us;
    if (!has_figures(a))
        return;
    if (a->cpu_percent >= 0) {
        t->cpu_known = true;
        t->cpu_percent += a->cpu_percent;
    }
    if (a->memory_bytes >= 0) {
        double mb = (double)a->memory_bytes / MIB;
        t->memory_known = true;
        t->memory_mb += mb;
        t->max_memory_mb = MAX(t->max_memory_mb, mb);
    }
    if (a->file_descriptors >= 0) {
        t->file_descriptors_known = true;
        t->file_descriptors += a->file_descriptors;
    }
    t->threads_known = true;
    t->threads += a->threads;
}

static double utilization_percent(const struct status_collection *c, const struct totals *t)
{
    if (!t->memory_known || c->memory_limit_bytes <= 0)
        return -1;
    return t->memory_mb * MIB / (double)c->memory_limit_bytes * 100;
}

static void put_metrics(struct json_writer *w, const struct status_collection *c, const struct totals *t)
{
    double utilization = utilization_percent(c, t);
    json_key(w, "metrics");
    json_object_begin(w);
    json_kv_i64(w, "total_agents", t->counts.total);
    json_kv_i64(w, "active_agents", t->counts.active);
    json_kv_i64(w, "degraded_agents", t->counts.degraded);
    json_kv_i64(w, "failed_agents", t->counts.failed);
    json_kv_i64(w, "offline_agents", t->counts.offline);
    number_or_null(w, "total_cpu_percent", t->cpu_known, t->cpu_percent);
    number_or_null(w, "total_memory_mb", t->memory_known, t->memory_mb);
    json_kv_i64_or_null(w, "total_file_descriptors", t->file_descriptors_known, t->file_descriptors);
    json_kv_i64_or_null(w, "total_threads", t->threads_known, t->threads);
    number_or_null(w, "max_memory_usage_mb", t->memory_known, t->max_memory_mb);
    number_or_null(w, "avg_response_time_ms", t->timed > 0,
                   t->timed ? (double)t->took_us / (double)t->timed / 1000 : 0);
    number_or_null(w, "resource_utilization_percent", utilization >= 0, utilization);
    json_kv_double(w, "health_score", (double)session_score_tenths(&t->counts) / 10);
    json_kv_i64(w, "critical_issues", session_critical_issues(&t->counts));
    json_kv_i64(w, "warnings", t->counts.degraded);
    json_object_end(w);
}

static void put_resources(struct json_writer *w, const struct collected_agent *a)
{
    bool known = has_figures(a);
    number_or_null(w, "cpu_percent", known && a->cpu_percent >= 0, a->cpu_percent);
    number_or_null(w, "memory_mb", known && a->memory_bytes >= 0, (double)a->memory_bytes / MIB);
    json_kv_time_or_null(w, "memory_sampled_at", known && a->memory_bytes >= 0, a->memory_at);
    json_kv_i64_or_null(w, "file_descriptors", known && a->file_descriptors >= 0, a->file_descriptors);
    json_kv_i64_or_null(w, "thread_count", known, a->threads);
}

static const char *health_status(const struct collected_agent *a)
{
    if (!a->agent.is_accessible || a->agent.status == AGENT_INVALID)
        return "unknown";
    if (a->agent.status == AGENT_FAILED)
        return "unhealthy";
    return a->issue_count > 0 ? "degraded" : "healthy";
}

static void put_health(struct json_writer *w, const struct status_collection *c,
                       const struct collected_agent *a)
{
    json_kv_text(w, "health_status", health_status(a));
    json_kv_time_or_null(w, "last_health_check", true, c->finished_at);
    json_key(w, "health_issues");
    json_array_begin(w);
    for (size_t i = 0; i < a->issue_count; i++)
        json_text(w, a->issues[i]);
    json_array_end(w);
}

static void put_agent(struct json_writer *w, const struct status_collection *c,
                      const struct collected_agent *a)
{
    const struct status_agent *agent = &a->agent;
    json_object_begin(w);
    json_kv_text(w, "agent_id", agent->id);
    json_kv_text(w, "agent_name", agent->name);
    json_kv_text(w, "status", agent_status_name(agent->status));
    json_kv_text(w, "session_id", agent->session_id);
    json_kv_text(w, "specialization", agent->specialization);
    json_kv_time_or_null(w, "created_at", agent->created_at != 0, agent->created_at);
    json_kv_time_or_null(w, "last_activity", agent->last_activity != 0, agent->last_activity);
    json_kv_i64_or_null(w, "process_id", agent->process_id != 0, agent->process_id);
    json_kv_text(w, "terminal", agent->terminal);
    json_kv_text(w, "server", agent->server);
    if (c->with_metrics)
        put_resources(w, a);
    if (c->with_health)
        put_health(w, c, a);
    json_kv_text(w, "error_message", agent->error);
    json_kv_bool(w, "is_accessible", agent->is_accessible);
    json_object_end(w);
}

static void put_errors(struct json_writer *w, const struct status_collection *c)
{
    char text[STATUS_ISSUE_BYTES * 3];
    json_key(w, "errors");
    json_array_begin(w);
    if (c->failed)
        json_text(w, c->failure);
    for (size_t i = 0; !c->failed && i < c->session.count; i++) {
        const struct status_agent *agent = &c->agents[i].agent;
        if (!agent->error)
            continue;
        (void)snprintf(text, sizeof(text), "%s: %s", agent->id, agent->error);
        json_text(w, text);
    }
    json_array_end(w);
}

static void put_warning(void *arg, const char *text)
{
    json_text(arg, text);
}

static void put_warnings(struct json_writer *w, const struct status_collection *c, const struct totals *t)
{
    json_key(w, "warnings");
    json_array_begin(w);
    if (!c->failed)
        session_warnings(&t->counts, utilization_percent(c, t), put_warning, w);
    json_array_end(w);
}

void status_render(const struct status_collection *c, struct buf *out)
{
    struct json_writer w;
    struct totals t = {0};
    bool partial = false;
    for (size_t i = 0; !c->failed && i < c->session.count; i++) {
        add_agent(&t, &c->agents[i]);
        partial |= !c->agents[i].agent.is_accessible;
    }
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_text(&w, "session_id", c->session.id);
    json_kv_text(&w, "session_name", c->session.name);
    json_kv_text(&w, "session_health", c->failed ? "failed" : session_health_name(session_health(&t.counts)));
    json_kv_text(&w, "strategy", status_strategy_names[c->strategy]);
    put_metrics(&w, c, &t);
    json_key(&w, "agents");
    json_array_begin(&w);
    for (size_t i = 0; !c->failed && i < c->session.count; i++)
        put_agent(&w, c, &c->agents[i]);
    json_array_end(&w);
    json_kv_time_or_null(&w, "collection_timestamp", true, c->finished_at);
    json_kv_double(&w, "collection_duration_ms", (double)c->duration_us / 1000);
    json_kv_bool(&w, "partial_results", partial);
    put_errors(&w, c);
    put_warnings(&w, c, &t);
    json_object_end(&w);
}
