/* test_report_body.c -- a report's bytes: what it says, and the JSON pointer of what is wrong (spec 80 H5,
 * H8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "hub/report_body.h"
#include "io/gzip.h"
#include "node/telemetry/payload.h"

/* The example of H5, to the letter. */
#define HEAD                                                                                                 \
    "{\"instance_id\":\"n1\",\"window_start\":\"2026-11-22T03:04:05+00:00\","                                \
    "\"window_end\":\"2026-11-22T03:09:05+00:00\",\"uptime_seconds\":86400,"
#define AGENTS "\"agents\":{\"online_count\":3,\"offline_count\":1,\"total_count\":5},"
#define TASKS                                                                                                \
    "\"tasks\":{\"by_status\":{\"done\":10,\"failed\":2},"                                                   \
    "\"by_type\":{\"review\":{\"count\":7,\"avg_duration_ms\":41250.5}}},"
#define METRICS "\"metrics\":{" AGENTS TASKS "\"servers\":{\"total_count\":2}}"
static const char example[] = HEAD METRICS "}";

static void the_example_of_the_contract_is_read(void **state)
{
    struct arena a;
    struct report r;
    struct err e;
    (void)state;
    arena_init(&a);
    assert_int_equal(report_body_parse(STR(example), &a, &r, &e), 0);
    assert_string_equal(r.instance_id, "n1");
    assert_int_equal(r.window_start_us, INT64_C(1795316645000000)); /* 2026-11-22T03:04:05Z */
    assert_int_equal(r.window_end_us - r.window_start_us, INT64_C(300000000));
    assert_int_equal(r.agents_online, 3);
    assert_int_equal(r.agents_offline, 1);
    assert_int_equal(r.agents_total, 5);
    assert_int_equal(report_tasks(&r), 12);
    assert_int_equal(r.types[0].measured, 7);
    assert_int_equal(r.types[0].duration_us, 288753500); /* 7 × 41250.5 ms */
    assert_int_equal(r.servers_total, 2);
    assert_null(r.epoch);
    assert_int_equal(r.window_no, 0);
    assert_false(r.total_known);
    arena_reset(&a);
}

