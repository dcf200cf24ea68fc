/* test_turn_reader.c -- transcripts of the three CLIs as turns (spec 60 T3, T4).  The lines are of the shapes
 * that the CLIs write; a turn is printed as `kind fields`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <zstd.h>

#include "transcript_script.h"

static void print_text(struct buf *out, const char *name, struct str s)
{
    if (s.n)
        buf_printf(out, " %s=%.*s", name, (int)s.n, s.p);
}

static void print(struct buf *out, const struct turn *t)
{
    static const char *const kinds[TURN_KINDS] = {"prompt", "answer", "thinking", "use", "result", "note"};
    buf_printf(out, "%lld.%d %s", (long long)t->line_no, t->block_no, kinds[t->kind]);
    buf_printf(out, "%s%s", t->is_sidechain ? " sidechain" : "", t->is_meta ? " meta" : "");
    print_text(out, "message", t->message_id);
    print_text(out, "tool", t->tool_id);
    print_text(out, "name", t->tool_name);
    print_text(out, "command", t->command);
    print_text(out, "path", t->path);
    print_text(out, "text", t->text);
    if (t->is_error)
        buf_add_text(out, " error");
    if (t->exit_code != TURN_EXIT_UNKNOWN)
        buf_printf(out, " exit=%d", t->exit_code);
    print_text(out, "background", t->background_id);
    print_text(out, "origin", t->origin_id);
    if (t->is_replayed)
        buf_add_text(out, " replayed");
    if (t->background != TURN_FOREGROUND)
        buf_add_text(out, t->background == TURN_BACKGROUND_RUNS ? " runs" : " ended");
    buf_add_char(out, '\n');
}

static void read_file(const char *path, enum transcript_format format, struct buf *out,
                      struct turn_reader_facts *ret)
{
    struct turn_reader *r;
    const struct turn *turns;
    size_t count;
    int rc;
    assert_int_equal(turn_reader_open(path, format, &r), 0);
    while ((rc = turn_reader_next(r, &turns, &count)) == 1) {
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++)
            print(out, &turns[i]);
    }
    assert_int_equal(rc, 0);
    turn_reader_facts(r, ret);
    (void)turn_reader_free(r);
}

static void expect(const char *text, enum transcript_format format, const char *turns,
                   struct turn_reader_facts *ret)
{
    struct turn_reader_facts facts;
    struct buf out = BUF_INIT;
    char *path = script_file(str_of(text));
    read_file(path, format, &out, ret ? ret : &facts);
    assert_string_equal(out.n ? out.p : "", turns);
    for (int i = 0; i < SKIP_REASONS && !ret; i++)
        assert_int_equal(facts.skipped[i], 0);
    buf_deinit(&out);
    (void)unlink(path);
    free(path);
}

#define CLAUDE_HEAD                                                                                          \
    "\"sessionId\":\"s1\",\"cwd\":\"/w\",\"gitBranch\":\"main\",\"timestamp\":\"2026-10-01T10:00:00.000Z\""

static void claude_code_blocks_of_one_answer_are_turns_of_one_message(void **state)
{
    (void)state;
    expect("{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"Fix it\"}," CLAUDE_HEAD "}\n"
           "{\"type\":\"assistant\",\"message\":{\"id\":\"m1\",\"role\":\"assistant\",\"content\":[{\"type\":"
           "\"thinking\",\"thinking\":\"Hm\"}]}," CLAUDE_HEAD "}\n"
           "{\"type\":\"assistant\",\"message\":{\"id\":\"m1\",\"role\":\"assistant\",\"content\":[{\"type\":"
           "\"text\",\"text\":\"I "
           "will\"},{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"Bash\",\"input\":{\"command\":\"npm "
           "test\"}}]}," CLAUDE_HEAD "}\n"
           "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"tool_use_id\":\"t1\",\"type\":"
           "\"tool_result\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":"
           "\"b\"}]}]},\"toolUseResult\":{\"stdout\":\"a\",\"interrupted\":false}," CLAUDE_HEAD "}\n",
           TRANSCRIPT_CLAUDE,
           "1.0 prompt text=Fix it\n"
           "2.0 thinking message=m1 text=Hm\n"
           "3.0 answer message=m1 text=I will\n"
           "3.1 use message=m1 tool=t1 name=Bash command=npm test\n"
           "4.0 result tool=t1 name=Bash command=npm test text=a\nb exit=0\n",
           NULL);
}

#define USE(id, name, input)                                                                                 \
    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"" id                  \
    "\",\"name\":\"" name "\",\"input\":" input "}]}}\n"
#define RESULT(id, rest, below)                                                                              \
    "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\"" rest \
    "}]}" below "}\n"

static void a_result_of_claude_code_tells_its_exit_status_or_that_it_is_unknown(void **state)
{
    (void)state;
    expect(USE("a", "Bash", "{\"command\":\"x\"}")
               RESULT("a", ",\"content\":\"Exit code 2\\nbad\",\"is_error\":true",
                      ",\"toolUseResult\":\"Error: Exit code 2\\nbad\"")
                   USE("b", "Bash", "{\"command\":\"x\"}") RESULT("b", ",\"content\":\"ok\"", "")
                       USE("c", "Bash", "{\"command\":\"x\"}")
                           RESULT("c", ",\"content\":\"\"", ",\"toolUseResult\":{\"interrupted\":true}")
                               USE("d", "Edit", "{\"file_path\":\"/w/a.c\"}")
                                   RESULT("d", ",\"content\":\"no\",\"is_error\":true", "")
                                       RESULT("e", ",\"content\":\"whose?\"", ""),
           TRANSCRIPT_CLAUDE,
           "1.0 use tool=a name=Bash command=x\n"
           "2.0 result tool=a name=Bash command=x text=Exit code 2\nbad error exit=2\n"
           "3.0 use tool=b name=Bash command=x\n"
           "4.0 result tool=b name=Bash command=x text=ok exit=0\n"
           "5.0 use tool=c name=Bash command=x\n"
           "6.0 result tool=c name=Bash command=x\n"
           "7.0 use tool=d name=Edit path=/w/a.c\n"
           "8.0 result tool=d name=Edit path=/w/a.c text=no error\n"
           "9.0 result tool=e text=whose?\n",
           NULL);
}

static void a_command_in_the_background_of_claude_code_is_known_by_its_id(void **state)
{
    (void)state;
    expect(
        USE("a", "Bash", "{\"command\":\"x\",\"run_in_background\":true}")
            RESULT("a", ",\"content\":\"Command running in background with ID: b1\"",
                   ",\"toolUseResult\":{\"stdout\":\"\",\"interrupted\":false,\"backgroundTaskId\":\"b1\"}")
                USE("b", "BashOutput", "{\"bash_id\":\"b1\"}")
                    RESULT("b", ",\"content\":\"<status>running</status>\\n\\n<stdout>\\none\\n</stdout>\"",
                           "") USE("c", "TaskOutput", "{\"task_id\":\"b1\",\"block\":true}")
                        RESULT("c",
                               ",\"content\":\"<retrieval_status>success</retrieval_status>\\n\\n"
                               "<task_id>b1</task_id>\\n\\n<status>failed</status>\\n\\n<exit_code>3"
                               "</exit_code>\\n\\n<output>\\n</output> two\\n</output>\"",
                               "") "{\"type\":\"user\",\"message\":{\"content\":\"<task-notification>\\n<"
                                   "task-id>b1</task-id>\\n"
                                   "<status>killed</status>\\n</task-notification>\"}}\n" USE(
                                       "d", "Read", "{\"file_path\":\"/tmp/tasks/b1.output\"}")
                                       RESULT("d", ",\"content\":\"1\\tone\"", ""),
        TRANSCRIPT_CLAUDE,
        "1.0 use tool=a name=Bash command=x\n"
        "2.0 result tool=a name=Bash command=x text=Command running in background with ID: b1 background=b1 "
        "runs\n"
        "3.0 use tool=b name=BashOutput background=b1\n"
        "4.0 result tool=b name=BashOutput text=\none\n background=b1 runs\n"
        "5.0 use tool=c name=TaskOutput background=b1\n"
        "6.0 result tool=c name=TaskOutput text=\n</output> two\n error exit=3 background=b1 ended\n"
        "7.0 prompt meta text=<task-notification>\n<task-id>b1</task-id>\n<status>killed</status>\n"
        "</task-notification> background=b1 ended\n"
        "8.0 use tool=d name=Read path=/tmp/tasks/b1.output background=b1\n"
        "9.0 result tool=d name=Read path=/tmp/tasks/b1.output text=1\tone background=b1\n",
        NULL);
}

static void claude_code_marks_subagents_meta_lines_and_summaries(void **state)
{
    (void)state;
    expect("{\"type\":\"user\",\"isSidechain\":true,\"message\":{\"content\":\"Look\"}}\n"
           "{\"type\":\"user\",\"isMeta\":true,\"message\":{\"content\":\"Caveat\"}}\n"
           "{\"type\":\"summary\",\"summary\":\"All of it\",\"leafUuid\":\"u\"}\n"
           "{\"type\":\"user\",\"isCompactSummary\":true,\"message\":{\"content\":\"So far\"}}\n"
           "{\"type\":\"system\",\"content\":\"hook ran\"}\n"
           "{\"type\":\"file-history-snapshot\",\"timestamp\":\"nonsense\"}\n",
           TRANSCRIPT_CLAUDE,
           "1.0 prompt sidechain text=Look\n2.0 prompt meta text=Caveat\n3.0 note text=All of it\n"
           "4.0 note text=So far\n5.0 note text=hook ran\n",
           NULL);
}

static void every_line_that_cannot_be_read_is_counted_by_its_reason(void **state)
{
    struct turn_reader_facts f;
    (void)state;
    expect("[1]\n"
           "\n"
           "{\"type\":\"user\",\"message\":{\"content\":\"torn\n"
           "{\"type\":\"user\",,}\n"
           "{\"type\":\"user\",\"message\":{\"content\":\"\xff\"}}\n"
           "{\"type\":\"user\",\"timestamp\":\"yesterday\",\"message\":{\"content\":\"kept\"}}\n"
           "{\"type\":\"user\",\"message\":{\"content\":\"stub{\"type\":\"user\",\"message\":{\"content\":"
           "\"glued\"}}\n"
           "{\"type\":\"user\",\"message\":5}\n"
           "{\"type\":\"user\",\"message\":{\"content\":[5,null,{\"type\":\"text\"},{\"type\":7}]}}\n"
           "{\"type\":\"user\",\"message\":{\"content\":\"waits\"}}",
           TRANSCRIPT_CLAUDE, "6.0 prompt text=kept\n7.0 prompt text=glued\n9.0 prompt\n", &f);
    assert_int_equal(f.lines, 9);
    assert_int_equal(f.skipped[SKIP_NO_OBJECT], 1);
    assert_int_equal(f.skipped[SKIP_TORN], 1);
    assert_int_equal(f.skipped[SKIP_MALFORMED], 2); /* ",," and the stub before the glued one */
    assert_int_equal(f.skipped[SKIP_NOT_UTF8], 1);
    assert_int_equal(f.skipped[SKIP_BAD_TIME], 1);
}

