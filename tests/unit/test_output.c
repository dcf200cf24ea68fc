/* test_output.c -- every file below tests/data/output says what its README promises, after its last line and
 * live. */
#include "base/buf.h"
#include "run/output.h"

#include <glob.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define DATA "tests/data/output/"

static const struct {
    const char *folder;
    enum output_format format;
} folders[] = {{"claude-stream/", OUTPUT_CLAUDE_STREAM_JSON},
               {"claude-json/", OUTPUT_CLAUDE_JSON},
               {"codex/", OUTPUT_CODEX_JSONL},
               {"gemini-stream/", OUTPUT_GEMINI_JSON},
               {"gemini-json/", OUTPUT_GEMINI_JSON}};

static enum output_format format_of(const char *path)
{
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        if (strncmp(path + strlen(DATA), folders[i].folder, strlen(folders[i].folder)) == 0)
            return folders[i].format;
    fail_msg("%s is in no folder that this test knows", path);
    return OUTPUT_TEXT;
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f)
        fail_msg("%s: %s", path, strerror(errno));
    struct buf b = BUF_INIT;
    char chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
        buf_add(&b, chunk, n);
    (void)fclose(f);
    return buf_take(&b);
}

static void check_usage(const char *path, int64_t line, json_t *expected, const struct usage *u)
{
    static const enum usage_kind kinds[] = {USAGE_INPUT, USAGE_OUTPUT, USAGE_CACHE_READ,
                                            USAGE_CACHE_CREATION};
    assert_int_equal(json_object_size(expected), COUNT_OF(kinds));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        json_t *want = json_object_get(expected, usage_kind_names[kinds[i]]);
        bool known = u->known[kinds[i]];
        if (known != json_is_integer(want) || (known && u->tokens[kinds[i]] != json_integer_value(want)))
            fail_msg("%s, after line %lld: %s is %s%lld, wanted %s%lld", path, (long long)line,
                     usage_kind_names[kinds[i]], known ? "" : "unknown ", (long long)u->tokens[kinds[i]],
                     json_is_integer(want) ? "" : "unknown ", (long long)json_integer_value(want));
    }
}

static void check_text(const char *path, const char *what, json_t *expected, const char *text)
{
    const char *want = json_is_string(expected) ? json_string_value(expected) : "";
    if (strcmp(want, text) != 0)
        fail_msg("%s: %s is \"%s\", wanted \"%s\"", path, what, text, want);
}

static const char *outcome_of(const struct output_facts *f)
{
    if (f->rate_limited)
        return "rate_limited";
    if (f->is_error)
        return "error";
    return f->final_seen ? "success" : "unfinished";
}

static void check_end(const char *path, json_t *expected, const struct output_parser *p)
{
    const struct output_facts *f = output_facts(p);
    const struct usage *u = output_usage(p);
    check_usage(path, -1, json_object_get(expected, "usage"), u);
    json_t *cost = json_object_get(expected, "cost_usd");
    assert_int_equal(u->cost_known, json_is_number(cost));
    if (json_is_number(cost))
        assert_int_equal(u->cost_micro_usd, (int64_t)(json_number_value(cost) * 1e6 + 0.5));
    check_text(path, "model", json_object_get(expected, "model"), f->model);
    check_text(path, "session", json_object_get(expected, "session"), f->session_id);
    check_text(path, "outcome", json_object_get(expected, "outcome"), outcome_of(f));
    if (f->unparsed_lines != json_integer_value(json_object_get(expected, "unparsed_lines")))
        fail_msg("%s: %lld lines are unparsed", path, (long long)f->unparsed_lines);
    /* 2026-11-22T00:00:00Z, and the reset at 5:19 local time where local time is UTC. */
    if (json_object_get(expected, "reset_text"))
        assert_int_equal(f->rate_limit_reset_us, (INT64_C(1795305600) + 5 * 3600 + 19 * 60) * 1000000);
}

static void check_live(const char *path, json_t *expected, int64_t line, const struct output_parser *p)
{
    size_t i;
    json_t *point;
    json_array_foreach(json_object_get(expected, "live"), i, point)
    {
        if (json_integer_value(json_object_get(point, "after_line")) == line)
            check_usage(path, line, json_object_get(point, "usage"), output_usage(p));
    }
}

static void check_file(const char *path)
{
    struct buf expect_path = BUF_INIT;
    buf_printf(&expect_path, "%.*s.expect.json", (int)(strlen(path) - strlen(".jsonl")), path);
    json_t *expected = json_load_file(expect_path.p, 0, NULL);
    if (!expected)
        fail_msg("%s is missing or no JSON", expect_path.p);
    char *text = read_file(path);
    struct output_setup setup = {.format = format_of(path)};
    struct output_parser *p = output_parser_new(&setup);
    struct str rest = str_of(text), line;
    for (int64_t number = 1; rest.n > 0 && str_split(&rest, '\n', &line); number++) {
        output_parser_feed(p, line, false, INT64_C(1795305600000000));
        check_live(path, expected, number, p);
    }
    check_end(path, expected, p);
    (void)output_parser_free(p);
    json_decref(expected);
    free(text);
    buf_deinit(&expect_path);
}

static void each_recorded_output_gives_the_totals_that_stand_beside_it(void **state)
{
    (void)state;
    glob_t files;
    assert_int_equal(glob(DATA "*/*.jsonl", 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= 11); /* those of the first day; none may get lost */
    for (size_t i = 0; i < files.gl_pathc; i++)
        check_file(files.gl_pathv[i]);
    globfree(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_recorded_output_gives_the_totals_that_stand_beside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
