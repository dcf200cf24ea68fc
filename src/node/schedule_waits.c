#include "node/schedule_waits.h"

#include "base/clock.h"

struct wait {
    struct wait *next;
    struct http_request *request;
    int64_t after, until_us;
    void (*answer)(struct http_request *r, int64_t after, void *arg);
    void *arg;
};

struct schedule_waits {
    struct wait *list;
    uv_timer_t timer;
    bool stopping;
};

/* Answers those whose time has come; all of them when `all`. */
static void answer(struct schedule_waits *w, bool all)
{
    int64_t now_us = clock_monotonic_us();
    struct wait *due = NULL;
    for (struct wait **at = &w->list; *at;) {
        struct wait *one = *at;
        if (!all && one->until_us > now_us) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        one->next = due;
        due = one;
    }
    while (due) {
        struct wait *one = due;
        due = one->next;
        one->answer(one->request, one->after, one->arg);
        free(one);
    }
}

static void set_timer(struct schedule_waits *w);

static void on_timer(uv_timer_t *timer)
{
    struct schedule_waits *w = CONTAINER_OF(timer, struct schedule_waits, timer);
    answer(w, false);
    set_timer(w);
}

static void set_timer(struct schedule_waits *w)
{
    int64_t first_us = INT64_MAX;
    for (const struct wait *one = w->list; one; one = one->next)
        first_us = MIN(first_us, one->until_us);
    if (first_us != INT64_MAX)
        (void)uv_timer_start(&w->timer, on_timer,
                             (uint64_t)(MAX(first_us - clock_monotonic_us(), 0) / USEC_PER_MSEC + 1), 0);
}

struct schedule_waits *schedule_waits_new(uv_loop_t *loop)
{
    struct schedule_waits *w = xnew(struct schedule_waits);
    (void)uv_timer_init(loop, &w->timer);
    return w;
}

void schedule_waits_add(struct schedule_waits *w, struct http_request *r, int64_t after, int64_t wait_us,
                        void (*answer_one)(struct http_request *r, int64_t after, void *arg), void *arg)
{
    if (w->stopping || wait_us <= 0) {
        answer_one(r, after, arg);
        return;
    }
    struct wait *one = xnew(struct wait);
    *one = (struct wait){w->list, r, after, clock_monotonic_us() + wait_us, answer_one, arg};
    w->list = one;
    set_timer(w);
}

void schedule_waits_wake(struct schedule_waits *w)
{
    answer(w, true);
}

void schedule_waits_stop(struct schedule_waits *w)
{
    w->stopping = true;
    answer(w, true);
}

static void on_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_timer_t *)handle, struct schedule_waits, timer));
}

struct schedule_waits *schedule_waits_free(struct schedule_waits *w)
{
    if (w)
        uv_close((uv_handle_t *)&w->timer, on_closed);
    return NULL;
}
