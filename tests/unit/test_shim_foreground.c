/* test_shim_foreground.c -- `muster-shim --foreground`: as if the command had been typed without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim_fixture.h"

#include <pty.h>
#include <sys/prctl.h>

struct caller { /* our ends of its three streams */
    int in, out, err;
    pid_t shim;
};

static struct caller start(const struct run_spec *spec)
{
    int in[2], out[2], err[2];
    assert_int_equal(rundir_create(fixture_runs, spec, NULL), 0);
    assert_true(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
    struct caller c = {.in = in[1], .out = out[0], .err = err[0]};
    c.shim = fixture_spawn(spec->key, true, (int[]){in[0], out[1], err[1]});
    (void)close(in[0]);
    (void)close(out[1]);
    (void)close(err[1]);
    return c;
}

static void read_all(int fd, struct buf *out)
{
    for (ssize_t n = 1; n > 0; out->n += n > 0 ? (size_t)n : 0) {
        buf_reserve(out, 4096);
        n = read(fd, out->p + out->n, 4096);
    }
    out->p[out->n] = '\0';
    (void)close(fd);
}

static int code_of(struct run_spec spec)
{
    struct caller c = start(&spec);
    (void)close(c.in);
    struct buf out = BUF_INIT;
    read_all(c.out, &out);
    read_all(c.err, &out);
    buf_deinit(&out);
    int code = fixture_wait(c.shim);
    fixture_remove(spec.key);
    return code;
}

static void the_exit_code_is_that_of_the_command(void **state)
{
    (void)state;
    assert_int_equal(code_of(fixture_spec(SHELL("exit 0"))), 0);
    assert_int_equal(code_of(fixture_spec(SHELL("exit 42"))), 42);
    assert_int_equal(code_of(fixture_spec(SHELL("kill -9 $$"))), 137);
    assert_int_equal(code_of(fixture_spec((char *[]){"no-such-command", NULL})), 127);
    assert_int_equal(code_of(fixture_spec((char *[]){"/etc/passwd", NULL})), 126);
}

static void output_is_passed_through_and_kept(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("cat; printf 'no LF'; echo err >&2; exit 3"));
    struct buf out = BUF_INIT, err = BUF_INIT, kept = BUF_INIT;
    spec.stdin_path = "inherit";
    struct caller c = start(&spec);
    assert_int_equal(write(c.in, "from stdin\n", 11), 11);
    (void)close(c.in);
    read_all(c.out, &out);
    read_all(c.err, &err);
    assert_int_equal(fixture_wait(c.shim), 3);
    assert_string_equal(out.p, "from stdin\nno LF");
    assert_string_equal(err.p, "err\n");
    fixture_text(spec.key, "output", false, &kept);
    assert_string_equal(kept.p, out.p);
    assert_int_equal(fixture_result(spec.key).output_bytes, 20);
    buf_deinit(&out);
    buf_deinit(&err);
    buf_deinit(&kept);
    fixture_remove(spec.key);
}

static void a_reader_that_leaves_ends_the_command_as_in_any_pipeline(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec((char *[]){"yes", NULL});
    struct caller c = start(&spec);
    char byte;
    assert_int_equal(read(c.out, &byte, 1), 1);
    (void)close(c.out);
    assert_int_equal(fixture_wait(c.shim), 128 + SIGPIPE);
    (void)close(c.in);
    (void)close(c.err);
    fixture_remove(spec.key);
}

static void a_slow_reader_makes_the_command_wait_and_the_shim_still_obeys(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec((char *[]){"yes", NULL});
    struct caller c = start(&spec);
    fixture_wait_for(spec.key, "output", "y");
    (void)kill(c.shim, SIGUSR1); /* nobody reads c.out */
    struct buf out = BUF_INIT;
    read_all(c.out, &out);
    assert_int_equal(fixture_wait(c.shim), 128 + SIGKILL);
    assert_string_equal(fixture_result(spec.key).cause, "cancelled");
    assert_int_equal(fixture_result(spec.key).output_bytes, out.n);
    buf_deinit(&out);
    (void)close(c.in);
    (void)close(c.err);
    fixture_remove(spec.key);
}

static void an_interrupt_goes_to_the_command(void **state)
{
    (void)state;
    struct run_spec spec =
        fixture_spec(SHELL("trap 'echo got; exit 9' INT; echo ready; while :; do sleep 0.01; done"));
    struct caller c = start(&spec);
    fixture_wait_for(spec.key, "output", "ready");
    (void)kill(c.shim, SIGINT);
    assert_int_equal(fixture_wait(c.shim), 9);
    assert_string_equal(fixture_result(spec.key).cause, "");
    (void)close(c.in);
    (void)close(c.out);
    (void)close(c.err);
    fixture_remove(spec.key);
}

