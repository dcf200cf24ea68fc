#include "node/telemetry/payload.h"

#include "base/clock.h"
#include "base/json.h"

#define UNKNOWN_NAME "unknown"

/* "…T03:04:05.123456+00:00" */
static void put_time(struct json_writer *w, const char *key, int64_t us)
{
    char text[CLOCK_TEXT_MAX];
    CLEANUP(buf_deinit) struct buf time = BUF_INIT;
    (void)clock_format_us(us, text);
    buf_printf(&time, "%.*s+00:00", (int)strlen(text) - 1, text);
    json_kv_str(w, key, buf_str(&time));
}

static void key_of(struct json_writer *w, const char *name)
{
    json_key_str(w, str_of(name[0] ? name : UNKNOWN_NAME));
}

static void put_fleet(struct json_writer *w, const struct telemetry_figures *f)
{
    json_key(w, "agents");
    json_object_begin(w);
    json_kv_i64(w, "online_count", f->agents_online);
    json_kv_i64(w, "offline_count", f->agents_offline);
    json_kv_i64(w, "total_count", f->agents_total);
    json_object_end(w);
}

static void put_mean(struct json_writer *w, const struct task_mean *m)
{
    int64_t centi_ms = task_mean_centi_ms(m);
    json_key(w, "avg_duration_ms");
    json_micros(w, centi_ms * 10000);
}

static void put_tasks(struct json_writer *w, const struct telemetry_figures *f, struct arena *a)
{
    size_t statuses, types;
    const struct task_mean *by_status = task_means_by_status(f->tasks, f->task_count, a, &statuses);
    const struct task_mean *by_type = task_means_by_type(f->tasks, f->task_count, a, &types);
    json_key(w, "tasks");
    json_object_begin(w);
    json_key(w, "by_status");
    json_object_begin(w);
    for (size_t i = 0; i < statuses; i++) {
        key_of(w, by_status[i].name);
        json_i64(w, by_status[i].count);
    }
    json_object_end(w);
    json_key(w, "by_type");
    json_object_begin(w);
    for (size_t i = 0; i < types; i++) {
        key_of(w, by_type[i].name);
        json_object_begin(w);
        json_kv_i64(w, "count", by_type[i].count);
        put_mean(w, &by_type[i]);
        json_object_end(w);
    }
    json_object_end(w);
    json_object_end(w);
}

static void put_usage(struct json_writer *w, int64_t runs, int64_t cost_micro_usd, const int64_t *tokens)
{
    json_kv_i64(w, "runs", runs);
    for (size_t k = 0; k < USAGE_KIND_COUNT; k++)
        json_kv_i64(w, usage_kind_names[k], tokens[k]);
    json_kv_micros_or_null(w, "cost_usd", true, cost_micro_usd);
}

static void put_models(struct json_writer *w, const struct telemetry_figures *f)
{
    json_key(w, "models");
    json_object_begin(w);
    for (size_t i = 0; i < f->model_count; i++) {
        const struct telemetry_model *m = &f->models[i];
        if (m->runs == 0)
            continue;
        key_of(w, m->model);
        json_object_begin(w);
        put_usage(w, m->runs, m->cost_micro_usd, m->tokens);
        json_object_end(w);
    }
    json_object_end(w);
}

static void put_metrics(struct json_writer *w, const struct telemetry_figures *f)
{
    struct arena a;
    arena_init(&a);
    json_key(w, "metrics");
    json_object_begin(w);
    put_fleet(w, f);
    put_tasks(w, f, &a);
    json_key(w, "servers");
    json_object_begin(w);
    json_kv_i64(w, "total_count", f->servers_total);
    json_object_end(w);
    json_object_end(w);
    arena_reset(&a);
}

static void put_totals(struct json_writer *w, const struct telemetry_figures *f)
{
    json_key(w, "totals");
    json_object_begin(w);
    json_kv_i64(w, "tasks", f->total_tasks);
    put_usage(w, f->total_runs, f->total_cost_micro_usd, f->total_tokens);
    json_object_end(w);
}

/* What a licence is measured by: how many there are, not what they did. */
static struct telemetry_figures licence_figures(const struct telemetry_figures *f)
{
    return (struct telemetry_figures){.agents_online = f->agents_online,
                                      .agents_offline = f->agents_offline,
                                      .agents_total = f->agents_total,
                                      .servers_total = f->servers_total};
}

void payload_write(const struct payload_head *head, const struct window *win,
                   const struct telemetry_figures *all, struct buf *out)
{
    struct telemetry_figures f = head->licence_only ? licence_figures(all) : *all;
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_text(&w, "instance_id", head->instance_id);
    put_time(&w, "window_start", win->start_us);
    put_time(&w, "window_end", win->end_us);
    json_kv_i64(&w, "uptime_seconds", head->uptime_us / USEC_PER_SEC);
    put_metrics(&w, &f);
    json_kv_text(&w, "epoch", head->epoch);
    json_kv_i64(&w, "window_no", head->window_no);
    json_kv_text(&w, "process", head->process);
    json_key(&w, "interval_seconds");
    json_micros(&w, head->interval_us);
    if (!head->licence_only) {
        put_totals(&w, &f);
        put_models(&w, &f);
        json_key(&w, "sessions");
        json_object_begin(&w);
        json_kv_i64(&w, "total_count", f.sessions_total);
        json_object_end(&w);
    }
    json_kv_text(&w, "version", head->version);
    json_kv_text(&w, "platform", head->platform);
    json_object_end(&w);
}
