/* test_verification_background.c -- checks that an agent leaves running and asks for later (spec 60 V1).  The
 * lines are of the shapes that Claude Code (the shell's tool, BashOutput, TaskOutput, the note that a task
 * has ended, its output file) and Codex (exec_command, write_stdin) write; expectations follow from what each
 * says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/verification.h"
#include "transcript_script.h"

/* -- lines -- */

static void quoted(struct buf *out, const char *text)
{
    struct json_writer w;
    json_init(&w, out);
    json_text(&w, text);
}

static void claude_use(struct buf *out, const char *id, const char *name, const char *field,
                       const char *value)
{
    buf_printf(
        out,
        "{\"type\":\"assistant\",\"message\":{\"id\":\"m%s\",\"content\":[{\"type\":\"tool_use\",\"id\":"
        "\"%s\",\"name\":\"%s\",\"input\":{\"%s\":",
        id, id, name, field);
    quoted(out, value);
    buf_add_text(out, "}}]}}\n");
}

static void claude_result(struct buf *out, const char *id, const char *text, const char *below)
{
    buf_printf(
        out,
        "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"%s\","
        "\"content\":",
        id);
    quoted(out, text);
    buf_printf(out, "}]}%s}\n", below);
}

static void claude_started(struct buf *out, const char *id, const char *command, const char *task)
{
    char text[200], below[200];
    claude_use(out, id, "Bash", "command", command);
    (void)snprintf(text, sizeof(text),
                   "Command running in background with ID: %s. Output is being written to: "
                   "/tmp/claude-1000/-work-app/tasks/%s.output",
                   task, task);
    (void)snprintf(below, sizeof(below),
                   ",\"toolUseResult\":{\"stdout\":\"\",\"stderr\":\"\",\"interrupted\":false,\"isImage\":"
                   "false,\"backgroundTaskId\":\"%s\"}",
                   task);
    claude_result(out, id, text, below);
}

static void claude_asked(struct buf *out, const char *id, const char *task, const char *answer)
{
    claude_use(out, id, "BashOutput", "bash_id", task);
    claude_result(out, id, answer, "");
}