#define CODEX(payload)                                                                                       \
    "{\"timestamp\":\"2026-10-01T10:00:00.000Z\",\"type\":\"response_item\",\"payload\":" payload "}\n"

static void codex_items_and_their_outcomes(void **state)
{
    (void)state;
    expect(
        CODEX("{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"<"
              "environment_context>x\"}]}") CODEX("{\"type\":\"message\",\"role\":\"user\",\"content\":[{"
                                                  "\"type\":\"input_text\",\"text\":\"Fix it\"}]}")
            CODEX("{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"Hm\"}]}") CODEX(
                "{\"type\":\"function_call\",\"name\":\"shell\",\"call_id\":\"a\",\"arguments\":\"{"
                "\\\"command\\\":[\\\"bash\\\",\\\"-lc\\\",\\\"npm test\\\"]}\"}")
                CODEX(
                    "{\"type\":\"function_call_output\",\"call_id\":\"a\",\"output\":\"{\\\"output\\\":\\\"1 "
                    "failed\\\",\\\"metadata\\\":{\\\"exit_code\\\":1}}\"}")
                    CODEX("{\"type\":\"function_call\",\"name\":\"exec_command\",\"call_id\":\"b\","
                          "\"arguments\":"
                          "\"{\\\"cmd\\\":\\\"make\\\"}\"}")
                        CODEX("{\"type\":\"function_call_output\",\"call_id\":\"b\",\"output\":\"Wall time: "
                              "1\\nProcess exited with code 0\\nOutput:\\nok\"}")
                            CODEX("{\"type\":\"local_shell_call\",\"call_id\":\"c\",\"action\":{\"type\":"
                                  "\"exec\","
                                  "\"command\":[\"echo\",\"a b\"]}}")
                                CODEX("{\"type\":\"custom_tool_call\",\"name\":\"apply_patch\",\"call_id\":"
                                      "\"d\",\"input\":"
                                      "\"*** Begin Patch\"}")
                                    CODEX("{\"type\":\"function_call\",\"name\":\"x\",\"call_"
                                          "id\":\"e\",\"arguments\":\"not json\"}")
                                        CODEX("{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{"
                                              "\"type\":\"output_"
                                              "text\",\"text\":\"Done\"}]}") "{\"type\":\"event_msg\","
                                                                             "\"payload\":{\"type\":"
                                                                             "\"agent_message\",\"message\":"
                                                                             "\"Done\"}}\n",
        TRANSCRIPT_CODEX,
        "1.0 prompt meta text=<environment_context>x\n2.0 prompt text=Fix it\n3.0 thinking text=Hm\n"
        "4.0 use tool=a name=shell command=npm test\n"
        "5.0 result tool=a name=shell command=npm test text=1 failed error exit=1\n"
        "6.0 use tool=b name=exec_command command=make\n"
        "7.0 result tool=b name=exec_command command=make text=Wall time: 1\nProcess exited with code "
        "0\nOutput:\nok exit=0\n"
        "8.0 use tool=c name=local_shell command=echo 'a b'\n"
        "9.0 use tool=d name=apply_patch text=*** Begin Patch\n10.0 use tool=e name=x\n"
        "11.0 answer text=Done\n",
        NULL);
}

