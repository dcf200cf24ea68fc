/* test_worker_status.c -- the rules of the roll call with clocks of our own (spec 40 W3, W4, W7). */
#include "core/worker_status.h"

#include "base/clock.h"
#include "core/observer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define T0 (INT64_C(1000000) * S)
#define HOUR (3600 * S)

/* The host of the registry: a wall clock that steps, and a boot clock that does not. */
struct world {
    int64_t wall_us, boot_us;
    struct observer observer;
    struct worker_row row;
};

static struct world begin(void)
{
    struct world w = {.wall_us = T0, .boot_us = 777 * S};
    observer_init(&w.observer, w.boot_us);
    return w;
}

static int64_t now(const struct world *w)
{
    return observer_before(&w->observer, 0);
}

/* Time passes and the registry looks each second, as its timer has it. */
static void pass(struct world *w, int64_t us)
{
    while (us > 0) {
        int64_t step_us = MIN(us, S);
        w->wall_us += step_us;
        w->boot_us += step_us;
        us -= step_us;
        (void)observer_look(&w->observer, w->boot_us);
    }
}

static void nobody_looks(struct world *w, int64_t us)
{
    w->wall_us += us;
    w->boot_us += us;
    (void)observer_look(&w->observer, w->boot_us);
}

static enum worker_beat beat(struct world *w, const struct heartbeat *b)
{
    int64_t age_us = b->ts_known ? MAX(w->wall_us - b->ts_us, 0) : 0;
    int64_t now_us = observer_look(&w->observer, w->boot_us);
    return worker_row_beat(&w->row, b, observer_before(&w->observer, age_us), now_us, w->wall_us);
}

static struct heartbeat dated(int64_t ts_us)
{
    return (struct heartbeat){.ts_known = true, .ts_us = ts_us};
}

static struct heartbeat from(const char *instance, int64_t ts_us)
{
    struct heartbeat b = dated(ts_us);
    (void)snprintf(b.instance, sizeof(b.instance), "%s", instance);
    return b;
}

static enum worker_beat beat_now(struct world *w)
{
    struct heartbeat b = dated(w->wall_us);
    return beat(w, &b);
}

static void start_instance(struct world *w, const char *instance)
{
    struct heartbeat b = from(instance, w->wall_us);
    assert_int_equal(beat(w, &b), WORKER_BEAT_TAKEN);
}

static enum worker_status status(const struct world *w)
{
    return worker_status(&w->row, now(w));
}

static void w3_never_heard_is_unknown_and_once_heard_never_again(void **state)
{
    (void)state;
    struct world w = begin();
    assert_int_equal(status(&w), WORKER_UNKNOWN);
    assert_int_equal(worker_next_us(&w.row, now(&w)), INT64_MAX);
    (void)beat_now(&w);
    assert_int_equal(status(&w), WORKER_OK);
    pass(&w, 100 * HOUR);
    assert_int_equal(status(&w), WORKER_STALE);
}

static void w3_the_window_is_90_s_and_its_end_is_stale(void **state)
{
    (void)state;
    struct world w = begin();
    (void)beat_now(&w);
    pass(&w, 90 * S - 1);
    assert_int_equal(status(&w), WORKER_OK);
    assert_int_equal(worker_next_us(&w.row, now(&w)), now(&w) + 1);
    pass(&w, 1);
    assert_int_equal(status(&w), WORKER_STALE);
    assert_int_equal(worker_age_us(&w.row, now(&w)), 90 * S);
    (void)beat_now(&w);
    assert_int_equal(status(&w), WORKER_OK);
}

static void w3_an_announced_period_makes_the_window_three_of_it(void **state)
{
    (void)state;
    struct world w = begin();
    struct heartbeat b = dated(w.wall_us);
    b.period_us = 10 * S;
    (void)beat(&w, &b);
    pass(&w, 30 * S - 1);
    assert_int_equal(status(&w), WORKER_OK);
    pass(&w, 1);
    assert_int_equal(status(&w), WORKER_STALE);
    (void)beat_now(&w); /* announces none: 90 s again */
    pass(&w, 89 * S);
    assert_int_equal(status(&w), WORKER_OK);
}

static void w4_a_late_beat_is_old(void **state)
{
    (void)state;
    struct world w = begin();
    struct heartbeat b = dated(w.wall_us - 60 * S);
    (void)beat(&w, &b);
    assert_int_equal(worker_age_us(&w.row, now(&w)), 60 * S);
    pass(&w, 30 * S - 1);
    assert_int_equal(status(&w), WORKER_OK);
    pass(&w, 1);
    assert_int_equal(status(&w), WORKER_STALE);
    struct world other = begin();
    b = dated(other.wall_us - 90 * S);
    (void)beat(&other, &b);
    assert_int_equal(status(&other), WORKER_STALE);
}

