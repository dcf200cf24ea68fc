/* test_hook_payload.c -- of a hook's object nothing is told but what a verdict needs. */
#include "cli/hook_payload.h"

#include "core/hook_event.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_reduced(const char *payload, const char *expected)
{
    struct buf out = BUF_INIT;
    assert_int_equal(hook_payload_reduce(str_of(payload), 7, &out), expected != NULL);
    assert_string_equal(out.p, expected ? expected : "");
    buf_deinit(&out);
}

static void no_prompt_answer_or_command_is_told(void **state)
{
    (void)state;
    assert_reduced(
        "{\"hook_event_name\":\"PreToolUse\",\"session_id\":\"s\",\"transcript_path\":\"/t.jsonl\","
        "\"cwd\":\"/"
        "w\",\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"secret\"},\"prompt\":\"secret\"}",
        "{\"event\":\"PreToolUse\",\"process_id\":7,\"session_id\":\"s\",\"transcript\":\"/t.jsonl\"}");
    assert_reduced(
        "{\"hook_event_name\":\"Notification\",\"message\":\"Claude needs your permission to run secret\"}",
        "{\"event\":\"Notification\",\"process_id\":7,\"detail\":\"permission\"}");
    assert_reduced("{\"hook_event_name\":\"StopFailure\",\"error\":\"rate_limit\"}",
                   "{\"event\":\"StopFailure\",\"process_id\":7,\"detail\":\"rate_limit\"}");
    assert_reduced(
        "{\"type\":\"agent-turn-complete\",\"thread-id\":\"t1\",\"last-assistant-message\":\"secret\"}",
        "{\"event\":\"agent-turn-complete\",\"process_id\":7,\"session_id\":\"t1\"}");
}

static void what_is_no_event_is_not_told(void **state)
{
    static const char *const none[] = {"",
                                       "[]",
                                       "7",
                                       "{}",
                                       "{\"hook_event_name\":7}",
                                       "{\"hook_event_name\":\"\"}",
                                       "{\"hook_event_name\":\"X\""};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(none); i++)
        assert_reduced(none[i], NULL);
}

static void events_say_where_the_turn_is_and_unknown_ones_say_nothing(void **state)
{
    (void)state;
    assert_int_equal(hook_event_of(STR("PreToolUse"), STR("")).turn, TURN_TOOL);
    assert_int_equal(hook_event_of(STR("Notification"), STR("permission_prompt")).turn, TURN_PERMISSION);
    assert_int_equal(hook_event_of(STR("Notification"), STR("idle_prompt")).turn, TURN_ENDED);
    assert_int_equal(hook_event_of(STR("Notification"), STR("auth_success")).turn, TURN_UNKNOWN);
    assert_true(hook_event_of(STR("StopFailure"), STR("rate_limit")).limited);
    assert_false(hook_event_of(STR("StopFailure"), STR("server_error")).limited);
    assert_true(hook_event_of(STR("SessionEnd"), STR("")).ended);
    assert_int_equal(hook_event_of(STR("Tomorrow"), STR("")).turn, TURN_UNKNOWN);
    assert_null(hook_event_names("vim"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_prompt_answer_or_command_is_told),
        cmocka_unit_test(what_is_no_event_is_not_told),
        cmocka_unit_test(events_say_where_the_turn_is_and_unknown_ones_say_nothing),
    };
    return cmocka_run_group_tests_name("hook_payload", tests, NULL, NULL);
}
