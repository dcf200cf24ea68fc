/* test_output_rules.c -- what each format means, line by line; the sums are worked out by hand. */
#include "base/buf.h"
#include "base/clock.h"
#include "run/output.h"
#include "run/rundir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW (INT64_C(1795305600) * USEC_PER_SEC) /* 2026-11-22T00:00:00Z */

static struct output_parser *parser(enum output_format format, const char *model)
{
    struct output_setup setup = {.format = format, .model = model};
    return output_parser_new(&setup);
}

static void feed(struct output_parser *p, const char *line)
{
    output_parser_feed(p, str_of(line), false, NOW);
}

static void feed_stderr(struct output_parser *p, const char *line)
{
    output_parser_feed(p, str_of(line), true, NOW);
}

static void check_tokens(const struct output_parser *p, enum usage_kind kind, int64_t wanted)
{
    const struct usage *u = output_usage(p);
    if (!u->known[kind] || u->tokens[kind] != wanted)
        fail_msg("%s is %s%lld", usage_kind_names[kind], u->known[kind] ? "" : "unknown ",
                 (long long)u->tokens[kind]);
}

static void check_cost(const struct output_parser *p, int64_t micro_usd)
{
    assert_true(output_usage(p)->cost_known);
    assert_int_equal(output_usage(p)->cost_micro_usd, micro_usd);
}

/* -- any format -- */

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
    feed(p, "the LIMIT is reached");
    assert_true(output_facts(p)->pattern_matched);
}

/* -- claude -- */

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
    feed(p, "[{\"type\":\"system\",\"subtype\":\"init\",\"model\":\"m-1\"},7,{\"type\":\"result\",\"usage\":{"
            "\"output_tokens\":3}}]");
    check_tokens(p, USAGE_OUTPUT, 3);
    assert_string_equal(output_facts(p)->model, "m-1");
    assert_int_equal(output_facts(p)->unparsed_lines, 0);
    feed(p, "[1,2]");
    assert_int_equal(output_facts(p)->unparsed_lines, 1);
}

/* -- codex -- */

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

/* -- gemini -- */

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
        cmocka_unit_test(codex_costs_are_those_of_the_model_that_it_was_given),
        cmocka_unit_test(codex_a_turn_of_many_requests_has_no_long_context_price),
        cmocka_unit_test(codex_more_cached_than_input_is_clamped),
        cmocka_unit_test(codex_an_error_on_the_way_to_success_is_a_warning),
        cmocka_unit_test(codex_a_turn_that_was_begun_is_not_ended),
        cmocka_unit_test(codex_a_limit_is_reset_on_the_local_clock),
        cmocka_unit_test(gemini_thoughts_are_output_and_tool_prompts_input),
        cmocka_unit_test(gemini_costs_are_summed_over_models_and_unknown_if_one_is),
        cmocka_unit_test(gemini_the_total_of_the_stream_holds_the_thoughts),
        cmocka_unit_test(gemini_an_object_is_read_over_many_lines_and_on_stderr),
        cmocka_unit_test(gemini_a_new_brace_starts_a_new_object),
        cmocka_unit_test(gemini_a_quota_is_a_limit_by_type_text_or_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
