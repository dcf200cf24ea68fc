/* test_schedule_engine.c -- what is fired, skipped and missed, by a clock that is a number (spec 50 S3 to S9,
 * S15). */
#include "core/schedule_engine.h"

#include "base/clock.h"
#include "io/zoneinfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MINUTE_US (60 * USEC_PER_SEC)
#define HOUR_US (60 * MINUTE_US)
#define TICK_US (30 * USEC_PER_SEC)
#define JOBS_MAX 8

struct bench {
    struct schedule_engine *engine;
    struct schedule_job jobs[JOBS_MAX];
    size_t count;
    int64_t now_us;
    struct buf events; /* "fire NAME HH:MM:SS;" and "OUTCOME NAME HH:MM:SS;" of the due times */
    bool ends_at_once;
};

static const char *clock_of(int64_t us, char text[CLOCK_TEXT_MAX])
{
    (void)clock_format_seconds(us, text);
    text[19] = '\0';
    return text + 11;
}

static void on_fire(void *arg, size_t job, int64_t due_us, int64_t at_us)
{
    struct bench *b = arg;
    char text[CLOCK_TEXT_MAX];
    assert_true(at_us <= b->now_us);
    buf_printf(&b->events, "fire %s %s;", b->jobs[job].name, clock_of(due_us, text));
}

static void on_outcome(void *arg, size_t job, const struct schedule_row *row)
{
    struct bench *b = arg;
    char text[CLOCK_TEXT_MAX];
    buf_printf(&b->events, "%s %s %s", schedule_outcome_name(row->outcome), b->jobs[job].name,
               clock_of(row->due_us, text));
    if (row->count > 1)
        buf_printf(&b->events, " x%lld", (long long)row->count);
    buf_add_char(&b->events, ';');
}

static int64_t at(const char *rfc3339)
{
    int64_t us;
    assert_true(clock_parse_rfc3339(str_of(rfc3339), &us));
    return us;
}

static struct schedule_job *add(struct bench *b, const char *name, const char *when)
{
    struct schedule_job *job = &b->jobs[b->count++];
    *job = (struct schedule_job){.name = xstrdup(name), .zone = timezone_utc(), .enabled = true};
    assert_int_equal(schedule_parse(str_of(when), &job->when, NULL), 0);
    return job;
}

static const struct schedule_engine_ops ops = {on_fire, on_outcome};

static void start_with(struct bench *b, const struct schedule_state *states, const char *now,
                       int64_t grace_us)
{
    b->now_us = at(now);
    b->engine = schedule_engine_new("here", TICK_US, b->now_us + grace_us, &ops, b);
    schedule_engine_set_jobs(b->engine, b->jobs, states, b->count, true, b->now_us);
}

static void start(struct bench *b, const char *now)
{
    struct schedule_state states[JOBS_MAX];
    for (size_t i = 0; i < JOBS_MAX; i++)
        states[i] = SCHEDULE_STATE_INIT;
    start_with(b, states, now, 0);
}

/* Every job has run, and was last decided, at that time. */
static void start_after(struct bench *b, const char *last, const char *now)
{
    struct schedule_state states[JOBS_MAX];
    for (size_t i = 0; i < JOBS_MAX; i++) {
        states[i] = SCHEDULE_STATE_INIT;
        states[i].first_seen_us = states[i].last_run_us = states[i].handled_us = at(last);
    }
    start_with(b, states, now, 0);
}

static void end_all(struct bench *b, bool ok)
{
    for (size_t i = 0; i < b->count; i++)
        if (schedule_engine_state(b->engine, i)->in_flight_us != SCHEDULE_NEVER)
            schedule_engine_ended(b->engine, i, ok ? SCHEDULE_OK : SCHEDULE_FAILED, b->now_us);
}

/* As a timer would: goes from wake to wake until `until`. */
static void go(struct bench *b, const char *until)
{
    int64_t end_us = at(until);
    while (schedule_engine_wake_us(b->engine) <= end_us) {
        b->now_us = MAX(b->now_us, schedule_engine_wake_us(b->engine));
        schedule_engine_turn(b->engine, b->now_us, false);
        if (b->ends_at_once)
            end_all(b, true);
    }
    b->now_us = MAX(b->now_us, end_us);
}

