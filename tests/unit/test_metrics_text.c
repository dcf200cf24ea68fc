/* test_metrics_text.c -- the snapshot for Prometheus (spec 30 OpenMetrics).  What a family looks like is
 * test_exposition's matter; that promtool and Prometheus like the page is tests/integration's. */
#include "base/map.h"
#include "io/counters.h"
#include "metrics_example.h"
#include "node/metrics/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static struct totals_row model_totals[] = {
    {"model_cost_micro_usd", "claude-sonnet-4-5", 41070000},
    {"model_input_tokens", "claude-sonnet-4-5", 12},
    {"model_input_tokens", "gpt-5-codex", 3},
    {"model_output_tokens", "claude-sonnet-4-5", 7},
};

static struct render_text_options options(bool openmetrics)
{
    return (struct render_text_options){.openmetrics = openmetrics,
                                        .version = "1.2.3",
                                        .max_label_values = 8,
                                        .own = {1500000, 4096, 11, 1024, 5, EXAMPLE_NOW_US}};
}

static void render(const struct example *x, bool openmetrics, struct buf *out)
{
    struct render_text_options o = options(openmetrics);
    render_text(&x->c, x->c.figures, &o, out);
}

static bool has_line(const struct buf *page, const char *line)
{
    struct str rest = buf_str(page), part;
    while (str_split(&rest, '\n', &part))
        if (str_equal(part, str_of(line)))
            return true;
    return false;
}

static void assert_lines(const struct example *x, bool openmetrics, const char *const *lines)
{
    struct buf page = BUF_INIT;
    render(x, openmetrics, &page);
    for (; *lines; lines++)
        if (!has_line(&page, *lines))
            fail_msg("no line \"%s\" in\n%s", *lines, page.p);
    buf_deinit(&page);
}
#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_absent(const struct example *x, const char *text)
{
    struct buf page = BUF_INIT;
    render(x, true, &page);
    if (str_find(buf_str(&page), str_of(text)) >= 0)
        fail_msg("\"%s\" in\n%s", text, page.p);
    buf_deinit(&page);
}

/* The list of spec 30, but for workers and bus, which are not here yet. */
static void every_figure_of_the_list_is_there(void **state)
{
    (void)state;
    struct example x;
    struct http_stat stat = {"GET", "/api/v1/jobs/{id}", 200, 2, 3000, {0, 1, 1}};
    example_init(&x);
    x.c.memory.http = &stat;
    x.c.memory.http_count = 1;
    x.c.memory.store.commit_buckets[3] = 2;
    x.c.memory.store.commit_sum_us = 8000;
    assert_lines(
        &x, true,
        LINES("muster_tasks{stage=\"review\"} 1", "muster_jobs{status=\"queued\"} 4",
              "muster_jobs{status=\"cancelled\"} 1", "muster_queue_depth 4",
              "muster_queue_oldest_age_seconds 37", "muster_jobs_retried 5", "muster_job_attempts 105",
              "muster_jobs_exhausted 3", "muster_jobs_scheduled 1",
              "muster_breaker_state{agent=\"claude\",state=\"closed\"} 1",
              "muster_breaker_state{agent=\"claude\",state=\"open\"} 0",
              "muster_agents_running{agent=\"claude\"} 1",
              "muster_agent_resident_memory_bytes{agent=\"claude\",run_id=\"88\",job_id=\"61\"} 183500800",
              "muster_agent_start_time_seconds{agent=\"claude\",run_id=\"88\",job_id=\"61\"} "
              "1795315441.123456",
              "muster_http_requests_total{method=\"GET\",route=\"/api/v1/jobs/{id}\",code=\"200\"} 2",
              "muster_http_request_duration_seconds_bucket{method=\"GET\",route=\"/api/v1/jobs/{id}\","
              "code=\"200\",le=\"0.0025\"} 2",
              "muster_http_request_duration_seconds_sum{method=\"GET\",route=\"/api/v1/jobs/{id}\","
              "code=\"200\"} 0.003",
              "muster_store_commit_duration_seconds_count 2", "muster_process_cpu_seconds_total 1.5",
              "muster_process_open_fds 11", "muster_build_info{version=\"1.2.3\"} 1", "# EOF"));
}

/* 8812 ticks of a hundredth of a second, as the example has both. */
static void an_agents_ticks_are_seconds(void **state)
{
    (void)state;
    struct example x;
    example_init(&x);
    if (sysconf(_SC_CLK_TCK) != 100)
        fail_msg("the kernel counts %ld ticks a second", sysconf(_SC_CLK_TCK));
    assert_lines(&x, false,
                 LINES("muster_agent_cpu_seconds_total{agent=\"claude\",run_id=\"88\",job_id=\"61\"} 88.12"));
}

