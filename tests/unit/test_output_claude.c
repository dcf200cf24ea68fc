/* test_output_claude.c -- what claude's lines mean; the sums are worked out by hand. */
#include "output_fixture.h"

#define ASSISTANT(id, model, usage)                                                                          \
    "{\"type\":\"assistant\",\"message\":{\"id\":\"" id "\",\"model\":\"" model "\",\"usage\":{" usage "}}}"

static void claude_costs_are_live_by_message_and_model(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p, ASSISTANT("a", "claude-opus-4-5-20251101", "\"input_tokens\":100,\"output_tokens\":1"));
    check_cost(p, 100 * 5 + 25);
    feed(p, ASSISTANT("a", "claude-opus-4-5-20251101", "\"input_tokens\":100,\"output_tokens\":3"));
    check_cost(p, 100 * 5 + 75);
    feed(p, ASSISTANT("b", "claude-haiku-4-5", "\"input_tokens\":1000,\"output_tokens\":10"));
    check_cost(p, 575 + 1050);
    check_tokens(p, USAGE_INPUT, 1100);
    assert_string_equal(output_facts(p)->model, "claude-opus-4-5-20251101");
    feed(p, ASSISTANT("c", "no-such-model", "\"input_tokens\":1,\"output_tokens\":1"));
    assert_false(output_usage(p)->cost_known);
}

static void claude_cache_writes_are_told_apart_by_lifetime(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p, ASSISTANT("a", "claude-haiku-4-5",
                      "\"input_tokens\":0,\"cache_creation_input_tokens\":300,\"cache_creation\":{"
                      "\"ephemeral_5m_input_tokens\":100,\"ephemeral_1h_input_tokens\":200},"
                      "\"output_tokens\":9,\"output_tokens_details\":{\"thinking_tokens\":4}"));
    check_tokens(p, USAGE_CACHE_CREATION, 300);
    check_tokens(p, USAGE_CACHE_CREATION_5M, 100);
    check_tokens(p, USAGE_CACHE_CREATION_1H, 200);
    check_tokens(p, USAGE_REASONING, 4);
    check_cost(p, 125 + 400 + 45); /* 100 × 1.25 + 200 × 2 + 9 × 5 */
}

static void claude_the_result_wins_over_the_sum(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p, ASSISTANT("a", "claude-opus-4-5", "\"input_tokens\":100,\"output_tokens\":900"));
    feed(p, "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"num_turns\":4,\"session_id\":"
            "\"s-1\","
            "\"total_cost_usd\":0.0000015,\"usage\":{\"input_tokens\":7,\"output_tokens\":8}}");
    check_tokens(p, USAGE_INPUT, 7);
    check_tokens(p, USAGE_OUTPUT, 8);
    check_cost(p, 2); /* micro-USD, rounded */
    assert_int_equal(output_facts(p)->turns, 4);
    assert_string_equal(output_facts(p)->session_id, "s-1");
    feed(p, ASSISTANT("b", "claude-opus-4-5", "\"input_tokens\":100,\"output_tokens\":900"));
    check_tokens(p, USAGE_OUTPUT, 8); /* what comes after it changes nothing */
}

static void claude_a_result_without_a_cost_is_priced(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_JSON, "claude-haiku-4-5");
    feed(p, "{\"type\":\"result\",\"total_cost_usd\":-1,\"usage\":{\"input_tokens\":1000,\"output_tokens\":"
            "100}}");
    check_cost(p, 1500);
    assert_int_equal(output_facts(p)->ignored_numbers, 1);
}

static void claude_a_broken_off_run_has_used_what_its_messages_say(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p, ASSISTANT("a", "claude-opus-4-5", "\"input_tokens\":100,\"output_tokens\":9"));
    feed(p, "{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"usage\":{\"input_tokens\":0,"
            "\"output_tokens\":20}}");
    check_tokens(p, USAGE_INPUT, 100);
    check_tokens(p, USAGE_OUTPUT, 20);
    assert_true(output_facts(p)->is_error); /* by its subtype */
    assert_false(output_facts(p)->rate_limited);
}

static void claude_success_with_is_error_is_an_error(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p, "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":529,"
            "\"terminal_reason\":\"api_error\",\"result\":\"API Error: Overloaded\"}");
    assert_true(output_facts(p)->is_error);
    assert_false(output_facts(p)->rate_limited); /* overloaded is not a limit */
    assert_string_equal(output_facts(p)->error_text, "api_error, status 529: API Error: Overloaded");
}

static void claude_the_text_of_an_answer_is_never_kept(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p, "{\"type\":\"result\",\"subtype\":\"error_max_turns\",\"is_error\":true,\"result\":\"the secret "
            "plan\"}");
    assert_string_equal(output_facts(p)->error_text, "error_max_turns");
}