/* The process slept, or was not scheduled: all of it in one turn, and then the spread. */
static void jump(struct bench *b, const char *to, bool clock_set)
{
    b->now_us = at(to);
    schedule_engine_turn(b->engine, b->now_us, clock_set);
    char later[CLOCK_TEXT_MAX];
    go(b, clock_format_seconds(b->now_us + TICK_US + USEC_PER_SEC, later));
}

static void expect(struct bench *b, const char *events)
{
    if (strcmp(b->events.p, events) != 0)
        fail_msg("\n  wanted %s\n  got    %s", events, b->events.p);
    buf_clear(&b->events);
}

static int set_up(void **state)
{
    struct bench *b = xnew(struct bench);
    buf_init(&b->events);
    b->ends_at_once = true;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    (void)schedule_engine_free(b->engine);
    for (size_t i = 0; i < b->count; i++)
        schedule_job_deinit(&b->jobs[i]);
    buf_deinit(&b->events);
    free(b);
    return 0;
}

/* -- S3 -- */

static void a_job_that_never_ran_fires_at_once_and_then_on_its_cadence(void **state)
{
    struct bench *b = *state;
    (void)add(b, "i", "every 15m");
    (void)add(b, "d", "daily 07:00");
    start(b, "2026-06-07T05:03:00Z");
    go(b, "2026-06-07T05:34:00Z");
    expect(b, "fire i 05:03:00;fire d 05:03:00;fire i 05:18:00;fire i 05:33:00;");
    go(b, "2026-06-07T07:00:01Z");
    assert_non_null(strstr(b->events.p, "fire d 07:00:00;"));
}

static void one_that_is_anchored_at_its_creation_waits_for_its_first_instant(void **state)
{
    struct bench *b = *state;
    add(b, "i", "every 15m")->anchor_creation = true;
    add(b, "d", "daily 07:00")->anchor_creation = true;
    start(b, "2026-06-07T06:50:00Z");
    go(b, "2026-06-07T07:06:00Z");
    expect(b, "fire d 07:00:00;fire i 07:05:00;");
}

static void a_single_instant_fires_once(void **state)
{
    struct bench *b = *state;
    (void)add(b, "a", "at 2026-06-07T07:00:00Z");
    start(b, "2026-06-07T06:50:00Z");
    go(b, "2026-06-09T00:00:00Z");
    expect(b, "fire a 07:00:00;");
    assert_int_equal(schedule_engine_wake_us(b->engine), INT64_MAX);
}

/* -- S4: what was missed -- */

static void after_a_sleep_of_ten_hours_each_job_fires_once(void **state)
{
    struct bench *b = *state;
    (void)add(b, "h", "@hourly");
    (void)add(b, "d", "daily 23:30");
    start_after(b, "2026-06-06T21:30:00Z", "2026-06-06T21:40:00Z");
    jump(b, "2026-06-07T07:40:00Z", false);
    struct str got = buf_str(&b->events);
    assert_true(str_find(got, STR("fire h 07:00:00;")) >= 0 && str_find(got, STR("fire d 23:30:00;")) >= 0);
    assert_true(str_find(got, STR("coalesced h 22:00:00;coalesced h 23:00:00;coalesced h 00:00:00;")) >= 0);
    size_t fires = 0;
    for (const char *p = b->events.p; (p = strstr(p, "fire")); p++)
        fires++;
    assert_int_equal(fires, 2);
}

static void those_that_catch_up_are_spread_over_a_tick(void **state)
{
    struct bench *b = *state;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        (void)add(b, names[i], "@hourly");
    start_after(b, "2026-06-06T21:30:00Z", "2026-06-06T21:40:00Z");
    b->now_us = at("2026-06-07T07:40:00Z");
    schedule_engine_turn(b->engine, b->now_us, false);
    int64_t first_us = schedule_engine_wake_us(b->engine);
    jump(b, "2026-06-07T07:40:00Z", false);
    assert_true(first_us >= at("2026-06-07T07:40:00Z"));
    assert_true(b->now_us <= at("2026-06-07T07:40:31Z"));
}

static void catchup_none_fires_nothing_that_is_late(void **state)
{
    struct bench *b = *state;
    add(b, "h", "@hourly")->catchup = SCHEDULE_CATCHUP_NONE;
    start_after(b, "2026-06-06T21:00:00Z", "2026-06-06T21:40:00Z");
    jump(b, "2026-06-06T23:40:00Z", false);
    expect(b, "missed:down h 22:00:00;missed:down h 23:00:00;");
    go(b, "2026-06-07T00:00:00Z");
    expect(b, "fire h 00:00:00;");
}

