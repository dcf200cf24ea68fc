/* test_line_reader.c -- whole lines out of files that grow, and of lines that are too long (spec 60 T2, T3).
 */
#include "base/buf.h"
#include "base/hash.h"
#include "transcripts/line_reader.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/test_line_reader.XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    return close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void put(struct str bytes, int flags)
{
    int fd = open(path, O_WRONLY | flags);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
    assert_int_equal(close(fd), 0);
}

/* Adds what is handed out from `offset` on; the unterminated end apart. */
static int64_t read_from(int64_t offset, size_t line_max, struct buf *lines, struct buf *end,
                         int64_t *ret_skipped, uint64_t *ret_hash)
{
    struct line_reader *r;
    struct line_run run;
    assert_int_equal(line_reader_open(path, offset, line_max, &r), 0);
    int rc;
    while ((rc = line_reader_next(r, &run)) == 1) {
        if (!run.is_unterminated)
            assert_int_equal(run.bytes.p[run.bytes.n - 1], '\n');
        buf_add_str(run.is_unterminated ? end : lines, run.bytes);
    }
    assert_int_equal(rc, 0);
    offset = line_reader_offset(r);
    *ret_skipped = line_reader_skipped(r);
    *ret_hash = line_reader_tail_hash(r);
    (void)line_reader_free(r);
    return offset;
}

static void T2_a_file_that_grows_in_any_steps_gives_what_it_gives_as_a_whole(void **state)
{
    (void)state;
    struct buf text = BUF_INIT, lines = BUF_INIT, end = BUF_INIT;
    for (int i = 0; i < 80; i++)
        buf_printf(&text, "line %d %.*s\n", i, i % 97 * 7,
                   "................................................"
                   "................................................");
    buf_add_text(&text, "an end");
    for (size_t step = 1; step < 3000; step = step * 3 + 1) {
        int64_t offset = 0, skipped;
        uint64_t hash = 0;
        put(STR(""), O_TRUNC);
        buf_clear(&lines);
        for (size_t at = 0; at < text.n; at += step) {
            put((struct str){text.p + at, MIN(step, text.n - at)}, O_APPEND);
            if (offset > 0)
                assert_true(line_reader_tail_matches(path, offset, hash));
            buf_clear(&end);
            offset = read_from(offset, 0, &lines, &end, &skipped, &hash);
        }
        assert_int_equal(lines.n, text.n - 6);
        assert_memory_equal(lines.p, text.p, lines.n);
        assert_string_equal(end.p, "an end");
        assert_int_equal(offset, lines.n);
    }
    buf_deinit(&text);
    buf_deinit(&lines);
    buf_deinit(&end);
}

static void T3_a_line_over_the_limit_is_skipped_and_counted_and_the_next_one_is_read(void **state)
{
    (void)state;
    struct buf text = BUF_INIT, lines = BUF_INIT, end = BUF_INIT;
    buf_add_text(&text, "before\n");
    for (int i = 0; i < 2000000; i++)
        buf_add_char(&text, 'x');
    buf_add_text(&text, "\nafter\n");
    put(buf_str(&text), O_TRUNC);
    int64_t skipped;
    uint64_t hash;
    int64_t offset = read_from(0, 500000, &lines, &end, &skipped, &hash);
    assert_string_equal(lines.p, "before\nafter\n");
    assert_int_equal(skipped, 1);
    assert_int_equal(offset, text.n);
    assert_true(line_reader_tail_matches(path, offset, hash));
    buf_deinit(&text);
    buf_deinit(&lines);
    buf_deinit(&end);
}

static void T3_a_long_line_that_has_not_ended_waits_and_is_counted_when_it_has(void **state)
{
    (void)state;
    struct buf text = BUF_INIT, lines = BUF_INIT, end = BUF_INIT;
    int64_t skipped;
    uint64_t hash;
    buf_add_text(&text, "before\n");
    for (int i = 0; i < 100000; i++)
        buf_add_text(&text, "{\"not\":\"a line of its own\"} ");
    put(buf_str(&text), O_TRUNC);
    int64_t offset = read_from(0, 500000, &lines, &end, &skipped, &hash);
    assert_int_equal(offset, 7);
    assert_int_equal(skipped, 0);
    assert_true(line_reader_tail_matches(path, offset, hash));
    put(STR("more of it\nafter\n"), O_APPEND);
    offset = read_from(offset, 500000, &lines, &end, &skipped, &hash);
    assert_string_equal(lines.p, "before\nafter\n");
    assert_int_equal(skipped, 1);
    assert_int_equal(offset, text.n + 17);
    assert_true(line_reader_tail_matches(path, offset, hash));
    assert_int_equal(end.n, 0);
    buf_deinit(&text);
    buf_deinit(&lines);
    buf_deinit(&end);
}

static void T2_other_bytes_before_the_offset_do_not_match(void **state)
{
    (void)state;
    struct buf lines = BUF_INIT, end = BUF_INIT;
    int64_t skipped;
    uint64_t hash;
    put(STR("one\ntwo\n"), O_TRUNC);
    int64_t offset = read_from(0, 0, &lines, &end, &skipped, &hash);
    put(STR("one\ntwx\nthree\n"), O_TRUNC);
    assert_false(line_reader_tail_matches(path, offset, hash));
    put(STR("one\n"), O_TRUNC);
    assert_false(line_reader_tail_matches(path, offset, hash));
    buf_deinit(&lines);
    buf_deinit(&end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T2_a_file_that_grows_in_any_steps_gives_what_it_gives_as_a_whole),
        cmocka_unit_test(T3_a_line_over_the_limit_is_skipped_and_counted_and_the_next_one_is_read),
        cmocka_unit_test(T3_a_long_line_that_has_not_ended_waits_and_is_counted_when_it_has),
        cmocka_unit_test(T2_other_bytes_before_the_offset_do_not_match),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
