/* test_telemetry_chain.c -- from the rows of a node to the sums of a hub, under a hostile transport, in fake
 * time (spec 80 H2, H3, H6, H9, H15).  Both ends are real stores; only the network is made up. */
#include "store_fixture.h"

#include "base/buf.h"
#include "hub/report_body.h"
#include "node/telemetry/payload.h"
#include "store/reports.h"
#include "store/rollups.h"
#include "store/settings.h"
#include "store/telemetry.h"

#define MIN_US (60 * SECOND)
#define WINDOWS 10000
#define PER_COMMIT 200

enum fate { ARRIVES, LOST, ANSWER_LOST, TWICE, LATE, ERROR_500, BUSY_429, LIES, CONFLICT_409, FATES };

struct net {
    struct fixture *node, *hub;
    int64_t now_us, last_no, made_tasks;
    uint32_t seed;
    char late[4][4096]; /* reports that a middle box still holds */
    int late_count;
    struct window_rules rules;
    int64_t failures, sent, hub_is_down_until_us;
};

static uint32_t draw(struct net *n, uint32_t below)
{
    n->seed = n->seed * 1664525 + 1013904223;
    return (n->seed >> 8) % below;
}

/* -- the hub's end -- */

static bool hub_takes(struct net *n, const char *payload, struct report_taken *ret)
{
    struct arena a;
    struct report r;
    struct report_arrival arrival = {.report = &r, .payload = str_of(payload)};
    struct rollup_sums sums;
    size_t count = 0;
    arena_init(&a);
    rollup_sums_init(&sums);
    MUST(report_body_parse(str_of(payload), &a, &r, &e));
    MUST(instance_find(n->hub->db, (const char *const[]){"n1"}, 1, &a, &arrival.instance, &count, &e));
    assert_int_equal(count, 1);
    MUST(report_take(n->hub->db, &arrival, 1, n->now_us, &sums, &e));
    assert_int_equal(arrival.outcome, 0);
    MUST(rollup_sums_write(&sums, n->hub->db, &e));
    rollup_sums_deinit(&sums);
    *ret = arrival.taken;
    arena_reset(&a);
    return true;
}

static void late_ones_arrive(struct net *n)
{
    struct report_taken t;
    while (n->late_count > 0)
        (void)hub_takes(n, n->late[--n->late_count], &t);
}

/* -- the way -- */

/* The status that the node sees, and the window that the answer names. */
static struct window_answer transport(struct net *n, enum fate fate, const char *payload, int64_t no,
                                      struct report_taken *t)
{
    struct window_answer answer = {.retry_after_us = -1};
    bool down = n->now_us < n->hub_is_down_until_us;
    *t = (struct report_taken){0};
    if (down || fate == LOST)
        return answer;
    if (fate == LATE && n->late_count < 4) {
        (void)snprintf(n->late[n->late_count++], sizeof(n->late[0]), "%s", payload);
        return answer;
    }
    answer.status = fate == ERROR_500 ? 500 : fate == BUSY_429 ? 429 : 200;
    if (fate == ERROR_500 || fate == BUSY_429 || fate == LIES)
        return answer;
    (void)hub_takes(n, payload, t);
    if (fate == TWICE)
        (void)hub_takes(n, payload, t);
    if (fate == ANSWER_LOST)
        answer.status = 0;
    else if (fate == CONFLICT_409)
        answer.status = 409;
    else
        answer.window_no = no;
    return answer;
}

/* -- the node's end, as its sender goes about it -- */

static void work_is_done(struct net *n)
{
    int64_t id;
    for (uint32_t left = draw(n, 3); left > 0; left--) {
        MUST(task_insert(n->node->db, &(struct task){.work_item = "w", .stage = "s", .type = "t"}, "x",
                         n->now_us, &id, &e));
        n->made_tasks++;
    }
}

static void cut_due(struct net *n, struct telemetry_position *p)
{
    struct window w;
    MUST(telemetry_position(n->node->db, "e", p, &e));
    while (window_next(&n->rules, p->last_end_us, n->now_us, p->pending > 0, &w)) {
        struct arena a;
        struct telemetry_figures f;
        struct buf body = BUF_INIT;
        struct payload_head head = {.instance_id = "n1",
                                    .epoch = "e",
                                    .version = "1",
                                    .platform = "p",
                                    .process = "q",
                                    .window_no = p->last_no + 1,
                                    .interval_us = n->rules.interval_us};
        arena_init(&a);
        MUST(telemetry_count(n->node->db, &w, p->last_end_us == 0, &a, &f, &e));
        payload_write(&head, &w, &f, &body);
        MUST(telemetry_cut(n->node->db, "e", p->last_no + 1, &w, buf_str(&body), f.total_tasks, n->now_us,
                           &e));
        buf_deinit(&body);
        arena_reset(&a);
        MUST(telemetry_position(n->node->db, "e", p, &e));
    }
    n->last_no = p->last_no;
}

