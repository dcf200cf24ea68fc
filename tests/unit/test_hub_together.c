/* test_hub_together.c -- reports that are taken together leave the rows that they would have left one by one
 * (spec 80 H9, H11, H15). */
#include "store_fixture.h"

#include "store/reports.h"

#define MIN_US (60 * SECOND)
#define INSTANCES 5
#define STEPS 60
#define EPOCHS 2

struct sender { /* what its next report will be, unless something odd is drawn */
    char id[8];
    int64_t at_min, no;
    size_t epoch;
};

struct arriving {
    struct report report;
    struct report_status statuses[2];
    struct report_type types[2];
    struct report_model model;
    char payload[256];
};

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % below;
}

/* The next window; sometimes one is left out, comes again, reaches back, or begins another epoch. */
static void draw_window(struct sender *s, struct report *r, uint32_t *seed)
{
    static const char *const epochs[EPOCHS] = {"e1", "e2"};
    switch (draw(seed, 10)) {
    case 0:
        s->at_min += 10;
        s->no += 2;
        break;
    case 1:
        s->at_min = MAX(s->at_min - 10, 0);
        s->no = MAX(s->no - 2, 0);
        break;
    case 2:
        s->at_min = MAX(s->at_min - 3, 0);
        break;
    case 3:
        s->epoch = draw(seed, EPOCHS);
        break;
    default:
        break;
    }
    r->epoch = epochs[s->epoch];
    r->window_no = ++s->no;
    r->window_start_us = T0 + s->at_min * MIN_US;
    s->at_min += 5;
    r->window_end_us = T0 + s->at_min * MIN_US;
}

static void draw_report(struct sender *s, struct arriving *a, uint32_t *seed)
{
    int64_t count = draw(seed, 9);
    *a = (struct arriving){.statuses = {{"done", count}, {"failed", draw(seed, 3)}},
                           .types = {{"review", count, count, count * 1000}, {"plan", 1}},
                           .model = {.name = "m", .runs = 2, .cost_micro_usd = draw(seed, 1000)}};
    a->report = (struct report){.instance_id = s->id,
                                .interval_us = 5 * MIN_US,
                                .agents_total = draw(seed, 6),
                                .servers_total = draw(seed, 4),
                                .statuses = a->statuses,
                                .types = a->types,
                                .models = &a->model,
                                .status_count = 2,
                                .type_count = 2,
                                .model_count = 1};
    draw_window(s, &a->report, seed);
    (void)snprintf(a->payload, sizeof(a->payload), "%s %lld %lld", s->id,
                   (long long)a->report.window_start_us, (long long)draw(seed, 3));
}

static void take(struct fixture *f, struct arriving *list, size_t count, int64_t now_us,
                 struct report_arrival *ret)
{
    const char *ids[INSTANCES];
    struct instance *found = NULL;
    struct rollup_sums sums;
    size_t found_count = 0;
    rollup_sums_init(&sums);
    for (size_t i = 0; i < count; i++)
        ids[i] = list[i].report.instance_id;
    MUST(instance_find(f->db, ids, count, &f->a, &found, &found_count, &e));
    assert_int_equal(found_count, count);
    for (size_t i = 0; i < count; i++) {
        ret[i] = (struct report_arrival){.report = &list[i].report, .payload = str_of(list[i].payload)};
        for (size_t j = 0; j < count; j++)
            if (strcmp(found[j].id, ids[i]) == 0)
                ret[i].instance = &found[j];
    }
    MUST(report_take(f->db, ret, count, now_us, &sums, &e));
    MUST(rollup_sums_write(&sums, f->db, &e));
    rollup_sums_deinit(&sums);
}

static void assert_same_answers(const struct report_arrival *a, const struct report_arrival *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(a[i].outcome, b[i].outcome);
        if (a[i].outcome)
            continue;
        assert_int_equal(a[i].taken.duplicate, b[i].taken.duplicate);
        assert_int_equal(a[i].taken.overlap, b[i].taken.overlap);
        assert_int_equal(a[i].taken.received_at, b[i].taken.received_at);
        assert_int_equal(a[i].taken.missing_count, b[i].taken.missing_count);
        assert_memory_equal(a[i].taken.missing, b[i].taken.missing,
                            a[i].taken.missing_count * sizeof(int64_t));
    }
}

