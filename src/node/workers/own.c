/* The beats of our own components.  Each goes straight into its row, which therefore needs no echo (W9), and
 * out on the bus for whoever listens. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "node/workers/workers_internal.h"

void own_init(struct workers *w, const struct workers_config *config)
{
    hash_random_hex(BEAT_INSTANCE_BYTES, w->own_instance);
    w->own_count = config->own_count;
    w->own = xcalloc(w->own_count + 1, sizeof(*w->own));
    for (size_t i = 0; i < w->own_count; i++) {
        struct own_beat *o = &w->own[i];
        o->component = config->own[i];
        o->was_working = true;
        o->row = workers_find(w, str_of(o->component.name));
        if (o->row)
            o->row->is_own = true;
    }
}

bool own_is(const struct workers *w, struct str name)
{
    for (size_t i = 0; i < w->own_count; i++)
        if (str_equal(name, str_of(w->own[i].component.name)))
            return true;
    return false;
}

bool own_is_echo(const struct workers *w, struct str payload)
{
    return str_find(payload, str_of(w->own_instance)) >= 0;
}

static void send_beat(struct workers *w, struct own_beat *o, struct str extra, bool last)
{
    struct buf subject = BUF_INIT, payload = BUF_INIT;
    beat_subject(o->component.name, &subject);
    beat_write(&o->beat, clock_monotonic_us(), w->wall_us(), extra, last, &payload);
    if (o->row)
        workers_take(w, o->row, buf_str(&payload));
    w->bus.publish(w->bus.context, buf_str(&subject), buf_str(&payload));
    buf_deinit(&subject);
    buf_deinit(&payload);
}

static void note_change(struct own_beat *o, bool works)
{
    if (works == o->was_working)
        return;
    o->was_working = works;
    if (works)
        log_info("workers", "a component of this node works again", LOG_TEXT("component", o->component.name));
    else
        log_warn("workers", "a component of this node does not work; it no longer beats",
                 LOG_TEXT("component", o->component.name));
}

static void beat_if_due(struct workers *w, struct own_beat *o)
{
    int64_t now_us = clock_monotonic_us();
    if (!beat_is_due(&o->beat, now_us))
        return;
    struct buf extra = BUF_INIT;
    bool works = o->component.works(o->component.context, &extra);
    note_change(o, works);
    if (works)
        send_beat(w, o, buf_str(&extra), false);
    else
        beat_skip(&o->beat, now_us);
    buf_deinit(&extra);
}

static void on_own(uv_timer_t *timer)
{
    struct workers *w = timer->data;
    int64_t next_us = INT64_MAX;
    for (size_t i = 0; i < w->own_count; i++) {
        beat_if_due(w, &w->own[i]);
        next_us = MIN(next_us, w->own[i].beat.next_us);
    }
    if (next_us == INT64_MAX)
        return;
    int64_t wait_us = MAX(next_us - clock_monotonic_us(), 0);
    (void)uv_timer_start(&w->own_timer, on_own, (uint64_t)((wait_us + 999) / 1000), 0);
}

void workers_start_own(struct workers *w)
{
    w->own_started = true;
    for (size_t i = 0; i < w->own_count; i++)
        beat_init(&w->own[i].beat, w->own[i].component.name, w->own_instance, w->own[i].component.period_us,
                  clock_monotonic_us());
    on_own(&w->own_timer);
}

void own_stop(struct workers *w)
{
    for (size_t i = 0; i < w->own_count && w->own_started; i++)
        send_beat(w, &w->own[i], STR(""), true);
}
