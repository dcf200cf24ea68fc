/* test_session_summary.c -- what happened in a session, counted (spec 60 U7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/session_leave_out.h"

#define MINUTE ((int64_t)60 * 1000 * 1000)

static void summarise(const struct turn *turns, size_t count, struct session_summary **ret_s,
                      struct session_summary_result *ret)
{
    *ret_s = session_summary_new();
    for (size_t i = 0; i < count; i++)
        session_summary_turn(*ret_s, &turns[i]);
    session_summary_result(*ret_s, ret);
}

static void expect_events(const struct turn *turns, size_t count, const char *events)
{
    struct session_summary *s;
    struct session_summary_result r;
    struct buf out = BUF_INIT;
    summarise(turns, count, &s, &r);
    for (size_t i = 0; i < r.count; i++)
        buf_printf(&out, "%s %.*s %lld/%lld;", session_event_kind_names[r.events[i].kind],
                   (int)r.events[i].name.n, r.events[i].name.p, (long long)r.events[i].errors,
                   (long long)r.events[i].uses);
    assert_string_equal(out.p, events);
    buf_deinit(&out);
    (void)session_summary_free(s);
}

#define USE(id, name, input)                                                                                 \
    {                                                                                                        \
        .kind = TURN_TOOL_USE, .tool_id = STR(id), .tool_name = STR(name), .tool_input = STR(input)          \
    }
#define RESULT(id, error)                                                                                    \
    {                                                                                                        \
        .kind = TURN_TOOL_RESULT, .tool_id = STR(id), .is_error = error                                      \
    }
#define PROMPT(line, words)                                                                                  \
    {                                                                                                        \
        .kind = TURN_PROMPT, .line_no = line, .text = STR(words)                                             \
    }

static void uses_are_counted_by_what_was_used_and_errors_by_their_result(void **state)
{
    const struct turn turns[] = {
        USE("1", "Bash", "{\"command\":\"x\"}"),
        USE("2", "Bash", "{\"command\":\"y\"}"),
        USE("3", "mcp__github__search", "{}"),
        USE("4", "Task", "{\"prompt\":\"p\",\"subagent_type\":\"reviewer\"}"),
        USE("5", "Agent", "{\"prompt\":{\"subagent_type\":\"inner\"}}"),
        USE("6", "Skill", "{\"skill\":\"compound:debug\"}"),
        USE("7", "Skill", "\"not an object\""),
        RESULT("2", true),
        RESULT("1", false),
        RESULT("3", true),
        RESULT("6", true),
        RESULT("6", true), /* of a use that has its result */
        RESULT("9", true),
    };
    (void)state;
    expect_events(turns, COUNT_OF(turns),
                  "tool Bash 1/2;mcp mcp__github__search 1/1;subagent Agent 0/1;subagent reviewer 0/1;"
                  "skill Skill 0/1;skill compound:debug 1/1;");
    struct session_summary *s;
    struct session_summary_result r;
    summarise(turns, COUNT_OF(turns), &s, &r);
    assert_int_equal(r.uses[EVENT_TOOL], 2);
    assert_int_equal(r.errors[EVENT_TOOL], 1);
    assert_int_equal(r.uses[EVENT_SUBAGENT], 2);
    assert_int_equal(r.errors_unmatched, 2);
    (void)session_summary_free(s);
}

static void a_result_that_comes_late_corrects_the_summary(void **state)
{
    struct session_summary *s = session_summary_new();
    struct session_summary_result r;
    (void)state;
    session_summary_turn(s, &(struct turn)USE("1", "Bash", "{}"));
    session_summary_result(s, &r);
    assert_int_equal(r.errors[EVENT_TOOL], 0);
    session_summary_turn(s, &(struct turn)RESULT("1", true));
    session_summary_result(s, &r);
    assert_int_equal(r.errors[EVENT_TOOL], 1);
    (void)session_summary_free(s);
}

