/* test_hub_reports.c -- a hub's chains of windows: once each, gaps until they are filled, overlaps, rewinds,
 * clones, totals that do not add up, and the sums by time (spec 80 H9, H11, H12, H14, H15). */
#include "store_fixture.h"

#include "store/reports.h"
#include "store/rollups.h"

#define MIN_US (60 * SECOND)

struct sent {
    int64_t from_min, to_min, no; /* minutes after T0 */
    const char *epoch;
    int64_t tasks, total_tasks; /* total -1: not said */
};

static int send_at(struct fixture *f, const struct sent *s, const char *payload, int64_t now_us,
                   struct report_taken *ret)
{
    struct report_status status = {"done", s->tasks};
    struct report_type type = {"review", s->tasks, s->tasks, s->tasks * 1000};
    struct report r = {.instance_id = "n1",
                       .epoch = s->epoch,
                       .window_no = s->no,
                       .window_start_us = T0 + s->from_min * MIN_US,
                       .window_end_us = T0 + s->to_min * MIN_US,
                       .interval_us = 5 * MIN_US,
                       .agents_total = 3,
                       .statuses = &status,
                       .types = &type,
                       .status_count = 1,
                       .type_count = 1,
                       .total_known = s->total_tasks >= 0,
                       .total_tasks = s->total_tasks};
    struct report_arrival arrival = {.report = &r, .payload = str_of(payload)};
    struct rollup_sums sums;
    size_t count = 0;
    rollup_sums_init(&sums);
    MUST(instance_find(f->db, (const char *const[]){"n1"}, 1, &f->a, &arrival.instance, &count, &e));
    assert_int_equal(count, 1);
    MUST(report_take(f->db, &arrival, 1, now_us, &sums, &e));
    MUST(rollup_sums_write(&sums, f->db, &e));
    rollup_sums_deinit(&sums);
    *ret = arrival.taken;
    return arrival.outcome;
}

static struct report_taken take(struct fixture *f, struct sent s)
{
    struct report_taken t;
    char payload[64];
    (void)snprintf(payload, sizeof(payload), "%lld-%lld-%s", (long long)s.from_min, (long long)s.no,
                   s.epoch ? s.epoch : "");
    assert_int_equal(send_at(f, &s, payload, T0 + s.to_min * MIN_US, &t), 0);
    return t;
}
#define TAKE_WINDOW(...) take(f, (struct sent){__VA_ARGS__, .total_tasks = -1})

static struct fixture *enrolled(struct fixture *f)
{
    MUST(instance_insert(
        f->db, &(struct instance){.id = "n1", .name = "n1", .key_hash = "h", .expected_by = T0}, T0, &e));
    return f;
}

static size_t findings(struct fixture *f, const char *kind, struct instance_gap **ret)
{
    size_t count = 0;
    struct instance_gap *rows = NULL;
    MUST(gap_list(f->db, "n1", kind, 0, 1000, &f->a, &rows, &count, &e));
    if (ret)
        *ret = rows;
    return count;
}

static int64_t counted_tasks(struct fixture *f)
{
    struct rollup_row *rows;
    size_t count = 0;
    struct rollup_question q = {
        .bucket = ROLLUP_MONTH, .kind = "all", .from_us = 0, .to_us = INT64_MAX, .limit = 100};
    MUST(rollup_list(f->db, &q, &f->a, &rows, &count, &e));
    return count ? rows[0].tasks : 0;
}

static void the_same_bytes_are_one_report_and_others_are_refused(void **state)
{
    struct fixture *f = enrolled(*state);
    struct report_taken t;
    struct sent s = {0, 5, 1, "e", 7, -1};
    assert_int_equal(send_at(f, &s, "bytes", T0, &t), 0);
    assert_false(t.duplicate);
    assert_int_equal(send_at(f, &s, "bytes", T0 + 99 * MIN_US, &t), 0);
    assert_true(t.duplicate);
    assert_int_equal(t.received_at, T0); /* when it came first */
    assert_int_equal(send_at(f, &s, "other", T0, &t), REPORT_E_CONFLICT);
    assert_int_equal(counted_tasks(f), 7);
}

