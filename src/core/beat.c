#include "core/beat.h"

#include "base/json.h"
#include "base/json_scan.h"
#include "core/subject.h"

void beat_init(struct beat *b, const char *worker, const char *instance, int64_t period_us, int64_t now_us)
{
    *b = (struct beat){.worker = worker, .period_us = period_us, .start_us = now_us, .next_us = now_us};
    (void)snprintf(b->instance, sizeof(b->instance), "%s", instance);
}

bool beat_is_due(const struct beat *b, int64_t now_us)
{
    return now_us >= b->next_us;
}

static int64_t next_after(const struct beat *b, int64_t now_us)
{
    int64_t sent = (now_us - b->start_us) / b->period_us;
    return b->start_us + (sent + 1) * b->period_us;
}

void beat_write(struct beat *b, int64_t now_us, int64_t wall_us, struct str extra, bool last, struct buf *out)
{
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_text(&w, "worker", b->worker);
    json_kv_micros_or_null(&w, "ts", true, wall_us);
    json_kv_text(&w, "instance", b->instance);
    json_kv_i64(&w, "seq", b->seq++);
    json_kv_micros_or_null(&w, "period_s", true, b->period_us);
    json_kv_micros_or_null(&w, "uptime_s", true, now_us - b->start_us);
    if (last)
        json_kv_text(&w, "state", "stopping");
    json_object_end(&w);
    if (extra.n) {
        out->p[out->n - 1] = ',';
        buf_add_str(out, extra);
        buf_add_char(out, '}');
    }
    b->next_us = next_after(b, now_us);
}

void beat_skip(struct beat *b, int64_t now_us)
{
    b->next_us = next_after(b, now_us);
}

void beat_subject(const char *worker, struct buf *out)
{
    buf_printf(out, "system.%s.health", worker);
}

void beat_control_subject(const char *worker, struct buf *out)
{
    buf_printf(out, "system.%s.control", worker);
}

bool beat_worker_valid(struct str name)
{
    return name.n > 0 && name.n <= BEAT_WORKER_MAX && subject_valid(name) && !memchr(name.p, '.', name.n) &&
           str_is_utf8(name);
}

#define CONTROL_DEPTH_MAX 8

bool beat_control_is_stop(struct str payload)
{
    struct json_scan s = {payload};
    struct buf key = BUF_INIT, value = BUF_INIT;
    struct json_scanned is;
    bool stop = false, ok = str_is_utf8(payload) && json_scan_take(&s, '{');
    bool more = ok && !json_scan_take(&s, '}');
    while (ok && more) {
        buf_clear(&key);
        buf_clear(&value);
        ok = json_scan_string(&s, &key) == 0 && json_scan_take(&s, ':') &&
             json_scan_value(&s, CONTROL_DEPTH_MAX, &value, &is) == 0;
        if (ok && str_equal(buf_str(&key), STR("action")))
            stop = str_equal(buf_str(&value), STR("\"stop\""));
        more = ok && !json_scan_take(&s, '}');
        ok = ok && (!more || json_scan_take(&s, ','));
    }
    buf_deinit(&key);
    buf_deinit(&value);
    return ok && stop && json_scan_at_end(&s);
}