static void slash_commands_are_tags_and_not_prose(void **state)
{
    const struct turn turns[] = {
        PROMPT(1, "<command-name>/compound:debug</command-name><command-args></command-args>"),
        PROMPT(2, "text before <command-name>/clear</command-name> <command-name>/clear</command-name>"),
        PROMPT(3, "please run /review on it"),
        PROMPT(4, "<command-name>/a.b</command-name>"),
        PROMPT(5, "<command-name>/1x</command-name>"),
        PROMPT(6, "<command-name>clear</command-name>"),
        PROMPT(7, "<command-name>/cut"),
    };
    (void)state;
    expect_events(turns, COUNT_OF(turns), "command clear 0/2;command compound:debug 0/1;");
}

static void a_prompt_is_what_a_person_wrote(void **state)
{
    struct turn turns[] = {
        PROMPT(1, "Fix it"),
        PROMPT(2, "a block"),
        PROMPT(2, "and one more of the same line"),
        RESULT("1", false),
        {.kind = TURN_PROMPT, .line_no = 3, .is_meta = true, .text = STR("reminder")},
        {.kind = TURN_PROMPT, .line_no = 4, .is_sidechain = true, .text = STR("You are a subagent")},
        PROMPT(5, "<local-command-stdout>ok</local-command-stdout>"),
        PROMPT(6, "[Request interrupted by user]"),
        {.kind = TURN_NOTE, .line_no = 7, .text = STR("summary")},
        {.kind = TURN_ANSWER, .line_no = 8, .message_id = STR("m1")},
        {.kind = TURN_ANSWER, .line_no = 9, .message_id = STR("m1")},
        {.kind = TURN_ANSWER, .line_no = 10, .message_id = STR("m2")},
    };
    struct session_summary *s;
    struct session_summary_result r;
    (void)state;
    summarise(turns, COUNT_OF(turns), &s, &r);
    assert_int_equal(r.prompts, 2);
    assert_int_equal(r.answers, 2);
    (void)session_summary_free(s);
}

static void active_time_leaves_out_gaps_of_more_than_ten_minutes(void **state)
{
    static const struct {
        int64_t at_us[6];
        int64_t active_us, wall_us;
    } rows[] = {
        {{MINUTE}, 0, 0},
        {{0, 0}, 0, 0}, /* not told */
        {{MINUTE, 3 * MINUTE}, 2 * MINUTE, 2 * MINUTE},
        {{MINUTE, 11 * MINUTE}, 10 * MINUTE, 10 * MINUTE}, /* ten minutes exactly are no gap */
        {{MINUTE, 11 * MINUTE + 1}, 0, 10 * MINUTE + 1},
        {{MINUTE, 3 * MINUTE, 0, 5000 * MINUTE, 5001 * MINUTE}, 3 * MINUTE, 5000 * MINUTE},
        {{5 * MINUTE, 3 * MINUTE, 7 * MINUTE}, 2 * MINUTE, 4 * MINUTE}, /* out of order */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct session_summary *s = session_summary_new();
        struct session_summary_result r;
        for (size_t k = 0; k < COUNT_OF(rows[i].at_us); k++)
            session_summary_turn(s, &(struct turn){.kind = TURN_NOTE, .at_us = rows[i].at_us[k]});
        session_summary_result(s, &r);
        assert_int_equal(r.active_us, rows[i].active_us);
        assert_int_equal(r.wall_us, rows[i].wall_us);
        (void)session_summary_free(s);
    }
}

static void names_over_the_limit_are_counted_as_dropped(void **state)
{
    struct session_summary *s = session_summary_new();
    struct session_summary_result r;
    (void)state;
    for (int i = 0; i < SESSION_EVENTS_MAX + 7; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "tool%d", i);
        session_summary_turn(s, &(struct turn){.kind = TURN_TOOL_USE, .tool_name = str_of(name)});
    }
    session_summary_result(s, &r);
    assert_int_equal(r.count, SESSION_EVENTS_MAX);
    assert_int_equal(r.dropped, 7);
    assert_int_equal(r.uses[EVENT_TOOL], SESSION_EVENTS_MAX);
    (void)session_summary_free(s);
}