static void a_gap_is_listed_until_what_is_missing_comes(void **state)
{
    struct fixture *f = enrolled(*state);
    struct instance_gap *gaps;
    (void)TAKE_WINDOW(0, 5, 1, "e", 1);
    struct report_taken t = TAKE_WINDOW(20, 25, 5, "e", 1);
    assert_int_equal(t.missing_count, 3); /* 2, 3, 4 */
    assert_int_equal(t.missing[0], 2);
    assert_int_equal(t.missing[2], 4);
    assert_int_equal(findings(f, "gap", &gaps), 1);
    assert_int_equal(gaps[0].start_us, T0 + 5 * MIN_US);
    assert_int_equal(gaps[0].end_us, T0 + 20 * MIN_US);
    t = TAKE_WINDOW(10, 15, 3, "e", 1); /* from the middle: a gap on both sides */
    assert_false(t.overlap);
    assert_int_equal(findings(f, "gap", &gaps), 2);
    assert_int_equal(gaps[0].last_no, 2);
    assert_int_equal(gaps[1].first_no, 4);
    (void)TAKE_WINDOW(15, 20, 4, "e", 1);
    t = TAKE_WINDOW(5, 10, 2, "e", 1);
    assert_int_equal(t.missing_count, 0);
    assert_int_equal(findings(f, NULL, NULL), 0);
    assert_int_equal(counted_tasks(f), 5);
}

static void windows_that_were_lost_before_the_first_one_are_known_by_their_numbers(void **state)
{
    struct fixture *f = enrolled(*state);
    struct report_taken t = TAKE_WINDOW(10, 15, 3, "e", 1);
    assert_int_equal(t.missing_count, 2);
    t = TAKE_WINDOW(5, 10, 2, "e", 1);
    assert_int_equal(t.missing_count, 1);
    t = TAKE_WINDOW(0, 5, 1, "e", 1);
    assert_int_equal(t.missing_count, 0);
    assert_int_equal(findings(f, NULL, NULL), 0);
    assert_int_equal(counted_tasks(f), 3);
}

static void an_overlap_is_flagged_and_no_moment_counts_twice(void **state)
{
    struct fixture *f = enrolled(*state);
    (void)TAKE_WINDOW(0, 10, 0, NULL, 4);
    assert_false(TAKE_WINDOW(10, 20, 0, NULL, 5).overlap); /* half-open: they touch */
    assert_true(TAKE_WINDOW(5, 15, 0, NULL, 100).overlap);
    assert_true(TAKE_WINDOW(2, 3, 0, NULL, 100).overlap);
    assert_true(TAKE_WINDOW(19, 40, 0, NULL, 100).overlap);
    assert_int_equal(findings(f, "overlap", NULL), 3);
    assert_int_equal(counted_tasks(f), 9);
}

static void a_window_half_inside_a_gap_overlaps(void **state)
{
    struct fixture *f = enrolled(*state);
    (void)TAKE_WINDOW(0, 10, 0, NULL, 1);
    (void)TAKE_WINDOW(20, 30, 0, NULL, 1);
    assert_true(TAKE_WINDOW(5, 15, 0, NULL, 100).overlap);
    assert_false(TAKE_WINDOW(12, 15, 0, NULL, 1).overlap);
    assert_int_equal(findings(f, "gap", NULL), 2);
    assert_int_equal(counted_tasks(f), 3);
}