static void other_fds_of_the_caller_pass_to_the_command(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("cat <&9"));
    struct buf out = BUF_INIT;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(dup2(fds[0], 9), 9);
    assert_int_equal(write(fds[1], "nine", 4), 4);
    (void)close(fds[1]);
    struct caller c = start(&spec);
    (void)close(9);
    (void)close(fds[0]);
    read_all(c.out, &out);
    assert_string_equal(out.p, "nine");
    assert_int_equal(fixture_wait(c.shim), 0);
    (void)close(c.in);
    (void)close(c.err);
    buf_deinit(&out);
    fixture_remove(spec.key);
}

static void signals_that_the_caller_ignores_stay_ignored(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("grep -c '^SigIgn:.*0000000000000007$' /proc/self/status"));
    struct buf out = BUF_INIT;
    assert_int_equal(rundir_create(fixture_runs, &spec, NULL), 0);
    struct buf dir = fixture_path(spec.key, "");
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = SIGHUP; i <= SIGQUIT; i++) /* 1 to 3: the bits of the mask above */
            (void)signal(i, SIG_IGN);
        (void)execl(fixture_shim, "muster-shim", "--foreground", dir.p, (char *)NULL);
        _exit(99);
    }
    assert_int_equal(fixture_wait(pid), 0);
    fixture_text(spec.key, "output", false, &out);
    assert_string_equal(out.p, "1\n");
    buf_deinit(&dir);
    buf_deinit(&out);
    fixture_remove(spec.key);
}

/* --- on a terminal --- */

struct desk { /* a terminal, and a shell with job control that has typed the one command */
    int master;
    pid_t shell;
    struct buf seen;
};

/* Starts the shim as a job of its own group in the terminal's foreground, tells of each stop, continues it.
 */
static void be_shell(const char *key)
{
    int status;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGTTOU, SIG_IGN);
    pid_t job = fork();
    if (job == 0) {
        struct buf dir = fixture_path(key, "");
        (void)setpgid(0, 0);
        (void)tcsetpgrp(0, getpgrp());
        (void)signal(SIGTTOU, SIG_DFL);
        for (int i = SIGHUP; i <= SIGQUIT; i++)
            (void)signal(i, SIG_DFL);
        (void)execl(fixture_shim, "muster-shim", "--foreground", dir.p, (char *)NULL);
        _exit(99);
    }
    (void)setpgid(job, job);
    while (waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status)) {
        (void)printf("[stopped, foreground is %s]\n", tcgetpgrp(0) == job ? "the job" : "another");
        (void)fflush(stdout);
        (void)tcsetpgrp(0, getpgrp());
        (void)tcsetpgrp(0, job);
        (void)kill(-job, SIGCONT);
    }
    (void)printf("[code %d, foreground is %s]\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
                 tcgetpgrp(0) == job ? "the job" : "another");
    (void)fflush(stdout);
    _exit(0);
}

static struct desk sit_down(struct run_spec *spec)
{
    struct desk d = {.seen = BUF_INIT};
    spec->terminal = true;
    spec->stdin_path = "inherit";
    assert_int_equal(rundir_create(fixture_runs, spec, NULL), 0);
    d.shell = forkpty(&d.master, NULL, NULL, NULL);
    assert_true(d.shell >= 0);
    if (d.shell == 0)
        be_shell(spec->key);
    return d;
}

static void see(struct desk *d, const char *text)
{
    while (!memmem(d->seen.p, d->seen.n, text, strlen(text))) {
        struct pollfd ready = {.fd = d->master, .events = POLLIN};
        buf_reserve(&d->seen, 4096);
        ssize_t n = poll(&ready, 1, FIXTURE_WAIT_MS) == 1 ? read(d->master, d->seen.p + d->seen.n, 4096) : -1;
        if (n <= 0)
            fail_msg("never seen \"%s\" but: %s", text, d->seen.p);
        d->seen.n += (size_t)n;
        d->seen.p[d->seen.n] = '\0';
    }
}

static void type(struct desk *d, const char *text)
{
    assert_int_equal(write(d->master, text, strlen(text)), strlen(text));
}

static void stand_up(struct desk *d, const char *key)
{
    assert_int_equal(fixture_wait(d->shell), 0);
    (void)close(d->master);
    buf_deinit(&d->seen);
    fixture_remove(key);
}

