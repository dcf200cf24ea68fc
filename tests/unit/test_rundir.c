/* test_rundir.c -- what one side writes into a run's directory the other side reads, and nothing else is
 * taken for it. */
#include "run/record.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "0123456789abcdef0123456789abcdef"

static char runs_dir[] = "/tmp/muster-rundir-XXXXXX";

static int make_runs_dir(void **state)
{
    (void)state;
    return mkdtemp(runs_dir) ? 0 : -1;
}

static int remove_runs_dir(void **state)
{
    (void)state;
    return rmdir(runs_dir); /* fails when a test left something */
}

static char *args[] = {"sh", "-c", "echo \\x41 \"$A\"\n\tdone", "", NULL};
static char *env[] = {"PATH=/bin", "EMPTY=", "LINES=a\nb", RUN_ENV_MARK "=" KEY, NULL};

static struct run_spec full_spec(void)
{
    return (struct run_spec){.key = KEY,
                             .run_id = 1,
                             .job_id = INT64_MAX,
                             .task_id = 3,
                             .agent = "claude",
                             .origin = "cli",
                             .args = args,
                             .env = env,
                             .workdir = "/with space/\\",
                             .stdin_path = "null",
                             .terminal = true,
                             .timeout_ms = 5,
                             .grace_ms = 6,
                             .output_max_bytes = 7,
                             .created_at_us = 8,
                             .stop_signal = 2,
                             .cgroup = "/sys/fs/cgroup/x",
                             .task = "T",
                             .repo = "r",
                             .model = "m",
                             .effort = "high"};
}

static void assert_lists_equal(char *const *a, char *const *b)
{
    for (; *a && *b; a++, b++)
        assert_string_equal(*a, *b);
    assert_true(!*a && !*b);
}

static void write_file(const char *name, const char *text, size_t n)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/" KEY "/%s", runs_dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    (void)close(fd);
}

static void create(void)
{
    struct run_spec spec = full_spec();
    assert_int_equal(rundir_create(runs_dir, &spec, NULL), 0);
}

static void every_field_of_a_spec_comes_back(void **state)
{
    (void)state;
    struct run_spec spec = full_spec(), got;
    create();
    assert_int_equal(rundir_read_spec(runs_dir, KEY, &got, NULL), 0);
    assert_string_equal(got.key, spec.key);
    assert_true(got.run_id == 1 && got.job_id == INT64_MAX && got.task_id == 3);
    assert_string_equal(got.agent, "claude");
    assert_string_equal(got.origin, "cli");
    assert_lists_equal(got.args, args);
    assert_lists_equal(got.env, env);
    assert_string_equal(got.workdir, spec.workdir);
    assert_string_equal(got.stdin_path, "null");
    assert_true(got.terminal);
    assert_true(got.timeout_ms == 5 && got.grace_ms == 6 && got.output_max_bytes == 7 &&
                got.created_at_us == 8);
    assert_int_equal(got.stop_signal, 2);
    assert_string_equal(got.cgroup, spec.cgroup);
    assert_string_equal(got.task, "T");
    assert_string_equal(got.repo, "r");
    assert_string_equal(got.model, "m");
    assert_string_equal(got.effort, "high");
    run_spec_deinit(&got);
    assert_int_equal(rundir_remove(runs_dir, KEY), 0);
}

static void what_was_not_set_comes_back_as_not_set(void **state)
{
    (void)state;
    struct run_spec spec = {.key = KEY, .args = args, .stop_signal = 15}, got;
    assert_int_equal(rundir_create(runs_dir, &spec, NULL), 0);
    assert_int_equal(rundir_read_spec(runs_dir, KEY, &got, NULL), 0);
    assert_true(!got.cgroup && !got.task && !got.repo && !got.model && !got.effort && !got.terminal);
    assert_null(got.env[0]);
    assert_string_equal(got.stdin_path, "null");
    run_spec_deinit(&got);
    assert_int_equal(rundir_remove(runs_dir, KEY), 0);
}

