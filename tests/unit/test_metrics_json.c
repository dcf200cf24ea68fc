/* test_metrics_json.c -- the shape of the snapshot, and what each failing source leaves of it (spec 30
 * M2-M11). */
#include "base/err.h"
#include "metrics_example.h"
#include "node/metrics/render.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <jansson.h>

static int setup(void **state)
{
    *state = xnew(struct example);
    example_init(*state);
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static json_t *rendered(const struct example *x)
{
    struct buf out = BUF_INIT;
    json_error_t error;
    render_json(&x->c, x->c.figures, &out);
    json_t *root = json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fail_msg("%s at byte %d of %s", error.text, error.position, out.p);
    buf_deinit(&out);
    return root;
}

/* The value at "queue.counts.done", "agents.0.pid". */
static const json_t *at(const json_t *value, const char *path)
{
    struct str rest = str_of(path), part;
    while (value && str_split(&rest, '.', &part)) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%.*s", STR_ARG(part));
        value = json_is_array(value) ? json_array_get(value, (size_t)strtol(name, NULL, 10))
                                     : json_object_get(value, name);
    }
    return value;
}

static void assert_value(const json_t *root, const char *path, const char *expected)
{
    const json_t *value = at(root, path);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : xstrdup("(absent)");
    if (strcmp(text, expected) != 0)
        fail_msg("%s is %s, not %s", path, text, expected);
    free(text);
}

/* Renders, and compares one value. */
static void assert_rendered(const struct example *x, const char *path, const char *expected)
{
    json_t *root = rendered(x);
    assert_value(root, path, expected);
    json_decref(root);
}

/* Spec 30, the example: with a second line where this program adds a field to the end of an object. */
static const char as_in_the_spec[] =
    "{\"schema_version\":1,\"generated_at\":\"2026-11-22T03:04:05Z\",\"generated_at_us\":1795316645123456,"
    "\"clk_tck\":100,"
    "\"stages\":[{\"work_item\":\"API-42\",\"stage\":\"review\",\"age_in_stage_s\":312,\"repo\":\"acme/api\","
    "\"task_id\":17}],"
    "\"queue\":{\"counts\":{\"queued\":4,\"running\":2,\"done\":90,\"failed\":3,\"cancelled\":1},\"depth\":4,"
    "\"retries\":{\"jobs_retried\":5,\"attempts\":105,\"exhausted\":3,\"scheduled\":1},"
    "\"breaker\":{\"state\":\"closed\",\"consecutive_failures\":0,\"opened_at\":null,\"retry_at\":null,"
    "\"trips\":0"
    ",\"profiles\":{\"claude\":{\"state\":\"closed\",\"consecutive_failures\":0,\"opened_at\":null,\"retry_"
    "at\":null,"
    "\"trips\":0}}"
    "},\"max_concurrency\":4,\"poll_interval\":1.0,\"oldest_queued_s\":37},"
    "\"agents\":[{\"agent\":\"claude\",\"run_id\":88,\"job_id\":61,\"repo\":\"acme/api\",\"pid\":4711,"
    "\"runtime_s\":1204,\"model\":\"claude-sonnet-4-5\",\"effort\":\"high\",\"cpu_ticks\":8812,"
    "\"start_ticks\":992211,\"rss_bytes\":183500800"
    ",\"processes\":3"
    "}],"
    "\"cost\":{\"running\":[{\"run_id\":88,\"job_id\":61,\"agent\":\"claude\",\"cost_usd\":null,"
    "\"input_tokens\":null,\"output_tokens\":null,\"cache_read_tokens\":null,\"cache_creation_tokens\":null}]"
    ","
    "\"aggregate\":{\"runs\":105,\"cost_usd\":41.07,\"input_tokens\":0,\"output_tokens\":0,\"cache_read_"
    "tokens\":0,"
    "\"cache_creation_tokens\":0}}}";

static void the_example_of_the_spec_is_what_is_printed(void **state)
{
    struct example *x = *state;
    struct buf out = BUF_INIT;
    render_json(&x->c, x->c.figures, &out);
    assert_string_equal(out.p, as_in_the_spec);
    buf_deinit(&out);
}

static void m4_switched_off_is_exactly_this(void **state)
{
    (void)state;
    assert_string_equal(render_switched_off, "{\"schema_version\":1,\"enabled\":false}");
}

/* -- M5: one source fails, its sections take their default, all else stays -- */