static void the_command_has_the_terminal_and_nothing_is_captured(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(
        SHELL("tty >/dev/null && [ -t 1 ] && [ -t 2 ] && echo yes; read line; echo \"<$line>\"; exit 4"));
    struct buf kept = BUF_INIT;
    struct desk d = sit_down(&spec);
    see(&d, "yes");
    type(&d, "hello\n");
    see(&d, "<hello>");
    see(&d, "[code 4, foreground is the job]");
    assert_false(fixture_read(spec.key, "output", &kept));
    assert_int_equal(fixture_result(spec.key).exit_code, 4);
    assert_int_equal(fixture_result(spec.key).output_bytes, 0);
    buf_deinit(&kept);
    stand_up(&d, spec.key);
}

static void a_stream_that_is_no_terminal_is_captured_beside_one_that_is(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("[ -t 1 ] || echo piped; [ -t 2 ] && echo lent >&2; exit 3"));
    struct buf kept = BUF_INIT, out = BUF_INIT;
    int master, slave, fds[2];
    spec.terminal = true;
    assert_int_equal(rundir_create(fixture_runs, &spec, NULL), 0);
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t shim = fixture_spawn(spec.key, true, (int[]){slave, fds[1], slave});
    (void)close(fds[1]);
    (void)close(slave);
    read_all(fds[0], &out);
    assert_int_equal(fixture_wait(shim), 3);
    assert_string_equal(out.p, "piped\n");
    fixture_text(spec.key, "output", false, &kept);
    assert_string_equal(kept.p, "piped\n");
    fixture_text(spec.key, "output", true, &kept);
    assert_string_equal(kept.p, "");
    (void)close(master);
    buf_deinit(&kept);
    buf_deinit(&out);
    fixture_remove(spec.key);
}

static void the_interrupt_key_reaches_the_command_once_and_not_the_shim(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL(
        "n=0; trap 'n=$((n+1)); echo got $n' INT; echo ready; read line; read line; echo end $n; exit 5"));
    struct desk d = sit_down(&spec);
    see(&d, "ready");
    type(&d, "\003");
    see(&d, "got 1");
    type(&d, "x\n");
    type(&d, "y\n");
    see(&d, "end 1");
    see(&d, "[code 5, foreground is the job]");
    assert_string_equal(fixture_result(spec.key).cause, "");
    stand_up(&d, spec.key);
}

static void the_stop_key_stops_the_job_and_the_shell_can_continue_it(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("echo ready; read line; echo \"<$line>\"; exit 6"));
    struct desk d = sit_down(&spec);
    see(&d, "ready");
    type(&d, "\032");
    see(&d, "[stopped, foreground is the job]");
    type(&d, "again\n");
    see(&d, "<again>");
    see(&d, "[code 6, foreground is the job]");
    stand_up(&d, spec.key);
}

static void a_terminal_that_a_killed_command_left_raw_is_mended(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("stty raw -echo; echo ready; kill -9 $$"));
    struct termios modes;
    struct desk d = sit_down(&spec);
    see(&d, "ready");
    see(&d, "[code 137, foreground is the job]");
    assert_int_equal(tcgetattr(d.master, &modes), 0);
    assert_true((modes.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG));
    stand_up(&d, spec.key);
}

static void modes_that_a_command_set_on_purpose_stay(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("stty -echo; exit 0"));
    struct termios modes;
    struct desk d = sit_down(&spec);
    see(&d, "[code 0, foreground is the job]");
    assert_int_equal(tcgetattr(d.master, &modes), 0);
    assert_false(modes.c_lflag & ECHO);
    stand_up(&d, spec.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_code_is_that_of_the_command),
        cmocka_unit_test(output_is_passed_through_and_kept),
        cmocka_unit_test(a_reader_that_leaves_ends_the_command_as_in_any_pipeline),
        cmocka_unit_test(a_slow_reader_makes_the_command_wait_and_the_shim_still_obeys),
        cmocka_unit_test(an_interrupt_goes_to_the_command),
        cmocka_unit_test(other_fds_of_the_caller_pass_to_the_command),
        cmocka_unit_test(signals_that_the_caller_ignores_stay_ignored),
        cmocka_unit_test(the_command_has_the_terminal_and_nothing_is_captured),
        cmocka_unit_test(a_stream_that_is_no_terminal_is_captured_beside_one_that_is),
        cmocka_unit_test(the_interrupt_key_reaches_the_command_once_and_not_the_shim),
        cmocka_unit_test(the_stop_key_stops_the_job_and_the_shell_can_continue_it),
        cmocka_unit_test(a_terminal_that_a_killed_command_left_raw_is_mended),
        cmocka_unit_test(modes_that_a_command_set_on_purpose_stay),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