/* Each figure stands in the quarter of an hour in which it happened, and they add up to the session's. */
static void what_happened_is_kept_by_quarters_of_an_hour(void **state)
{
    const int64_t start = 1000 * SESSION_SLOT_US;
    const struct turn turns[] = {
        {.kind = TURN_PROMPT, .line_no = 1, .at_us = start + 14 * MINUTE},
        {.kind = TURN_ANSWER, .message_id = STR("m1")}, /* tells no time: with the one before */
        {.kind = TURN_TOOL_USE, .at_us = start + 17 * MINUTE, .tool_id = STR("1"), .tool_name = STR("Bash")},
        {.kind = TURN_TOOL_RESULT, .at_us = start + 31 * MINUTE, .tool_id = STR("1"), .is_error = true},
        {.kind = TURN_PROMPT, .line_no = 9, .at_us = start + 2 * MINUTE}, /* late */
    };
    const struct session_slot expected[] = {
        {start, 2, 1, 0, 0, MINUTE},
        {start + SESSION_SLOT_US, 0, 0, 1, 0, 2 * MINUTE}, /* then a gap of 14 minutes */
        {start + 2 * SESSION_SLOT_US, 0, 0, 0, 1, 0},
    };
    struct session_summary *s;
    struct session_summary_result r;
    int64_t active_us = 0;
    (void)state;
    summarise(turns, COUNT_OF(turns), &s, &r);
    assert_int_equal(r.slot_count, COUNT_OF(expected));
    for (size_t i = 0; i < r.slot_count; i++) {
        assert_int_equal(r.slots[i].start_us, expected[i].start_us);
        assert_int_equal(r.slots[i].prompts, expected[i].prompts);
        assert_int_equal(r.slots[i].answers, expected[i].answers);
        assert_int_equal(r.slots[i].uses, expected[i].uses);
        assert_int_equal(r.slots[i].errors, expected[i].errors);
        assert_int_equal(r.slots[i].active_us, expected[i].active_us);
        active_us += r.slots[i].active_us;
    }
    assert_int_equal(active_us, r.active_us);
    (void)session_summary_free(s);
}

/* All the turns, and of them only those that are not left out: the same, but for what only a neighbour tells.
 */
