/* test_exposition.c -- the two text formats of Prometheus, as their documents have them:
 * prometheus.io/docs/instrumenting/exposition_formats and OpenMetrics 1.0.0. */
#include "node/metrics/exposition.h"
#include "node/metrics/tally.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef void write_samples(struct exposition *x);

static void assert_page(bool openmetrics, write_samples *write, const char *expected)
{
    struct buf out = BUF_INIT;
    struct exposition x;
    exposition_init(&x, &out, openmetrics);
    write(&x);
    exposition_end(&x);
    assert_string_equal(out.p, expected);
    buf_deinit(&out);
}

static void write_counter(struct exposition *x)
{
    exposition_family(x, EXPOSITION_COUNTER, "a_cpu_seconds", "Help.");
    exposition_micros(x, LABELS(LABEL("agent", "x"), LABEL("run_id", "7")), 88120000);
    exposition_micros(x, NULL, 1);
}

static void a_counter_is_called_total_in_its_samples_and_in_text_also_in_its_head(void **state)
{
    (void)state;
    assert_page(false, write_counter,
                "# HELP a_cpu_seconds_total Help.\n# TYPE a_cpu_seconds_total counter\n"
                "a_cpu_seconds_total{agent=\"x\",run_id=\"7\"} 88.12\na_cpu_seconds_total 0.000001\n");
    assert_page(true, write_counter,
                "# HELP a_cpu_seconds Help.\n# TYPE a_cpu_seconds counter\n# UNIT a_cpu_seconds seconds\n"
                "a_cpu_seconds_total{agent=\"x\",run_id=\"7\"} 88.12\na_cpu_seconds_total 0.000001\n# EOF\n");
}

static void write_info(struct exposition *x)
{
    exposition_family(x, EXPOSITION_INFO, "a_build", "Help.");
    exposition_i64(x, LABELS(LABEL("version", "1.0")), 1);
}

static void info_is_a_gauge_where_there_is_no_such_type(void **state)
{
    (void)state;
    assert_page(false, write_info,
                "# HELP a_build_info Help.\n# TYPE a_build_info gauge\na_build_info{version=\"1.0\"} 1\n");
    assert_page(true, write_info,
                "# HELP a_build Help.\n# TYPE a_build info\na_build_info{version=\"1.0\"} 1\n# EOF\n");
}

static void write_nothing(struct exposition *x)
{
    exposition_family(x, EXPOSITION_GAUGE, "a", "Help.");
    exposition_family(x, EXPOSITION_GAUGE, "b", "Help.");
    exposition_i64(x, NULL, -3);
}

static void a_family_without_samples_is_not_printed(void **state)
{
    (void)state;
    assert_page(false, write_nothing, "# HELP b Help.\n# TYPE b gauge\nb -3\n");
    assert_page(true, write_nothing, "# HELP b Help.\n# TYPE b gauge\nb -3\n# EOF\n");
}

static void write_escapes(struct exposition *x)
{
    exposition_family(x, EXPOSITION_GAUGE, "a", "Help.");
    exposition_i64(x, LABELS(LABEL("l", "\\ \" \n \t \xC3\xA9"), LABEL("empty", "")), 0);
    exposition_i64(x, LABELS({"l", STR("\xFFz\0")}), 0);
}

static void label_values_are_escaped_and_what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    assert_page(false, write_escapes,
                "# HELP a Help.\n# TYPE a gauge\na{l=\"\\\\ \\\" \\n \t \xC3\xA9\"} 0\n"
                "a{l=\"\xEF\xBF\xBDz\xEF\xBF\xBD\"} 0\n");
}

static void write_histogram(struct exposition *x)
{
    static const double bounds[] = {0.005, 1, 2.5};
    static const int64_t counts[] = {1, 0, 2, 4};
    exposition_family(x, EXPOSITION_HISTOGRAM, "h_seconds", "Help.");
    exposition_histogram(x, LABELS(LABEL("code", "200")), bounds, 3, counts, 61500000);
    exposition_histogram(x, NULL, bounds, 3, counts, 0);
}

/* Cumulative counts: 1, 1 + 0, 1 + 0 + 2, and all 7. */
static void a_histogram_is_cumulative_and_its_last_bucket_is_its_count(void **state)
{
    (void)state;
    assert_page(
        true, write_histogram,
        "# HELP h_seconds Help.\n# TYPE h_seconds histogram\n# UNIT h_seconds seconds\n"
        "h_seconds_bucket{code=\"200\",le=\"0.005\"} 1\nh_seconds_bucket{code=\"200\",le=\"1.0\"} 1\n"
        "h_seconds_bucket{code=\"200\",le=\"2.5\"} 3\nh_seconds_bucket{code=\"200\",le=\"+Inf\"} 7\n"
        "h_seconds_count{code=\"200\"} 7\nh_seconds_sum{code=\"200\"} 61.5\n"
        "h_seconds_bucket{le=\"0.005\"} 1\nh_seconds_bucket{le=\"1.0\"} 1\nh_seconds_bucket{le=\"2.5\"} 3\n"
        "h_seconds_bucket{le=\"+Inf\"} 7\nh_seconds_count 7\nh_seconds_sum 0\n# EOF\n");
}

static void labels_beyond_the_bound_share_one_row(void **state)
{
    (void)state;
    struct arena a;
    struct tally t;
    arena_init(&a);
    tally_init(&t, &a, 2);
    static const char *const labels[] = {"x", "y", "z", "x", "w", "other"};
    for (size_t i = 0; i < COUNT_OF(labels); i++)
        tally_add(&t, labels[i], 1, 10);
    tally_add(&t, "y", 0, INT64_MAX);
    tally_add(&t, "y", 0, 1);
    const struct tally_row *x = t.first, *y = x->next, *other = y->next;
    assert_string_equal(other->label.p, "other");
    assert_null(other->next);
    assert_int_equal(x->sums[1], 20);
    assert_int_equal(y->sums[1], 10);
    assert_int_equal(other->sums[1], 30);
    assert_true(y->sums[0] == INT64_MAX);
    tally_deinit(&t);
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_is_called_total_in_its_samples_and_in_text_also_in_its_head),
        cmocka_unit_test(info_is_a_gauge_where_there_is_no_such_type),
        cmocka_unit_test(a_family_without_samples_is_not_printed),
        cmocka_unit_test(label_values_are_escaped_and_what_is_not_utf8_is_replaced),
        cmocka_unit_test(a_histogram_is_cumulative_and_its_last_bucket_is_its_count),
        cmocka_unit_test(labels_beyond_the_bound_share_one_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