/* The store was restored from a copy: its numbers come again, with other windows. */
static void a_rewind_is_listed(void **state)
{
    struct fixture *f = enrolled(*state);
    for (int64_t n = 1; n <= 5; n++)
        (void)TAKE_WINDOW((n - 1) * 5, n * 5, n, "e", 1);
    (void)TAKE_WINDOW(15, 60, 4, "e", 1); /* restored as of window 3, an hour later */
    (void)TAKE_WINDOW(60, 65, 5, "e", 1);
    (void)TAKE_WINDOW(65, 70, 6, "e", 1);
    assert_int_equal(findings(f, "rewind", NULL), 1);
    assert_int_equal(findings(f, "clone", NULL), 0);
    assert_int_equal(counted_tasks(f), 7); /* 5, and those behind the overlap */
}

/* Two copies of one store report at the same time. */
static void a_clone_is_listed(void **state)
{
    struct fixture *f = enrolled(*state);
    for (int64_t n = 1; n <= 3; n++)
        (void)TAKE_WINDOW((n - 1) * 5, n * 5, n, "e", 1);
    (void)TAKE_WINDOW(15, 20, 4, "e", 1);
    (void)TAKE_WINDOW(15, 22, 4, "e", 1); /* the copy */
    assert_int_equal(findings(f, "clone", NULL), 0);
    (void)TAKE_WINDOW(20, 25, 5, "e", 1); /* and yet the original goes on */
    assert_int_equal(findings(f, "clone", NULL), 1);
    (void)TAKE_WINDOW(22, 27, 5, "e", 1);
    (void)TAKE_WINDOW(25, 30, 6, "e", 1);
    assert_int_equal(findings(f, "clone", NULL), 1); /* said once */
    assert_int_equal(counted_tasks(f), 6);           /* one of the two alone */
}

static void an_epoch_that_goes_on_after_another_has_begun_is_a_clone(void **state)
{
    struct fixture *f = enrolled(*state);
    (void)TAKE_WINDOW(0, 5, 1, "old", 1);
    (void)TAKE_WINDOW(10, 15, 1, "new", 1);
    assert_int_equal(findings(f, "epoch", NULL), 1);
    (void)TAKE_WINDOW(5, 10, 2, "old", 1); /* late, and from before: no clone */
    assert_int_equal(findings(f, "clone", NULL), 0);
    (void)TAKE_WINDOW(10, 17, 3, "old", 1);
    assert_int_equal(findings(f, "clone", NULL), 1);
}

static void totals_that_do_not_add_up_are_listed(void **state)
{
    struct fixture *f = enrolled(*state);
    (void)take(f, (struct sent){0, 5, 1, "e", 4, 100});
    (void)take(f, (struct sent){5, 10, 2, "e", 3, 103});
    assert_int_equal(findings(f, "discontinuity", NULL), 0);
    (void)take(f, (struct sent){10, 15, 3, "e", 3, 107}); /* one is nowhere: 103 + 3 = 106 */
    assert_int_equal(findings(f, "discontinuity", NULL), 1);
}

static void silence_is_found_after_three_intervals_and_ends_with_a_report(void **state)
{
    struct fixture *f = enrolled(*state);
    struct instance *silent;
    struct instance i;
    size_t count = 0;
    struct err none;
    (void)TAKE_WINDOW(0, 5, 1, "e", 1); /* received at minute 5: the next is due by minute 20 */
    assert_int_equal(instance_any_overdue(f->db, T0 + 20 * MIN_US, &none), DB_E_NONE);
    MUST(instance_any_overdue(f->db, T0 + 20 * MIN_US + 1, &e));
    MUST(instance_mark_silent(f->db, T0 + 20 * MIN_US + 1, 10, &f->a, &silent, &count, &e));
    assert_int_equal(count, 1);
    MUST(instance_mark_silent(f->db, T0 + 60 * MIN_US, 10, &f->a, &silent, &count, &e));
    assert_int_equal(count, 0); /* once */
    (void)TAKE_WINDOW(5, 60, 2, "e", 1);
    MUST(instance_get(f->db, "n1", &f->a, &i, &e));
    assert_int_equal(i.silent_since, 0);
}

