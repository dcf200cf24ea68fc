/* test_metrics_accept.c -- who gets JSON and who gets text (spec 30 OpenMetrics, RFC 9110 §12.5.1). */
#include "node/metrics/accept.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct example {
    const char *header;
    enum metrics_format format;
};

static void check(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (accept_format(str_of(examples[i].header)) != examples[i].format)
            fail_msg("%s", examples[i].header);
}

static void what_asks_for_nothing_in_particular_gets_json(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"", METRICS_JSON},
        {"*/*", METRICS_JSON},
        {"application/json", METRICS_JSON},
        {"application/*", METRICS_JSON},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", METRICS_JSON},
        {"image/png", METRICS_JSON},
        {"application/json, text/plain, */*", METRICS_JSON}, /* axios */
    };
    check(examples, COUNT_OF(examples));
}

/* The headers of Prometheus 2.42 (Debian 12) and of 3.0, as their sources have them. */
static void a_prometheus_scrape_gets_openmetrics(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         METRICS_OPENMETRICS},
        {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
         "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
         "application/openmetrics-text;version=0.0.1;q=0.4,text/"
         "plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
         "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
         METRICS_OPENMETRICS},
        {"text/plain;version=0.0.4;q=1,*/*;q=0.1", METRICS_TEXT},
    };
    check(examples, COUNT_OF(examples));
}

static void the_higher_quality_wins_and_a_name_beats_a_wildcard(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"application/openmetrics-text", METRICS_OPENMETRICS},
        {"text/plain;version=0.0.4", METRICS_TEXT},
        {"text/plain", METRICS_TEXT},
        {"text/*", METRICS_TEXT},
        {"Text/Plain ; Version=\"0.0.4\"", METRICS_TEXT},
        {"*/*, application/openmetrics-text", METRICS_OPENMETRICS},
        {"application/json, application/openmetrics-text", METRICS_JSON},
        {"application/json;q=0.4, text/plain;q=0.5", METRICS_TEXT},
        {"application/json;q=0.5, text/plain;q=0.4", METRICS_JSON},
        {"application/json;q=0.123, text/plain;q=0.124", METRICS_TEXT},
        {"text/plain, application/openmetrics-text", METRICS_OPENMETRICS},
    };
    check(examples, COUNT_OF(examples));
}

static void what_is_refused_or_of_another_version_is_not_served(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"text/plain;q=0", METRICS_JSON},
        {"text/plain;version=1.0.0", METRICS_JSON},
        {"application/openmetrics-text;version=2.0.0", METRICS_JSON},
        {"application/openmetrics-text;version=2.0.0, text/plain;version=0.0.4;q=0.1", METRICS_TEXT},
        {"application/json;q=0, */*;q=0", METRICS_JSON}, /* never 406 (M1) */
    };
    check(examples, COUNT_OF(examples));
}

static void what_cannot_be_read_is_passed_over(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {",,;;,text/plain", METRICS_TEXT},
        {"text", METRICS_JSON},
        {"text/plain;version", METRICS_TEXT},
        {"text/plain;q=", METRICS_TEXT},
        {"text/plain;q=7", METRICS_TEXT},
        {"text/html;a=\",text/plain;version=0.0.4,\"", METRICS_JSON},
        {"text/html;a=\"\\\",text/plain,\"", METRICS_JSON},
        {"text/html;a=\"", METRICS_JSON},
    };
    check(examples, COUNT_OF(examples));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_asks_for_nothing_in_particular_gets_json),
        cmocka_unit_test(a_prometheus_scrape_gets_openmetrics),
        cmocka_unit_test(the_higher_quality_wins_and_a_name_beats_a_wildcard),
        cmocka_unit_test(what_is_refused_or_of_another_version_is_not_served),
        cmocka_unit_test(what_cannot_be_read_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