static void tokens_and_cost_are_told_by_model(void **state)
{
    (void)state;
    struct example x;
    example_init(&x);
    x.rows.totals = model_totals;
    x.rows.total_count = COUNT_OF(model_totals);
    assert_lines(&x, false,
                 LINES("muster_tokens_total{model=\"claude-sonnet-4-5\",kind=\"input\"} 12",
                       "muster_tokens_total{model=\"claude-sonnet-4-5\",kind=\"output\"} 7",
                       "muster_tokens_total{model=\"gpt-5-codex\",kind=\"input\"} 3",
                       "muster_cost_usd_total{model=\"claude-sonnet-4-5\"} 41.07"));
}

static void every_counter_of_the_process_is_printed(void **state)
{
    (void)state;
    struct example x;
    struct buf page = BUF_INIT;
    example_init(&x);
    counter_add(COUNTER_HTTP_REFUSED_ORIGIN, 3);
    counter_add(COUNTER_SCHEDULE_LATENESS_US, 2500000);
    render(&x, false, &page);
    assert_true(has_line(&page, "muster_http_refused_total{reason=\"origin\"} 3"));
    assert_true(has_line(&page, "muster_schedule_lateness_seconds_total 2.5"));
    for (int i = 0; i < COUNTER_COUNT; i++) {
        char name[128];
        (void)snprintf(name, sizeof(name), "\nmuster_%s_total", counter_rows[i].name);
        if (str_find(buf_str(&page), str_of(name)) < 0)
            fail_msg("%s", name);
    }
    buf_deinit(&page);
}

/* Two lines with one name and the same labels make a scrape fail. */
static void no_series_is_printed_twice(void **state)
{
    (void)state;
    struct example x;
    struct snapshot_running running[3];
    struct collection_process processes[3];
    struct buf page = BUF_INIT;
    struct map seen;
    example_init(&x);
    for (int i = 0; i < 3; i++) {
        running[i] = x.running;
        processes[i] = x.process;
        running[i].job_id = 61 + i;
        running[i].run_id = 0; /* claimed, and nothing started yet */
    }
    x.rows.running = running;
    x.rows.running_count = 3;
    x.figures.processes = processes;
    render(&x, true, &page);
    map_init(&seen);
    struct str rest = buf_str(&page), line;
    while (str_split(&rest, '\n', &line)) {
        const char *end = line.n ? memrchr(line.p, ' ', line.n) : NULL;
        if (!end || line.p[0] == '#')
            continue;
        if (map_put(&seen, (struct str){line.p, (size_t)(end - line.p)}, &seen))
            fail_msg("twice: %.*s", STR_ARG(line));
    }
    assert_true(seen.count > 50);
    map_deinit(&seen);
    buf_deinit(&page);
}

static void every_name_begins_with_muster(void **state)
{
    (void)state;
    struct example x;
    struct buf page = BUF_INIT;
    example_init(&x);
    render(&x, true, &page);
    struct str rest = buf_str(&page), line;
    while (str_split(&rest, '\n', &line))
        if (line.n && line.p[0] != '#')
            assert_true(str_starts_with(line, STR("muster_")));
    buf_deinit(&page);
}

static void label_values_are_bounded(void **state)
{
    (void)state;
    struct example x;
    struct totals_row totals[100];
    char names[100][16];
    example_init(&x);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "stage-%02d", i);
        totals[i] = (struct totals_row){"tasks", names[i], 1};
    }
    x.rows.totals = totals;
    x.rows.total_count = 100;
    /* max_label_values is 8: eight of their own, and 92 others. */
    assert_lines(&x, true, LINES("muster_tasks{stage=\"stage-07\"} 1", "muster_tasks{stage=\"other\"} 92"));
    assert_absent(&x, "stage-08");
}

static void what_is_not_known_is_not_printed_as_zero(void **state)
{
    (void)state;
    struct example x;
    example_init(&x);
    x.process.alive = false;
    assert_absent(&x, "muster_agent_cpu_seconds");
    x.rows.oldest_queued_at = 0;
    assert_absent(&x, "muster_queue_oldest_age");
    x.rows.failed[SOURCE_TOTALS] = true;
    x.rows.total_count = 0;
    assert_absent(&x, "muster_queue_depth");
    assert_lines(&x, true,
                 LINES("muster_snapshot_degraded{section=\"queue.counts\"} 1",
                       "muster_snapshot_degraded{section=\"stages\"} 0"));
    x.c.rows = NULL;
    assert_absent(&x, "muster_agents_running");
    x.c.figures = NULL;
    x.c.memory.queue_failed = true;
    x.c.memory.queue = (struct metrics_queue){0};
    assert_absent(&x, "muster_breaker");
    assert_absent(&x, "muster_queue_max_concurrency");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_of_the_list_is_there),
        cmocka_unit_test(an_agents_ticks_are_seconds),
        cmocka_unit_test(tokens_and_cost_are_told_by_model),
        cmocka_unit_test(every_counter_of_the_process_is_printed),
        cmocka_unit_test(no_series_is_printed_twice),
        cmocka_unit_test(every_name_begins_with_muster),
        cmocka_unit_test(label_values_are_bounded),
        cmocka_unit_test(what_is_not_known_is_not_printed_as_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
