#include "base/json.h"
#include "io/counters.h"
#include "node/workers/workers_internal.h"

/* instance holds no character that needs an escape (core/heartbeat.c). */
static void put_instance(struct json_writer *j, const struct worker_row *r)
{
    json_kv_text(j, "instance", r->instance[0] ? r->instance : NULL);
}

void view_changed(struct worker *worker)
{
    buf_clear(&worker->tail);
}

/* {"name":"…","status":" */
static void make_head(struct worker *worker)
{
    buf_add_text(&worker->head, "{\"name\":");
    json_escape(&worker->head, str_of(worker->name));
    buf_add_text(&worker->head, ",\"status\":\"");
}

/* ,"last_heartbeat_ts":… } */
static void make_tail(struct worker *worker)
{
    const struct worker_row *r = &worker->row;
    struct json_writer j;
    json_init(&j, &worker->tail);
    json_object_begin(&j);
    json_kv_micros_or_null(&j, "last_heartbeat_ts", r->heard, r->ts_us);
    json_key(&j, "extra");
    json_raw(&j, worker->extra ? str_of(worker->extra) : STR("{}"));
    json_kv_bool(&j, "truncated", worker->truncated);
    put_instance(&j, r);
    json_kv_i64_or_null(&j, "restarts", r->heard, r->restarts);
    json_kv_micros_or_null(&j, "window_s", true, worker_window_us(r));
    json_object_end(&j);
    worker->tail.p[0] = ',';
}

/* Ten thousand rows are read as one answer: what a beat does not change is printed once, and ages have
 * milliseconds. */
static void put_row(struct buf *out, struct worker *worker, int64_t now_us)
{
    const struct worker_row *r = &worker->row;
    if (worker->head.n == 0)
        make_head(worker);
    if (worker->tail.n == 0)
        make_tail(worker);
    buf_add_str(out, buf_str(&worker->head));
    buf_add_text(out, worker_status_name(worker_status(r, now_us)));
    buf_add_text(out, "\",\"seconds_since\":");
    if (r->heard) {
        int64_t ms = worker_age_us(r, now_us) / 1000;
        char fraction[] = {'.', (char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10),
                           (char)('0' + ms % 10)};
        buf_add_i64(out, ms / 1000);
        buf_add(out, fraction, sizeof(fraction));
    } else {
        buf_add_text(out, "null");
    }
    buf_add_text(out, worker_flapping(r, now_us) ? ",\"flapping\":true" : ",\"flapping\":false");
    buf_add_str(out, buf_str(&worker->tail));
}

/* Each bad beat is in one of the first five; `odd` ones were taken. */
static void put_dropped(struct json_writer *j)
{
    static const struct {
        const char *name;
        enum counter_id counter;
    } rows[] = {{"unknown_worker", COUNTER_HEARTBEATS_UNKNOWN},
                {"bad_payload", COUNTER_HEARTBEATS_BAD_PAYLOAD},
                {"bad_ts", COUNTER_HEARTBEATS_BAD_TS},
                {"older", COUNTER_HEARTBEATS_OLDER},
                {"not_ours", COUNTER_HEARTBEATS_OWN},
                {"bad_period", COUNTER_HEARTBEATS_BAD_PERIOD},
                {"bad_instance", COUNTER_HEARTBEATS_BAD_INSTANCE},
                {"truncated", COUNTER_HEARTBEATS_TRUNCATED}};
    json_key(j, "dropped");
    json_object_begin(j);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        json_kv_i64(j, rows[i].name, counter_get(rows[i].counter));
    json_object_end(j);
}

void workers_list(struct workers *w, struct buf *out)
{
    struct json_writer j;
    int64_t now_us = workers_now(w);
    json_init(&j, out);
    json_object_begin(&j);
    json_key(&j, "workers");
    json_array_begin(&j);
    for (size_t i = 0; i < w->count; i++) {
        if (i)
            buf_add_char(out, ',');
        put_row(out, &w->workers[i], now_us);
    }
    json_array_end(&j);
    json_kv_time_or_null(&j, "generated_at", true, w->wall_us());
    json_kv_bool(&j, "bus_connected", w->started && w->bus.connected(w->bus.context));
    put_dropped(&j);
    json_object_end(&j);
}

void view_status_event(struct workers *w, const struct worker *worker, enum worker_status previous,
                       int64_t now_us, struct buf *out)
{
    const struct worker_row *r = &worker->row;
    struct json_writer j;
    json_init(&j, out);
    json_object_begin(&j);
    json_kv_text(&j, "worker", worker->name);
    json_kv_text(&j, "status", worker_status_name(worker->told));
    json_kv_text(&j, "previous", worker_status_name(previous));
    json_kv_bool(&j, "flapping", worker->told_flapping);
    json_kv_micros_or_null(&j, "last_heartbeat_ts", r->heard, r->ts_us);
    json_kv_micros_or_null(&j, "seconds_since", r->heard, r->heard ? worker_age_us(r, now_us) : 0);
    put_instance(&j, r);
    json_kv_i64_or_null(&j, "restarts", r->heard, r->restarts);
    json_kv_micros_or_null(&j, "ts", true, w->wall_us());
    json_object_end(&j);
}

bool workers_metrics(void *workers, struct arena *a, struct metrics_worker **ret, size_t *ret_count)
{
    struct workers *w = workers;
    int64_t now_us = workers_now(w);
    struct metrics_worker *rows = arena_alloc(a, (w->count + 1) * sizeof(*rows));
    for (size_t i = 0; i < w->count; i++) {
        const struct worker *worker = &w->workers[i];
        rows[i] = (struct metrics_worker){.name = worker->name,
                                          .status = worker_status_name(worker_status(&worker->row, now_us)),
                                          .heard = worker->row.heard,
                                          .flapping = worker_flapping(&worker->row, now_us),
                                          .last_heartbeat_us = worker->row.ts_us,
                                          .restarts = worker->row.restarts};
    }
    *ret = rows;
    *ret_count = w->count;
    return true;
}
