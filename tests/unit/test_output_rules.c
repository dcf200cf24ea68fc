/* test_output_rules.c -- what holds for each output format, line by line. */
#include "output_fixture.h"

#include "run/rundir.h"

static void before_the_first_line_nothing_is_known(void **state)
{
    (void)state;
    for (int format = OUTPUT_TEXT; format <= OUTPUT_GEMINI_JSON; format++) {
        CLEANUP(output_parser_freep) struct output_parser *p = parser((enum output_format)format, "m");
        assert_true(usage_is_unknown(output_usage(p)));
        assert_string_equal(output_usage(p)->model, "m");
        assert_string_equal(output_facts(p)->model, "");
        assert_false(output_facts(p)->final_seen);
    }
}

static void names_of_formats_are_those_of_the_configuration(void **state)
{
    (void)state;
    static const char *const names[] = {"text", "claude-stream-json", "claude-json", "codex-jsonl",
                                        "gemini-json"};
    struct str rest = str_of(output_format_names()), part;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        enum output_format back;
        assert_string_equal(output_format_name((enum output_format)i), names[i]);
        assert_true(output_format_of(str_of(names[i]), &back));
        assert_int_equal(back, i);
        assert_true(str_split(&rest, '|', &part));
        assert_true(str_equal(part, str_of(names[i])));
    }
    assert_false(str_split(&rest, '|', &part));
    enum output_format none;
    assert_false(output_format_of(STR("claude"), &none));
}

static void what_is_not_one_object_is_text_and_counted(void **state)
{
    (void)state;
    static const char *const lines[] = {"hello", "{",  "{\"a\":", "\"x\"", "12",
                                        "null",  "[]", "[1]",     "{} {}", "{\"a\":\"\xff\"}"};
    static const enum output_format formats[] = {OUTPUT_CLAUDE_STREAM_JSON, OUTPUT_CODEX_JSONL};
    for (size_t f = 0; f < COUNT_OF(formats); f++) {
        CLEANUP(output_parser_freep) struct output_parser *p = parser(formats[f], NULL);
        for (size_t i = 0; i < COUNT_OF(lines); i++) {
            feed(p, lines[i]);
            assert_int_equal(output_facts(p)->unparsed_lines, i + 1);
        }
        feed(p, "");
        feed(p, "\r");
        feed_stderr(p, "a warning");
        feed(p, "{\"type\":\"unheard of\"}\r");
        assert_int_equal(output_facts(p)->unparsed_lines, COUNT_OF(lines));
        assert_int_equal(output_facts(p)->text_lines, COUNT_OF(lines) + 1);
        assert_true(usage_is_unknown(output_usage(p)));
    }
}

/* The same record with an answer that makes the line as long as may be, and one byte longer. */
static void a_line_of_more_than_a_mebibyte_is_text(void **state)
{
    (void)state;
    static const char head[] = "{\"type\":\"turn.completed\",\"usage\":{\"output_tokens\":5},\"x\":\"",
                      tail[] = "\"}";
    for (int longer = 0; longer < 2; longer++) {
        CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CODEX_JSONL, NULL);
        CLEANUP(buf_deinit) struct buf line = BUF_INIT;
        buf_add_text(&line, head);
        while (line.n + strlen(tail) < OUTPUT_LINE_MAX + (size_t)longer)
            buf_add_char(&line, 'x');
        buf_add_text(&line, tail);
        output_parser_feed(p, buf_str(&line), false, NOW);
        assert_int_equal(output_facts(p)->unparsed_lines, longer);
        assert_int_equal(output_facts(p)->turns, !longer);
    }
}

static void a_number_that_is_not_to_be_believed_is_passed_over_and_counted(void **state)
{
    (void)state;
    static const char *const wrong[] = {"-1",
                                        "1.5",
                                        "1e3",
                                        "1000000000000001",
                                        "9223372036854775807",
                                        "\"7\"",
                                        "[1]",
                                        "{}",
                                        "true",
                                        "9223372036854775808",
                                        "1e300",
                                        "-0.5",
                                        "123456789012345678901234567890"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CODEX_JSONL, NULL);
        CLEANUP(buf_deinit) struct buf line = BUF_INIT;
        buf_printf(&line, "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":%s,\"output_tokens\":5}}",
                   wrong[i]);
        output_parser_feed(p, buf_str(&line), false, NOW);
        if (output_facts(p)->ignored_numbers != 1 || output_usage(p)->known[USAGE_INPUT])
            fail_msg("believed: %s", wrong[i]);
        check_tokens(p, USAGE_OUTPUT, 5); /* the rest of the line counts */
    }
}

