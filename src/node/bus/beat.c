#include "node/bus/beat.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"

#include <unistd.h>

#define SUBJECT STR("system.bus.health")
#define PERIOD_US (BEAT_PERIOD_S * USEC_PER_SEC)

int64_t beat_next(int64_t start_us, int64_t now_us)
{
    return (now_us - start_us) / PERIOD_US + 1;
}

static void say(struct beat *b, const char *state)
{
    struct buf payload = BUF_INIT;
    struct json_writer w;
    json_init(&w, &payload);
    json_object_begin(&w);
    json_kv_text(&w, "worker", "bus");
    json_kv_micros_or_null(&w, "ts", true, clock_wall_us());
    json_kv_text(&w, "instance", b->instance);
    json_kv_i64(&w, "seq", b->sequence++);
    json_kv_i64(&w, "period_s", BEAT_PERIOD_S);
    json_kv_i64(&w, "pid", getpid());
    json_kv_micros_or_null(&w, "uptime_s", true, clock_monotonic_us() - b->start_us);
    json_kv_text(&w, "state", state);
    json_object_end(&w);
    b->port->publish(b->port->context, SUBJECT, buf_str(&payload));
    buf_deinit(&payload);
}

static void on_timer(uv_timer_t *timer)
{
    struct beat *b = timer->data;
    say(b, "running");
    int64_t now = clock_monotonic_us(), next = b->start_us + beat_next(b->start_us, now) * PERIOD_US;
    uv_update_time(timer->loop);
    (void)uv_timer_start(timer, on_timer, (uint64_t)((next - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC), 0);
}

void beat_start(struct beat *b, uv_loop_t *loop, const struct bus_port *port)
{
    b->port = port;
    b->start_us = clock_monotonic_us();
    b->sequence = 0;
    hash_random_hex(sizeof(b->instance) / 2, b->instance);
    (void)uv_timer_init(loop, &b->timer);
    b->timer.data = b;
    (void)uv_timer_start(&b->timer, on_timer, 0, 0);
}

void beat_stop(struct beat *b)
{
    if (!b->port || uv_is_closing((uv_handle_t *)&b->timer))
        return;
    say(b, "stopping");
    uv_close((uv_handle_t *)&b->timer, NULL);
}