static void what_is_left_out_is_as_if_it_were_not_there(void **state)
{
#define AT(minute, n, ...)                                                                                   \
    {                                                                                                        \
        .at_us = (minute)*MINUTE, .id = STR(n), .line_no = minute, __VA_ARGS__                               \
    }
    const struct turn turns[] = {
        AT(100, "a", .kind = TURN_PROMPT,
           .text = STR("<command-name>/review</command-name> <command-name>/x</command-name>")),
        AT(101, "b", .kind = TURN_TOOL_USE, .tool_id = STR("1"), .tool_name = STR("Bash")),
        AT(102, "c", .kind = TURN_TOOL_RESULT, .tool_id = STR("1"), .is_error = true),
        AT(103, "d", .kind = TURN_ANSWER, .message_id = STR("m1")),
        AT(104, "e", .kind = TURN_TOOL_RESULT, .tool_id = STR("9"), .is_error = true),
        AT(106, "f", .kind = TURN_PROMPT, .text = STR("Go on")),
        AT(107, "g", .kind = TURN_TOOL_USE, .tool_id = STR("2"), .tool_name = STR("Bash")),
        AT(108, "h", .kind = TURN_TOOL_USE, .tool_id = STR("3"), .tool_name = STR("mcp__a__b")),
        AT(109, "i", .kind = TURN_TOOL_RESULT, .tool_id = STR("2"), .is_error = true),
        AT(110, "j", .kind = TURN_ANSWER, .message_id = STR("m2")),
    };
#undef AT
    const size_t own = 5; /* the first of them */
    struct session_summary *all, *rest;
    struct session_summary_result r, left, expected;
    bool is_left_out[64] = {false};
    struct arena a;
    (void)state;
    arena_init(&a);
    summarise(turns, COUNT_OF(turns), &all, &r);
    summarise(turns + own, COUNT_OF(turns) - own, &rest, &expected);
    session_summary_copy(&r, &a, &left);
    assert_int_equal(session_summary_leave_out(&left, is_left_out), 0);
    assert_int_equal(left.prompts, 2);
    assert_true(left.fact_count < COUNT_OF(is_left_out));
    for (size_t i = 0; i < left.fact_count; i++)
        is_left_out[i] = left.facts[i].at_us < 105 * MINUTE;
    assert_true(session_summary_leave_out(&left, is_left_out) > 0);
    assert_int_equal(left.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(str_equal(left.events[i].name, expected.events[i].name));
        assert_int_equal(left.events[i].uses, expected.events[i].uses);
        assert_int_equal(left.events[i].errors, expected.events[i].errors);
    }
    for (int k = 0; k < SESSION_EVENT_KINDS; k++) {
        assert_int_equal(left.uses[k], expected.uses[k]);
        assert_int_equal(left.errors[k], expected.errors[k]);
    }
    assert_int_equal(left.prompts, 1);
    assert_int_equal(left.answers, 1);
    assert_int_equal(left.errors_unmatched, 0);
    assert_int_equal(left.first_us, 106 * MINUTE);
    assert_int_equal(left.last_us, 110 * MINUTE);
    assert_int_equal(left.wall_us, 4 * MINUTE);
    assert_int_equal(left.active_us, 6 * MINUTE); /* since the last turn of the history */
    assert_int_equal(left.slot_count, 2);         /* 90 to 105 and 105 to 120 */
    assert_int_equal(left.slots[0].active_us, MINUTE);
    assert_int_equal(left.slots[0].prompts + left.slots[0].uses + left.slots[0].errors, 0);
    assert_int_equal(left.slots[1].active_us, 5 * MINUTE);
    assert_int_equal(left.slots[1].uses, 2);
    assert_int_equal(left.slots[1].errors, 1);
    assert_int_equal(r.prompts, 2); /* what it was copied from is as it was */
    arena_reset(&a);
    (void)session_summary_free(all);
    (void)session_summary_free(rest);
}

static void what_a_fork_writes_again_counts_nothing(void **state)
{
    const struct turn turns[] = {
        {.kind = TURN_PROMPT, .line_no = 1, .is_replayed = true, .at_us = MINUTE},
        {.kind = TURN_TOOL_USE, .tool_name = STR("exec_command"), .is_replayed = true, .at_us = 2 * MINUTE},
        {.kind = TURN_PROMPT, .line_no = 3, .at_us = 5 * MINUTE},
    };
    struct session_summary *s;
    struct session_summary_result r;
    (void)state;
    summarise(turns, COUNT_OF(turns), &s, &r);
    assert_int_equal(r.prompts, 1);
    assert_int_equal(r.count, 0);
    assert_int_equal(r.first_us, 5 * MINUTE);
    assert_int_equal(r.active_us, 0);
    (void)session_summary_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_as_if_it_were_not_there),
        cmocka_unit_test(what_a_fork_writes_again_counts_nothing),
        cmocka_unit_test(uses_are_counted_by_what_was_used_and_errors_by_their_result),
        cmocka_unit_test(a_result_that_comes_late_corrects_the_summary),
        cmocka_unit_test(slash_commands_are_tags_and_not_prose),
        cmocka_unit_test(a_prompt_is_what_a_person_wrote),
        cmocka_unit_test(active_time_leaves_out_gaps_of_more_than_ten_minutes),
        cmocka_unit_test(what_happened_is_kept_by_quarters_of_an_hour),
        cmocka_unit_test(names_over_the_limit_are_counted_as_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