static void catchup_all_fires_each_one_after_the_other(void **state)
{
    struct bench *b = *state;
    struct schedule_job *job = add(b, "h", "@hourly");
    job->catchup = SCHEDULE_CATCHUP_ALL;
    job->catchup_window_us = 3 * HOUR_US;
    start_after(b, "2026-06-06T17:00:00Z", "2026-06-06T17:40:00Z");
    b->ends_at_once = false;
    jump(b, "2026-06-06T23:40:00Z", false);
    expect(b, "missed:down h 18:00:00;missed:down h 19:00:00;missed:down h 20:00:00;fire h 21:00:00;");
    b->ends_at_once = true;
    end_all(b, true);
    go(b, "2026-06-06T23:40:31Z"); /* the present moment: the spread is over */
    expect(b, "fire h 22:00:00;fire h 23:00:00;");
}

static void a_window_bounds_how_far_back_one_catches_up(void **state)
{
    struct bench *b = *state;
    add(b, "d", "daily 03:00")->catchup_window_us = 2 * HOUR_US;
    start_after(b, "2026-06-06T03:00:00Z", "2026-06-06T04:00:00Z");
    jump(b, "2026-06-08T06:00:00Z", false);
    expect(b, "missed:down d 03:00:00;missed:down d 03:00:00;");
}

static void what_is_too_late_to_be_useful_is_dropped(void **state)
{
    struct bench *b = *state;
    add(b, "d", "daily 03:00")->starting_deadline_us = HOUR_US;
    start_after(b, "2026-06-06T03:00:00Z", "2026-06-06T04:00:00Z");
    jump(b, "2026-06-07T06:00:00Z", false);
    expect(b, "missed:deadline d 03:00:00;");
}

/* 1 minute for 30 days is 43,200 instants: the last thousand have a row each, the rest one row with its
 * count. */
static void a_long_absence_has_a_bounded_number_of_rows(void **state)
{
    struct bench *b = *state;
    (void)add(b, "m", "cron * * * * *");
    start_after(b, "2026-06-01T00:00:00Z", "2026-06-01T00:00:30Z");
    jump(b, "2026-07-01T00:00:10Z", false);
    assert_true(
        str_starts_with(buf_str(&b->events), STR("missed:down m 00:01:00 x42199;coalesced m 07:20:00;")));
    size_t rows = 0;
    for (const char *p = b->events.p; (p = strchr(p, ';')); p++)
        rows++;
    assert_int_equal(rows, 1 + 1000 + 1);
}

/* -- clocks -- */

static void a_clock_that_is_set_back_fires_nothing_twice_and_keeps_intervals_going(void **state)
{
    struct bench *b = *state;
    (void)add(b, "i", "every 15m");
    (void)add(b, "h", "@hourly");
    start_after(b, "2026-06-06T21:00:00Z", "2026-06-06T21:10:00Z");
    go(b, "2026-06-06T22:05:00Z");
    expect(b, "fire i 21:15:00;fire i 21:30:00;fire i 21:45:00;fire i 22:00:00;fire h 22:00:00;");
    jump(b, "2026-06-06T20:05:00Z", true);
    expect(b, "");
    go(b, "2026-06-06T20:36:00Z");
    expect(b, "fire i 20:20:00;fire i 20:35:00;");
    b->jobs[0].enabled = true;
    int64_t h = schedule_engine_next_due_us(b->engine, 1);
    assert_int_equal(h, at("2026-06-06T23:00:00Z"));
}

static void a_clock_that_is_set_forward_fires_each_job_once(void **state)
{
    struct bench *b = *state;
    (void)add(b, "i", "every 15m");
    start_after(b, "2026-06-06T21:00:00Z", "2026-06-06T21:10:00Z");
    jump(b, "2026-06-06T22:10:00Z", true);
    expect(b, "coalesced i 21:15:00;coalesced i 21:30:00;coalesced i 21:45:00;fire i 22:00:00;");
}