#define CALL(status, result)                                                                                 \
    "{\"id\":\"c1\",\"name\":\"run_shell_command\",\"args\":{\"command\":\"npm test\"},\"status\":\"" status \
    "\"" result "}"

static void gemini_records_that_come_again_are_told_once(void **state)
{
    (void)state;
    expect(
        "{\"sessionId\":\"s1\",\"projectHash\":\"h\",\"startTime\":\"2026-10-01T10:00:00.000Z\"}\n"
        "{\"id\":\"u1\",\"type\":\"user\",\"content\":[{\"text\":\"Fix it\"}]}\n"
        "{\"id\":\"g1\",\"type\":\"gemini\",\"content\":\"\"}\n"
        "{\"id\":\"g1\",\"type\":\"gemini\",\"content\":\"I run it\",\"toolCalls\":[" CALL(
            "executing",
            "") "]}\n"
                "{\"id\":\"g1\",\"type\":\"gemini\",\"content\":\"I run it\",\"toolCalls\":[" CALL(
                    "success",
                    ",\"result\":[{\"functionResponse\":{\"response\":{\"output\":\"Output: no\\nExit Code: "
                    "1\"}}}]") "]}\n"
                               "{\"id\":\"g1\",\"type\":\"gemini\",\"content\":\"I run "
                               "it\",\"tokens\":{\"input\":1},\"toolCalls\":[" CALL(
                                   "success",
                                   ",\"result\":[{\"functionResponse\":{\"response\":{\"output\":\"Output: "
                                   "no\\nExit Code: 1\"}}}]") "]}\n"
                                                              "{\"$set\":{\"lastUpdated\":\"2026-10-01T10:00:"
                                                              "00.000Z\"}}\n"
                                                              "{\"id\":\"g2\",\"type\":\"gemini\","
                                                              "\"content\":\"It fails\"}\n",
        TRANSCRIPT_GEMINI,
        "2.0 prompt message=u1 text=Fix it\n4.0 answer message=g1 text=I run it\n"
        "4.1 use message=g1 tool=c1 name=run_shell_command command=npm test\n"
        "5.2 result message=g1 tool=c1 name=run_shell_command command=npm test text=Output: no\nExit Code: 1 "
        "error exit=1\n"
        "8.0 answer message=g2 text=It fails\n",
        NULL);
}

