/* test_collected_index.c -- names in the data root (spec 60 T11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "transcripts/collected_index.h"

static void a_source_keeps_the_name_of_its_file(void **state)
{
    struct collected_index x;
    (void)state;
    collected_index_init(&x);
    assert_string_equal(collected_index_of(&x, "/home/a/.claude/projects/p/S.jsonl")->name, "S.jsonl");
    assert_string_equal(collected_index_of(&x, "/home/a/.claude/projects/p/S.jsonl")->name, "S.jsonl");
    assert_int_equal(x.count, 1);
    collected_index_deinit(&x);
}

/* The mark is the first 16 digits of the path's SHA-256. */
static void two_sources_of_one_name_get_two_names(void **state)
{
    struct collected_index x;
    (void)state;
    collected_index_init(&x);
    const char *first = collected_index_of(&x, "/home/a/.claude/projects/p/S.jsonl")->name;
    const char *second = collected_index_of(&x, "/home/a/.claude/projects/q/S.jsonl")->name;
    const char *packed = collected_index_of(&x, "/home/a/.codex/sessions/S.jsonl.zst")->name;
    const char *again = collected_index_of(&x, "/home/a/.codex/archived_sessions/S.jsonl.zst")->name;
    assert_string_equal(first, "S.jsonl");
    assert_int_equal(strlen(second), strlen("S..jsonl") + 16);
    assert_true(str_starts_with(str_of(second), STR("S.")) && str_ends_with(str_of(second), STR(".jsonl")));
    assert_string_equal(packed, "S.jsonl.zst");
    assert_true(str_ends_with(str_of(again), STR(".jsonl.zst")));
    assert_string_not_equal(packed, again);
    collected_index_deinit(&x);
}

static void a_name_that_begins_with_a_dot_is_not_taken(void **state)
{
    struct collected_index x;
    (void)state;
    collected_index_init(&x);
    const char *name = collected_index_of(&x, "/home/a/.claude/projects/p/.collected")->name;
    assert_true(str_starts_with(str_of(name), STR("session.")));
    collected_index_deinit(&x);
}

static void what_is_written_is_read_again_whatever_bytes_a_path_has(void **state)
{
    static const char *const sources[] = {"/h/a b/S.jsonl",      "/h/a\nb/S.jsonl", "/h/%20/S.jsonl",
                                          "/h/\xff\x01/S.jsonl", "/h/x/100%.jsonl", "/h/x/%4.jsonl"};
    struct collected_index x, y;
    struct buf text = BUF_INIT, again = BUF_INIT;
    (void)state;
    collected_index_init(&x);
    collected_index_init(&y);
    for (size_t i = 0; i < COUNT_OF(sources); i++)
        collected_index_of(&x, sources[i])->size = (int64_t)i;
    collected_index_write(&x, &text);
    collected_index_read(&y, buf_str(&text));
    assert_int_equal(y.count, COUNT_OF(sources));
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        assert_string_equal(y.items[i]->source, sources[i]);
        assert_string_equal(y.items[i]->name, x.items[i]->name);
        assert_int_equal(y.items[i]->size, i);
    }
    collected_index_write(&y, &again);
    assert_string_equal(text.p, again.p);
    buf_deinit(&text);
    buf_deinit(&again);
    collected_index_deinit(&x);
    collected_index_deinit(&y);
}

static void a_line_that_cannot_be_read_is_forgotten_and_the_others_stay(void **state)
{
    struct collected_index x;
    (void)state;
    collected_index_init(&x);
    collected_index_read(&x, STR("S.jsonl /h/S.jsonl 1 2 3 4 3\n"
                                 "half\n"
                                 "../evil /h/E.jsonl 1 2 3 4 3\n"
                                 ".hidden /h/E.jsonl 1 2 3 4 3\n"
                                 "S.jsonl /h/other.jsonl 1 2 3 4 3\n"
                                 "T.jsonl /h/T.jsonl 1 2 3 4 x\n"
                                 "\n"
                                 "U.jsonl /h/U.jsonl 5 6 7 8 7"));
    assert_int_equal(x.count, 2);
    assert_string_equal(x.items[0]->source, "/h/S.jsonl");
    assert_int_equal(x.items[1]->mtime_ns, 8);
    collected_index_deinit(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_keeps_the_name_of_its_file),
        cmocka_unit_test(two_sources_of_one_name_get_two_names),
        cmocka_unit_test(a_name_that_begins_with_a_dot_is_not_taken),
        cmocka_unit_test(what_is_written_is_read_again_whatever_bytes_a_path_has),
        cmocka_unit_test(a_line_that_cannot_be_read_is_forgotten_and_the_others_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
