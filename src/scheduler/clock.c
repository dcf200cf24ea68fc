/* clock.c -- one timerfd on the wall clock: it wakes at the instant itself, whatever happens meanwhile.
 *
 * After a sleep it is due at once, since it counts wall time; and when the clock is set, its read fails with
 * ECANCELED, and all is decided anew.  No polling: a scheduler with nothing to do uses no time. */
#include "scheduler/scheduler_internal.h"

#include "base/clock.h"

#include <sys/timerfd.h>
#include <unistd.h>

static void on_timer(uv_poll_t *poll, int status, int events)
{
    struct scheduler *s = CONTAINER_OF(poll, struct scheduler, timer);
    uint64_t expirations;
    (void)status;
    (void)events;
    bool clock_set = read(s->timer_fd, &expirations, sizeof(expirations)) < 0 && errno == ECANCELED;
    scheduler_turn(s, clock_set);
}

void clock_set_wake(struct scheduler *s, int64_t wake_us)
{
    int64_t at_us = MAX(MIN(wake_us, INT64_C(253402300800) * USEC_PER_SEC), 1); /* 0 would switch it off */
    struct itimerspec when = {
        .it_value = {.tv_sec = at_us / USEC_PER_SEC, .tv_nsec = at_us % USEC_PER_SEC * 1000}};
    int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    if (timerfd_settime(s->timer_fd, flags, &when, NULL) != 0 && errno == ECANCELED)
        (void)timerfd_settime(s->timer_fd, flags, &when,
                              NULL); /* the clock was set meanwhile; the timer is set */
}

int clock_start(struct scheduler *s)
{
    s->timer_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (s->timer_fd < 0)
        return -errno;
    int rc = uv_poll_init(&s->loop, &s->timer, s->timer_fd);
    return rc ? rc : uv_poll_start(&s->timer, UV_READABLE, on_timer);
}

void clock_stop(struct scheduler *s)
{
    (void)uv_poll_stop(&s->timer);
    uv_close((uv_handle_t *)&s->timer, NULL);
}