static void a_line_of_claude_code_names_the_one_that_it_is_a_copy_of(void **state)
{
    (void)state;
    expect("{\"type\":\"user\",\"uuid\":\"n1\",\"forkedFrom\":{\"sessionId\":\"s0\",\"messageUuid\":\"o1\"}"
           "," CLAUDE_HEAD ",\"message\":{\"content\":\"Fix it\"}}\n"
           "{\"type\":\"user\",\"uuid\":\"n2\",\"forkedFrom\":null," CLAUDE_HEAD
           ",\"message\":{\"content\":\"Go on\"}}\n"
           "{\"type\":\"user\",\"uuid\":\"n3\",\"forkedFrom\":\"s0\"," CLAUDE_HEAD
           ",\"message\":{\"content\":\"And on\"}}\n",
           TRANSCRIPT_CLAUDE,
           "1.0 prompt text=Fix it origin=o1\n2.0 prompt text=Go on\n3.0 prompt text=And on\n", NULL);
}

#define CODEX_AT(second) "{\"timestamp\":\"2026-07-28T11:50:" second "Z\",\"type\":"
#define CODEX_TURN(second, id, words)                                                                        \
    CODEX_AT(second)                                                                                         \
    "\"event_msg\",\"payload\":{\"type\":\"task_started\",\"turn_id\":\"" id                                 \
    "\"}}\n" CODEX_AT(second) "\"response_item\",\"payload\":{\"type\":\"message\",\"role\":\"user\","       \
                              "\"content\":[{\"type\":\"input_text\","                                       \
                              "\"text\":\"" words                                                            \
                              "\"}]}}\n" CODEX_AT(second) "\"turn_context\",\"payload\":{\"turn_id\":\"" id  \
                                                          "\"}}\n"

