/* schedule_load.c -- the scheduler's engine with many jobs on the real clock: what bench/scheduler.mjs
 * measures.
 *
 * usage: schedule_load JOBS SECONDS.  Prints one JSON object: time to take up the jobs, memory, CPU while
 * nothing is due, and how late jobs fire when some hundred of them come due each second. */
#include "base/clock.h"
#include "base/parse.h"
#include "core/schedule_engine.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LATE_MAX 1000000

static int64_t late_us[LATE_MAX];
static size_t fired;

static void on_fire(void *arg, size_t job, int64_t due_us, int64_t at_us)
{
    size_t *ended = arg;
    (void)due_us;
    if (fired < LATE_MAX)
        late_us[fired++] = clock_wall_us() - at_us;
    ended[++ended[0]] = job;
}

static void on_outcome(void *arg, size_t job, const struct schedule_row *row)
{
    (void)arg;
    (void)job;
    (void)row;
}

static const struct schedule_engine_ops ops = {on_fire, on_outcome};

static struct schedule_job *make_jobs(size_t count)
{
    struct schedule_job *jobs = xcalloc(count, sizeof(*jobs));
    for (size_t i = 0; i < count; i++) {
        struct buf name = BUF_INIT, when = BUF_INIT;
        buf_printf(&name, "job-%06zu", i);
        buf_printf(&when, i % 2 ? "every 5m" : "cron */5 * * * *");
        jobs[i] = (struct schedule_job){.zone = timezone_utc(),
                                        .enabled = true,
                                        .anchor_creation = true,
                                        .jitter_us = 290 * USEC_PER_SEC};
        if (schedule_parse(buf_str(&when), &jobs[i].when, NULL) != 0)
            abort();
        jobs[i].name = buf_take(&name);
        buf_deinit(&when);
    }
    return jobs;
}

static int64_t cpu_us(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * USEC_PER_SEC + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void run(struct schedule_engine *g, size_t *ended, int64_t seconds)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    int64_t until_us = clock_monotonic_us() + seconds * USEC_PER_SEC;
    while (clock_monotonic_us() < until_us) {
        int64_t left_us = until_us - clock_monotonic_us();
        int64_t wake_us = MIN(schedule_engine_wake_us(g), clock_wall_us() + left_us);
        struct itimerspec when = {
            .it_value = {.tv_sec = wake_us / USEC_PER_SEC, .tv_nsec = wake_us % USEC_PER_SEC * 1000}};
        struct pollfd p = {.fd = fd, .events = POLLIN};
        (void)timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL);
        (void)poll(&p, 1, (int)(left_us / USEC_PER_MSEC) + 1);
        schedule_engine_turn(g, clock_wall_us(), false);
        for (; ended[0] > 0; ended[0]--)
            schedule_engine_ended(g, ended[ended[0]], SCHEDULE_OK, clock_wall_us());
    }
    (void)close(fd);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    int64_t count = 100000, seconds = 10;
    if ((argc > 1 && !parse_i64_in(str_of(argv[1]), 1, 10000000, &count)) ||
        (argc > 2 && !parse_i64_in(str_of(argv[2]), 1, 3600, &seconds)))
        return 2;
    struct schedule_job *jobs = make_jobs((size_t)count);
    struct schedule_state *states = xcalloc((size_t)count, sizeof(*states));
    size_t *ended = xcalloc((size_t)count + 1, sizeof(*ended));
    int64_t now_us = clock_wall_us(), start_us = clock_monotonic_us();
    for (int64_t i = 0; i < count; i++) {
        states[i] = SCHEDULE_STATE_INIT;
        states[i].first_seen_us = states[i].handled_us = states[i].last_run_us = now_us;
    }
    /* Nothing is due: not for a day. */
    struct schedule_engine *idle =
        schedule_engine_new("bench", USEC_PER_SEC, now_us + 86400 * USEC_PER_SEC, &ops, ended);
    schedule_engine_set_jobs(idle, jobs, states, (size_t)count, false, now_us);
    int64_t load_us = clock_monotonic_us() - start_us, before_us = cpu_us();
    run(idle, ended, seconds);
    int64_t idle_us = cpu_us() - before_us;
    (void)schedule_engine_free(idle);
    /* All instants of one period, spread by their jitter: as many a second as jobs in 290 seconds. */
    for (int64_t i = 0; i < count; i++)
        states[i].handled_us = now_us - 150 * USEC_PER_SEC - 300 * USEC_PER_SEC;
    struct schedule_engine *busy = schedule_engine_new("bench", 600 * USEC_PER_SEC, 0, &ops, ended);
    schedule_engine_set_jobs(busy, jobs, states, (size_t)count, false, clock_wall_us());
    schedule_engine_turn(busy, clock_wall_us(), false); /* those that were due before the measurement */
    for (; ended[0] > 0; ended[0]--)
        schedule_engine_ended(busy, ended[ended[0]], SCHEDULE_OK, clock_wall_us());
    run(busy, ended, 3); /* what came due meanwhile */
    fired = 0;
    run(busy, ended, seconds);
    qsort(late_us, fired, sizeof(late_us[0]), by_size);
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    (void)printf("{\"jobs\":%lld,\"load_ms\":%.1f,\"rss_mib\":%.1f,\"idle_cpu_percent\":%.3f,\"fired\":%zu,"
                 "\"late_p50_ms\":%.3f,\"late_p99_ms\":%.3f}\n",
                 (long long)count, (double)load_us / 1000, (double)u.ru_maxrss / 1024,
                 (double)idle_us / (double)(seconds * USEC_PER_SEC) * 100, fired,
                 fired ? (double)late_us[fired / 2] / 1000 : -1,
                 fired ? (double)late_us[fired * 99 / 100] / 1000 : -1);
    (void)schedule_engine_free(busy);
    return 0;
}