static void book(struct net *n, const struct telemetry_window *w, const struct window_answer *answer,
                 const struct report_taken *t)
{
    static const char *const states[] = {
        [WINDOW_ACKED] = "acked", [WINDOW_TAKEN] = "taken", [WINDOW_RETRY] = "pending"};
    enum window_outcome outcome = window_judge(answer, w->window_no, 1);
    assert_true(outcome <= WINDOW_RETRY);
    MUST(telemetry_settle(n->node->db, w->id, states[outcome], false, answer->status, NULL, n->now_us, &e));
    if (outcome == WINDOW_ACKED && answer->window_no)
        MUST(telemetry_confirm(n->node->db, "e", w->window_no, t->missing, t->missing_count, n->now_us, &e));
    n->failures = outcome == WINDOW_RETRY ? n->failures + 1 : 0;
}

/* One turn of the sender; returns when it wants the next one. */
static int64_t turn(struct net *n, enum fate fate)
{
    struct telemetry_position p;
    struct telemetry_window w, again;
    struct report_taken t;
    struct err why;
    struct arena a;
    arena_init(&a);
    cut_due(n, &p);
    int rc = telemetry_oldest(n->node->db, "pending", &a, &w, &why);
    int64_t delay_us = n->rules.interval_us;
    if (rc == 0) {
        struct window_answer answer = transport(n, fate, w.payload, w.window_no, &t);
        n->sent++;
        book(n, &w, &answer, &t);
        if (n->failures) { /* the same bytes are there for the next try, as after a restart */
            MUST(telemetry_by_no(n->node->db, "e", w.window_no, &a, &again, &e));
            assert_string_equal(again.payload, w.payload);
            delay_us = window_retry_us(n->failures, -1, 0.5);
        }
    }
    arena_reset(&a);
    return delay_us;
}

static int64_t tasks_at_hub(struct net *n)
{
    struct rollup_row *rows;
    size_t count = 0;
    int64_t sum = 0;
    struct rollup_question q = {.bucket = ROLLUP_DAY, .kind = "all", .to_us = INT64_MAX, .limit = 10000};
    MUST(rollup_list(n->hub->db, &q, &n->hub->a, &rows, &count, &e));
    for (size_t i = 0; i < count; i++)
        sum += rows[i].tasks;
    return sum;
}

static void begin(struct net *n)
{
    *n = (struct net){
        .now_us = T0, .seed = 7, .rules = {.interval_us = 5 * MIN_US, .max_us = 24 * 60 * MIN_US}};
    n->node = fixture_new("sqlite:node.db");
    n->hub = fixture_new("sqlite:hub.db");
    MUST(instance_insert(
        n->hub->db, &(struct instance){.id = "n1", .name = "n", .key_hash = "h", .expected_by = T0}, T0, &e));
    MUST(db_begin(n->node->db, true, &e));
    MUST(db_begin(n->hub->db, true, &e));
}

static void commit_both(struct net *n)
{
    MUST(db_commit(n->node->db, &e));
    MUST(db_commit(n->hub->db, &e));
    MUST(db_begin(n->node->db, true, &e));
    MUST(db_begin(n->hub->db, true, &e));
}

/* Whatever was still on its way arrives, and the rest is sent over a line that works: what lied shows in the
 * next answer and comes once more. */
static void settle(struct net *n)
{
    struct telemetry_position p;
    late_ones_arrive(n);
    for (int i = 0; i < 2000; i++) {
        n->now_us += 10 * MIN_US;
        (void)turn(n, ARRIVES);
        MUST(telemetry_position(n->node->db, "e", &p, &e));
        if (i > 3 && p.pending == 0 && p.taken == 0)
            return;
    }
    fail_msg("%lld windows wait, %lld are only believed", (long long)p.pending, (long long)p.taken);
}

static size_t findings(struct net *n)
{
    size_t count = 0;
    struct instance_gap *rows;
    MUST(gap_list(n->hub->db, "n1", NULL, 0, 100, &n->hub->a, &rows, &count, &e));
    return count;
}

static void end(struct net *n)
{
    db_rollback(n->node->db);
    db_rollback(n->hub->db);
    fixture_free(n->node);
    fixture_free(n->hub);
}

static void under_a_hostile_transport_the_hub_counts_to_the_unit(void **state)
{
    struct net n;
    int64_t step = 0;
    (void)state;
    begin(&n);
    while (n.last_no < WINDOWS) {
        work_is_done(&n);
        enum fate fate = draw(&n, 3) ? ARRIVES : (enum fate)draw(&n, FATES);
        n.now_us += 1 + turn(&n, fate);
        if (draw(&n, 20) == 0)
            late_ones_arrive(&n); /* reordered: behind newer ones */
        if (++step % PER_COMMIT == 0)
            commit_both(&n);
    }
    settle(&n);
    assert_true(n.made_tasks > WINDOWS / 2);
    assert_int_equal(tasks_at_hub(&n), n.made_tasks);
    assert_int_equal(findings(&n), 0);
    end(&n);
}