static void w4_a_future_timestamp_does_not_keep_a_worker_alive(void **state)
{
    (void)state;
    struct world w = begin();
    struct heartbeat b = dated(w.wall_us + HOUR);
    (void)beat(&w, &b);
    assert_int_equal(worker_age_us(&w.row, now(&w)), 0);
    pass(&w, 90 * S);
    assert_int_equal(status(&w), WORKER_STALE);
    for (int i = 0; i < 5; i++) { /* nor does the same beat, come again */
        pass(&w, 10 * S);
        (void)beat(&w, &b);
        assert_int_equal(status(&w), WORKER_STALE);
    }
    (void)beat_now(&w); /* its clock is right again */
    assert_int_equal(status(&w), WORKER_OK);
}

/* A live worker on the same host beats on through the step. */
static void w4_a_step_of_the_wall_clock_changes_no_status(void **state)
{
    (void)state;
    static const int64_t steps_us[] = {HOUR, -HOUR, 26 * HOUR, -400 * 24 * HOUR};
    for (size_t i = 0; i < COUNT_OF(steps_us); i++) {
        struct world alive = begin(), dead = begin(), old = begin();
        (void)beat_now(&alive);
        (void)beat_now(&dead);
        (void)beat_now(&old);
        pass(&old, 91 * S);
        pass(&alive, 20 * S);
        pass(&dead, 20 * S);
        alive.wall_us += steps_us[i];
        dead.wall_us += steps_us[i];
        old.wall_us += steps_us[i];
        assert_int_equal(status(&dead), WORKER_OK);
        assert_int_equal(worker_age_us(&dead.row, now(&dead)), 20 * S);
        assert_int_equal(status(&old), WORKER_STALE);
        for (int k = 0; k < 10; k++) {
            pass(&alive, 10 * S);
            assert_int_equal(status(&alive), WORKER_OK);
            pass(&alive, 20 * S);
            assert_int_equal(beat_now(&alive), WORKER_BEAT_TAKEN);
        }
        pass(&dead, 70 * S);
        assert_int_equal(status(&dead), WORKER_STALE);
    }
}

/* Spec 00 fact 2. */
static void w4_a_suspend_or_a_stall_of_the_observer_is_not_charged(void **state)
{
    (void)state;
    struct world w = begin();
    (void)beat_now(&w);
    pass(&w, 20 * S);
    nobody_looks(&w, HOUR);
    assert_int_equal(status(&w), WORKER_OK);
    assert_int_equal(worker_age_us(&w.row, now(&w)), 20 * S + OBSERVER_LOOK_US);
    struct heartbeat before = dated(w.wall_us - HOUR - 5 * S); /* was on its way when the host fell asleep */
    assert_int_equal(beat(&w, &before), WORKER_BEAT_TAKEN);
    assert_int_equal(worker_age_us(&w.row, now(&w)), 5 * S + OBSERVER_LOOK_US);
    pass(&w, 90 * S);
    assert_int_equal(status(&w), WORKER_STALE);
}

static void w4_a_beat_sent_during_a_stall_is_newer_than_one_before_it(void **state)
{
    (void)state;
    struct world w = begin();
    (void)beat_now(&w);
    pass(&w, 10 * S);
    nobody_looks(&w, 300 * S);
    struct heartbeat b = dated(w.wall_us - 200 * S);
    assert_int_equal(beat(&w, &b), WORKER_BEAT_TAKEN);
    assert_int_equal(status(&w), WORKER_OK);
    assert_int_equal(w.row.ts_us, b.ts_us);
}

static void w4_an_older_beat_of_the_same_instance_never_replaces_a_newer_one(void **state)
{
    (void)state;
    struct world w = begin();
    struct heartbeat newer = from("a", w.wall_us), older = from("a", w.wall_us - 80 * S);
    (void)beat(&w, &newer);
    assert_int_equal(beat(&w, &older), WORKER_BEAT_OLDER);
    assert_int_equal(w.row.ts_us, newer.ts_us);
    assert_int_equal(worker_age_us(&w.row, now(&w)), 0);
    older = dated(w.wall_us - 80 * S); /* nor of a worker that names no instance */
    assert_int_equal(beat(&w, &older), WORKER_BEAT_OLDER);
}

static void w4_without_ts_the_lower_seq_is_the_older(void **state)
{
    (void)state;
    struct world w = begin();
    struct heartbeat b = {.seq_known = true, .seq = 5};
    (void)beat(&w, &b);
    b.seq = 4;
    assert_int_equal(beat(&w, &b), WORKER_BEAT_OLDER);
    b.seq = 6;
    assert_int_equal(beat(&w, &b), WORKER_BEAT_TAKEN);
}