static void claude_told(struct buf *out, const char *task, const char *status, const char *summary)
{
    buf_add_text(out, "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":");
    struct buf text = BUF_INIT;
    buf_printf(&text,
               "<task-notification>\n<task-id>%s</task-id>\n<tool-use-id>toolu_1</tool-use-id>\n"
               "<output-file>/tmp/claude-1000/-work-app/tasks/%s.output</output-file>\n<status>%s</status>\n"
               "<summary>%s</summary>\n</task-notification>\nRead the output file to retrieve the result: "
               "/tmp/claude-1000/-work-app/tasks/%s.output",
               task, task, status, summary, task);
    quoted(out, text.p);
    buf_deinit(&text);
    buf_add_text(out, "}}\n");
}

static void claude_said(struct buf *out, const char *text)
{
    buf_add_text(out, "{\"type\":\"assistant\",\"message\":{\"id\":\"mz\",\"content\":[{\"type\":\"text\","
                      "\"text\":");
    quoted(out, text);
    buf_add_text(out, "}]}}\n");
}

static void codex_call(struct buf *out, const char *id, const char *name, const char *arguments,
                       const char *answer)
{
    buf_printf(out,
               "{\"type\":\"response_item\",\"payload\":{\"type\":\"function_call\",\"name\":\"%s\","
               "\"call_id\":\"%s\",\"arguments\":",
               name, id);
    quoted(out, arguments);
    buf_printf(out,
               "}}\n{\"type\":\"response_item\",\"payload\":{\"type\":\"function_call_output\",\"call_id\":"
               "\"%s\",\"output\":",
               id);
    quoted(out, answer);
    buf_add_text(out, "}}\n");
}

/* -- what the rules make of them -- */

struct read {
    struct verification *v;
    struct verification_result r;
};

static struct read read_lines(struct buf *text, enum transcript_format format)
{
    char *path = script_file(buf_str(text));
    struct read read = {.v = verification_new()};
    struct turn_reader *r;
    const struct turn *turns;
    size_t count;
    assert_int_equal(turn_reader_open(path, format, &r), 0);
    while (turn_reader_next(r, &turns, &count) == 1)
        for (size_t i = 0; i < count; i++)
            verification_turn(read.v, &turns[i]);
    (void)turn_reader_free(r);
    (void)unlink(path);
    free(path);
    buf_deinit(text);
    verification_result(read.v, &read.r);
    return read;
}

static void expect_one(struct read read, enum check_outcome outcome, enum verification_verdict verdict)
{
    assert_int_equal(read.r.count, 1);
    assert_string_equal(check_outcome_names[read.r.rows[0].outcome], check_outcome_names[outcome]);
    assert_string_equal(verification_verdict_names[read.r.verdict], verification_verdict_names[verdict]);
    assert_int_equal(read.r.rows[0].use_line, 1); /* the row is the command's, whoever told its end */
    (void)verification_free(read.v);
}

static void a_command_that_was_started_in_the_background_has_not_passed(void **state)
{
    static const char *const starts[] = {
        "Command running in background with ID: b2f8b9",
        "Command running in background with ID: b2f8b9. Output is being written to: "
        "/tmp/t/tasks/b2f8b9.output",
        "1 passed in 0.1s\nCommand was manually backgrounded by user with ID: b2f8b9. Output is being "
        "written "
        "to: /tmp/t/tasks/b2f8b9.output",
        "Command did not complete within its 120s timeout and was moved to the background (ID: b2f8b9). "
        "Output "
        "is being written to: /tmp/t/tasks/b2f8b9.output. You will be notified when it completes.",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct buf out = BUF_INIT;
        claude_use(&out, "t1", "Bash", "command", "pytest");
        claude_result(&out, "t1", starts[i], ",\"toolUseResult\":{\"stdout\":\"\",\"interrupted\":false}");
        claude_said(&out, "Done. All tests pass.");
        expect_one(read_lines(&out, TRANSCRIPT_CLAUDE), CHECK_UNKNOWN, VERDICT_UNVERIFIED);
    }
}

static void what_bash_output_says_at_last_settles_the_check(void **state)
{
    static const struct {
        const char *answers[3];
        enum check_outcome outcome;
        enum verification_verdict verdict;
    } cases[] = {
        {{"<status>running</status>\n\n<timestamp>2026-10-01T10:00:00.000Z</timestamp>",
          "<status>completed</status>\n\n<exit_code>0</exit_code>\n\n<stdout>\n== 4 passed in 2.0s "
          "==\n</stdout>"
          "\n\n<timestamp>2026-10-01T10:01:00.000Z</timestamp>"},
         CHECK_PASSED,
         VERDICT_VERIFIED},
        {{"<status>failed</status>\n\n<exit_code>1</exit_code>\n\n<stdout>\n== 1 failed, 3 passed in 2.0s "
          "==\n"
          "</stdout>\n\n<timestamp>2026-10-01T10:01:00.000Z</timestamp>"},
         CHECK_FAILED,
         VERDICT_CONTRADICTED},
        {{"<status>running</status>\n\n<stdout>\n....\n</stdout>"}, CHECK_UNKNOWN, VERDICT_UNVERIFIED},
        {{"<status>killed</status>\n\n<stdout>\n....\n</stdout>"}, CHECK_UNKNOWN, VERDICT_UNVERIFIED},
        /* only new output each time: the failure was told with an earlier piece */
        {{"<status>running</status>\n\n<stdout>\n== 1 failed, 3 passed in 2.0s ==\n</stdout>",
          "<status>completed</status>\n\n<exit_code>0</exit_code>"},
         CHECK_FAILED,
         VERDICT_CONTRADICTED},
        {{"<status>completed</status>\n\n<exit_code>0</exit_code>",
          "<status>completed</status>\n\n<exit_code>0</exit_code>"},
         CHECK_PASSED,
         VERDICT_VERIFIED},
        {{"<tool_use_error>Shell b2f8b9 not found</tool_use_error>"}, CHECK_UNKNOWN, VERDICT_UNVERIFIED},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = BUF_INIT;
        claude_started(&out, "t1", "pytest", "b2f8b9");
        for (int k = 0; k < 3 && cases[i].answers[k]; k++) {
            char id[8];
            (void)snprintf(id, sizeof(id), "q%d", k);
            claude_asked(&out, id, "b2f8b9", cases[i].answers[k]);
        }
        claude_said(&out, "All tests pass.");
        expect_one(read_lines(&out, TRANSCRIPT_CLAUDE), cases[i].outcome, cases[i].verdict);
    }
}

static void counts_and_quote_of_a_background_check_are_its_runners(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    claude_started(&out, "t1", "pytest", "b1");
    claude_use(&out, "q1", "TaskOutput", "task_id", "b1");
    claude_result(
        &out, "q1",
        "<retrieval_status>success</retrieval_status>\n\n<task_id>b1</task_id>\n\n<task_type>"
        "local_bash</task_type>\n\n<status>completed</status>\n\n<exit_code>1</exit_code>\n\n<output>"
        "\ntest_a.py .F\n== 1 failed, 3 passed in 2.0s ==\n</output>",
        "");
    struct read read = read_lines(&out, TRANSCRIPT_CLAUDE);
    assert_int_equal(read.r.rows[0].passed, 3);
    assert_int_equal(read.r.rows[0].failed, 1);
    assert_true(str_equal(read.r.rows[0].quote, STR("== 1 failed, 3 passed in 2.0s ==")));
    assert_int_equal(read.r.rows[0].use_line, 1);
    assert_int_equal(read.r.rows[0].result_line, 4); /* where it was told */
    expect_one(read, CHECK_FAILED, VERDICT_UNVERIFIED);
}

static void the_note_that_a_command_has_ended_settles_the_check(void **state)
{
    static const struct {
        const char *status, *summary;
        enum check_outcome outcome;
        enum verification_verdict verdict;
    } cases[] = {
        {"completed", "Background command \"Run tests\" completed (exit code 0)", CHECK_PASSED,
         VERDICT_VERIFIED},
        {"failed", "Background command \"Run tests\" failed with exit code 2", CHECK_FAILED,
         VERDICT_CONTRADICTED},
        {"killed", "Background command \"Run tests\" was stopped", CHECK_UNKNOWN, VERDICT_UNVERIFIED},
        {"failed", "Background command \"Expect exit code 0\" failed with exit code 1", CHECK_FAILED,
         VERDICT_CONTRADICTED},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = BUF_INIT;
        claude_started(&out, "t1", "make check", "b1");
        claude_told(&out, "b1", cases[i].status, cases[i].summary);
        claude_said(&out, "All tests pass.");
        expect_one(read_lines(&out, TRANSCRIPT_CLAUDE), cases[i].outcome, cases[i].verdict);
    }
}

static void the_note_counts_where_it_only_stood_in_the_queue(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    claude_started(&out, "t1", "make check", "b1");
    buf_add_text(&out,
                 "{\"type\":\"queue-operation\",\"operation\":\"enqueue\",\"sessionId\":\"s\",\"content\":"
                 "\"<task-notification>\\n<task-id>b1</task-id>\\n<status>failed</status>\\n<summary>"
                 "Background command \\\"x\\\" failed with exit code 2</summary>\\n"
                 "</task-notification>\"}\n"
                 "{\"type\":\"queue-operation\",\"operation\":\"enqueue\",\"content\":\"go on\"}\n");
    expect_one(read_lines(&out, TRANSCRIPT_CLAUDE), CHECK_FAILED, VERDICT_UNVERIFIED);
}

/* `pytest | tail` ends with tail's status: the file says how it went. */
static void the_output_file_is_read_for_what_the_status_hides(void **state)
{
    static const struct {
        const char *tool, *field, *value, *text;
        enum check_outcome outcome;
    } cases[] = {
        {"Read", "file_path", "/tmp/claude-1000/-work-app/tasks/b1.output",
         "     1\xe2\x86\x92..F\n     2\xe2\x86\x92== 1 failed, 3 passed in 2.0s ==", CHECK_FAILED},
        {"Read", "file_path", "/tmp/claude-1000/-work-app/tasks/b1.output",
         "1\t== 4 passed in 2.0s ==", CHECK_PASSED},
        {"Bash", "command", "tail -3 /tmp/claude-1000/-work-app/tasks/b1.output",
         "== 4 passed in 2.0s ==", CHECK_PASSED},
        {"Bash", "command", "tail -3 /tmp/claude-1000/-work-app/tasks/b2.output",
         "== 4 passed in 2.0s ==", CHECK_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = BUF_INIT;
        claude_started(&out, "t1", "pytest | tail -20", "b1");
        claude_told(&out, "b1", "completed", "Background command \"x\" completed (exit code 0)");
        claude_use(&out, "q1", cases[i].tool, cases[i].field, cases[i].value);
        claude_result(&out, "q1", cases[i].text, "");
        expect_one(read_lines(&out, TRANSCRIPT_CLAUDE), cases[i].outcome,
                   cases[i].outcome == CHECK_PASSED ? VERDICT_VERIFIED : VERDICT_UNVERIFIED);
    }
}

#define RUNS(text) "Chunk ID: a\nWall time: 1.0 seconds\nProcess running with session ID 42\nOutput:\n" text
#define EXITED(code, text)                                                                                   \
    "Chunk ID: b\nWall time: 1.0 seconds\nProcess exited with code " code "\nOutput:\n" text

static void what_write_stdin_says_at_last_settles_a_check_of_codex(void **state)
{
    static const struct {
        const char *first, *answers[3];
        enum check_outcome outcome;
    } cases[] = {
        {RUNS("running 4 tests\n"), {NULL}, CHECK_UNKNOWN},
        {RUNS("running 4 tests\n"), {RUNS("test a ... ok\n")}, CHECK_UNKNOWN},
        {RUNS("running 4 tests\n"),
         {RUNS(""), EXITED("0", "test result: ok. 4 passed; 0 failed; 0 ignored\n")},
         CHECK_PASSED},
        {RUNS(""), {EXITED("101", "test result: FAILED. 3 passed; 1 failed; 0 ignored\n")}, CHECK_FAILED},
        {RUNS("test result: FAILED. 3 passed; 1 failed; 0 ignored\n"), {EXITED("0", "")}, CHECK_FAILED},
        /* a command that says "exit code 0" of something else has not ended */
        {RUNS("helper: exit code 0\n"), {NULL}, CHECK_UNKNOWN},
        {RUNS(""), {"write_stdin failed: Unknown process id 42"}, CHECK_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = BUF_INIT;
        codex_call(&out, "c0", "exec_command", "{\"cmd\":\"cargo test\",\"yield_time_ms\":1000}",
                   cases[i].first);
        for (int k = 0; k < 3 && cases[i].answers[k]; k++) {
            char id[8];
            (void)snprintf(id, sizeof(id), "q%d", k);
            codex_call(&out, id, "write_stdin", "{\"session_id\":42,\"chars\":\"\"}", cases[i].answers[k]);
        }
        expect_one(read_lines(&out, TRANSCRIPT_CODEX), cases[i].outcome,
                   cases[i].outcome == CHECK_PASSED ? VERDICT_VERIFIED : VERDICT_UNVERIFIED);
    }
}

static void a_session_of_codex_is_not_anothers(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    codex_call(&out, "c0", "exec_command", "{\"cmd\":\"cargo test\"}", RUNS(""));
    codex_call(&out, "q1", "write_stdin", "{\"session_id\":43,\"chars\":\"\"}", EXITED("0", ""));
    expect_one(read_lines(&out, TRANSCRIPT_CODEX), CHECK_UNKNOWN, VERDICT_UNVERIFIED);
}

#define GEMINI_MOVED "Command moved to background (PID: 33701). Output hidden. Press Ctrl+B to view."
#define GEMINI_RUNS "Command is running in background. PID: 33701. Initial output:\\n"

#define UNTRUSTED(text) "<untrusted_context>\\n" text "\\n</untrusted_context>"
#define UNTRUSTED_LIST(text) "L" UNTRUSTED(text)

static void gemini_call(struct buf *out, const char *id, const char *tool, const char *args,
                        const char *answer)
{
    buf_printf(
        out,
        "{\"id\":\"%s\",\"type\":\"gemini\",\"content\":\"\",\"toolCalls\":[{\"id\":\"%s\",\"name\":\"%s\","
        "\"args\":%s,\"status\":\"success\",\"result\":[{\"functionResponse\":{\"response\":{\"output\":"
        "\"%s\"}}}]}]}\n",
        id, id, tool, args, answer);
}

static void gemini_tells_how_a_command_in_the_background_went_when_it_lists_them(void **state)
{
    static const struct {
        const char *start, *answers[4]; /* 'L': of the list, else of read_background_output */
        enum check_outcome outcome;
    } cases[] = {
        {GEMINI_MOVED, {NULL}, CHECK_UNKNOWN},
        {GEMINI_RUNS "Tests: 1 passed, 1 total", {NULL}, CHECK_UNKNOWN}, /* so far */
        {UNTRUSTED(GEMINI_RUNS),
         {UNTRUSTED_LIST("- [PID 33701] EXITED: `npm test` (Exit Code: 0)"), NULL},
         CHECK_PASSED},
        {UNTRUSTED(GEMINI_MOVED),
         {UNTRUSTED_LIST("- [PID 33701] EXITED: `npm test` (Exit Code: 1)"), NULL},
         CHECK_FAILED},
        {GEMINI_MOVED, {"L- [PID 33701] RUNNING: `npm test`", NULL}, CHECK_UNKNOWN},
        {GEMINI_MOVED, {"L- [PID 33701] EXITED: `npm test` (Exit Code: 0)", NULL}, CHECK_PASSED},
        {GEMINI_RUNS, {"L- [PID 33701] EXITED: `npm test` (Exit Code: 0)", NULL}, CHECK_PASSED},
        {GEMINI_RUNS, {"L- [PID 33701] EXITED: `npm test` (Exit Code: 1)", NULL}, CHECK_FAILED},
        {GEMINI_RUNS, {"L- [PID 33701] EXITED: `npm test` (Exit Code: null)", NULL}, CHECK_UNKNOWN},
        {GEMINI_RUNS, {"L- [PID 33701] EXITED: `npm test` (Exit Code: 0) (Signal: 15)", NULL}, CHECK_UNKNOWN},
        {GEMINI_RUNS, {"L- [PID 33701] EXITED: `npm test`", NULL}, CHECK_UNKNOWN},
        {GEMINI_RUNS, {"LNo background processes found.", NULL}, CHECK_UNKNOWN},
        {GEMINI_RUNS,
         {"L- [PID 7] EXITED: `a\\nb` (Exit Code: 1)\\n- [PID 33701] EXITED: `npm test` (Exit Code: 0)\\n- "
          "[PID 33702] EXITED: "
          "`x` (Exit Code: 2)",
          NULL},
         CHECK_PASSED},
        {GEMINI_RUNS,
         {"L- [PID 3370] EXITED: `npm test` (Exit Code: 0)", NULL},
         CHECK_UNKNOWN}, /* another one */
        {GEMINI_RUNS,
         {"Full Log Output:\\nTests: 5 passed, 5 total", NULL},
         CHECK_UNKNOWN}, /* it may go on */
        {GEMINI_RUNS, {"Full Log Output:\\nTests: 1 failed, 4 passed, 5 total", NULL}, CHECK_FAILED},
        {GEMINI_RUNS,
         {"Full Log Output:\\nTests: 5 passed, 5 total", "L- [PID 33701] EXITED: `npm test` (Exit Code: 0)",
          NULL},
         CHECK_PASSED},
        {GEMINI_RUNS,
         {"L- [PID 33701] EXITED: `npm test` (Exit Code: 0)", "Full Log Output:\\nTests: 5 passed, 5 total",
          NULL},
         CHECK_PASSED},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = BUF_INIT;
        gemini_call(&out, "r1", "run_shell_command", "{\"command\":\"npm test\",\"is_background\":true}",
                    cases[i].start);
        for (int k = 0; cases[i].answers[k]; k++) {
            const char *answer = cases[i].answers[k], *id = k ? "q2" : "q1";
            if (answer[0] == 'L')
                gemini_call(&out, id, "list_background_processes", "{}", answer + 1);
            else
                gemini_call(&out, id, "read_background_output", "{\"pid\":33701}", answer);
        }
        buf_add_text(&out, "{\"id\":\"r9\",\"type\":\"gemini\",\"content\":\"All tests pass.\"}\n");
        expect_one(read_lines(&out, TRANSCRIPT_GEMINI), cases[i].outcome,
                   cases[i].outcome == CHECK_PASSED   ? VERDICT_VERIFIED
                   : cases[i].outcome == CHECK_FAILED ? VERDICT_CONTRADICTED
                                                      : VERDICT_UNVERIFIED);
    }
}

/* What was edited while the tests ran was not what they tested. */
static void an_edit_between_the_start_and_the_end_is_after_the_green_check(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    claude_started(&out, "t1", "pytest", "b1");
    claude_use(&out, "e1", "Edit", "file_path", "/work/app/a.py");
    claude_result(&out, "e1", "ok", "");
    claude_told(&out, "b1", "completed", "Background command \"x\" completed (exit code 0)");
    claude_said(&out, "All tests pass.");
    struct read read = read_lines(&out, TRANSCRIPT_CLAUDE);
    assert_true(read.r.edited_since);
    expect_one(read, CHECK_PASSED, VERDICT_UNVERIFIED);
}

/* The old run fails late; what was run anew since is what counts. */
static void a_check_that_was_run_anew_is_not_undone_by_the_end_of_the_old_run(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    claude_started(&out, "t1", "pytest", "b1");
    claude_use(&out, "e1", "Edit", "file_path", "/work/app/a.py");
    claude_result(&out, "e1", "ok", "");
    claude_use(&out, "t2", "Bash", "command", "pytest");
    claude_result(&out, "t2", "4 passed in 1.0s", "");
    claude_told(&out, "b1", "failed", "Background command \"x\" failed with exit code 1");
    claude_said(&out, "All tests pass.");
    struct read read = read_lines(&out, TRANSCRIPT_CLAUDE);
    assert_int_equal(read.r.count, 2);
    assert_int_equal(read.r.rows[0].outcome, CHECK_FAILED);
    assert_int_equal(read.r.rows[1].outcome, CHECK_PASSED);
    assert_int_equal(read.r.verdict, VERDICT_VERIFIED);
    (void)verification_free(read.v);
}

static void the_note_is_not_a_persons_prompt(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    claude_started(&out, "t1", "sleep 5", "b1");
    claude_said(&out, "All tests pass.");
    claude_told(&out, "b1", "completed", "Background command \"x\" completed (exit code 0)");
    struct read read = read_lines(&out, TRANSCRIPT_CLAUDE);
    assert_true(read.r.claims_success); /* what was said before it still closes */
    (void)verification_free(read.v);
}

static void many_commands_in_the_background_are_told_apart(void **state)
{
    struct buf out = BUF_INIT;
    (void)state;
    enum { COMMANDS = 40 };
    for (int i = 0; i < COMMANDS; i++) {
        char id[8], task[8];
        (void)snprintf(id, sizeof(id), "t%d", i);
        (void)snprintf(task, sizeof(task), "b%d", i);
        claude_started(&out, id, "pytest", task);
    }
    for (int i = COMMANDS - 1; i >= 0; i--) {
        char task[8];
        (void)snprintf(task, sizeof(task), "b%d", i);
        claude_told(&out, task, i % 2 ? "failed" : "completed",
                    i % 2 ? "failed with exit code 1" : "completed (exit code 0)");
    }
    struct read read = read_lines(&out, TRANSCRIPT_CLAUDE);
    assert_int_equal(read.r.count, COMMANDS);
    for (size_t i = 0; i < COMMANDS; i++)
        assert_int_equal(read.r.rows[i].outcome, i % 2 ? CHECK_FAILED : CHECK_PASSED);
    (void)verification_free(read.v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_that_was_started_in_the_background_has_not_passed),
        cmocka_unit_test(what_bash_output_says_at_last_settles_the_check),
        cmocka_unit_test(counts_and_quote_of_a_background_check_are_its_runners),
        cmocka_unit_test(the_note_that_a_command_has_ended_settles_the_check),
        cmocka_unit_test(the_note_counts_where_it_only_stood_in_the_queue),
        cmocka_unit_test(the_output_file_is_read_for_what_the_status_hides),
        cmocka_unit_test(what_write_stdin_says_at_last_settles_a_check_of_codex),
        cmocka_unit_test(a_session_of_codex_is_not_anothers),
        cmocka_unit_test(gemini_tells_how_a_command_in_the_background_went_when_it_lists_them),
        cmocka_unit_test(an_edit_between_the_start_and_the_end_is_after_the_green_check),
        cmocka_unit_test(a_check_that_was_run_anew_is_not_undone_by_the_end_of_the_old_run),
        cmocka_unit_test(the_note_is_not_a_persons_prompt),
        cmocka_unit_test(many_commands_in_the_background_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
