/* test_processor_resume.c -- a session that is read piece by piece ends as one that is read at once (spec 60
 * T2), whichever processor reads it, whoever wrote it, and wherever it was cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "transcript_script.h"
#include "transcripts/processor.h"

static const struct step script[] = {
    {PROMPT, "Fix the bug", NULL, 0},
    {EDIT, "src/a.js", NULL, 0},
    {SHELL, "npm test", "Tests: 1 failed, 4 passed, 5 total\n", 1},
    {SAY, "One test fails, so I look at it.", NULL, 0},
    {SHELL, "npm run lint && npm test", "Tests: 5 passed, 5 total\n", 0},
    {SHELL, "make check; echo $?", "0\n", 0},
    {SHELL, "pytest | tail -1", "3 passed in 0.1s\n", 0},
    {PROMPT, "Go on", NULL, 0},
    {SHELL, "cargo test", NULL, -1},
    {SAY, "All tests pass.", NULL, 0},
    {STEP_END, NULL, NULL, 0},
};

/* A check that is left running, asked for, and ends. */
static const char background[] =
    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"u1\",\"name\":"
    "\"Bash\","
    "\"input\":{\"command\":\"npm test\",\"run_in_background\":true}}]}}\n"
    "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"u1\","
    "\"content\":\"Command running in background with ID: b1\"}]}}\n"
    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"u2\",\"name\":"
    "\"BashOutput\","
    "\"input\":{\"bash_id\":\"b1\"}}]}}\n"
    "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"u2\","
    "\"content\":\"<status>completed</status>\\n\\n<exit_code>0</exit_code>\\n\\n<stdout>\\nTests: 5 passed, "
    "5 "
    "total\\n</stdout>\"}]}}\n";

static void render(enum transcript_format format, struct buf *text)
{
    script_render(script, format, text);
    if (format == TRANSCRIPT_CLAUDE)
        buf_add_text(text, background);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/* What is known at the end, and the offset at which the reading began. */
static int64_t read_on(const struct processor *p, const char *path, enum transcript_format format,
                       struct buf *checkpoint)
{
    const struct processor_input in = {path, format, buf_str(checkpoint), never, NULL};
    struct processor_reading reading;
    struct err e = {0};
    assert_int_equal(processor_read(p, &in, &reading, &e), 0);
    int64_t from = reading.from_offset;
    buf_clear(checkpoint);
    buf_add_str(checkpoint, buf_str(&reading.checkpoint));
    processor_reading_deinit(p, &reading);
    return from;
}

static void put(const char *path, struct str text, int how)
{
    int fd = open(path, O_WRONLY | O_CREAT | how, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.n), text.n);
    (void)close(fd);
}

static void expect_the_same(const struct processor *p, const char *path, enum transcript_format format,
                            struct str text, size_t first, size_t second)
{
    struct buf whole = BUF_INIT, parts = BUF_INIT;
    put(path, text, O_TRUNC);
    (void)read_on(p, path, format, &whole);
    assert_true(whole.n > 0);
    put(path, (struct str){text.p, first}, O_TRUNC);
    assert_int_equal(read_on(p, path, format, &parts), 0);
    bool has_line = memchr(text.p, '\n', first) != NULL;
    put(path, (struct str){text.p + first, second - first}, O_APPEND);
    int64_t from = read_on(p, path, format, &parts);
    assert_true(has_line ? from > 0 && from <= (int64_t)first : from == 0);
    put(path, (struct str){text.p + second, text.n - second}, O_APPEND);
    from = read_on(p, path, format, &parts);
    assert_true(from <= (int64_t)second && (from > 0 || !memchr(text.p, '\n', second)));
    assert_string_equal(parts.p, whole.p);
    buf_deinit(&whole);
    buf_deinit(&parts);
}

static void T2_pieces_end_as_the_whole(void **state)
{
    (void)state;
    for (int format = 0; format < TRANSCRIPT_FORMAT_COUNT; format++) {
        struct buf text = BUF_INIT;
        render((enum transcript_format)format, &text);
        char *path = script_file(buf_str(&text));
        for (size_t k = 0; processors[k]; k++)
            for (size_t first = 1; first < text.n; first += 37)
                expect_the_same(processors[k], path, (enum transcript_format)format, buf_str(&text), first,
                                first + (text.n - first) * (first % 7) / 7);
        (void)unlink(path);
        free(path);
        buf_deinit(&text);
    }
}

/* Cut between a use and its result, between two blocks of an answer: at every line. */
static void T2_every_line_may_be_the_last_that_is_there(void **state)
{
    (void)state;
    for (int format = 0; format < TRANSCRIPT_FORMAT_COUNT; format++) {
        struct buf text = BUF_INIT;
        render((enum transcript_format)format, &text);
        char *path = script_file(buf_str(&text));
        for (size_t k = 0; processors[k]; k++) {
            struct buf whole = BUF_INIT, parts = BUF_INIT;
            (void)read_on(processors[k], path, (enum transcript_format)format, &whole);
            struct str rest = buf_str(&text), line;
            int64_t at = 0;
            (void)unlink(path);
            while (rest.n && str_split(&rest, '\n', &line)) {
                put(path, (struct str){line.p, line.n + 1}, O_APPEND);
                assert_int_equal(read_on(processors[k], path, (enum transcript_format)format, &parts), at);
                at += (int64_t)line.n + 1;
            }
            assert_string_equal(parts.p, whole.p);
            buf_deinit(&whole);
            buf_deinit(&parts);
        }
        (void)unlink(path);
        free(path);
        buf_deinit(&text);
    }
}

static void T2_what_is_not_the_file_that_was_read_is_read_from_its_start(void **state)
{
    (void)state;
    struct buf text = BUF_INIT, checkpoint = BUF_INIT, whole = BUF_INIT;
    render(TRANSCRIPT_CLAUDE, &text);
    char *path = script_file(buf_str(&text));
    (void)read_on(&processor_verification, path, TRANSCRIPT_CLAUDE, &whole);
    for (size_t cut = 1; cut < whole.n; cut += 11) { /* torn, and then with a byte that is another */
        buf_clear(&checkpoint);
        buf_add(&checkpoint, whole.p, cut);
        assert_int_equal(read_on(&processor_verification, path, TRANSCRIPT_CLAUDE, &checkpoint), 0);
        assert_string_equal(checkpoint.p, whole.p);
    }
    (void)read_on(&processor_usage, path, TRANSCRIPT_CLAUDE, &whole); /* another processor's */
    assert_int_equal(read_on(&processor_verification, path, TRANSCRIPT_CLAUDE, &whole), 0);
    char *at = memmem(text.p, text.n, "All tests pass", 14);
    assert_non_null(at);
    at[0] = 'N'; /* as long as it was, and its end is another */
    put(path, buf_str(&text), O_TRUNC);
    assert_int_equal(read_on(&processor_verification, path, TRANSCRIPT_CLAUDE, &whole), 0);
    put(path, (struct str){text.p, text.n / 2}, O_TRUNC);
    assert_int_equal(read_on(&processor_verification, path, TRANSCRIPT_CLAUDE, &whole), 0);
    (void)unlink(path);
    free(path);
    buf_deinit(&text);
    buf_deinit(&checkpoint);
    buf_deinit(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T2_pieces_end_as_the_whole),
        cmocka_unit_test(T2_every_line_may_be_the_last_that_is_there),
        cmocka_unit_test(T2_what_is_not_the_file_that_was_read_is_read_from_its_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