static void fail_totals(struct example *x)
{
    x->rows.failed[SOURCE_TOTALS] = true;
    x->rows.total_count = 0;
}

static void fail_tasks(struct example *x)
{
    x->rows.failed[SOURCE_TASKS] = true;
    x->rows.task_count = 0;
}

static void fail_running(struct example *x)
{
    x->rows.failed[SOURCE_RUNNING] = true;
    x->rows.running_count = 0;
}

static void fail_oldest(struct example *x)
{
    x->rows.failed[SOURCE_OLDEST] = true;
    x->rows.oldest_queued_at = 0;
}

static void fail_queue(struct example *x)
{
    x->c.memory.queue_failed = true;
    x->c.memory.queue = (struct metrics_queue){0};
}

static void fail_live_runs(struct example *x)
{
    x->c.memory.live_failed = true;
}

static void fail_proc(struct example *x)
{
    x->figures.failed = true;
    x->figures.error = EIO;
}

static void fail_store(struct example *x)
{
    x->c.rows = NULL;
    x->c.figures->processes = NULL;
}

static void fail_proc_worker(struct example *x)
{
    x->c.figures = NULL;
}

struct failure {
    const char *name;
    void (*inject)(struct example *x);
    const char *degraded; /* the whole array */
    struct {
        const char *path, *value;
    } defaults[8];
};

static const struct failure failures[] = {
    {"totals",
     fail_totals,
     "[\"queue.counts\",\"queue.retries\",\"cost.aggregate\"]",
     {{"queue.counts", "null"},
      {"queue.depth", "null"},
      {"queue.retries", "null"},
      {"cost.aggregate", "null"}}},
    {"tasks", fail_tasks, "[\"stages\"]", {{"stages", "[]"}}},
    {"running", fail_running, "[\"agents\",\"cost.running\"]", {{"agents", "[]"}, {"cost.running", "[]"}}},
    {"oldest", fail_oldest, "[\"queue.oldest_queued_s\"]", {{"queue.oldest_queued_s", "null"}}},
    {"queue",
     fail_queue,
     "[\"queue.breaker\",\"queue.max_concurrency\",\"queue.poll_interval\"]",
     {{"queue.breaker", "null"}, {"queue.max_concurrency", "null"}, {"queue.poll_interval", "null"}}},
    {"live runs", fail_live_runs, "[\"cost.running\"]", {{"cost.running", "[]"}}},
    {"proc",
     fail_proc,
     "[\"agents.processes\"]",
     {{"agents.0.cpu_ticks", "null"}, {"agents.0.rss_bytes", "null"}, {"agents.0.processes", "null"}}},
    {"the /proc worker",
     fail_proc_worker,
     "[\"agents.processes\"]",
     {{"agents.0.cpu_ticks", "null"}, {"agents.0.rss_bytes", "null"}, {"agents.0.processes", "null"}}},
    {"the store",
     fail_store,
     "[\"stages\",\"queue.counts\",\"queue.retries\",\"queue.oldest_queued_s\",\"agents\",\"cost.running\","
     "\"cost.aggregate\"]",
     {{"stages", "[]"},
      {"queue.counts", "null"},
      {"queue.depth", "null"},
      {"queue.retries", "null"},
      {"queue.oldest_queued_s", "null"},
      {"agents", "[]"},
      {"cost.running", "[]"},
      {"cost.aggregate", "null"}}},
};

/* Everything that can take a default, so that what should not can be compared. */
static const char *const paths[] = {"schema_version",
                                    "clk_tck",
                                    "stages",
                                    "queue.counts",
                                    "queue.depth",
                                    "queue.retries",
                                    "queue.breaker",
                                    "queue.poll_interval",
                                    "queue.max_concurrency",
                                    "queue.oldest_queued_s",
                                    "agents.0.cpu_ticks",
                                    "agents.0.rss_bytes",
                                    "agents.0.processes",
                                    "agents.0.pid",
                                    "agents.0.start_ticks",
                                    "cost.running",
                                    "cost.aggregate"};

static bool is_default(const struct failure *f, const char *path)
{
    for (size_t i = 0; i < COUNT_OF(f->defaults) && f->defaults[i].path; i++)
        if (str_starts_with(str_of(path), str_of(f->defaults[i].path)))
            return true;
    return false;
}