static void a_run_is_created_once_and_for_its_owner_alone(void **state)
{
    (void)state;
    struct run_spec spec = full_spec();
    struct err e = {0};
    struct stat st;
    char path[256];
    create();
    assert_int_equal(rundir_create(runs_dir, &spec, &e), -EEXIST);
    assert_true(e.text[0] != '\0');
    (void)snprintf(path, sizeof(path), "%s/" KEY, runs_dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(rundir_remove(runs_dir, KEY), 0);
}

static void a_file_that_is_not_there_is_absent_and_no_error(void **state)
{
    (void)state;
    struct run_spec spec;
    struct run_result result;
    struct run_process process;
    assert_int_equal(rundir_read_spec(runs_dir, KEY, &spec, NULL), RUNDIR_E_ABSENT);
    create();
    assert_int_equal(rundir_read_result(runs_dir, KEY, &result, NULL), RUNDIR_E_ABSENT);
    assert_int_equal(rundir_read_process(runs_dir, KEY, "shim", &process), RUNDIR_E_ABSENT);
    assert_int_equal(rundir_read_process(runs_dir, KEY, "agent", &process), RUNDIR_E_ABSENT);
    assert_int_equal(rundir_remove(runs_dir, KEY), 0);
}

static void what_is_not_exactly_a_spec_is_corrupt(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "version 1\n",
        "version 2\nkey " KEY "\narg x\n",
        "key " KEY "\nversion 1\narg x\n",
        "version 1\nkey " KEY "\n",          /* nothing to run */
        "version 1\narg x\n",                /* no key */
        "version 1\nkey " KEY "\narg x",     /* cut */
        "version 1\nkey " KEY "\narg\n",     /* no value */
        "version 1\nkey " KEY "\n\narg x\n", /* an empty line */
        "version 1\nkey " KEY "0\narg x\n",  /* a digit too many */
        "version 1\nkey ../../../../../../../../../../x\narg x\n",
        "version 1\nkey " KEY "\nkey " KEY "\narg x\n", /* twice */
        "version 1\nkey " KEY "\narg x\\x4\n",          /* half an escape */
        "version 1\nkey " KEY "\narg x\\x4g\n",
        "version 1\nkey " KEY "\narg x\\n\n",
        "version 1\nkey " KEY "\narg x\\x00\n", /* would cut the argument short */
        "version 1\nkey " KEY "\narg x\ntimeout_ms -1\n",
        "version 1\nkey " KEY "\narg x\ntimeout_ms 9223372036854775808\n",
        "version 1\nkey " KEY "\narg x\ntimeout_ms 1x\n",
        "version 1\nkey " KEY "\narg x\nterminal 2\n",
        "version 1\nkey " KEY "\narg x\nstop_signal 0\n",
        "version 1\nkey " KEY "\narg x\nstop_signal 65\n",
    };
    struct run_spec spec;
    struct err e;
    create();
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        write_file("spec", texts[i], strlen(texts[i]));
        if (rundir_read_spec(runs_dir, KEY, &spec, &e) != RUNDIR_E_CORRUPT)
            fail_msg("accepted: %s", texts[i]);
    }
    static const char with_nul[] = "version 1\nkey " KEY "\narg a\0b\n";
    write_file("spec", with_nul, sizeof(with_nul) - 1);
    assert_int_equal(rundir_read_spec(runs_dir, KEY, &spec, NULL), RUNDIR_E_CORRUPT);
    assert_int_equal(rundir_remove(runs_dir, KEY), 0);
}

static void a_key_of_a_later_writer_is_passed_over(void **state)
{
    (void)state;
    static const char text[] = "version 1\nkey " KEY "\narg x\nnice 10\n";
    struct run_spec spec;
    create();
    write_file("spec", text, sizeof(text) - 1);
    assert_int_equal(rundir_read_spec(runs_dir, KEY, &spec, NULL), 0);
    assert_string_equal(spec.args[0], "x");
    run_spec_deinit(&spec);
    assert_int_equal(rundir_remove(runs_dir, KEY), 0);
}