static void w4_an_instance_that_draws_its_seq_anew_is_heard_by_its_ts(void **state)
{
    (void)state;
    struct world w = begin();
    struct heartbeat b = from("hostname", w.wall_us);
    b.seq_known = true;
    b.seq = 1000;
    (void)beat(&w, &b);
    pass(&w, 30 * S);
    b.ts_us = w.wall_us;
    b.seq = 0;
    assert_int_equal(beat(&w, &b), WORKER_BEAT_TAKEN);
    assert_int_equal(beat(&w, &b), WORKER_BEAT_SAME);
}

static void w5_restarts_count_changes_of_instance(void **state)
{
    (void)state;
    struct world w = begin();
    (void)beat_now(&w);
    assert_int_equal(w.row.restarts, 0);
    static const char *const instances[] = {"a", "a", "b", "c", "c"};
    static const int64_t restarts[] = {0, 0, 1, 2, 2};
    for (size_t i = 0; i < COUNT_OF(instances); i++) {
        pass(&w, 30 * S);
        start_instance(&w, instances[i]);
        assert_int_equal(w.row.restarts, restarts[i]);
        assert_string_equal(w.row.instance, instances[i]);
    }
    pass(&w, S);
    (void)beat_now(&w); /* one that does not say is no restart */
    assert_int_equal(w.row.restarts, 2);
}

static void a_late_word_of_a_former_instance_changes_nothing(void **state)
{
    (void)state;
    struct world w = begin();
    start_instance(&w, "a");
    pass(&w, 10 * S);
    struct heartbeat last = from("a", w.wall_us);
    last.stopping = true;
    pass(&w, 2 * S);
    start_instance(&w, "b");
    assert_int_equal(beat(&w, &last), WORKER_BEAT_OLDER);
    assert_string_equal(w.row.instance, "b");
    assert_int_equal(status(&w), WORKER_OK);
    struct heartbeat behind = from("c", w.wall_us - 50 * S); /* new, though its clock is behind */
    assert_int_equal(beat(&w, &behind), WORKER_BEAT_TAKEN);
}

static void w7_three_new_instances_within_ten_minutes_are_flapping(void **state)
{
    (void)state;
    struct world w = begin();
    start_instance(&w, "a");
    pass(&w, 299 * S);
    start_instance(&w, "b");
    assert_false(worker_flapping(&w.row, now(&w)));
    pass(&w, 300 * S);
    start_instance(&w, "c");
    assert_true(worker_flapping(&w.row, now(&w)));
    assert_int_equal(status(&w), WORKER_OK);
    assert_int_equal(worker_next_us(&w.row, now(&w)), now(&w) + S); /* "a" was 599 s ago */
    pass(&w, S);
    assert_false(worker_flapping(&w.row, now(&w)));
}

static void w7_three_within_more_than_ten_minutes_are_not(void **state)
{
    (void)state;
    struct world w = begin();
    static const char *const instances[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < COUNT_OF(instances); i++) {
        start_instance(&w, instances[i]);
        assert_false(worker_flapping(&w.row, now(&w)));
        pass(&w, 300 * S);
    }
}

static void the_last_word_is_stopping_then_stopped_and_stays_so(void **state)
{
    (void)state;
    struct world w = begin();
    start_instance(&w, "a");
    pass(&w, 5 * S);
    struct heartbeat last = from("a", w.wall_us);
    last.stopping = true;
    (void)beat(&w, &last);
    assert_int_equal(status(&w), WORKER_STOPPING);
    assert_int_equal(worker_next_us(&w.row, now(&w)), now(&w) + WORKER_STOPPED_AFTER_US);
    pass(&w, WORKER_STOPPED_AFTER_US);
    assert_int_equal(status(&w), WORKER_STOPPED);
    pass(&w, 10 * HOUR);
    assert_int_equal(status(&w), WORKER_STOPPED);
    start_instance(&w, "b");
    assert_int_equal(status(&w), WORKER_OK);
}

static void a_stop_request_is_stopping_until_the_worker_is_silent(void **state)
{
    (void)state;
    struct world w = begin();
    (void)beat_now(&w);
    pass(&w, 10 * S);
    worker_row_stop(&w.row, now(&w));
    assert_int_equal(status(&w), WORKER_STOPPING);
    pass(&w, 89 * S);
    assert_int_equal(status(&w), WORKER_STOPPING);
    pass(&w, S);
    assert_int_equal(status(&w), WORKER_STOPPED);
}

