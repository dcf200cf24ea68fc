#include "io/beater.h"

#include "base/clock.h"
#include "base/hash.h"
#include "core/beat.h"

struct beater {
    struct beater_config config;
    char *worker;
    struct bus_client *bus;
    struct beat beat;
    uv_timer_t timer;
    bool started, stopping;
    bool bus_was_told; /* it is there, or it is not: the first attempt is over */
    bool waiting;      /* for that, with the last word */
    int64_t timeout_us;
    int closing;
    void (*done)(void *);
    void *done_arg;
};

static void send_beat(struct beater *b, bool last)
{
    struct buf subject = BUF_INIT, payload = BUF_INIT, extra = BUF_INIT;
    int64_t now_us = clock_monotonic_us();
    bool works = !b->config.works || b->config.works(b->config.arg, &extra);
    if ((works || last) && bus_client_connected(b->bus)) {
        beat_subject(b->worker, &subject);
        beat_write(&b->beat, now_us, clock_wall_us(), buf_str(&extra), last, &payload);
        (void)bus_client_publish(b->bus, buf_str(&subject), buf_str(&payload));
    } else {
        beat_skip(&b->beat, now_us);
    }
    buf_deinit(&subject);
    buf_deinit(&payload);
    buf_deinit(&extra);
}

static void on_timer(uv_timer_t *timer)
{
    struct beater *b = timer->data;
    if (beat_is_due(&b->beat, clock_monotonic_us()))
        send_beat(b, false);
    int64_t wait_us = MAX(b->beat.next_us - clock_monotonic_us(), 0);
    (void)uv_timer_start(&b->timer, on_timer, (uint64_t)((wait_us + 999) / 1000), 0);
}

static void close_all(struct beater *b);

static void on_state(void *arg, bool connected, const char *why)
{
    struct beater *b = arg;
    b->bus_was_told = true;
    if (b->waiting) {
        close_all(b);
        return;
    }
    if (connected && !b->stopping)
        send_beat(b, false);
    if (b->config.on_bus)
        b->config.on_bus(b->config.arg, connected, why);
}

static void on_control(void *arg, struct str subject, struct str payload)
{
    struct beater *b = arg;
    (void)subject;
    if (!b->stopping && beat_control_is_stop(payload))
        b->config.on_stop(b->config.arg);
}

int beater_new(uv_loop_t *loop, const struct beater_config *config, struct beater **ret)
{
    struct beater *b = xnew(struct beater);
    struct bus_client_config bus = {.url = config->bus_url,
                                    .token = config->bus_token,
                                    .name = config->worker,
                                    .on_state = on_state,
                                    .arg = b};
    int rc = bus_client_new(loop, &bus, &b->bus);
    if (rc) {
        free(b);
        return rc;
    }
    char instance[2 * BEAT_INSTANCE_BYTES + 1];
    hash_random_hex(BEAT_INSTANCE_BYTES, instance);
    b->config = *config;
    b->worker = xstrdup(config->worker);
    beat_init(&b->beat, b->worker, instance, config->period_us, clock_monotonic_us());
    (void)uv_timer_init(loop, &b->timer);
    b->timer.data = b;
    *ret = b;
    return 0;
}

void beater_start(struct beater *b)
{
    if (b->config.on_stop) {
        struct buf subject = BUF_INIT;
        beat_control_subject(b->worker, &subject);
        bus_client_subscribe(b->bus, subject.p, on_control, b);
        buf_deinit(&subject);
    }
    b->started = true;
    bus_client_start(b->bus);
    (void)uv_timer_start(&b->timer, on_timer, (uint64_t)(b->config.period_us / USEC_PER_MSEC) + 1, 0);
}

bool beater_connected(const struct beater *b)
{
    return bus_client_connected(b->bus);
}

static void on_closed(struct beater *b)
{
    if (--b->closing == 0)
        b->done(b->done_arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_closed(handle->data);
}

static void on_bus_stopped(void *arg)
{
    on_closed(arg);
}

static void close_all(struct beater *b)
{
    b->waiting = false;
    b->closing = 2;
    send_beat(b, true);
    uv_close((uv_handle_t *)&b->timer, on_timer_closed);
    bus_client_stop(b->bus, b->timeout_us, on_bus_stopped, b);
}

static void on_wait_over(uv_timer_t *timer)
{
    close_all(timer->data);
}

/* A program may have ended before the bus answered; its first and last word are then one. */
void beater_stop(struct beater *b, int64_t timeout_us, void (*done)(void *arg), void *arg)
{
    b->stopping = true;
    b->done = done;
    b->done_arg = arg;
    b->timeout_us = timeout_us;
    b->waiting = b->started && !b->bus_was_told;
    if (b->waiting)
        (void)uv_timer_start(&b->timer, on_wait_over, (uint64_t)(timeout_us / USEC_PER_MSEC), 0);
    else
        close_all(b);
}

struct beater *beater_free(struct beater *b)
{
    if (!b)
        return NULL;
    (void)bus_client_free(b->bus);
    free(b->worker);
    free(b);
    return NULL;
}