/* 019fa88f-… is 2026-07-28T11:49:…, 019fa890-… is 11:50:37.312 and what follows. */
static void codex_writes_the_history_of_a_fork_again(void **state)
{
    static const struct {
        const char *parent, *turns;
    } cases[] = {
        {",\"forked_from_id\":\"019fa800-0000-7000-8000-000000000001\"",
         "4.0 prompt text=Fix it replayed\n7.0 prompt text=Go on\n"},
        {",\"source\":{\"subagent\":{\"thread_spawn\":{\"parent_thread_id\":\"019fa800-0000-7000-8000-"
         "000000000001\"}}}",
         "4.0 prompt text=Fix it replayed\n7.0 prompt text=Go on\n"},
        {",\"source\":\"cli\"", "4.0 prompt text=Fix it\n7.0 prompt text=Go on\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf text = BUF_INIT;
        buf_printf(&text,
                   CODEX_AT("38.000") "\"session_meta\",\"payload\":{\"id\":\"019fa890-0000-7000-8000-"
                                      "000000000002\"%s}}\n",
                   cases[i].parent);
        buf_add_text(
            &text,
            CODEX_AT("38.001") "\"session_meta\",\"payload\":{\"id\":\"019fa800-0000-7000-8000-"
                               "000000000001\"}}\n" CODEX_TURN(
                                   "38.001", "019fa88f-0000-7000-8000-000000000003", "Fix it")
                                   CODEX_TURN("38.900", "019fa890-0400-7000-8000-000000000004", "Go on"));
        expect(text.p, TRANSCRIPT_CODEX, cases[i].turns, NULL);
        buf_deinit(&text);
    }
}

/* As version 0.62 writes it: what a tool said comes again as a record of the user. */
static void gemini_wraps_what_tools_say_and_tells_it_twice(void **state)
{
    (void)state;
    expect("{\"id\":\"c\",\"type\":\"user\",\"content\":[{\"text\":\"<session_context>\\nThis is the Gemini "
           "CLI.\"}]}\n"
           "{\"id\":\"u\",\"type\":\"user\",\"content\":[{\"text\":\"Fix it\"}]}\n"
           "{\"id\":\"g\",\"type\":\"gemini\",\"content\":\"\",\"toolCalls\":[{\"id\":\"t\",\"name\":\"run_"
           "shell_command\",\"args\":"
           "{\"command\":\"true\"},\"status\":\"success\",\"result\":[{\"functionResponse\":{\"response\":{"
           "\"output\":"
           "\"<untrusted_context>\\nOutput: (empty)\\nProcess Group PGID: 7\\n</untrusted_context>\"}}}]}]}\n"
           "{\"id\":\"r\",\"type\":\"user\",\"content\":[{\"functionResponse\":{\"id\":\"t\",\"response\":{"
           "\"output\":\"x\"}}}]}\n",
           TRANSCRIPT_GEMINI,
           "1.0 prompt meta message=c text=<session_context>\nThis is the Gemini CLI.\n2.0 prompt message=u "
           "text=Fix it\n"
           "3.0 use message=g tool=t name=run_shell_command command=true\n"
           "3.1 result message=g tool=t name=run_shell_command command=true text=Output: (empty)\nProcess "
           "Group PGID: 7 exit=0\n",
           NULL);
}

static void a_compressed_file_gives_the_same_turns(void **state)
{
    struct buf text = BUF_INIT, plain = BUF_INIT, compressed = BUF_INIT;
    struct turn_reader_facts f;
    (void)state;
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "{\"type\":\"user\",\"message\":{\"content\":\"Prompt %d\"}}\n", i);
    char *path = script_file(buf_str(&text)), *packed = xcalloc(strlen(path) + 5, 1);
    (void)snprintf(packed, strlen(path) + 5, "%s.zst", path);
    size_t bound = ZSTD_compressBound(text.n);
    char *bytes = xcalloc(bound, 1);
    size_t n = ZSTD_compress(bytes, bound, text.p, text.n, 1);
    assert_false(ZSTD_isError(n));
    int fd = open(packed, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    (void)close(fd);
    read_file(path, TRANSCRIPT_CLAUDE, &plain, &f);
    assert_int_equal(f.offset, text.n);
    read_file(packed, TRANSCRIPT_CLAUDE, &compressed, &f);
    assert_string_equal(plain.p, compressed.p);
    assert_int_equal(f.lines, 5000);
    (void)unlink(path);
    (void)unlink(packed);
    free(path);
    free(packed);
    free(bytes);
    buf_deinit(&text);
    buf_deinit(&plain);
    buf_deinit(&compressed);
}

static void a_long_text_is_cut_and_says_so(void **state)
{
    struct buf text = BUF_INIT;
    struct turn_reader *r;
    const struct turn *turns;
    size_t count;
    (void)state;
    buf_add_text(&text, "{\"type\":\"user\",\"message\":{\"content\":\"");
    for (size_t i = 0; i < TURN_TEXT_MAX; i++)
        buf_add_text(&text, "\xc3\xa4");
    buf_add_text(&text, "\"}}\n");
    char *path = script_file(buf_str(&text));
    assert_int_equal(turn_reader_open(path, TRANSCRIPT_CLAUDE, &r), 0);
    assert_int_equal(turn_reader_next(r, &turns, &count), 1);
    assert_true(turns[0].is_cut);
    assert_true(turns[0].text.n <= TURN_TEXT_MAX && turns[0].text.n > TURN_TEXT_MAX - 4);
    assert_true(str_is_utf8(turns[0].text));
    (void)turn_reader_free(r);
    (void)unlink(path);
    free(path);
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claude_code_blocks_of_one_answer_are_turns_of_one_message),
        cmocka_unit_test(a_result_of_claude_code_tells_its_exit_status_or_that_it_is_unknown),
        cmocka_unit_test(a_command_in_the_background_of_claude_code_is_known_by_its_id),
        cmocka_unit_test(claude_code_marks_subagents_meta_lines_and_summaries),
        cmocka_unit_test(every_line_that_cannot_be_read_is_counted_by_its_reason),
        cmocka_unit_test(codex_items_and_their_outcomes),
        cmocka_unit_test(gemini_records_that_come_again_are_told_once),
        cmocka_unit_test(a_line_of_claude_code_names_the_one_that_it_is_a_copy_of),
        cmocka_unit_test(codex_writes_the_history_of_a_fork_again),
        cmocka_unit_test(gemini_wraps_what_tools_say_and_tells_it_twice),
        cmocka_unit_test(a_compressed_file_gives_the_same_turns),
        cmocka_unit_test(a_long_text_is_cut_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