static void a_worker_that_beats_on_a_window_after_the_request_has_not_obeyed(void **state)
{
    (void)state;
    struct world w = begin();
    (void)beat_now(&w);
    worker_row_stop(&w.row, now(&w));
    for (int i = 0; i < 2; i++) {
        pass(&w, 30 * S);
        (void)beat_now(&w);
        assert_int_equal(status(&w), WORKER_STOPPING);
    }
    pass(&w, 30 * S);
    (void)beat_now(&w);
    assert_int_equal(status(&w), WORKER_OK);
}

static void a_new_instance_ends_the_stop_request(void **state)
{
    (void)state;
    struct world w = begin();
    start_instance(&w, "a");
    worker_row_stop(&w.row, now(&w));
    pass(&w, S);
    start_instance(&w, "b");
    assert_int_equal(status(&w), WORKER_OK);
}

/* Random histories: what must hold whatever comes. */
static void whatever_comes_the_invariants_hold(void **state)
{
    (void)state;
    unsigned seed = 42;
    for (int run = 0; run < 300; run++) {
        struct world w = begin();
        bool heard = false;
        for (int i = 0; i < 200; i++) {
            seed = seed * 1103515245 + 12345;
            unsigned r = seed / 65536;
            switch (r % 6) {
            case 0:
                pass(&w, (int64_t)(r % 40) * S);
                break;
            case 1:
                w.wall_us += (r & 64 ? 1 : -1) * (int64_t)(r % 7200) * S;
                break;
            case 2:
                nobody_looks(&w, (int64_t)(r % 5000) * S);
                break;
            case 3:
                worker_row_stop(&w.row, now(&w));
                break;
            default: {
                struct heartbeat b = dated(w.wall_us + ((int64_t)(r % 400) - 200) * S);
                b.ts_known = r % 7 != 0;
                b.seq_known = r % 3 == 0;
                b.seq = r % 5;
                b.stopping = r % 11 == 0;
                b.period_us = r % 4 ? 0 : (int64_t)(1 + r % 60) * S;
                if (r % 5)
                    (void)snprintf(b.instance, sizeof(b.instance), "%u", r % 8);
                int64_t restarts = w.row.restarts;
                heard |= beat(&w, &b) == WORKER_BEAT_TAKEN;
                assert_true(w.row.restarts - restarts <= 1 && w.row.restarts >= restarts);
            }
            }
            int64_t now_us = now(&w), next_us = worker_next_us(&w.row, now_us);
            enum worker_status s = status(&w);
            assert_int_equal(heard, w.row.heard);
            assert_true(!heard || s != WORKER_UNKNOWN);
            assert_true(!heard || worker_age_us(&w.row, now_us) >= 0);
            assert_true(next_us > now_us);
            if (next_us == INT64_MAX)
                continue;
            /* nothing changes before next, and something does at it */
            bool flaps = worker_flapping(&w.row, now_us);
            assert_true(worker_status(&w.row, next_us - 1) == s &&
                        worker_flapping(&w.row, next_us - 1) == flaps);
            assert_true(worker_status(&w.row, next_us) != s || worker_flapping(&w.row, next_us) != flaps);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(w3_never_heard_is_unknown_and_once_heard_never_again),
        cmocka_unit_test(w3_the_window_is_90_s_and_its_end_is_stale),
        cmocka_unit_test(w3_an_announced_period_makes_the_window_three_of_it),
        cmocka_unit_test(w4_a_late_beat_is_old),
        cmocka_unit_test(w4_a_future_timestamp_does_not_keep_a_worker_alive),
        cmocka_unit_test(w4_a_step_of_the_wall_clock_changes_no_status),
        cmocka_unit_test(w4_a_suspend_or_a_stall_of_the_observer_is_not_charged),
        cmocka_unit_test(w4_a_beat_sent_during_a_stall_is_newer_than_one_before_it),
        cmocka_unit_test(w4_an_older_beat_of_the_same_instance_never_replaces_a_newer_one),
        cmocka_unit_test(w4_without_ts_the_lower_seq_is_the_older),
        cmocka_unit_test(w4_an_instance_that_draws_its_seq_anew_is_heard_by_its_ts),
        cmocka_unit_test(w5_restarts_count_changes_of_instance),
        cmocka_unit_test(a_late_word_of_a_former_instance_changes_nothing),
        cmocka_unit_test(w7_three_new_instances_within_ten_minutes_are_flapping),
        cmocka_unit_test(w7_three_within_more_than_ten_minutes_are_not),
        cmocka_unit_test(the_last_word_is_stopping_then_stopped_and_stays_so),
        cmocka_unit_test(a_stop_request_is_stopping_until_the_worker_is_silent),
        cmocka_unit_test(a_worker_that_beats_on_a_window_after_the_request_has_not_obeyed),
        cmocka_unit_test(a_new_instance_ends_the_stop_request),
        cmocka_unit_test(whatever_comes_the_invariants_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