static void a_last_run_from_a_clock_that_was_years_ahead_silences_nothing(void **state)
{
    struct bench *b = *state;
    (void)add(b, "d", "daily 03:00");
    start_after(b, "2031-01-01T00:00:00Z", "2026-06-06T02:00:00Z");
    go(b, "2026-06-06T03:00:00Z");
    expect(b, "fire d 03:00:00;");
}

static void the_repeated_hour_of_a_fold_has_its_own_outcome(void **state)
{
    struct bench *b = *state;
    struct schedule_job *job = add(b, "d", "daily 02:30");
    assert_int_equal(zoneinfo_get("Europe/Prague", &job->zone, NULL), 0);
    start_after(b, "2026-10-24T00:30:00Z", "2026-10-24T12:00:00Z");
    go(b, "2026-10-26T02:00:00Z");
    expect(b, "fire d 00:30:00;dst-fold d 01:30:00;fire d 01:30:00;");
}

/* -- S7, S8 -- */

static void one_in_flight_is_not_fired_again(void **state)
{
    struct bench *b = *state;
    (void)add(b, "i", "every 15m");
    b->ends_at_once = false;
    start_after(b, "2026-06-06T21:00:00Z", "2026-06-06T21:10:00Z");
    go(b, "2026-06-06T21:50:00Z");
    expect(b, "fire i 21:15:00;skipped:overlap i 21:30:00;skipped:overlap i 21:45:00;");
    end_all(b, false);
    assert_int_equal(schedule_engine_state(b->engine, 0)->last_run_us, at("2026-06-06T21:15:00Z"));
    go(b, "2026-06-06T22:01:00Z");
    expect(b, "fire i 22:00:00;");
}

static void queue_runs_once_more_right_after(void **state)
{
    struct bench *b = *state;
    add(b, "i", "every 15m")->overlap = SCHEDULE_OVERLAP_QUEUE;
    b->ends_at_once = false;
    start_after(b, "2026-06-06T21:00:00Z", "2026-06-06T21:10:00Z");
    go(b, "2026-06-06T21:50:00Z");
    expect(b, "fire i 21:15:00;coalesced i 21:30:00;");
    end_all(b, true);
    expect(b, "fire i 21:45:00;");
}

static void a_job_that_always_fails_fires_on_its_cadence(void **state)
{
    struct bench *b = *state;
    (void)add(b, "i", "every 15m");
    b->ends_at_once = false;
    start_after(b, "2026-06-06T21:00:00Z", "2026-06-06T21:10:00Z");
    for (int i = 0; i < 3; i++) {
        static const char *const until[] = {"2026-06-06T21:29:59Z", "2026-06-06T21:44:59Z",
                                            "2026-06-06T21:59:59Z"};
        go(b, until[i]);
        end_all(b, false);
    }
    expect(b, "fire i 21:15:00;fire i 21:30:00;fire i 21:45:00;");
    assert_int_equal(schedule_engine_state(b->engine, 0)->consecutive_failures, 3);
}

static void a_slow_job_delays_nobody(void **state)
{
    struct bench *b = *state;
    (void)add(b, "slow", "every 1h");
    (void)add(b, "quick", "every 5m");
    b->ends_at_once = false;
    start_after(b, "2026-06-06T21:00:00Z", "2026-06-06T21:59:00Z");
    jump(b, "2026-06-06T22:00:00Z", false);
    schedule_engine_ended(b->engine, 1, SCHEDULE_OK, b->now_us);
    buf_clear(&b->events);
    go(b, "2026-06-06T22:05:00Z");
    expect(b, "fire quick 22:05:00;");
}

/* -- S9, S12, pause -- */

static void a_firing_that_was_in_flight_is_fired_again_under_the_same_time(void **state)
{
    struct bench *b = *state;
    (void)add(b, "i", "every 15m");
    struct schedule_state s = SCHEDULE_STATE_INIT;
    s.first_seen_us = s.last_run_us = at("2026-06-06T21:00:00Z");
    s.handled_us = s.in_flight_us = at("2026-06-06T21:15:00Z");
    start_with(b, &s, "2026-06-06T21:15:20Z", 0);
    go(b, "2026-06-06T21:31:00Z");
    expect(b, "fire i 21:15:00;fire i 21:30:00;");
}

