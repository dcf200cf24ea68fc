/* test_proc_stat.c -- names that try to look like fields, and lines that end too soon. */
#include "base/proc_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

/* What follows the name in every line below: each field that is kept has a value of its own. */
#define AFTER_NAME                                                                                           \
    " S 4 5 6 34816 -1 4194304 10 11 12 13 14 15 16 17 20 0 3 0 2200 18446744073709551615 24 "               \
    "18446744073709551615 1\n"

static bool parse_text(const char *text, struct proc_stat *ret)
{
    return parse_proc_stat(text, strlen(text), ret);
}

static void assert_fields(const char *line, const char *name)
{
    struct proc_stat s;
    assert_true(parse_text(line, &s));
    assert_int_equal(s.comm_n, strlen(name));
    assert_memory_equal(s.comm, name, s.comm_n);
    assert_int_equal(s.pid, 77);
    assert_int_equal(s.state, 'S');
    assert_int_equal(s.ppid, 4);
    assert_int_equal(s.pgrp, 5);
    assert_int_equal(s.session, 6);
    assert_int_equal(s.tty_nr, 34816);
    assert_int_equal(s.tpgid, -1);
    assert_int_equal(s.minflt, 10);
    assert_int_equal(s.majflt, 12);
    assert_int_equal(s.utime, 14);
    assert_int_equal(s.stime, 15);
    assert_int_equal(s.cutime, 16);
    assert_int_equal(s.cstime, 17);
    assert_int_equal(s.num_threads, 3);
    assert_int_equal(s.starttime, 2200);
    assert_int_equal(s.vsize, -1); /* 2^64 - 1 */
    assert_int_equal(s.rss, 24);
}

static void every_kept_field_is_the_one_that_proc_5_numbers_so(void **state)
{
    (void)state;
    assert_fields("77 (cat)" AFTER_NAME, "cat");
}

static void a_name_is_free_to_hold_what_looks_like_fields(void **state)
{
    (void)state;
    assert_fields("77 (we) ird (name)" AFTER_NAME, "we) ird (name");
    assert_fields("77 (a) S 1 (b)" AFTER_NAME, "a) S 1 (b");
    assert_fields("77 (a\nb)" AFTER_NAME, "a\nb");
    assert_fields("77 ())" AFTER_NAME, ")");
    assert_fields("77 (()" AFTER_NAME, "(");
    assert_fields("77 ()" AFTER_NAME, "");
}

static void a_line_that_is_cut_anywhere_before_field_25_is_refused(void **state)
{
    (void)state;
    static const char line[] = "77 (a) S 1 (b)" AFTER_NAME;
    size_t whole = (size_t)(strstr(line, " 24 ") + strlen(" 24 ") - line);
    struct proc_stat s;
    for (size_t n = 0; n < whole; n++)
        assert_false(parse_proc_stat(line, n, &s));
    assert_true(parse_proc_stat(line, whole, &s));
}

static void a_number_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct proc_stat s;
    assert_true(parse_text(
        "77 (a) R 9223372036854775807 5 6 0 -9223372036854775808 0 0 0 0 0 1 1 1 1 0 0 1 0 1 0 1 0\n", &s));
    assert_true(s.ppid == INT64_MAX && s.tpgid == INT64_MIN);
    assert_false(parse_text("77 (a) R 9223372036854775808 5 6 0 -1 0 0 0 0 0 1 1 1 1 0 0 1 0 1 0 1 0\n", &s));
    assert_false(parse_text("77 (a) R 1 5 6 0 -9223372036854775809 0 0 0 0 0 1 1 1 1 0 0 1 0 1 0 1 0\n", &s));
    assert_false(parse_text("99999999999999999999 (a)" AFTER_NAME, &s));
}

static void what_is_no_stat_line_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        "\n",
                                        "77",
                                        "77 ",
                                        "77 (",
                                        "77 )",
                                        "77 cat S 4",
                                        "77 (cat) ",
                                        "77 (cat) S",
                                        "77 (cat)S 4 5 6 7 8",
                                        "x (cat)" AFTER_NAME,
                                        " (cat)" AFTER_NAME,
                                        "77  (cat)" AFTER_NAME,
                                        "77 (cat) 5 4 5 6 0 -1 0 0 0 0 0 1 1 1 1 0 0 1 0 1 0 1 0\n",
                                        "77 (cat) S - 5 6 0 -1 0 0 0 0 0 1 1 1 1 0 0 1 0 1 0 1 0\n",
                                        "77 (cat) S 4  5 6 0 -1 0 0 0 0 0 1 1 1 1 0 0 1 0 1 0 1 0\n",
                                        "77 (cat) S 4x 5 6 0 -1 0 0 0 0 0 1 1 1 1 0 0 1 0 1 0 1 0\n"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct proc_stat s = {.pid = -7};
        if (parse_text(lines[i], &s))
            fail_msg("accepted: %s", lines[i]);
        assert_int_equal(s.pid, -7);
    }
}

/* The kernel is the peer: it knows our ids, and writes the name that we chose. */
static void our_own_line_says_what_the_kernel_says_elsewhere(void **state)
{
    (void)state;
    char line[1024], name[] = "x) R 1 (y)\n 2 (";
    assert_int_equal(prctl(PR_SET_NAME, name), 0);
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, line, sizeof(line));
    (void)close(fd);
    assert_true(n > 0);
    struct proc_stat s = {0};
    assert_true(parse_proc_stat(line, (size_t)n, &s));
    assert_int_equal(s.pid, getpid());
    assert_int_equal(s.ppid, getppid());
    assert_int_equal(s.pgrp, getpgrp());
    assert_int_equal(s.session, getsid(0));
    assert_int_equal(s.state, 'R');
    assert_int_equal(s.num_threads, 1);
    assert_memory_equal(s.comm, name, s.comm_n);
    assert_int_equal(s.comm_n, strlen(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kept_field_is_the_one_that_proc_5_numbers_so),
        cmocka_unit_test(a_name_is_free_to_hold_what_looks_like_fields),
        cmocka_unit_test(a_line_that_is_cut_anywhere_before_field_25_is_refused),
        cmocka_unit_test(a_number_that_does_not_fit_is_refused),
        cmocka_unit_test(what_is_no_stat_line_is_refused),
        cmocka_unit_test(our_own_line_says_what_the_kernel_says_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