static void check_failure(const struct failure *f)
{
    struct example whole, x;
    example_init(&whole);
    example_init(&x);
    f->inject(&x);
    json_t *before = rendered(&whole), *root = rendered(&x);
    assert_null(at(before, "degraded"));
    assert_value(root, "degraded", f->degraded);
    for (size_t i = 0; i < COUNT_OF(f->defaults) && f->defaults[i].path; i++)
        assert_value(root, f->defaults[i].path, f->defaults[i].value);
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        if (!is_default(f, paths[i]) && !json_equal(at(before, paths[i]), at(root, paths[i])))
            fail_msg("%s failed, and %s has changed", f->name, paths[i]);
    json_decref(before);
    json_decref(root);
}

static void m5_a_failing_source_takes_its_own_sections_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++)
        check_failure(&failures[i]);
}

static void m3_without_the_store_the_time_is_that_of_the_request(void **state)
{
    struct example *x = *state;
    fail_store(x);
    assert_rendered(x, "generated_at_us", "1795316644123456");
}

/* -- M6, M7, M8 -- */

static void m6_a_stage_entered_after_now_has_age_zero(void **state)
{
    struct example *x = *state;
    x->task.stage_entered_at = EXAMPLE_SECONDS_AGO(-5);
    assert_rendered(x, "stages.0.age_in_stage_s", "0");
}

static void m6_an_unset_repo_is_null(void **state)
{
    struct example *x = *state;
    x->task.repo = NULL;
    assert_rendered(x, "stages.0.repo", "null");
}

static void m7_before_the_queue_has_started_its_part_is_null_and_nothing_is_degraded(void **state)
{
    struct example *x = *state;
    x->c.memory.queue_started = false;
    x->c.memory.queue = (struct metrics_queue){0};
    json_t *root = rendered(x);
    assert_value(root, "queue.breaker", "null");
    assert_value(root, "queue.max_concurrency", "null");
    assert_value(root, "queue.poll_interval", "null");
    assert_value(root, "queue.depth", "4");
    assert_null(at(root, "degraded"));
    json_decref(root);
}

static void m7_every_status_is_there_in_an_empty_store(void **state)
{
    struct example *x = *state;
    x->rows.total_count = 0;
    json_t *root = rendered(x);
    assert_value(root, "queue.counts",
                 "{\"queued\":0,\"running\":0,\"done\":0,\"failed\":0,\"cancelled\":0}");
    assert_value(root, "queue.depth", "0");
    json_decref(root);
}

static void nothing_queued_has_no_age(void **state)
{
    struct example *x = *state;
    x->rows.oldest_queued_at = 0;
    json_t *root = rendered(x);
    assert_value(root, "queue.oldest_queued_s", "null");
    assert_null(at(root, "degraded"));
    json_decref(root);
}

static void m8_a_clock_that_was_set_back_makes_no_negative_runtime(void **state)
{
    struct example *x = *state;
    x->running.started_at = EXAMPLE_SECONDS_AGO(-1);
    assert_rendered(x, "agents.0.runtime_s", "0");
}

static void m8_what_is_not_known_of_an_agent_is_null(void **state)
{
    struct example *x = *state;
    x->running = (struct snapshot_running){.job_id = 61, .agent = "worker"};
    x->process = (struct collection_process){0};
    assert_rendered(
        x, "agents",
        "[{\"agent\":\"worker\",\"run_id\":null,\"job_id\":61,\"repo\":null,\"pid\":null,"
        "\"runtime_s\":null,\"model\":null,\"effort\":null,\"cpu_ticks\":null,\"start_ticks\":null,"
        "\"rss_bytes\":null,\"processes\":null}]");
}

static void m9_the_stored_start_ticks_stay_when_the_process_is_gone(void **state)
{
    struct example *x = *state;
    x->process.alive = false;
    json_t *root = rendered(x);
    assert_value(root, "agents.0.cpu_ticks", "null");
    assert_value(root, "agents.0.start_ticks", "992211");
    assert_null(at(root, "degraded"));
    json_decref(root);
}

static void m9_unstored_start_ticks_are_those_of_the_live_process(void **state)
{
    struct example *x = *state;
    x->running.start_ticks = 0;
    assert_rendered(x, "agents.0.start_ticks", "992211");
}

/* -- M11 -- */

