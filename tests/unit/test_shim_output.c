/* test_shim_output.c -- what the command writes is kept as it was, stamped, within bounds; a failing disk
 * costs lines and never the exit code. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim_fixture.h"

#include <sys/mount.h>
#include <sys/statvfs.h>

static void assert_text(const char *script, bool is_stderr, const char *expected, size_t n)
{
    struct run_spec spec = fixture_spec(SHELL((char *)script));
    struct buf text = BUF_INIT;
    struct run_result r = fixture_run(&spec);
    fixture_text(spec.key, "output", is_stderr, &text);
    assert_int_equal(text.n, n);
    assert_memory_equal(text.p, expected, n);
    assert_int_equal(r.output_dropped_bytes, 0);
    buf_deinit(&text);
    fixture_remove(spec.key);
}

static void the_two_streams_are_told_apart(void **state)
{
    (void)state;
    assert_text("echo out; echo err >&2; echo out2", false, "out\nout2\n", 9);
    assert_text("echo out; echo err >&2; echo out2", true, "err\n", 4);
}

static void any_byte_is_kept_and_a_last_line_needs_no_line_feed(void **state)
{
    (void)state;
    assert_text("printf 'a\\000b\\n\\r\\033[0m\\377\\n\\n'", false, "a\0b\n\r\033[0m\377\n\n", 12);
    assert_text("printf 'no line feed'", false, "no line feed", 12);
    assert_text("printf 'a\\nb'", false, "a\nb", 3);
    assert_text("exit 0", false, "", 0);
}

static void a_line_waits_until_it_is_whole_so_streams_never_mix_in_one(void **state)
{
    (void)state;
    assert_text("printf be; echo between >&2; echo gin", false, "begin\n", 6);
}

static void the_stamp_is_the_time_at_which_the_line_came(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("echo 1; echo 2 >&2; echo 3"));
    struct buf content = BUF_INIT;
    struct run_output_line l;
    int64_t before_us = clock_wall_us(), last_us = before_us;
    struct run_result r = fixture_run(&spec);
    (void)fixture_read(spec.key, "output", &content);
    struct str rest = buf_str(&content), line;
    int count = 0;
    for (; rest.n > 0 && str_split(&rest, '\n', &line); count++) {
        assert_true(rundir_parse_output(line, &l));
        assert_true(l.at_us >= last_us && l.at_us <= clock_wall_us());
        last_us = l.at_us;
    }
    assert_int_equal(count, 3);
    assert_int_equal(r.output_bytes, 6);
    buf_deinit(&content);
    fixture_remove(spec.key);
}

static void the_last_words_of_a_fast_writer_are_all_there(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec((char *[]){"seq", "1", "200000", NULL});
    struct buf text = BUF_INIT, expected = BUF_INIT;
    struct run_result r = fixture_run(&spec);
    for (int i = 1; i <= 200000; i++)
        buf_printf(&expected, "%d\n", i);
    fixture_text(spec.key, "output", false, &text);
    assert_true(str_equal(buf_str(&text), buf_str(&expected)));
    assert_int_equal(r.output_bytes, expected.n);
    assert_int_equal(r.output_dropped_bytes, 0);
    buf_deinit(&text);
    buf_deinit(&expected);
    fixture_remove(spec.key);
}

/* "P P F" of the output's lines. */
static void kinds_of(const char *key, struct buf *out)
{
    struct buf content = BUF_INIT;
    struct run_output_line l;
    (void)fixture_read(key, "output", &content);
    struct str rest = buf_str(&content), line;
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        assert_true(rundir_parse_output(line, &l));
        assert_true(l.text.n <= OUTPUT_LINE_MAX);
        buf_add_char(out, l.is_partial ? 'P' : 'F');
    }
    buf_deinit(&content);
}

