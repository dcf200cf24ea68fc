/* test_turn_json.c -- a turn as one line of JSON, for programs (spec 60 T6; NDJSON: one value, one line). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transcripts/turn_json.h"

static void what_a_use_was_given_is_one_line_of_json(void **state)
{
    static const struct {
        const char *input, *told;
    } cases[] = {
        {"{\"a\":[1,2.50,true]}", "{\"a\":[1,2.50,true]}"},
        {"{\n  \"command\": \"ls\"\r\n}\n",
         "{   \"command\": \"ls\"  }"}, /* Codex' arguments may be laid out */
        {"{\"a\":\"\\ud83d\\ude00\"}", "{\"a\":\"\\ud83d\\ude00\"}"},
        {"{\"a\":\"\\ud83d\"}", "{\"a\":\"\\ufffd\"}"},
        {"{\"a\":\"\\\\ud83d\"}", "{\"a\":\"\\\\ud83d\"}"}, /* a backslash, and then a word */
        {"{\"a\":\"\\ude00\\ud83d\\ud83d\\ude00\"}", "{\"a\":\"\\ufffd\\ufffd\\ud83d\\ude00\"}"},
        {"[1,\n2]", "[1, 2]"},
        {"not json", "\"not json\""},
        {"{\"cut\": ", "\"{\\\"cut\\\":\""},
        {"{} {}", "\"{} {}\""},
        {"{}}", "\"{}}\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = BUF_INIT, expected = BUF_INIT;
        const struct turn turn = {.kind = TURN_TOOL_USE,
                                  .format = TURN_CODEX,
                                  .line_no = 3,
                                  .tool_name = STR("shell"),
                                  .tool_input = str_of(cases[i].input),
                                  .exit_code = TURN_EXIT_UNKNOWN};
        turn_json(&turn, &out);
        buf_printf(&expected,
                   "{\"kind\":\"tool_use\",\"format\":\"codex\",\"line_no\":3,\"block_no\":0,\"tool_name\":"
                   "\"shell\",\"tool_input\":%s}\n",
                   cases[i].told);
        assert_string_equal(out.p, expected.p);
        buf_deinit(&out);
        buf_deinit(&expected);
    }
}

static void a_result_tells_its_code_or_that_its_command_runs(void **state)
{
    struct buf out = BUF_INIT;
    struct turn turn = {.kind = TURN_TOOL_RESULT, .line_no = 1, .text = STR("a\nb"), .exit_code = 2};
    (void)state;
    turn_json(&turn, &out);
    turn.exit_code = TURN_EXIT_UNKNOWN;
    turn.background = TURN_BACKGROUND_RUNS;
    turn.background_id = STR("b1");
    turn_json(&turn, &out);
    assert_string_equal(out.p, "{\"kind\":\"tool_result\",\"format\":\"claude\",\"line_no\":1,\"block_no\":0,"
                               "\"text\":\"a\\nb\",\"exit_code\":2}\n"
                               "{\"kind\":\"tool_result\",\"format\":\"claude\",\"line_no\":1,\"block_no\":0,"
                               "\"text\":\"a\\nb\",\"background_id\":\"b1\",\"is_running\":true}\n");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_use_was_given_is_one_line_of_json),
                                       cmocka_unit_test(a_result_tells_its_code_or_that_its_command_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