/* H3: away for three days: one window stays as it is, others queue by the day, nothing is dropped. */
static void three_days_without_a_hub_are_caught_up(void **state)
{
    struct net n;
    struct telemetry_position p;
    (void)state;
    begin(&n);
    n.hub_is_down_until_us = T0 + 3 * 24 * 60 * MIN_US + 30 * MIN_US;
    while (n.now_us < n.hub_is_down_until_us) {
        work_is_done(&n);
        n.now_us += MIN_US + turn(&n, ARRIVES);
    }
    MUST(telemetry_position(n.node->db, "e", &p, &e));
    assert_int_equal(p.pending, 4); /* the first five minutes, and three days of 24 h */
    settle(&n);
    assert_int_equal(tasks_at_hub(&n), n.made_tasks);
    assert_int_equal(findings(&n), 0);
    end(&n);
}

/* An event exactly on the edge belongs to the window that begins there. */
static void an_event_on_the_edge_counts_once(void **state)
{
    struct net n;
    int64_t id;
    (void)state;
    begin(&n);
    (void)turn(&n, ARRIVES); /* [T0 − 5 min, T0) */
    MUST(task_insert(n.node->db, &(struct task){.work_item = "w", .stage = "s"}, "x", T0, &id, &e));
    n.now_us = T0 + 5 * MIN_US;
    MUST(task_insert(n.node->db, &(struct task){.work_item = "w", .stage = "s"}, "x", n.now_us, &id, &e));
    (void)turn(&n, ARRIVES); /* [T0, T0 + 5 min) */
    assert_int_equal(tasks_at_hub(&n), 1);
    n.now_us += 5 * MIN_US;
    (void)turn(&n, ARRIVES);
    assert_int_equal(tasks_at_hub(&n), 2);
    end(&n);
}

/* The counts of a window against a second computation, straight from the rows. */
static void a_windows_figures_are_those_of_the_rows(void **state)
{
    struct net n;
    struct telemetry_figures f;
    struct arena a;
    int64_t id, sum_us = 0;
    size_t count;
    (void)state;
    begin(&n);
    arena_init(&a);
    for (int i = 0; i < 50; i++) {
        int64_t age_us = i * 977 * 1000, end_us = T0 - 1 - i * SECOND;
        MUST(task_insert(n.node->db,
                         &(struct task){.work_item = "w", .stage = "s", .type = i % 2 ? "a" : "b"}, "x",
                         end_us - age_us, &id, &e));
        MUST(task_move(n.node->db, id, i % 3 ? "done" : "t", "x", NULL, 0, end_us, &e));
        sum_us += i % 2 ? age_us : 0;
    }
    struct window w = {T0 - 3600 * SECOND, T0};
    MUST(telemetry_count(n.node->db, &w, true, &a, &f, &e));
    const struct task_mean *rows = task_means_by_type(f.tasks, f.task_count, &a, &count);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, "a") == 0) {
            assert_int_equal(rows[i].count, 25);
            assert_int_equal(rows[i].duration_us, sum_us);
        }
    w = (struct window){T0 - 10 * SECOND, T0 - 5 * SECOND}; /* tasks 5 … 9 end in it: T0 − 1 µs − i s */
    MUST(telemetry_count(n.node->db, &w, true, &a, &f, &e));
    rows = task_means_by_status(f.tasks, f.task_count, &a, &count);
    int64_t tasks = 0;
    for (size_t i = 0; i < count; i++)
        tasks += rows[i].count;
    assert_int_equal(tasks, 5);
    arena_reset(&a);
    end(&n);
}

static void a_copied_store_gets_an_epoch_of_its_own_and_keeps_its_name(void **state)
{
    struct net n;
    struct telemetry_identity first, again, moved, given;
    (void)state;
    begin(&n);
    struct arena *a = &n.node->a;
    MUST(setting_ensure_instance_id(n.node->db, &e));
    MUST(telemetry_identity(n.node->db, NULL, "here", a, &first, &e));
    MUST(telemetry_identity(n.node->db, NULL, "here", a, &again, &e));
    MUST(telemetry_identity(n.node->db, NULL, "elsewhere", a, &moved, &e));
    MUST(telemetry_identity(n.node->db, "given", "elsewhere", a, &given, &e));
    assert_string_equal(first.epoch, again.epoch);
    assert_string_not_equal(first.epoch, moved.epoch);
    assert_string_equal(first.instance_id, moved.instance_id);
    assert_string_equal(given.instance_id, "given");
    assert_int_equal(strlen(first.instance_id), 36);
    assert_int_equal(first.instance_id[14], '4'); /* RFC 9562 §5.4 */
    end(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(under_a_hostile_transport_the_hub_counts_to_the_unit),
        cmocka_unit_test(three_days_without_a_hub_are_caught_up),
        cmocka_unit_test(an_event_on_the_edge_counts_once),
        cmocka_unit_test(a_windows_figures_are_those_of_the_rows),
        cmocka_unit_test(a_copied_store_gets_an_epoch_of_its_own_and_keeps_its_name),
    };
    return cmocka_run_group_tests_name("telemetry_chain", tests, NULL, NULL);
}