static void what_is_wrong_is_named_by_its_pointer(void **state)
{
    static const struct {
        const char *body, *pointer;
    } cases[] = {
        {"[]", "/"},
        {"{}", "/instance_id"},
        {"{\"instance_id\":7}", "/instance_id"},
        {"{\"instance_id\":\"n\",\"window_start\":\"yesterday\"}", "/window_start"},
        {"{\"instance_id\":\"n\",\"window_start\":\"2026-11-22T03:04:05Z\",\"window_end\":\"2026-11-22T03:04:"
         "05Z\"}",
         "/window_end"},
        {HEAD "\"metrics\":[]}", "/metrics"},
        {HEAD "\"metrics\":{}}", "/metrics/agents"},
        {HEAD "\"metrics\":{\"agents\":{\"online_count\":1}}}", "/metrics/agents/offline_count"},
        {HEAD "\"metrics\":{\"agents\":{\"online_count\":1.5,\"offline_count\":0,\"total_count\":0}}}",
         "/metrics/agents/online_count"},
        {HEAD "\"metrics\":{" AGENTS "\"tasks\":{\"by_status\":{\"a/b\":-1},\"by_type\":{}}}}",
         "/metrics/tasks/by_status/a~1b"},
        {HEAD "\"metrics\":{" AGENTS "\"tasks\":{\"by_status\":{},\"by_type\":{\"x\":{}}}}}",
         "/metrics/tasks/by_type/x/count"},
        {HEAD "\"metrics\":{" AGENTS
              "\"tasks\":{\"by_status\":{},\"by_type\":{\"x\":{\"count\":1,\"avg_duration_ms\":-1}}}}}",
         "/metrics/tasks/by_type/x/avg_duration_ms"},
        /* 6e13 and 5e13 us: each can be added up, both together are more than 1e14 */
        {HEAD "\"metrics\":{" AGENTS
              "\"tasks\":{\"by_status\":{},\"by_type\":{\"x\":{\"count\":6,\"avg_duration_ms\":1e10},"
              "\"y\":{\"count\":5,\"avg_duration_ms\":1e10}}}}}",
         "/metrics/tasks/by_type/y/avg_duration_ms"},
        {HEAD "\"metrics\":{" AGENTS TASKS "\"servers\":{\"total_count\":null}}}",
         "/metrics/servers/total_count"},
        {HEAD METRICS ",\"window_no\":\"7\"}", "/window_no"},
        {HEAD METRICS ",\"totals\":{\"tasks\":1}}", "/totals/runs"},
        {HEAD METRICS ",\"models\":{\"m\":{\"cost_usd\":-1}}}", "/models/m/cost_usd"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct report r;
        struct err e = {0};
        arena_init(&a);
        assert_int_equal(report_body_parse(str_of(cases[i].body), &a, &r, &e), -EINVAL);
        assert_string_equal(e.place, cases[i].pointer);
        assert_int_equal(e.code, ERR_INVALID);
        arena_reset(&a);
    }
}

static void what_is_no_json_is_told_apart(void **state)
{
    static const char *const bodies[] = {"", "{", "{\"a\":1,\"a\":2}", "nan"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct arena a;
        struct report r;
        struct err e = {0};
        arena_init(&a);
        assert_int_equal(report_body_parse(str_of(bodies[i]), &a, &r, &e), -EINVAL);
        assert_int_equal(e.code, ERR_BAD_REQUEST);
        arena_reset(&a);
    }
}

static void fields_that_are_not_known_yet_are_let_through(void **state)
{
    struct arena a;
    struct report r;
    struct err e;
    (void)state;
    arena_init(&a);
    assert_int_equal(
        report_body_parse(STR(HEAD METRICS ",\"later\":{\"x\":[1,{}]},\"epoch\":null}"), &a, &r, &e), 0);
    arena_reset(&a);
}

/* What the sender writes is what the hub reads. */
static void the_senders_bytes_say_what_was_counted(void **state)
{
    struct arena a;
    struct report r;
    struct err e;
    struct buf out = BUF_INIT;
    struct task_group groups[] = {{"done", "review", 3, 3, 30000}, {"failed", "", 2, 0, 0}};
    struct telemetry_model models[] = {
        {.model = "m-1", .runs = 2, .cost_micro_usd = 1250001, .tokens = {7, 8}}};
    struct telemetry_figures f = {.agents_online = 1,
                                  .agents_total = 2,
                                  .servers_total = 1,
                                  .tasks = groups,
                                  .task_count = 2,
                                  .models = models,
                                  .model_count = 1,
                                  .total_tasks = 105,
                                  .total_runs = 9};
    struct payload_head head = {.instance_id = "n1",
                                .epoch = "e",
                                .version = "1",
                                .platform = "p",
                                .process = "q",
                                .window_no = 7,
                                .uptime_us = 61999999,
                                .interval_us = 300000000};
    struct window w = {1795316645000000, 1795316945123456};
    (void)state;
    arena_init(&a);
    payload_write(&head, &w, &f, &out);
    assert_int_equal(report_body_parse(buf_str(&out), &a, &r, &e), 0);
    assert_int_equal(r.window_start_us, w.start_us);
    assert_int_equal(r.window_end_us, w.end_us);
    assert_int_equal(r.window_no, 7);
    assert_string_equal(r.epoch, "e");
    assert_int_equal(r.uptime_s, 61);
    assert_int_equal(r.interval_us, 300000000);
    assert_int_equal(report_tasks(&r), 5);
    assert_string_equal(r.types[1].name, "unknown");
    assert_int_equal(r.models[0].cost_micro_usd, 1250001);
    assert_int_equal(r.models[0].tokens[USAGE_OUTPUT], 8);
    assert_true(r.total_known);
    assert_int_equal(r.total_tasks, 105);
    assert_non_null(strstr(out.p, "\"window_start\":\"2026-11-22T03:04:05.000000+00:00\""));
    assert_non_null(strstr(out.p, "\"by_type\":{\"review\":{\"count\":3,\"avg_duration_ms\":10}"));
    buf_deinit(&out);
    arena_reset(&a);
}

/* H5: zeros, not absences; H16: a licence report holds nothing of what was done. */
static void nothing_is_zeros_and_a_licence_report_holds_no_more_than_counts(void **state)
{
    struct buf out = BUF_INIT;
    struct task_group group = {"done", "secret-type", 3, 3, 30000};
    struct telemetry_figures none = {0}, some = {.agents_total = 4, .tasks = &group, .task_count = 1};
    struct payload_head head = {
        .instance_id = "n", .epoch = "e", .version = "1", .platform = "p", .process = "q"};
    struct window w = {1, 2};
    (void)state;
    payload_write(&head, &w, &none, &out);
    assert_non_null(
        strstr(out.p, "\"metrics\":{\"agents\":{\"online_count\":0,\"offline_count\":0,\"total_count\":0},"
                      "\"tasks\":{\"by_status\":{},\"by_type\":{}},\"servers\":{\"total_count\":0}}"));
    buf_clear(&out);
    head.licence_only = true;
    payload_write(&head, &w, &some, &out);
    assert_non_null(strstr(out.p, "\"total_count\":4"));
    assert_null(strstr(out.p, "secret-type"));
    assert_null(strstr(out.p, "totals"));
    assert_null(strstr(out.p, "models"));
    buf_deinit(&out);
}

static void gzip_is_undone_whole_and_bounded(void **state)
{
    struct buf plain = BUF_INIT, packed = BUF_INIT, again = BUF_INIT;
    (void)state;
    for (int i = 0; i < 4000; i++)
        buf_printf(&plain, "%d,", i);
    assert_true(gzip_pack(buf_str(&plain), &packed));
    assert_int_equal(gzip_unpack(buf_str(&packed), plain.n, &again), 0);
    assert_true(str_equal(buf_str(&again), buf_str(&plain)));
    buf_clear(&again);
    assert_int_equal(gzip_unpack(buf_str(&packed), plain.n - 1, &again), GZIP_E_TOO_LARGE);
    assert_int_equal(gzip_unpack((struct str){packed.p, packed.n - 1}, plain.n, &again), GZIP_E_BAD);
    buf_add_char(&packed, 'x');
    assert_int_equal(gzip_unpack(buf_str(&packed), plain.n, &again), GZIP_E_BAD);
    assert_int_equal(gzip_unpack(STR("no gzip at all"), 100, &again), GZIP_E_BAD);
    assert_int_equal(again.n, 0);
    buf_deinit(&plain);
    buf_deinit(&packed);
    buf_deinit(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_contract_is_read),
        cmocka_unit_test(what_is_wrong_is_named_by_its_pointer),
        cmocka_unit_test(what_is_no_json_is_told_apart),
        cmocka_unit_test(fields_that_are_not_known_yet_are_let_through),
        cmocka_unit_test(the_senders_bytes_say_what_was_counted),
        cmocka_unit_test(nothing_is_zeros_and_a_licence_report_holds_no_more_than_counts),
        cmocka_unit_test(gzip_is_undone_whole_and_bounded),
    };
    return cmocka_run_group_tests_name("report_body", tests, NULL, NULL);
}