static void m11_live_figures_go_before_those_of_the_row(void **state)
{
    struct example *x = *state;
    struct metrics_live_run live[] = {{.run_id = 87}, {.run_id = 88}, {.run_id = 90}};
    assert_true(usage_set(&x->running.usage, USAGE_INPUT, 5));
    assert_true(usage_set(&live[1].usage, USAGE_INPUT, 7));
    live[1].usage.cost_known = true;
    live[1].usage.cost_micro_usd = 1230000;
    x->c.memory.live = live;
    x->c.memory.live_count = COUNT_OF(live);
    json_t *root = rendered(x);
    assert_value(root, "cost.running.0.input_tokens", "7");
    assert_value(root, "cost.running.0.output_tokens", "null");
    assert_value(root, "cost.running.0.cost_usd", "1.23");
    json_decref(root);
}

static void m11_without_live_figures_the_row_says_it(void **state)
{
    struct example *x = *state;
    struct metrics_live_run live[] = {{.run_id = 88}};
    assert_true(usage_set(&x->running.usage, USAGE_OUTPUT, 0));
    x->c.memory.live = live;
    x->c.memory.live_count = COUNT_OF(live);
    json_t *root = rendered(x);
    assert_value(root, "cost.running.0.output_tokens", "0");
    assert_value(root, "cost.running.0.input_tokens", "null");
    json_decref(root);
}

static void m11_the_aggregate_of_an_empty_table_is_zeros(void **state)
{
    struct example *x = *state;
    x->rows.total_count = 0;
    assert_rendered(
        x, "cost.aggregate",
        "{\"runs\":0,\"cost_usd\":0,\"input_tokens\":0,\"output_tokens\":0,\"cache_read_tokens\":0,"
        "\"cache_creation_tokens\":0}");
}

/* -- breakers (spec 20 Q7) -- */

static void the_worst_breaker_stands_at_the_top_and_all_below(void **state)
{
    struct example *x = *state;
    struct metrics_profile profiles[] = {{.agent = "claude"}, {.agent = "co\"dex"}, {.agent = "gemini"}};
    profiles[1].breaker = (struct breaker){.state = BREAKER_OPEN,
                                           .consecutive_failures = 5,
                                           .opened_at_us = EXAMPLE_NOW_US,
                                           .retry_at_us = EXAMPLE_SECONDS_AGO(-60),
                                           .trips = 2};
    profiles[2].breaker.state = BREAKER_HALF_OPEN;
    x->c.memory.queue.profiles = profiles;
    x->c.memory.queue.profile_count = COUNT_OF(profiles);
    json_t *root = rendered(x);
    assert_value(root, "queue.breaker.state", "\"open\"");
    assert_value(root, "queue.breaker.opened_at", "\"2026-11-22T03:04:05.123456Z\"");
    assert_value(root, "queue.breaker.retry_at", "\"2026-11-22T03:05:05.123456Z\"");
    assert_value(root, "queue.breaker.trips", "2");
    assert_value(root, "queue.breaker.profiles.claude.state", "\"closed\"");
    assert_value(root, "queue.breaker.profiles.co\"dex.consecutive_failures", "5");
    assert_value(root, "queue.breaker.profiles.gemini.state", "\"half_open\"");
    json_decref(root);
}

static void without_profiles_the_breaker_is_closed(void **state)
{
    struct example *x = *state;
    x->c.memory.queue.profile_count = 0;
    assert_rendered(x, "queue.breaker",
                    "{\"state\":\"closed\",\"consecutive_failures\":0,\"opened_at\":null,\"retry_at\":null,"
                    "\"trips\":0,\"profiles\":{}}");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_example_of_the_spec_is_what_is_printed),
        TEST(m4_switched_off_is_exactly_this),
        TEST(m5_a_failing_source_takes_its_own_sections_and_no_other),
        TEST(m3_without_the_store_the_time_is_that_of_the_request),
        TEST(m6_a_stage_entered_after_now_has_age_zero),
        TEST(m6_an_unset_repo_is_null),
        TEST(m7_before_the_queue_has_started_its_part_is_null_and_nothing_is_degraded),
        TEST(m7_every_status_is_there_in_an_empty_store),
        TEST(nothing_queued_has_no_age),
        TEST(m8_a_clock_that_was_set_back_makes_no_negative_runtime),
        TEST(m8_what_is_not_known_of_an_agent_is_null),
        TEST(m9_the_stored_start_ticks_stay_when_the_process_is_gone),
        TEST(m9_unstored_start_ticks_are_those_of_the_live_process),
        TEST(m11_live_figures_go_before_those_of_the_row),
        TEST(m11_without_live_figures_the_row_says_it),
        TEST(m11_the_aggregate_of_an_empty_table_is_zeros),
        TEST(the_worst_breaker_stands_at_the_top_and_all_below),
        TEST(without_profiles_the_breaker_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