static void claude_limits_name_their_reset_in_several_ways(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int64_t reset_us;
    } rows[] = {
        {"{\"type\":\"result\",\"is_error\":true,\"result\":\"Claude AI usage limit reached|1795316645\"}",
         INT64_C(1795316645) * USEC_PER_SEC},
        {"{\"type\":\"result\",\"is_error\":true,\"result\":\"You've hit your limit \xC2\xB7 resets 3pm "
         "(UTC)\"}",
         NOW + 15 * 3600 * USEC_PER_SEC},
        {"{\"type\":\"result\",\"is_error\":true,\"api_error_status\":429,\"result\":\"API Error\"}", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
        feed(p, rows[i].line);
        assert_true(output_facts(p)->rate_limited);
        assert_int_equal(output_facts(p)->rate_limit_reset_us, rows[i].reset_us);
    }
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p, "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":"
            "1795316645}}");
    feed(p, "{\"type\":\"assistant\",\"error\":\"rate_limit\",\"message\":{\"model\":\"<synthetic>\"}}");
    assert_false(output_facts(p)->rate_limited); /* it may yet go on */
    feed(p, "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true}");
    assert_true(output_facts(p)->rate_limited);
    assert_int_equal(output_facts(p)->rate_limit_reset_us, INT64_C(1795316645) * USEC_PER_SEC);
}

static void claude_retries_are_counted_and_forgiven(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    for (int i = 0; i < 3; i++)
        feed(p,
             "{\"type\":\"system\",\"subtype\":\"api_retry\",\"error_status\":429,\"error\":\"rate_limit\"}");
    feed_stderr(p, "usage limit reached|1795316645");
    assert_true(output_facts(p)->pattern_matched);
    feed(p, "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false}");
    assert_int_equal(output_facts(p)->api_retries, 3);
    assert_false(output_facts(p)->is_error || output_facts(p)->rate_limited ||
                 output_facts(p)->pattern_matched);
    assert_int_equal(output_facts(p)->rate_limit_reset_us, 0);
}

static void claude_json_may_be_an_array_of_all_messages(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_JSON, NULL);
    feed(p, "[{\"type\":\"system\",\"subtype\":\"init\",\"model\":\"m-1\"},{\"type\":\"result\",\"usage\":{"
            "\"output_tokens\":3}},7]");
    check_tokens(p, USAGE_OUTPUT, 3);
    assert_string_equal(output_facts(p)->model, "m-1");
    assert_int_equal(output_facts(p)->unparsed_lines, 0);
    feed(p, "[1,2]");
    assert_int_equal(output_facts(p)->unparsed_lines, 1);
}

static void claude_a_message_that_names_no_model_is_one_of_the_session_s(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p, "{\"type\":\"system\",\"subtype\":\"init\",\"model\":\"claude-haiku-4-5\"}");
    feed(p, "{\"type\":\"assistant\",\"message\":{\"id\":\"a\",\"usage\":{\"input_tokens\":100,\"output_"
            "tokens\":1}}}");
    check_cost(p, 105);
    assert_string_equal(output_facts(p)->model, "claude-haiku-4-5");
}

static void claude_cache_writes_that_are_told_in_parts_alone_add_up(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p, ASSISTANT(
                "a", "claude-haiku-4-5",
                "\"cache_creation\":{\"ephemeral_5m_input_tokens\":100,\"ephemeral_1h_input_tokens\":20}"));
    check_tokens(p, USAGE_CACHE_CREATION, 120);
    assert_false(output_usage(p)->known[USAGE_INPUT]);
}

static void claude_an_allowed_request_names_no_reset(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p, "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"allowed\",\"resetsAt\":"
            "1795316645}}");
    feed(p, "{\"type\":\"result\",\"is_error\":true,\"api_error_status\":429}");
    assert_true(output_facts(p)->rate_limited);
    assert_int_equal(output_facts(p)->rate_limit_reset_us, 0);
}

static void claude_of_several_models_the_one_that_used_most_is_named(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_JSON, NULL);
    feed(
        p,
        "{\"type\":\"result\",\"modelUsage\":{\"m-1\":{\"inputTokens\":5,\"outputTokens\":50},"
        "\"m-2\":{\"inputTokens\":40,\"outputTokens\":20},\"m-3\":{\"inputTokens\":50,\"outputTokens\":5}}}");
    assert_string_equal(output_facts(p)->model, "m-2");
}

static void claude_without_a_cost_and_a_price_the_cost_is_unknown(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_JSON, NULL);
    feed(p, "{\"type\":\"result\",\"usage\":{\"output_tokens\":5}}");
    assert_false(output_usage(p)->cost_known);
    feed(p, "{\"type\":\"result\",\"total_cost_usd\":null,\"usage\":{\"output_tokens\":5}}");
    assert_false(output_usage(p)->cost_known);
    assert_int_equal(output_facts(p)->ignored_numbers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claude_costs_are_live_by_message_and_model),
        cmocka_unit_test(claude_cache_writes_are_told_apart_by_lifetime),
        cmocka_unit_test(claude_the_result_wins_over_the_sum),
        cmocka_unit_test(claude_a_result_without_a_cost_is_priced),
        cmocka_unit_test(claude_a_broken_off_run_has_used_what_its_messages_say),
        cmocka_unit_test(claude_success_with_is_error_is_an_error),
        cmocka_unit_test(claude_the_text_of_an_answer_is_never_kept),
        cmocka_unit_test(claude_limits_name_their_reset_in_several_ways),
        cmocka_unit_test(claude_retries_are_counted_and_forgiven),
        cmocka_unit_test(claude_json_may_be_an_array_of_all_messages),
        cmocka_unit_test(claude_a_message_that_names_no_model_is_one_of_the_session_s),
        cmocka_unit_test(claude_cache_writes_that_are_told_in_parts_alone_add_up),
        cmocka_unit_test(claude_an_allowed_request_names_no_reset),
        cmocka_unit_test(claude_of_several_models_the_one_that_used_most_is_named),
        cmocka_unit_test(claude_without_a_cost_and_a_price_the_cost_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