static void a_result_is_read_field_by_field(void **state)
{
    (void)state;
    static const char text[] =
        "version 1\noutcome signaled\nexit_code 1\nsignal 9\ncause shim stopped\nstart_errno 2\n"
        "started_at_us 3\nended_at_us 4\nuser_us 5\nsystem_us 6\nmax_rss_bytes 7\n"
        "output_bytes 8\noutput_dropped_bytes 10\nkilled 11\n";
    struct run_result r;
    struct buf printed = BUF_INIT;
    create();
    write_file("result", text, sizeof(text) - 1);
    assert_int_equal(rundir_read_result(runs_dir, KEY, &r, NULL), 0);
    assert_true(r.outcome == RUN_SIGNALED && r.exit_code == 1 && r.signal == 9 && r.start_errno == 2);
    assert_string_equal(r.cause, "shim stopped");
    assert_true(r.started_at_us == 3 && r.ended_at_us == 4 && r.user_us == 5 && r.system_us == 6);
    assert_true(r.max_rss_bytes == 7 && r.output_bytes == 8 && r.output_dropped_bytes == 10 &&
                r.killed == 11);
    record_print_result(&r, &printed);
    assert_string_equal(printed.p, text);
    buf_deinit(&printed);
    assert_int_equal(rundir_remove(runs_dir, KEY), 0);
}

static void what_is_not_exactly_a_result_is_corrupt(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "version 1\noutcome exited\nstarted_at_us 1\n",
        "version 1\noutcome gone\nstarted_at_us 1\nended_at_us 2\n",
        "version 1\nstarted_at_us 1\nended_at_us 2\n",
        "version 1\noutcome exited\nstarted_at_us 1\nended_at_us 2",
        "version 1\noutcome exited\nexit_code 2147483648\nstarted_at_us 1\nended_at_us 2\n",
        "version 1\noutcome exited\nended_at_us 2\nstarted_at_us 1\ncause 01234567890123456789012345678901\n",
    };
    struct run_result r;
    create();
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        write_file("result", texts[i], strlen(texts[i]));
        if (rundir_read_result(runs_dir, KEY, &r, NULL) != RUNDIR_E_CORRUPT)
            fail_msg("accepted: %s", texts[i]);
    }
    assert_int_equal(rundir_remove(runs_dir, KEY), 0);
}

static void the_process_files_are_read_or_corrupt(void **state)
{
    (void)state;
    struct run_process p;
    create();
    write_file("shim", "12 34 b-o-o-t\n", 14);
    assert_int_equal(rundir_read_process(runs_dir, KEY, "shim", &p), 0);
    assert_true(p.pid == 12 && p.start_ticks == 34 && strcmp(p.boot_id, "b-o-o-t") == 0);
    write_file("agent", "12 34 56 78 /c g\n", 17);
    assert_int_equal(rundir_read_process(runs_dir, KEY, "agent", &p), 0);
    assert_true(p.pid == 12 && p.start_ticks == 34 && p.pgid == 56 && p.started_at_us == 78);
    assert_string_equal(p.cgroup, "/c g");
    write_file("agent", "12 34 56 78 -\n", 14);
    assert_int_equal(rundir_read_process(runs_dir, KEY, "agent", &p), 0);
    assert_string_equal(p.cgroup, "");
    static const char *const bad[] = {"",
                                      "\n",
                                      "12 34 56 78 -",
                                      "12 34 56\n",
                                      "0 34 56 78 -\n",
                                      "-1 34 56 78 -\n",
                                      "12 34 56 78 \n",
                                      "12 34 56 78\n",
                                      "12 34 56 x -\n",
                                      "12 34 56 78 -\n\n"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        write_file("agent", bad[i], strlen(bad[i]));
        if (rundir_read_process(runs_dir, KEY, "agent", &p) != RUNDIR_E_CORRUPT)
            fail_msg("accepted: %s", bad[i]);
    }
    assert_int_equal(rundir_remove(runs_dir, KEY), 0);
}