/* 2026-11-22T03:04:05Z: the hour began at T0 − 245 s, the day 11045 s before T0, the month on the first. */
static void a_report_counts_in_the_hour_day_and_month_that_it_begins_in(void **state)
{
    static const int64_t starts[ROLLUP_BUCKETS] = {T0 - 245 * SECOND, T0 - 11045 * SECOND,
                                                   INT64_C(1793491200) * SECOND};
    struct fixture *f = enrolled(*state);
    (void)TAKE_WINDOW(0, 5, 1, "e", 4);
    (void)TAKE_WINDOW(5, 10, 2, "e", 6);
    for (int b = 0; b < ROLLUP_BUCKETS; b++) {
        struct rollup_row *rows;
        size_t count = 0;
        struct rollup_question q = {.bucket = (enum rollup_bucket)b,
                                    .kind = "type",
                                    .from_us = T0,
                                    .to_us = T0 + SECOND,
                                    .limit = 10};
        MUST(rollup_list(f->db, &q, &f->a, &rows, &count, &e));
        assert_int_equal(count, 1);
        assert_string_equal(rows[0].key, "review");
        assert_int_equal(rows[0].bucket_us, starts[b]);
        assert_int_equal(rows[0].tasks, 10);
        assert_int_equal(rows[0].duration_us, 10000);
    }
}

/* A row a day: however long a page is, all come once and in order. */
static void a_list_in_pages_is_the_list(void **state)
{
    struct fixture *f = enrolled(*state);
    for (int64_t day = 0; day < 10; day++)
        (void)TAKE_WINDOW(day * 1440, day * 1440 + 5, day + 1, day % 2 ? "e" : "f", day);
    for (int64_t limit = 1; limit <= 11; limit++) {
        struct rollup_question q = {.bucket = ROLLUP_DAY, .kind = "type", .to_us = INT64_MAX, .limit = limit};
        struct rollup_row *rows = NULL;
        size_t count = 0, seen = 0;
        do {
            MUST(rollup_list(f->db, &q, &f->a, &rows, &count, &e));
            for (size_t i = 0; i < count; i++)
                assert_int_equal(rows[i].tasks, seen++);
            if (count) {
                q.after_bucket_us = rows[count - 1].bucket_us;
                q.after_key = rows[count - 1].key;
            }
        } while (count);
        assert_int_equal(seen, 10);
    }
}

static void what_is_swept_still_counts_and_still_is_no_news(void **state)
{
    struct fixture *f = enrolled(*state);
    int64_t deleted = 0;
    (void)TAKE_WINDOW(0, 5, 1, "e", 4);
    (void)TAKE_WINDOW(5, 10, 2, "e", 4);
    MUST(report_sweep(f->db, T0 + 100 * MIN_US, 100, &deleted, &e));
    assert_int_equal(deleted, 2);
    assert_true(TAKE_WINDOW(0, 5, 1, "e", 4).overlap);
    assert_int_equal(counted_tasks(f), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bytes_are_one_report_and_others_are_refused),
        cmocka_unit_test(a_gap_is_listed_until_what_is_missing_comes),
        cmocka_unit_test(windows_that_were_lost_before_the_first_one_are_known_by_their_numbers),
        cmocka_unit_test(an_overlap_is_flagged_and_no_moment_counts_twice),
        cmocka_unit_test(a_window_half_inside_a_gap_overlaps),
        cmocka_unit_test(a_rewind_is_listed),
        cmocka_unit_test(a_clone_is_listed),
        cmocka_unit_test(an_epoch_that_goes_on_after_another_has_begun_is_a_clone),
        cmocka_unit_test(totals_that_do_not_add_up_are_listed),
        cmocka_unit_test(silence_is_found_after_three_intervals_and_ends_with_a_report),
        cmocka_unit_test(a_report_counts_in_the_hour_day_and_month_that_it_begins_in),
        cmocka_unit_test(a_list_in_pages_is_the_list),
        cmocka_unit_test(what_is_swept_still_counts_and_still_is_no_news),
    };
    return fixture_run("hub_reports", tests, COUNT_OF(tests));
}
