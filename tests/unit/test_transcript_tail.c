/* test_transcript_tail.c -- what the end of a transcript says about the turn.  The records have the shapes of
 * the real ones, with made-up content. */
#include "node/fleet/transcript_tail.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CLAUDE_PROMPT "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"do it\"}}\n"
#define CLAUDE_CALL                                                                                          \
    "{\"type\":\"assistant\",\"message\":{\"stop_reason\":\"tool_use\",\"content\":[{\"type\":\"tool_use\"," \
    "\"name\":\"Bash\","                                                                                     \
    "\"input\":{\"command\":\"ls\"}}]}}\n"
#define CLAUDE_RESULT                                                                                        \
    "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"content\":\"x\"}]}}\n"
#define CLAUDE_END                                                                                           \
    "{\"type\":\"assistant\",\"message\":{\"stop_reason\":\"end_turn\",\"content\":[{\"type\":\"text\","     \
    "\"text\":\"ok\"}]}}\n"
#define CLAUDE_RETRY "{\"type\":\"system\",\"subtype\":\"api_error\",\"retryInMs\":600}\n"
#define CLAUDE_LIMIT                                                                                         \
    "{\"type\":\"assistant\",\"isApiErrorMessage\":true,\"error\":\"rate_limit\",\"message\":{\"content\":[" \
    "]}}\n"
#define CODEX(type, more) "{\"type\":\"event_msg\",\"payload\":{\"type\":\"" type "\"" more "}}\n"
#define CODEX_CALL                                                                                           \
    "{\"type\":\"response_item\",\"payload\":{\"type\":\"function_call\",\"name\":\"exec_command\","         \
    "\"arguments\":\"{}\"}}\n"
#define CODEX_OUTPUT "{\"type\":\"response_item\",\"payload\":{\"type\":\"function_call_output\"}}\n"

static const struct row {
    const char *vendor, *tail;
    enum liveness_turn turn;
    int64_t same_calls;
    bool retries, limited;
} rows[] = {
    {"claude", "", TURN_UNKNOWN},
    {"claude", CLAUDE_PROMPT, TURN_OPEN},
    {"claude", CLAUDE_PROMPT CLAUDE_CALL, TURN_TOOL, 1},
    {"claude", CLAUDE_PROMPT CLAUDE_CALL CLAUDE_RESULT, TURN_OPEN, 1},
    {"claude", CLAUDE_PROMPT CLAUDE_CALL CLAUDE_RESULT CLAUDE_END, TURN_ENDED, 1},
    {"claude", CLAUDE_CALL CLAUDE_RESULT CLAUDE_CALL CLAUDE_RESULT CLAUDE_CALL, TURN_TOOL, 3},
    {"claude", CLAUDE_CALL CLAUDE_RESULT CLAUDE_PROMPT CLAUDE_CALL, TURN_TOOL, 1},
    {"claude", CLAUDE_PROMPT CLAUDE_RETRY, TURN_OPEN, 0, true},
    {"claude", CLAUDE_PROMPT CLAUDE_RETRY CLAUDE_END, TURN_ENDED},
    {"claude", CLAUDE_PROMPT CLAUDE_LIMIT, TURN_ENDED, 0, false, true},
    {"claude", "cut\":1}\n" CLAUDE_PROMPT, TURN_OPEN},
    {"claude", CLAUDE_END "{\"type\":\"user\",\"message\":{\"con",
     TURN_ENDED}, /* a last line that is not complete */
    {"claude", CLAUDE_END "{\"type\":\"user\",\"isSidechain\":true,\"message\":{\"content\":\"x\"}}\n",
     TURN_ENDED},
    {"claude",
     "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"[Request interrupted by "
     "user]\"}]}}\n",
     TURN_ENDED},
    {"codex", CODEX("task_started", ""), TURN_OPEN},
    {"codex", CODEX("task_started", "") CODEX_CALL, TURN_TOOL, 1},
    {"codex", CODEX("task_started", "") CODEX_CALL CODEX_OUTPUT, TURN_OPEN, 1},
    {"codex", CODEX("task_started", "") CODEX("task_complete", ""), TURN_ENDED},
    {"codex", CODEX("task_complete", ",\"error\":{\"codex_error_info\":\"usage_limit_exceeded\"}"),
     TURN_ENDED, 0, false, true},
    {"codex", CODEX("turn_aborted", ""), TURN_ENDED},
    {"codex", CODEX("stream_error", ""), TURN_OPEN, 0, true},
    {"gemini", "{\"id\":\"1\",\"type\":\"user\",\"content\":\"x\"}\n", TURN_OPEN},
    {"gemini", "{\"type\":\"user\"}\n{\"type\":\"gemini\",\"content\":\"\"}\n", TURN_OPEN},
    {"gemini", "{\"type\":\"user\"}\n{\"type\":\"gemini\",\"content\":\"done\"}\n", TURN_ENDED},
    {"gemini", "{\"type\":\"user\"}\n{\"$set\":{\"messages\":[]}}\n", TURN_ENDED},
    {"gemini", "{\"type\":\"user\"}\n{\"$set\":{\"lastUpdated\":\"x\"}}\n", TURN_OPEN},
    {"opencode", CLAUDE_PROMPT, TURN_UNKNOWN},
};

static void the_last_records_say_where_the_turn_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct transcript_tail tail;
        transcript_tail_parse(rows[i].vendor, str_of(rows[i].tail), &tail);
        if (tail.turn != rows[i].turn || tail.same_calls != rows[i].same_calls ||
            tail.retries != rows[i].retries || tail.is_limited != rows[i].limited)
            fail_msg("row %zu: turn %d, calls %d, retries %d, limited %d", i, (int)tail.turn,
                     (int)tail.same_calls, tail.retries, tail.is_limited);
    }
}

static void the_registry_of_claude_names_session_and_state(void **state)
{
    struct claude_session s;
    (void)state;
    assert_true(
        claude_session_parse(STR("{\"pid\":7,\"sessionId\":\"abc\",\"cwd\":\"/w\",\"procStart\":\"449243\","
                                 "\"status\":\"waiting\",\"waitingFor\":\"permission prompt\"}"),
                             &s));
    assert_string_equal(s.id, "abc");
    assert_int_equal(s.start_ticks, 449243);
    assert_int_equal(s.turn, TURN_PERMISSION);
    assert_true(claude_session_parse(STR("{\"sessionId\":\"a\",\"status\":\"busy\"}"), &s));
    assert_int_equal(s.turn, TURN_OPEN);
    assert_int_equal(s.start_ticks, -1);
    assert_false(claude_session_parse(STR("{\"pid\":7}"), &s));
    assert_false(claude_session_parse(STR("[]"), &s));
    assert_false(claude_session_parse((struct str){0}, &s));
}

static void a_project_folder_is_the_path_with_dashes(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    claude_project_folder("/home/a.b/My_repo-2", &out);
    assert_string_equal(out.p, "-home-a-b-My-repo-2");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_records_say_where_the_turn_is),
        cmocka_unit_test(the_registry_of_claude_names_session_and_state),
        cmocka_unit_test(a_project_folder_is_the_path_with_dashes),
    };
    return cmocka_run_group_tests_name("transcript_tail", tests, NULL, NULL);
}