static void a_line_longer_than_the_limit_comes_in_parts_that_join(void **state)
{
    (void)state;
    static const struct {
        const char *size, *kinds;
    } cases[] = {{"1048576", "F"}, {"1048577", "PF"}, {"3000000", "PPF"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char script[128];
        struct buf kinds = BUF_INIT, text = BUF_INIT;
        (void)snprintf(script, sizeof(script), "head -c %s /dev/zero | tr '\\0' x; echo", cases[i].size);
        struct run_spec spec = fixture_spec(SHELL(script));
        struct run_result r = fixture_run(&spec);
        kinds_of(spec.key, &kinds);
        assert_string_equal(kinds.p, cases[i].kinds);
        fixture_text(spec.key, "output", false, &text);
        assert_int_equal(text.n, strtol(cases[i].size, NULL, 10) + 1);
        assert_int_equal(strspn(text.p, "x"), text.n - 1);
        assert_int_equal(r.output_bytes, text.n);
        assert_int_equal(r.output_dropped_bytes, 0);
        buf_deinit(&kinds);
        buf_deinit(&text);
        fixture_remove(spec.key);
    }
}

static off_t size_of(const char *key, const char *file)
{
    struct buf path = fixture_path(key, file);
    struct stat st = {0};
    (void)stat(path.p, &st);
    buf_deinit(&path);
    return st.st_size;
}

static void the_output_stays_within_its_bound_and_what_fell_out_is_counted(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec((char *[]){"seq", "1", "100000", NULL});
    struct buf old = BUF_INIT, text = BUF_INIT;
    spec.output_max_bytes = 100000;
    struct run_result r = fixture_run(&spec);
    assert_int_equal(r.output_bytes, 588895); /* 9 + 2*90 + 3*900 + 4*9000 + 5*90000 + 6 digits, 100000 LFs */
    assert_true(size_of(spec.key, "output") + size_of(spec.key, "output.1") <= 100000);
    fixture_text(spec.key, "output.1", false, &old);
    fixture_text(spec.key, "output", false, &text);
    buf_add_str(&old, buf_str(&text));
    assert_true(
        str_ends_with(buf_str(&old), STR("\n99999\n100000\n"))); /* the newest are kept, without a gap */
    int64_t first = strtol(old.p, NULL, 10), expected = first;
    for (char *at = old.p; *at; expected++)
        assert_int_equal(strtol(at, &at, 10), expected), at++;
    assert_int_equal(expected, 100001);
    assert_int_equal(r.output_dropped_bytes, r.output_bytes - (int64_t)old.n);
    buf_deinit(&old);
    buf_deinit(&text);
    fixture_remove(spec.key);
}

static void a_line_longer_than_the_bound_does_not_break_it(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end"));
    struct buf text = BUF_INIT;
    spec.output_max_bytes = 20000;
    struct run_result r = fixture_run(&spec);
    assert_true(size_of(spec.key, "output") + size_of(spec.key, "output.1") <= 20000);
    fixture_text(spec.key, "output", false, &text);
    assert_true(str_ends_with(buf_str(&text), STR("\nend\n")));
    assert_int_equal(r.output_bytes, 1000005);
    buf_deinit(&text);
    fixture_remove(spec.key);
}

/* --- a disk that fails --- */

static void an_output_that_cannot_be_written_costs_lines_and_not_the_exit_code(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("echo lost; exit 7"));
    assert_int_equal(rundir_create(fixture_runs, &spec, NULL), 0);
    struct buf path = fixture_path(spec.key, "output");
    assert_int_equal(symlink("/dev/full", path.p), 0); /* every write: ENOSPC */
    assert_int_equal(fixture_wait(fixture_spawn(spec.key, false, NULL)), 0);
    struct run_result r = fixture_result(spec.key);
    assert_int_equal(r.outcome, RUN_EXITED);
    assert_int_equal(r.exit_code, 7);
    assert_int_equal(r.output_bytes, 5);
    assert_int_equal(r.output_dropped_bytes, 5);
    buf_deinit(&path);
    fixture_remove(spec.key);
}

static void fill_disk(const char *path)
{
    static char block[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, block, sizeof(block)) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    (void)close(fd);
}

