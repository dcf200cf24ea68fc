/* test_table.c -- what a person sees, and what the next program reads. */
#include "cli/table.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#define ELLIPSIS "\xe2\x80\xa6"

static const struct table_column columns[] = {
    {.title = "ID", .right = true},
    {.title = "TITLE", .gives_way = true},
    {.title = "STATE"},
};

static struct table *table;

static int set_up(void **state)
{
    (void)state;
    table = table_new(columns, COUNT_OF(columns));
    return unsetenv("NO_COLOR");
}

static int tear_down(void **state)
{
    (void)state;
    table = table_free(table);
    return 0;
}

static void add(const char *id, const char *title, const char *status)
{
    table_add(table, (const char *const[]){id, title, status});
}

static void assert_prints(bool terminal, int width, bool color, const char *expected)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    table_print(table, f, terminal, width, color);
    assert_int_equal(fclose(f), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void assert_in_a_pipe(const char *expected)
{
    assert_prints(false, 10, true, expected); /* neither width nor colour matter there */
}

static void columns_are_aligned_and_numbers_to_the_right(void **state)
{
    (void)state;
    add("7", "fix login", "queued");
    add("1234", "a", "done");
    assert_in_a_pipe("  ID  TITLE      STATE\n"
                     "   7  fix login  queued\n"
                     "1234  a          done\n");
}

static void a_table_without_rows_is_its_header(void **state)
{
    (void)state;
    assert_in_a_pipe("ID  TITLE  STATE\n");
}

static void what_is_unknown_or_empty_is_a_dash(void **state)
{
    (void)state;
    add(NULL, "", " \n");
    assert_in_a_pipe("ID  TITLE  STATE\n"
                     " -  -      -\n");
}

static void a_last_column_of_numbers_is_aligned_and_ends_the_line(void **state)
{
    (void)state;
    static const struct table_column two[] = {{.title = "A"}, {.title = "COUNT", .right = true}};
    table = table_free(table);
    table = table_new(two, 2);
    table_add(table, (const char *const[]){"xyz", "7"});
    assert_in_a_pipe("A    COUNT\n"
                     "xyz      7\n");
}

/* Widths by Unicode Standard Annex 11 and wcwidth(3): CJK and emoji two, a combining accent none. */
static void width_is_what_text_takes_on_a_screen(void **state)
{
    (void)state;
    add("1", "\xe4\xb8\xad\xe6\x96\x87", "a"); /* two ideographs: 4 columns */
    add("2", "e\xcc\x81t\xc3\xa9", "b");       /* e with a combining accent, t, e acute: 3 */
    add("3", "\xf0\x9f\x98\x80", "c");         /* an emoji: 2 */
    add("4", "123456", "d");
    assert_in_a_pipe("ID  TITLE   STATE\n"
                     " 1  \xe4\xb8\xad\xe6\x96\x87    a\n"
                     " 2  e\xcc\x81t\xc3\xa9     b\n"
                     " 3  \xf0\x9f\x98\x80      c\n"
                     " 4  123456  d\n");
}

static void a_cell_cannot_make_a_second_line_or_column(void **state)
{
    (void)state;
    add("1", " a\tb\r\n\n  c ", "x\xc2\x85y\xe2\x80\xa8z"); /* next line U+0085, line separator U+2028 */
    assert_in_a_pipe("ID  TITLE  STATE\n"
                     " 1  a b c  x y z\n");
}

static void a_cell_cannot_speak_to_the_terminal(void **state)
{
    (void)state;
    add("1", "\033[2J\a\177",
        "\xc2\x9b"
        "31m"); /* CSI in both codings */
    add("2",
        "\xe2\x80\xae"
        "cba",
        "\xe2\x81\xa6"
        "x"); /* right-to-left override, isolate */
    add("3", "a\xff\xc3z",
        "\xed\xa0\x80"
        "\xf4\x90\x80\x80"); /* no UTF-8, a surrogate, above U+10FFFF */
    assert_in_a_pipe("ID  TITLE   STATE\n"
                     " 1  ?[2J??  ?31m\n"
                     " 2  ?cba    ?x\n"
                     " 3  a??z    ???????\n");
}

static void a_pipe_has_everything_and_no_decoration(void **state)
{
    (void)state;
    add("1", "a title that is far longer than ten columns", "queued");
    assert_in_a_pipe("ID  TITLE                                        STATE\n"
                     " 1  a title that is far longer than ten columns  queued\n");
}

static void the_header_is_bold_on_a_terminal_with_colour_only(void **state)
{
    (void)state;
    add("1", "a", "b");
    const char *plain = "ID  TITLE  STATE\n 1  a      b\n";
    const char *bold = "\033[1mID  TITLE  STATE\033[0m\n 1  a      b\n";
    assert_prints(true, 80, true, bold);
    assert_prints(true, 80, false, plain);
    assert_prints(false, 80, true, plain);
    assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
    assert_prints(true, 80, true, plain);
    assert_int_equal(setenv("NO_COLOR", "", 1), 0); /* as if it were not there, says no-color.org */
    assert_prints(true, 80, true, bold);
}

static void on_a_narrow_terminal_the_columns_that_give_way_do(void **state)
{
    (void)state;
    add("1", "a long title of a task", "queued");
    assert_prints(true, 34, false,
                  "ID  TITLE                   STATE\n"
                  " 1  a long title of a task  queued\n");
    assert_prints(true, 33, false,
                  "ID  TITLE                  STATE\n"
                  " 1  a long title of a ta" ELLIPSIS "  queued\n");
    /* 2 + 2 + 8 + 2 + 6 columns are the least */
    assert_prints(true, 20, false,
                  "ID  TITLE     STATE\n"
                  " 1  a long " ELLIPSIS "  queued\n");
    assert_prints(true, 0, false,
                  "ID  TITLE                   STATE\n"
                  " 1  a long title of a task  queued\n");
}

static void what_is_still_too_wide_is_cut_at_the_edge(void **state)
{
    (void)state;
    add("1", "a long title of a task", "queued");
    assert_prints(true, 17, false,
                  "ID  TITLE     ST" ELLIPSIS "\n"
                  " 1  a long " ELLIPSIS "  qu" ELLIPSIS "\n");
    assert_prints(true, 1, true, "\033[1m" ELLIPSIS "\033[0m\n" ELLIPSIS "\n");
}

static void half_of_a_wide_character_is_not_printed(void **state)
{
    (void)state;
    add("1", "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", "queued"); /* 10 columns */
    /* 8 are left: three ideographs, the ellipsis, and one that stays empty */
    assert_prints(true, 20, false,
                  "ID  TITLE     STATE\n"
                  " 1  \xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad" ELLIPSIS "   queued\n");
}

static void the_widest_column_gives_way_first(void **state)
{
    (void)state;
    static const struct table_column two[] = {{.title = "A", .gives_way = true},
                                              {.title = "B", .gives_way = true}};
    table = table_free(table);
    table = table_new(two, 2);
    table_add(table, (const char *const[]){"1234567890", "12345678901234567890"});
    assert_prints(true, 24, false,
                  "A           B\n"
                  "1234567890  12345678901" ELLIPSIS "\n");
    assert_prints(true, 20, false,
                  "A          B\n"
                  "12345678" ELLIPSIS "  12345678" ELLIPSIS "\n");
}

/* A pseudo-terminal hands over what has passed its line discipline, which may be less than was written. */
static void read_lines(int fd, char *ret, size_t size, int lines)
{
    size_t n = 0;
    while (lines > 0) {
        assert_true(n < size - 1);
        assert_int_equal(read(fd, ret + n, 1), 1);
        lines -= ret[n++] == '\n';
    }
    ret[n] = '\0';
}

/* The terminal is a real one: a pseudo-terminal of 20 columns. */
static void a_terminal_is_asked_how_wide_it_is(void **state)
{
    (void)state;
    char seen[256];
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    FILE *f = fopen(ptsname(master), "we");
    assert_non_null(f);
    struct winsize size = {.ws_row = 24, .ws_col = 20};
    assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
    add("1", "a long title of a task", "queued");
    assert_int_equal(setenv("TERM", "xterm", 1), 0);
    table_show(table, f);
    assert_int_equal(fflush(f), 0);
    read_lines(master, seen, sizeof(seen), 2);
    assert_string_equal(seen, "\033[1mID  TITLE     STATE\033[0m\r\n 1  a long " ELLIPSIS "  queued\r\n");
    assert_int_equal(setenv("TERM", "dumb", 1), 0);
    table_show(table, f);
    assert_int_equal(fclose(f), 0);
    read_lines(master, seen, sizeof(seen), 1);
    assert_memory_equal(seen, "ID", 2);
    (void)close(master);
}

static void a_pipe_is_known_as_one(void **state)
{
    (void)state;
    char seen[256];
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    FILE *f = fdopen(fds[1], "w");
    assert_non_null(f);
    assert_int_equal(setenv("TERM", "xterm", 1), 0);
    assert_int_equal(setenv("COLUMNS", "5", 1), 0);
    add("1", "a long title of a task", "queued");
    table_show(table, f);
    assert_int_equal(fclose(f), 0);
    ssize_t n = read(fds[0], seen, sizeof(seen) - 1);
    assert_true(n > 0);
    seen[n] = '\0';
    assert_string_equal(seen, "ID  TITLE                   STATE\n"
                              " 1  a long title of a task  queued\n");
    (void)close(fds[0]);
    assert_int_equal(unsetenv("COLUMNS"), 0);
}

static void hundreds_of_rows_are_kept(void **state)
{
    (void)state;
    char id[16];
    for (int i = 0; i < 500; i++) {
        (void)snprintf(id, sizeof(id), "%d", i);
        add(id, "x", "y");
    }
    char *text = NULL;
    size_t n = 0, lines = 0;
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    table_print(table, f, false, 0, false);
    assert_int_equal(fclose(f), 0);
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, 501);
    assert_non_null(strstr(text, "\n499  x      y\n"));
    assert_null(table_free(NULL));
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(columns_are_aligned_and_numbers_to_the_right),
        TEST(a_table_without_rows_is_its_header),
        TEST(what_is_unknown_or_empty_is_a_dash),
        TEST(a_last_column_of_numbers_is_aligned_and_ends_the_line),
        TEST(width_is_what_text_takes_on_a_screen),
        TEST(a_cell_cannot_make_a_second_line_or_column),
        TEST(a_cell_cannot_speak_to_the_terminal),
        TEST(a_pipe_has_everything_and_no_decoration),
        TEST(the_header_is_bold_on_a_terminal_with_colour_only),
        TEST(on_a_narrow_terminal_the_columns_that_give_way_do),
        TEST(what_is_still_too_wide_is_cut_at_the_edge),
        TEST(half_of_a_wide_character_is_not_printed),
        TEST(the_widest_column_gives_way_first),
        TEST(a_terminal_is_asked_how_wide_it_is),
        TEST(a_pipe_is_known_as_one),
        TEST(hundreds_of_rows_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
