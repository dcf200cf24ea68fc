/* test_output_codex.c -- what codex's events mean; the sums are worked out by hand. */
#include "output_fixture.h"

static void codex_costs_are_those_of_the_model_that_it_was_given(void **state)
{
    (void)state;
    static const char turn[] =
        "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":3000,"
        "\"cached_input_tokens\":900,\"cache_write_input_tokens\":100,\"output_tokens\":200,"
        "\"reasoning_output_tokens\":50}}";
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CODEX_JSONL, "gpt-5.6-sol");
    feed(p, turn);
    check_tokens(p, USAGE_INPUT, 2000);
    check_tokens(p, USAGE_REASONING, 50);
    /* 2000 × 4 + 900 × 0.4 + 100 × 5 + 200 × 20; reasoning is inside the output */
    check_cost(p, 8000 + 360 + 500 + 4000);
    feed(p, turn);
    check_cost(p, 2 * 12860);
    assert_int_equal(output_facts(p)->turns, 2);
    CLEANUP(output_parser_freep) struct output_parser *unknown = parser(OUTPUT_CODEX_JSONL, NULL);
    feed(unknown, turn);
    assert_false(output_usage(unknown)->cost_known);
}

/* A turn is many requests: its sum says nothing about how long one of them was. */
static void codex_a_turn_of_many_requests_has_no_long_context_price(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CODEX_JSONL, "gpt-5.4");
    feed(p, "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":1000000,\"output_tokens\":0}}");
    check_cost(p, 2500000);
}

static void codex_more_cached_than_input_is_clamped(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CODEX_JSONL, NULL);
    feed(p, "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":10,\"cached_input_tokens\":8,"
            "\"cache_write_input_tokens\":5}}");
    check_tokens(p, USAGE_INPUT, 0);
    check_tokens(p, USAGE_CACHE_READ, 8);
    check_tokens(p, USAGE_CACHE_CREATION, 2);
}

static void codex_an_error_on_the_way_to_success_is_a_warning(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CODEX_JSONL, NULL);
    feed(p, "{\"type\":\"turn.started\"}");
    feed(p, "{\"type\":\"error\",\"message\":\"Reconnecting... 1/5\"}");
    assert_false(output_facts(p)->is_error);
    feed(p, "{\"type\":\"error\",\"message\":\"You've hit your usage limit, try again at 5:19 AM.\"}");
    assert_true(output_facts(p)->is_error && output_facts(p)->rate_limited);
    assert_false(output_facts(p)->final_seen);
    feed(p, "{\"type\":\"turn.completed\"}");
    assert_false(output_facts(p)->is_error || output_facts(p)->rate_limited ||
                 output_facts(p)->pattern_matched);
    assert_int_equal(output_facts(p)->warnings, 1);
    assert_int_equal(output_facts(p)->api_retries, 1);
    assert_string_equal(output_facts(p)->error_text, "");
}

static void codex_a_turn_that_was_begun_is_not_ended(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CODEX_JSONL, NULL);
    feed(p, "{\"type\":\"turn.completed\"}");
    assert_true(output_facts(p)->final_seen);
    feed(p, "{\"type\":\"turn.started\"}");
    assert_false(output_facts(p)->final_seen);
}

static void codex_a_limit_is_reset_on_the_local_clock(void **state)
{
    (void)state;
    struct output_setup setup = {.format = OUTPUT_CODEX_JSONL, .utc_offset_us = 2 * 3600 * USEC_PER_SEC};
    CLEANUP(output_parser_freep) struct output_parser *p = output_parser_new(&setup);
    feed(p, "{\"type\":\"turn.failed\",\"error\":{\"message\":\"You\xE2\x80\x99ve hit your usage limit. "
            "Upgrade or try "
            "again at 5:19 AM.\"}}");
    assert_true(output_facts(p)->rate_limited);
    assert_int_equal(output_facts(p)->rate_limit_reset_us, NOW + (3 * 3600 + 19 * 60) * USEC_PER_SEC);
}

static void codex_a_limit_that_was_told_before_the_turn_failed_is_one(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CODEX_JSONL, NULL);
    feed(p, "{\"type\":\"error\",\"message\":\"exceeded retry limit, last status: 429 Too Many Requests\"}");
    feed(p, "{\"type\":\"error\",\"message\":\"stream closed\"}");
    feed(p, "{\"type\":\"turn.failed\",\"error\":{\"message\":\"stream closed\"}}");
    assert_true(output_facts(p)->rate_limited);
    assert_string_equal(output_facts(p)->error_text, "stream closed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codex_costs_are_those_of_the_model_that_it_was_given),
        cmocka_unit_test(codex_a_turn_of_many_requests_has_no_long_context_price),
        cmocka_unit_test(codex_more_cached_than_input_is_clamped),
        cmocka_unit_test(codex_an_error_on_the_way_to_success_is_a_warning),
        cmocka_unit_test(codex_a_turn_that_was_begun_is_not_ended),
        cmocka_unit_test(codex_a_limit_is_reset_on_the_local_clock),
        cmocka_unit_test(codex_a_limit_that_was_told_before_the_turn_failed_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
