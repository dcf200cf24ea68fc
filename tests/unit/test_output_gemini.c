/* test_output_gemini.c -- what gemini's objects mean; the sums are worked out by hand. */
#include "output_fixture.h"

static void gemini_thoughts_are_output_and_tool_prompts_input(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_GEMINI_JSON, NULL);
    feed(p, "{\"response\":\"x\",\"stats\":{\"models\":{\"gemini-2.5-flash\":{\"tokens\":{\"prompt\":1000,"
            "\"cached\":300,\"candidates\":30,\"thoughts\":10,\"tool\":5,\"total\":1045}}}}}");
    check_tokens(p, USAGE_INPUT, 705);
    check_tokens(p, USAGE_OUTPUT, 40);
    check_tokens(p, USAGE_REASONING, 10);
    check_tokens(p, USAGE_CACHE_READ, 300);
    check_cost(p, 321); /* 705 × 0.30 + 40 × 2.50 + 300 × 0.03 = 211.5 + 100 + 9 */
    assert_string_equal(output_facts(p)->model, "gemini-2.5-flash");
}

#define TWO_MODELS(second)                                                                                   \
    "{\"type\":\"result\",\"status\":\"success\",\"stats\":{\"input_tokens\":3000,\"output_tokens\":0,"      \
    "\"cached\":0,"                                                                                          \
    "\"models\":{\"gemini-2.5-pro\":{\"input_tokens\":1000,\"output_tokens\":0},\"" second                   \
    "\":{\"input_tokens\":2000,\"output_tokens\":0}}}}"

static void gemini_costs_are_summed_over_models_and_unknown_if_one_is(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *known = parser(OUTPUT_GEMINI_JSON, NULL);
    feed(known, TWO_MODELS("gemini-2.5-flash"));
    check_cost(known, 1250 + 600); /* 1000 × 1.25 + 2000 × 0.30 */
    CLEANUP(output_parser_freep) struct output_parser *unknown = parser(OUTPUT_GEMINI_JSON, NULL);
    feed(unknown, TWO_MODELS("no-such-model"));
    assert_false(output_usage(unknown)->cost_known);
    check_tokens(unknown, USAGE_INPUT, 3000);
}

static void gemini_the_total_of_the_stream_holds_the_thoughts(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_GEMINI_JSON, "gemini-2.5-flash");
    feed(p,
         "{\"type\":\"result\",\"stats\":{\"total_tokens\":1050,\"input_tokens\":1000,\"output_tokens\":20,"
         "\"cached\":0}}");
    check_tokens(p, USAGE_OUTPUT, 50);
    check_tokens(p, USAGE_REASONING, 30);
    check_cost(p, 300 + 125);
}

static void gemini_an_object_is_read_over_many_lines_and_on_stderr(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{", "  \"error\": {", "    \"type\": \"FatalQuotaError\",", "    \"message\": \"gone\"", "  }", "}"};
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_GEMINI_JSON, NULL);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        feed_stderr(p, lines[i]);
        feed(p, i == 0 ? "{" : "not the other stream's object");
    }
    assert_true(output_facts(p)->rate_limited && output_facts(p)->is_error);
    assert_int_equal(output_facts(p)->unparsed_lines, COUNT_OF(lines)); /* of stdout's, which never ended */
    assert_string_equal(output_facts(p)->error_text, "gone");
}

static void gemini_a_new_brace_starts_a_new_object(void **state)
{
    (void)state;
    static const char *const lines[] = {"{", "  garbage", "{", "  \"stats\": {\"input_tokens\": 7}", "}"};
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_GEMINI_JSON, NULL);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        feed(p, lines[i]);
    check_tokens(p, USAGE_INPUT, 7);
    assert_int_equal(output_facts(p)->unparsed_lines, 2);
}

static void gemini_a_quota_is_a_limit_by_type_text_or_code(void **state)
{
    (void)state;
    static const struct {
        const char *error;
        bool limited;
    } rows[] = {
        {"{\"type\":\"TerminalQuotaError\",\"message\":\"x\"}", true},
        {"{\"type\":\"Error\",\"message\":\"You have exhausted your daily quota on this model.\"}", true},
        {"{\"type\":\"Error\",\"message\":\"x\",\"code\":429}", true},
        {"{\"type\":\"Error\",\"message\":\"x\",\"code\":500}", false},
        {"{\"type\":\"Error\",\"message\":\"x\",\"code\":\"429\"}", false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_GEMINI_JSON, NULL);
        CLEANUP(buf_deinit) struct buf line = BUF_INIT;
        buf_printf(&line, "{\"type\":\"result\",\"status\":\"error\",\"error\":%s}", rows[i].error);
        output_parser_feed(p, buf_str(&line), false, NOW);
        assert_true(output_facts(p)->is_error);
        assert_int_equal(output_facts(p)->rate_limited, rows[i].limited);
    }
}

static void gemini_the_model_that_used_most_is_named(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_GEMINI_JSON, NULL);
    feed(p, "{\"stats\":{\"models\":{\"m-1\":{\"tokens\":{\"prompt\":90,\"candidates\":1}},"
            "\"m-2\":{\"tokens\":{\"prompt\":80,\"cached\":75,\"candidates\":30}},"
            "\"m-3\":{\"tokens\":{\"prompt\":100,\"candidates\":0}}}}}");
    assert_string_equal(output_facts(p)->model, "m-2");
}

static void gemini_a_status_of_error_is_enough(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_GEMINI_JSON, NULL);
    feed(p, "{\"type\":\"result\",\"status\":\"error\"}");
    assert_true(output_facts(p)->is_error && output_facts(p)->final_seen);
}

static void gemini_only_the_result_speaks_for_the_run(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_GEMINI_JSON, NULL);
    feed(p, "{\"type\":\"tool_result\",\"status\":\"error\",\"error\":{\"type\":\"QuotaError\",\"message\":"
            "\"x\"},"
            "\"stats\":{\"input_tokens\":5},\"response\":\"\"}");
    feed(p, "{\"type\":\"error\",\"severity\":\"warning\",\"message\":\"loop detected\"}");
    assert_false(output_facts(p)->is_error || output_facts(p)->final_seen);
    assert_true(usage_is_unknown(output_usage(p)));
    assert_int_equal(output_facts(p)->warnings, 1);
}

static void gemini_where_nothing_was_used_no_cost_is_told(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_GEMINI_JSON, "gemini-2.5-pro");
    feed(p, "{\"type\":\"result\",\"status\":\"error\",\"stats\":{\"input_tokens\":0,\"output_tokens\":0}}");
    check_tokens(p, USAGE_INPUT, 0);
    assert_false(output_usage(p)->cost_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemini_thoughts_are_output_and_tool_prompts_input),
        cmocka_unit_test(gemini_costs_are_summed_over_models_and_unknown_if_one_is),
        cmocka_unit_test(gemini_the_total_of_the_stream_holds_the_thoughts),
        cmocka_unit_test(gemini_an_object_is_read_over_many_lines_and_on_stderr),
        cmocka_unit_test(gemini_a_new_brace_starts_a_new_object),
        cmocka_unit_test(gemini_a_quota_is_a_limit_by_type_text_or_code),
        cmocka_unit_test(gemini_the_model_that_used_most_is_named),
        cmocka_unit_test(gemini_a_status_of_error_is_enough),
        cmocka_unit_test(gemini_only_the_result_speaks_for_the_run),
        cmocka_unit_test(gemini_where_nothing_was_used_no_cost_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