static void nothing_fires_during_the_startup_grace(void **state)
{
    struct bench *b = *state;
    (void)add(b, "i", "every 15m");
    struct schedule_state s = SCHEDULE_STATE_INIT;
    start_with(b, &s, "2026-06-06T21:15:00Z", MINUTE_US);
    go(b, "2026-06-06T21:15:59Z");
    expect(b, "");
    go(b, "2026-06-06T21:16:00Z");
    expect(b, "fire i 21:16:00;");
}

static void a_paused_job_is_skipped_and_does_not_catch_up(void **state)
{
    struct bench *b = *state;
    (void)add(b, "i", "every 15m");
    start_after(b, "2026-06-06T21:00:00Z", "2026-06-06T21:10:00Z");
    schedule_engine_pause(b->engine, 0, true, b->now_us);
    go(b, "2026-06-06T21:40:00Z");
    schedule_engine_pause(b->engine, 0, false, b->now_us);
    go(b, "2026-06-06T21:46:00Z");
    expect(b, "skipped:paused i 21:15:00;skipped:paused i 21:30:00;fire i 21:45:00;");
}

static void run_now_is_beside_the_schedule(void **state)
{
    struct bench *b = *state;
    (void)add(b, "i", "every 15m");
    b->ends_at_once = false;
    start_after(b, "2026-06-06T21:00:00Z", "2026-06-06T21:10:00Z");
    assert_true(schedule_engine_run_now(b->engine, 0, b->now_us));
    assert_false(schedule_engine_run_now(b->engine, 0, b->now_us));
    end_all(b, true);
    go(b, "2026-06-06T21:16:00Z");
    expect(b, "fire i 21:10:00;fire i 21:15:00;");
}

/* -- S5 -- */

static void jitter_is_stable_and_differs_by_instance(void **state)
{
    struct bench *b = *state;
    struct schedule_job *job = add(b, "i", "every 15m");
    job->jitter_us = 90 * USEC_PER_SEC;
    int64_t here = schedule_jitter_us(job, STR("here"), 15 * MINUTE_US);
    assert_true(here >= 0 && here < 90 * USEC_PER_SEC);
    assert_int_equal(here, schedule_jitter_us(job, STR("here"), 15 * MINUTE_US));
    assert_int_not_equal(here, schedule_jitter_us(job, STR("there"), 15 * MINUTE_US));
    start_after(b, "2026-06-06T21:00:00Z", "2026-06-06T21:10:00Z");
    assert_int_equal(schedule_engine_wake_us(b->engine), at("2026-06-06T21:15:00Z") + here);
    go(b, "2026-06-06T21:31:30Z");
    expect(b, "fire i 21:15:00;fire i 21:30:00;");
    job->jitter_us = 0;
    job->jitter_percent = 10;
    assert_true(schedule_jitter_us(job, STR("here"), 15 * MINUTE_US) < 90 * USEC_PER_SEC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_that_never_ran_fires_at_once_and_then_on_its_cadence),
        TEST(one_that_is_anchored_at_its_creation_waits_for_its_first_instant),
        TEST(a_single_instant_fires_once),
        TEST(after_a_sleep_of_ten_hours_each_job_fires_once),
        TEST(those_that_catch_up_are_spread_over_a_tick),
        TEST(catchup_none_fires_nothing_that_is_late),
        TEST(catchup_all_fires_each_one_after_the_other),
        TEST(a_window_bounds_how_far_back_one_catches_up),
        TEST(what_is_too_late_to_be_useful_is_dropped),
        TEST(a_long_absence_has_a_bounded_number_of_rows),
        TEST(a_clock_that_is_set_back_fires_nothing_twice_and_keeps_intervals_going),
        TEST(a_clock_that_is_set_forward_fires_each_job_once),
        TEST(a_last_run_from_a_clock_that_was_years_ahead_silences_nothing),
        TEST(the_repeated_hour_of_a_fold_has_its_own_outcome),
        TEST(one_in_flight_is_not_fired_again),
        TEST(queue_runs_once_more_right_after),
        TEST(a_job_that_always_fails_fires_on_its_cadence),
        TEST(a_slow_job_delays_nobody),
        TEST(a_firing_that_was_in_flight_is_fired_again_under_the_same_time),
        TEST(nothing_fires_during_the_startup_grace),
        TEST(a_paused_job_is_skipped_and_does_not_catch_up),
        TEST(run_now_is_beside_the_schedule),
        TEST(jitter_is_stable_and_differs_by_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