/* -- all rows, but for the numbers that they got -- */

#define USAGE(table)                                                                                         \
    "SELECT kind, bucket, key, reports, tasks, measured, duration_us, runs, cost_micro_usd, peak_agents,"    \
    " peak_servers FROM " table " ORDER BY kind, bucket, key"

static const struct {
    const char *sql;
    int columns;
} tables[] = {
    {"SELECT id, last_seen_at, last_report_at, first_start, last_end, epoch, epoch_since, last_no, max_no,"
     " fork_no, fork_end, expected_by, agents_total, reports, gaps FROM instances ORDER BY id",
     15},
    {"SELECT instance_id, window_start, window_end, epoch, window_no, received_at, hash, overlap, payload"
     " FROM reports ORDER BY instance_id, window_start, window_end",
     9},
    {"SELECT instance_id, kind, window_start, window_end, epoch, first_no, last_no, found_at"
     " FROM instance_gaps ORDER BY instance_id, id",
     8},
    {USAGE("usage_hourly"), 11},
    {USAGE("usage_daily"), 11},
    {USAGE("usage_monthly"), 11},
};

static size_t assert_same_rows(struct fixture *a, struct fixture *b, const char *sql, int columns)
{
    CLEANUP(db_done) struct db_cursor x = {0};
    CLEANUP(db_done) struct db_cursor y = {0};
    size_t rows = 0;
    MUST(db_query(a->db, sql, DB_NO_ARGS, &x, &e));
    MUST(db_query(b->db, sql, DB_NO_ARGS, &y, &e));
    struct err e = {0};
    for (; db_next(&x, &e) == 1; rows++) {
        assert_int_equal(db_next(&y, &e), 1);
        for (int i = 0; i < columns; i++) {
            assert_int_equal(db_is_null(&x, i), db_is_null(&y, i));
            if (!str_equal(db_str(&x, i), db_str(&y, i)))
                fail_msg("%s: row %zu, column %d", sql, rows, i);
        }
    }
    assert_int_equal(db_next(&y, &e), 0);
    return rows;
}

static void enrol(struct fixture *f, const struct sender *senders)
{
    for (size_t i = 0; i < INSTANCES; i++)
        MUST(instance_insert(
            f->db, &(struct instance){.id = senders[i].id, .name = "n", .key_hash = "h", .expected_by = T0},
            T0, &e));
}

static void run_both(struct fixture *together, struct fixture *alone, uint32_t seed)
{
    struct sender senders[INSTANCES] = {0};
    for (size_t i = 0; i < INSTANCES; i++)
        (void)snprintf(senders[i].id, sizeof(senders[i].id), "n%zu", i);
    enrol(together, senders);
    enrol(alone, senders);
    for (int step = 0; step < STEPS; step++) {
        struct arriving list[INSTANCES];
        struct report_arrival a[INSTANCES], b[INSTANCES];
        int64_t now_us = T0 + step * SECOND;
        for (size_t i = 0; i < INSTANCES; i++)
            draw_report(&senders[i], &list[i], &seed);
        take(together, list, INSTANCES, now_us, a);
        for (size_t i = 0; i < INSTANCES; i++)
            take(alone, &list[i], 1, now_us, &b[i]);
        assert_same_answers(a, b, INSTANCES);
    }
}

static void reports_taken_together_leave_what_they_leave_one_by_one(void **state)
{
    struct fixture *together = *state;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        struct fixture *a = fixture_new(fixture_is_postgres(together) ? FIXTURE_POSTGRES : FIXTURE_SQLITE);
        struct fixture *b = fixture_new(fixture_is_postgres(together) ? FIXTURE_POSTGRES : FIXTURE_SQLITE);
        run_both(a, b, seed);
        for (size_t i = 0; i < COUNT_OF(tables); i++)
            assert_true(assert_same_rows(a, b, tables[i].sql, tables[i].columns) > 0);
        fixture_free(a);
        fixture_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_taken_together_leave_what_they_leave_one_by_one),
    };
    return fixture_run("hub_together", tests, COUNT_OF(tests));
}