static void a_full_disk_delays_the_result_and_never_loses_it(void **state)
{
    (void)state;
    char disk[sizeof(fixture_runs) + 8], filler[sizeof(disk) + 8];
    struct run_spec spec = fixture_spec(
        SHELL("echo ready; until [ -e /tmp/muster-go-$MUSTER_RUN ]; do sleep 0.01; done; exit 7"));
    (void)snprintf(disk, sizeof(disk), "%s/disk", fixture_runs);
    (void)snprintf(filler, sizeof(filler), "%s/filler", disk);
    assert_int_equal(mkdir(disk, 0700), 0);
    if (mount("tmpfs", disk, "tmpfs", 0, "size=256k") < 0) {
        print_message("LEFT OUT: mounting a small disk needs privileges\n");
        (void)rmdir(disk);
        skip();
    }
    char runs[sizeof(fixture_runs)];
    memcpy(runs, fixture_runs, sizeof(runs));
    assert_true(strlen(disk) < sizeof(fixture_runs));
    memcpy(fixture_runs, disk, strlen(disk) + 1);
    pid_t pid = fixture_start(&spec);
    fixture_wait_for(spec.key, "output", "ready");
    fill_disk(filler);
    struct run_process agent;
    assert_int_equal(rundir_read_process(fixture_runs, spec.key, "agent", &agent), 0);
    int agent_fd = pidfd_open((pid_t)agent.pid, 0);
    char go[64];
    (void)snprintf(go, sizeof(go), "/tmp/muster-go-%s", spec.key);
    (void)close(open(go, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    struct pollfd ended = {.fd = agent_fd, .events = POLLIN};
    assert_int_equal(poll(&ended, 1, FIXTURE_WAIT_MS), 1);
    assert_true(rundir_is_locked(fixture_runs, spec.key));
    (void)unlink(filler);
    assert_int_equal(fixture_wait(pid), SHIM_EXIT_OK);
    assert_int_equal(fixture_result(spec.key).exit_code, 7);
    (void)close(agent_fd);
    (void)unlink(go);
    fixture_remove(spec.key);
    memcpy(fixture_runs, runs, sizeof(runs));
    assert_int_equal(umount(disk), 0);
    (void)rmdir(disk);
}

/* --- memory --- */

static int64_t private_kib(pid_t pid)
{
    char path[64], line[256];
    long part;
    int64_t kib = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "Private_Clean: %ld", &part) == 1 || sscanf(line, "Private_Dirty: %ld", &part) == 1)
            kib += part;
    (void)fclose(f);
    return kib;
}

static void its_private_memory_stays_under_a_mebibyte_with_two_long_lines_pending(void **state)
{
    (void)state;
    struct run_spec spec =
        fixture_spec(SHELL("seq 1 50000; head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2;"
                           "(echo; echo; echo marker) >&2; head -c 1000000 /dev/zero >&2;"
                           "exec 2>/dev/null; : > full; sleep 1000"));
    struct buf dir = BUF_INIT;
    buf_printf(&dir, "%s/%s", fixture_runs, spec.key);
    spec.workdir = dir.p;
    pid_t pid = fixture_start(&spec);
    fixture_wait_for(spec.key, "full", "");
    int64_t kib = private_kib(pid);
    print_message("private memory of muster-shim: %lld KiB\n", (long long)kib);
    assert_true(kib > 0);
    assert_true(kib < 1024 || FIXTURE_IS_SANITIZED);
    (void)kill(pid, SIGUSR1);
    assert_int_equal(fixture_wait(pid), 0);
    buf_deinit(&dir);
    fixture_remove(spec.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_two_streams_are_told_apart),
        cmocka_unit_test(any_byte_is_kept_and_a_last_line_needs_no_line_feed),
        cmocka_unit_test(a_line_waits_until_it_is_whole_so_streams_never_mix_in_one),
        cmocka_unit_test(the_stamp_is_the_time_at_which_the_line_came),
        cmocka_unit_test(the_last_words_of_a_fast_writer_are_all_there),
        cmocka_unit_test(a_line_longer_than_the_limit_comes_in_parts_that_join),
        cmocka_unit_test(the_output_stays_within_its_bound_and_what_fell_out_is_counted),
        cmocka_unit_test(a_line_longer_than_the_bound_does_not_break_it),
        cmocka_unit_test(an_output_that_cannot_be_written_costs_lines_and_not_the_exit_code),
        cmocka_unit_test(a_full_disk_delays_the_result_and_never_loses_it),
        cmocka_unit_test(its_private_memory_stays_under_a_mebibyte_with_two_long_lines_pending),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