static void absent_and_null_counts_are_unknown_and_no_mistake(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p, "{\"type\":\"result\",\"usage\":{\"input_tokens\":null,\"output_tokens\":0}}");
    assert_false(output_usage(p)->known[USAGE_INPUT]);
    check_tokens(p, USAGE_OUTPUT, 0);
    assert_int_equal(output_facts(p)->ignored_numbers, 0);
}

static void errors_are_kept_as_one_line_of_whole_characters(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CODEX_JSONL, NULL);
    CLEANUP(buf_deinit) struct buf line = BUF_INIT;
    buf_add_text(&line, "{\"type\":\"error\",\"message\":\"a\\tb");
    for (int i = 0; i < 200; i++)
        buf_add_text(&line, "\xE2\x82\xAC");
    buf_add_text(&line, "\\nsecond\"}");
    output_parser_feed(p, buf_str(&line), false, NOW);
    const char *text = output_facts(p)->error_text;
    assert_int_equal(strlen(text), 3 + 65 * 3); /* of at most 199 bytes */
    assert_memory_equal(text, "a b\xE2\x82\xAC", 6);
    assert_true(str_is_utf8(str_of(text)));
}

static void a_pattern_of_the_profile_is_looked_for_outside_of_answers_only(void **state)
{
    (void)state;
    char *patterns[] = {"quota is gone", "", NULL};
    struct output_setup setup = {.format = OUTPUT_CLAUDE_STREAM_JSON, .rate_limited_patterns = patterns};
    CLEANUP(output_parser_freep) struct output_parser *p = output_parser_new(&setup);
    patterns[0] = NULL; /* it has its own copy */
    feed(p, "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"quota is "
            "gone\"}]}}");
    feed(p, "{\"type\":\"result\",\"is_error\":false,\"result\":\"quota is gone\"}");
    assert_false(output_facts(p)->pattern_matched);
    feed_stderr(p, "error: quota is gone, try again in 5 minutes");
    assert_true(output_facts(p)->pattern_matched);
    assert_false(output_facts(p)->rate_limited);
    assert_int_equal(output_facts(p)->rate_limit_reset_us, NOW + 300 * USEC_PER_SEC);
}

static void a_text_command_tells_nothing_but_patterns(void **state)
{
    (void)state;
    char *patterns[] = {"LIMIT", NULL};
    struct output_setup setup = {
        .format = OUTPUT_TEXT, .model = "claude-opus-4-5", .rate_limited_patterns = patterns};
    CLEANUP(output_parser_freep) struct output_parser *p = output_parser_new(&setup);
    feed(p, "{\"type\":\"result\",\"total_cost_usd\":1,\"usage\":{\"input_tokens\":1}}");
    assert_true(usage_is_unknown(output_usage(p)));
    assert_int_equal(output_facts(p)->text_lines, 1);
    assert_int_equal(output_facts(p)->unparsed_lines, 0);
    assert_false(output_facts(p)->pattern_matched);
    feed(p, "LIMIT reached");
    assert_true(output_facts(p)->pattern_matched);
}

static void what_is_to_be_believed_is_believed_beside_a_number_that_is_not(void **state)
{
    (void)state;
    CLEANUP(output_parser_freep) struct output_parser *p = parser(OUTPUT_CLAUDE_STREAM_JSON, NULL);
    feed(p,
         "{\"type\":\"result\",\"usage\":{\"input_tokens\":9223372036854775808,\"output_tokens\":0,"
         "\"cache_read_input_tokens\":1000000000000000,\"cache_creation_input_tokens\":1000000000000001}}");
    check_tokens(p, USAGE_OUTPUT, 0);
    check_tokens(p, USAGE_CACHE_READ, USAGE_TOKENS_MAX);
    assert_int_equal(output_facts(p)->ignored_numbers, 2);
    feed(p, "{\"type\":\"result\",\"usage\":{\"output_tokens\":1000000000000000}}");
    check_tokens(p, USAGE_OUTPUT, USAGE_TOKENS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_first_line_nothing_is_known),
        cmocka_unit_test(names_of_formats_are_those_of_the_configuration),
        cmocka_unit_test(what_is_not_one_object_is_text_and_counted),
        cmocka_unit_test(a_line_of_more_than_a_mebibyte_is_text),
        cmocka_unit_test(a_number_that_is_not_to_be_believed_is_passed_over_and_counted),
        cmocka_unit_test(absent_and_null_counts_are_unknown_and_no_mistake),
        cmocka_unit_test(errors_are_kept_as_one_line_of_whole_characters),
        cmocka_unit_test(a_pattern_of_the_profile_is_looked_for_outside_of_answers_only),
        cmocka_unit_test(a_text_command_tells_nothing_but_patterns),
        cmocka_unit_test(what_is_to_be_believed_is_believed_beside_a_number_that_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