static void a_run_is_locked_while_somebody_holds_its_lock(void **state)
{
    (void)state;
    char path[256];
    create();
    assert_false(rundir_is_locked(runs_dir, KEY)); /* no lock file yet */
    (void)snprintf(path, sizeof(path), "%s/" KEY "/lock", runs_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_false(rundir_is_locked(runs_dir, KEY));
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_true(rundir_is_locked(runs_dir, KEY));
    (void)close(fd);
    assert_false(rundir_is_locked(runs_dir, KEY));
    assert_int_equal(rundir_remove(runs_dir, KEY), 0);
}

static void a_booked_run_stays_booked_and_can_be_removed(void **state)
{
    (void)state;
    struct run_spec spec;
    create();
    assert_false(rundir_is_booked(runs_dir, KEY));
    assert_int_equal(rundir_mark_booked(runs_dir, KEY), 0);
    assert_int_equal(rundir_mark_booked(runs_dir, KEY), 0);
    assert_true(rundir_is_booked(runs_dir, KEY));
    write_file("output", "x", 1);
    write_file("output.1", "x", 1);
    assert_int_equal(rundir_remove(runs_dir, KEY), 0);
    assert_int_equal(rundir_read_spec(runs_dir, KEY, &spec, NULL), RUNDIR_E_ABSENT);
    assert_int_equal(rundir_remove(runs_dir, KEY), -ENOENT);
}

static void a_key_that_leaves_the_folder_is_refused(void **state)
{
    (void)state;
    struct run_spec spec;
    char key[RUNDIR_KEY_LEN + 1], other[RUNDIR_KEY_LEN + 1];
    assert_false(rundir_key_valid(STR("")));
    assert_false(rundir_key_valid(STR("..")));
    assert_false(rundir_key_valid(STR("0123456789ABCDEF0123456789abcdef")));
    assert_false(rundir_key_valid((struct str){KEY "\0", RUNDIR_KEY_LEN + 1}));
    assert_false(rundir_key_valid((struct str){"0123456789abcde\0" KEY, RUNDIR_KEY_LEN}));
    assert_int_equal(rundir_read_spec(runs_dir, "..", &spec, NULL), -EINVAL);
    assert_int_equal(rundir_remove(runs_dir, "."), -EINVAL);
    rundir_new_key(key);
    rundir_new_key(other);
    assert_true(rundir_key_valid(str_of(key)) && rundir_key_valid(str_of(other)));
    assert_string_not_equal(key, other);
}

static void an_output_line_has_a_stamp_a_stream_a_kind_and_any_text(void **state)
{
    (void)state;
    static const char with_nul[] = "1795493274970784 e P a\0b c";
    struct run_output_line l;
    assert_true(rundir_parse_output(STR("0 o F "), &l));
    assert_true(l.at_us == 0 && !l.is_stderr && !l.is_partial && l.text.n == 0);
    assert_true(rundir_parse_output((struct str){with_nul, sizeof(with_nul) - 1}, &l));
    assert_true(l.at_us == 1795493274970784 && l.is_stderr && l.is_partial);
    assert_int_equal(l.text.n, 5);
    assert_memory_equal(l.text.p, "a\0b c", 5);
    static const char *const bad[] = {"",         " o F x",   "1",          "1 ",      "1 o",
                                      "1 o ",     "1 o F",    "1 x F ",     "1 o X ",  "1 oo F ",
                                      "-1 o F x", "1x o F x", "1 o F a\nb", "1  o F x"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (rundir_parse_output(str_of(bad[i]), &l))
            fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_a_spec_comes_back),
        cmocka_unit_test(what_was_not_set_comes_back_as_not_set),
        cmocka_unit_test(a_run_is_created_once_and_for_its_owner_alone),
        cmocka_unit_test(a_file_that_is_not_there_is_absent_and_no_error),
        cmocka_unit_test(what_is_not_exactly_a_spec_is_corrupt),
        cmocka_unit_test(a_key_of_a_later_writer_is_passed_over),
        cmocka_unit_test(a_result_is_read_field_by_field),
        cmocka_unit_test(what_is_not_exactly_a_result_is_corrupt),
        cmocka_unit_test(the_process_files_are_read_or_corrupt),
        cmocka_unit_test(a_run_is_locked_while_somebody_holds_its_lock),
        cmocka_unit_test(a_booked_run_stays_booked_and_can_be_removed),
        cmocka_unit_test(a_key_that_leaves_the_folder_is_refused),
        cmocka_unit_test(an_output_line_has_a_stamp_a_stream_a_kind_and_any_text),
    };
    return cmocka_run_group_tests(tests, make_runs_dir, remove_runs_dir);
}
