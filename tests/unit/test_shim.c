/* test_shim.c -- muster-shim runs one command and says how it ended, whatever the command does. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim_fixture.h"

#include <sys/syscall.h>

static struct run_result run_shell(const char *script)
{
    struct run_spec spec = fixture_spec(SHELL((char *)script));
    struct run_result r = fixture_run(&spec);
    fixture_remove(spec.key);
    return r;
}

/* --- how it ends --- */

static void the_exit_code_of_the_command_is_the_result(void **state)
{
    (void)state;
    static const int codes[] = {0, 7, 255};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        char script[32];
        (void)snprintf(script, sizeof(script), "exit %d", codes[i]);
        struct run_result r = run_shell(script);
        assert_int_equal(r.outcome, RUN_EXITED);
        assert_int_equal(r.exit_code, codes[i]);
        assert_string_equal(r.cause, "");
        assert_int_equal(r.killed, 0);
    }
}

static void the_signal_that_ended_the_command_is_the_result(void **state)
{
    (void)state;
    struct run_result r = run_shell("kill -9 $$");
    assert_int_equal(r.outcome, RUN_SIGNALED);
    assert_int_equal(r.signal, 9);
    assert_string_equal(r.cause, "");
}

static int start_errno_of(struct run_spec spec)
{
    struct run_result r = fixture_run(&spec);
    struct run_process agent;
    assert_int_equal(r.outcome, RUN_START_FAILED);
    assert_int_equal(rundir_read_process(fixture_runs, spec.key, "agent", &agent), RUNDIR_E_ABSENT);
    fixture_remove(spec.key);
    return r.start_errno;
}

static void a_command_that_cannot_be_started_says_why(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec((char *[]){"no-such-command", NULL});
    assert_int_equal(start_errno_of(spec), ENOENT);
    spec.args = (char *[]){"/etc/passwd", NULL};
    assert_int_equal(start_errno_of(spec), EACCES);
    spec = fixture_spec(SHELL("exit 0"));
    spec.workdir = "/no/such/folder";
    assert_int_equal(start_errno_of(spec), ENOENT);
    spec.workdir = "/";
    spec.stdin_path = "/no/such/file";
    assert_int_equal(start_errno_of(spec), ENOENT);
}

static void a_script_without_an_interpreter_is_not_given_to_a_shell(void **state)
{
    (void)state;
    char path[] = "/tmp/muster-script-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "exit 3\n", 7), 7);
    assert_int_equal(fchmod(fd, 0700), 0);
    (void)close(fd);
    assert_int_equal(start_errno_of(fixture_spec((char *[]){path, NULL})), ENOEXEC);
    (void)unlink(path);
}

static void the_command_is_searched_in_the_path_of_the_spec(void **state)
{
    (void)state;
    static char *nowhere[] = {"PATH=/no/such:/etc", NULL};
    struct run_spec spec = fixture_spec((char *[]){"true", NULL});
    spec.env = nowhere;
    assert_int_equal(start_errno_of(spec), ENOENT);
}

static void the_times_lie_within_the_run_and_cpu_is_that_of_the_whole_tree(void **state)
{
    (void)state;
    int64_t before_us = clock_wall_us();
    struct run_result r = run_shell("sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; times >&2");
    assert_true(before_us <= r.started_at_us && r.started_at_us <= r.ended_at_us);
    assert_true(r.ended_at_us <= clock_wall_us() + USEC_PER_SEC); /* measured by another clock */
    assert_true(r.user_us + r.system_us >=
                10000); /* 200,000 rounds of a shell in one hundredth of a second: never */
    assert_true(r.max_rss_bytes >= 100 * 1024);
}

/* --- what it starts with --- */

static void the_environment_is_exactly_the_specs_and_the_mark(void **state)
{
    (void)state;
    static char *env[] = {"PATH=/usr/bin:/bin", "A=1", "LINES=x\ny\\", NULL};
    struct run_spec spec = fixture_spec((char *[]){"env", NULL});
    struct buf text = BUF_INIT, expected = BUF_INIT;
    spec.env = env;
    assert_int_equal(setenv("MUSTER_TEST_SECRET", "must not pass", 1), 0);
    assert_int_equal(fixture_run(&spec).exit_code, 0);
    fixture_text(spec.key, "output", false, &text);
    buf_printf(&expected, "PATH=/usr/bin:/bin\nA=1\nLINES=x\ny\\\nMUSTER_RUN=%s\n", spec.key);
    assert_string_equal(text.p, expected.p);
    buf_deinit(&text);
    buf_deinit(&expected);
    fixture_remove(spec.key);
}

/* The two that the C library keeps for itself: its posix_spawn, which make uses, leaves them ignored, and its
 * sigaction refuses them. */
static void ignore_internal_signals(bool ignore)
{
    const unsigned long action[4] = {ignore ? 1 : 0}; /* SIG_IGN, SIG_DFL */
    for (int i = 32; i <= 33; i++)
        assert_int_equal(syscall(SYS_rt_sigaction, i, action, NULL, sizeof(action[0])), 0);
}

static void the_command_has_a_session_no_terminal_clean_signals_and_no_stray_fd(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("cut -d' ' -f6,7 /proc/$$/stat; echo $$ 0; grep -c "
                                              "'^Sig\\(Blk\\|Ign\\).*0000000000000000$' /proc/self/status;"
                                              "ls /proc/$$/fd; readlink /proc/$$/fd/0; pwd"));
    struct buf text = BUF_INIT;
    spec.workdir = "/usr";
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGCHLD, SIG_IGN); /* would make the kernel throw the exit code away */
    ignore_internal_signals(true);
    int open_fd = dup(2);
    pid_t pid = fixture_start(&spec);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGCHLD, SIG_DFL);
    ignore_internal_signals(false);
    assert_int_equal(fixture_wait(pid), 0);
    assert_int_equal(fixture_result(spec.key).exit_code, 0);
    fixture_text(spec.key, "output", false, &text);
    struct str rest = buf_str(&text), first = {0}, second = {0};
    assert_true(str_split(&rest, '\n', &first) && str_split(&rest, '\n', &second));
    assert_true(str_equal(first, second));
    assert_string_equal(rest.p, "2\n0\n1\n2\n/dev/null\n/usr\n");
    (void)close(open_fd);
    buf_deinit(&text);
    fixture_remove(spec.key);
}

static void stdin_is_the_file_that_the_spec_names(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec((char *[]){"cat", NULL});
    struct buf text = BUF_INIT;
    char path[] = "/tmp/muster-stdin-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "hello\n", 6), 6);
    (void)close(fd);
    spec.stdin_path = path;
    assert_int_equal(fixture_run(&spec).exit_code, 0);
    fixture_text(spec.key, "output", false, &text);
    assert_string_equal(text.p, "hello\n");
    (void)unlink(path);
    buf_deinit(&text);
    fixture_remove(spec.key);
}

/* --- the directory --- */

static void two_shims_on_one_directory_run_the_command_once(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("echo ran"));
    struct buf text = BUF_INIT;
    pid_t first = fixture_start(&spec), second = fixture_spawn(spec.key, false, NULL);
    int a = fixture_wait(first), b = fixture_wait(second);
    assert_true((a == SHIM_EXIT_OK && b == SHIM_EXIT_TAKEN) || (a == SHIM_EXIT_TAKEN && b == SHIM_EXIT_OK));
    assert_int_equal(fixture_wait(fixture_spawn(spec.key, false, NULL)), SHIM_EXIT_TAKEN);
    fixture_text(spec.key, "output", false, &text);
    assert_string_equal(text.p, "ran\n");
    assert_int_equal(fixture_result(spec.key).exit_code, 0);
    buf_deinit(&text);
    fixture_remove(spec.key);
}

static void a_run_whose_shim_was_killed_is_not_started_again(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("echo ran; exec sleep 1000"));
    struct run_result result;
    pid_t pid = fixture_start(&spec);
    fixture_wait_for(spec.key, "output", "ran");
    assert_true(rundir_is_locked(fixture_runs, spec.key));
    (void)kill(pid, SIGKILL);
    assert_int_equal(fixture_wait(pid), 128 + SIGKILL);
    assert_false(rundir_is_locked(fixture_runs, spec.key));
    assert_int_equal(fixture_wait(fixture_spawn(spec.key, false, NULL)), SHIM_EXIT_TAKEN);
    assert_int_equal(rundir_read_result(fixture_runs, spec.key, &result, NULL), RUNDIR_E_ABSENT);
    fixture_remove(spec.key);
}

static void asking_whether_a_run_is_locked_never_keeps_its_shim_away(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("exit 0"));
    assert_int_equal(rundir_create(fixture_runs, &spec, NULL), 0);
    struct buf path = fixture_path(spec.key, "lock");
    pid_t asker = fork();
    if (asker == 0)
        for (;;)
            (void)rundir_is_locked(fixture_runs, spec.key);
    assert_int_equal(fixture_wait(fixture_spawn(spec.key, false, NULL)), SHIM_EXIT_OK);
    (void)kill(asker, SIGKILL);
    (void)fixture_wait(asker);
    buf_deinit(&path);
    fixture_remove(spec.key);
}

static void the_shim_and_agent_files_name_the_processes(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("exec sleep 1000"));
    struct run_process shim, agent;
    char path[64], exe[64] = "";
    pid_t pid = fixture_start(&spec);
    fixture_wait_for(spec.key, "agent", "");
    assert_int_equal(rundir_read_process(fixture_runs, spec.key, "shim", &shim), 0);
    assert_int_equal(rundir_read_process(fixture_runs, spec.key, "agent", &agent), 0);
    assert_int_equal(shim.pid, pid);
    assert_int_equal(strlen(shim.boot_id), 36);
    assert_int_equal(agent.pgid, agent.pid);
    assert_int_equal(getsid((pid_t)agent.pid), agent.pid);
    assert_int_equal(getsid(pid), pid);
    (void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)agent.pid);
    assert_true(readlink(path, exe, sizeof(exe) - 1) > 0);
    assert_string_not_equal(exe, fixture_shim);
    (void)kill(pid, SIGUSR1);
    assert_int_equal(fixture_wait(pid), 0);
    assert_false(fixture_is_alive(agent.pid));
    fixture_remove(spec.key);
}

static void a_directory_without_a_spec_is_left_untouched(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("exit 0"));
    assert_int_equal(rundir_create(fixture_runs, &spec, NULL), 0);
    struct buf path = fixture_path(spec.key, "spec");
    int fd = open(path.p, O_WRONLY | O_TRUNC | O_CLOEXEC);
    (void)close(fd);
    assert_int_equal(fixture_wait(fixture_spawn(spec.key, false, NULL)), SHIM_EXIT_USAGE);
    (void)unlink(path.p);
    assert_int_equal(fixture_wait(fixture_spawn(spec.key, false, NULL)), SHIM_EXIT_IO);
    buf_deinit(&path);
    path = fixture_path(spec.key, "");
    assert_int_equal(rmdir(path.p), 0);
    buf_deinit(&path);
}

/* --- stopping it --- */

static void a_command_that_takes_too_long_is_stopped_and_the_cause_is_timeout(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("exec sleep 1000"));
    spec.timeout_ms = 50;
    struct run_result r = fixture_run(&spec);
    assert_int_equal(r.outcome, RUN_SIGNALED);
    assert_int_equal(r.signal, SIGTERM);
    assert_string_equal(r.cause, "timeout");
    assert_true(r.ended_at_us - r.started_at_us >= 50 * USEC_PER_MSEC);
    fixture_remove(spec.key);
}

static void cancel_sends_the_signal_of_the_profile_and_lets_the_command_finish(void **state)
{
    (void)state;
    struct run_spec spec =
        fixture_spec(SHELL("trap 'echo bye; exit 3' INT; echo ready; while :; do sleep 0.01; done"));
    struct buf text = BUF_INIT;
    spec.stop_signal = SIGINT;
    pid_t pid = fixture_start(&spec);
    fixture_wait_for(spec.key, "output", "ready");
    (void)kill(pid, SIGTERM);
    (void)kill(pid, SIGTERM);
    assert_int_equal(fixture_wait(pid), 0);
    struct run_result r = fixture_result(spec.key);
    assert_int_equal(r.outcome, RUN_EXITED);
    assert_int_equal(r.exit_code, 3);
    assert_string_equal(r.cause, "cancelled");
    fixture_text(spec.key, "output", false, &text);
    assert_string_equal(text.p, "ready\nbye\n");
    buf_deinit(&text);
    fixture_remove(spec.key);
}

static void after_the_grace_everything_is_killed(void **state)
{
    (void)state;
    struct run_spec spec =
        fixture_spec(SHELL("trap '' TERM INT; echo ready; setsid sleep 1000 & sleep 1000 & wait"));
    spec.grace_ms = 50;
    pid_t pid = fixture_start(&spec);
    fixture_wait_for(spec.key, "output", "ready");
    (void)kill(pid, SIGTERM);
    assert_int_equal(fixture_wait(pid), 0);
    struct run_result r = fixture_result(spec.key);
    assert_int_equal(r.outcome, RUN_SIGNALED);
    assert_int_equal(r.signal, SIGKILL);
    assert_string_equal(r.cause, "cancelled");
    assert_int_equal(fixture_count_marked(spec.key), 0);
    fixture_remove(spec.key);
}

static void a_hard_cancel_waits_for_no_grace(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("trap '' TERM INT; echo ready; sleep 1000 & wait"));
    spec.grace_ms = 3600000; /* the test would end first */
    pid_t pid = fixture_start(&spec);
    fixture_wait_for(spec.key, "output", "ready");
    (void)kill(pid, SIGTERM);
    (void)kill(pid, SIGUSR1);
    assert_int_equal(fixture_wait(pid), 0);
    struct run_result r = fixture_result(spec.key);
    assert_int_equal(r.signal, SIGKILL);
    assert_string_equal(r.cause, "cancelled");
    fixture_remove(spec.key);
}

static void a_stopped_command_can_be_cancelled(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("echo ready; kill -STOP $$; exit 4"));
    pid_t pid = fixture_start(&spec);
    fixture_wait_for(spec.key, "output", "ready");
    (void)kill(pid, SIGTERM);
    assert_int_equal(fixture_wait(pid), 0);
    struct run_result r = fixture_result(spec.key);
    assert_int_equal(r.signal, SIGTERM); /* not the SIGKILL that would follow the grace */
    assert_string_equal(r.cause, "cancelled");
    fixture_remove(spec.key);
}

static void a_hangup_does_not_end_the_shim(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("echo ready; until [ -e go ]; do sleep 0.01; done; exit 5"));
    struct buf dir = BUF_INIT, go = BUF_INIT;
    rundir_new_key(spec.key);
    buf_printf(&dir, "%s/%s", fixture_runs, spec.key);
    spec.workdir = dir.p;
    pid_t pid = fixture_start(&spec);
    fixture_wait_for(spec.key, "output", "ready");
    (void)kill(pid, SIGHUP);
    go = fixture_path(spec.key, "go");
    (void)close(open(go.p, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(fixture_wait(pid), 0);
    assert_int_equal(fixture_result(spec.key).exit_code, 5);
    assert_string_equal(fixture_result(spec.key).cause, "");
    buf_deinit(&dir);
    buf_deinit(&go);
    fixture_remove(spec.key);
}

/* --- nothing outlives it --- */

static int64_t killed_by(const char *script)
{
    struct run_spec spec = fixture_spec(SHELL((char *)script));
    struct run_result r = fixture_run(&spec);
    assert_int_equal(r.outcome, RUN_EXITED);
    assert_int_equal(r.exit_code, 6);
    assert_string_equal(r.cause, "");
    assert_int_equal(fixture_count_marked(spec.key), 0);
    fixture_remove(spec.key);
    return r.killed;
}

static void a_child_that_holds_the_pipe_open_does_not_keep_the_run_alive(void **state)
{
    (void)state;
    assert_int_equal(killed_by("sleep 1000 & exit 6"), 1);
}

static void a_daemon_in_a_session_of_its_own_is_ended(void **state)
{
    (void)state;
    assert_int_equal(killed_by("(setsid sleep 1000 </dev/null >/dev/null 2>&1 &) ; exit 6"), 1);
}

static void a_daemon_that_cleared_its_environment_is_ended(void **state)
{
    (void)state;
    char path[] = "/tmp/muster-pid-XXXXXX", script[256], text[32] = "";
    int fd = mkstemp(path);
    (void)snprintf(script, sizeof(script),
                   "(setsid env -i /bin/sh -c 'echo $$ > %s; exec /bin/sleep 1000' &); until [ -s %s ]; do "
                   ":; done; exit 6",
                   path, path);
    assert_int_equal(killed_by(script), 1);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    assert_false(fixture_is_alive(strtol(text, NULL, 10)));
    (void)close(fd);
    (void)unlink(path);
}

/* Starts `script` as a leftover with the argument 0; the command ends once that has made the file $0.on, so
 * that it is past its beginning.  Returns whether the file $0.survived is there at the end. */
static bool leftover_survives(const char *script)
{
    char path[] = "/tmp/muster-left-XXXXXX", on[64], survived[64], command[256];
    int fd = mkstemp(path);
    assert_int_equal(write(fd, script, strlen(script)), strlen(script));
    assert_int_equal(fchmod(fd, 0700), 0);
    (void)close(fd);
    (void)snprintf(on, sizeof(on), "%s.on", path);
    (void)snprintf(survived, sizeof(survived), "%s.survived", path);
    (void)snprintf(command, sizeof(command), "setsid %s 0 & until [ -e %s ]; do sleep 0.01; done; exit 6",
                   path, on);
    assert_true(killed_by(command) > 0);
    bool survives = access(survived, F_OK) == 0;
    (void)unlink(survived);
    (void)unlink(on);
    (void)unlink(path);
    return survives;
}

static void a_leftover_that_ignores_sigterm_is_killed(void **state)
{
    (void)state;
    assert_false(leftover_survives("#!/bin/sh\ntrap '' TERM INT HUP\n: > $0.on\nsleep 1000 & wait\n"));
}

static void a_leftover_has_a_moment_to_tidy_up(void **state)
{
    (void)state;
    assert_true(leftover_survives("#!/bin/sh\ntrap ': > $0.survived; exit' TERM\n: > $0.on\n"
                                  "while :; do sleep 0.01; done\n"));
}

/* Each forks the next, in a new session, and leaves: whoever is seen is gone before the signal comes.  A
 * chain that is not broken ends after some seconds and says so. */
static void a_process_that_hops_from_fork_to_fork_loses(void **state)
{
    (void)state;
    assert_false(leftover_survives("#!/bin/sh\ntrap '' TERM\n[ $1 -lt 10000 ] && setsid $0 $(($1+1)) &\n"
                                   "[ $1 -ne 3 ] || : > $0.on\n"
                                   "[ $1 -lt 10000 ] || : > $0.survived\n"));
}

/* 255 in eight generations, each in a session of its own. */
static void leftovers_that_multiply_are_ended_to_the_last(void **state)
{
    (void)state;
    assert_false(leftover_survives("#!/bin/sh\ntrap '' TERM\n[ $1 -ne 2 ] || : > $0.on\n"
                                   "[ $1 -lt 7 ] && { setsid $0 $(($1+1)) & setsid $0 $(($1+1)) & }\n"
                                   "sleep 1000; : > $0.survived\n"));
}

static void a_process_outside_the_tree_that_carries_the_mark_is_ended(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("exit 0"));
    char mark[64];
    int ready[2];
    char byte;
    (void)snprintf(mark, sizeof(mark), "MUSTER_RUN=%s", spec.key);
    assert_int_equal(rundir_create(fixture_runs, &spec, NULL), 0);
    pid_t shim = fork();
    if (shim == 0) { /* so that the shim is older than the stray: what is older is not of the run */
        (void)raise(SIGSTOP);
        struct buf dir = fixture_path(spec.key, "");
        (void)execl(fixture_shim, "muster-shim", dir.p, (char *)NULL);
        _exit(99);
    }
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t stray = fork();
    if (stray == 0) {
        (void)execle("/bin/sleep", "sleep", "1000", (char *)NULL, (char *[]){mark, NULL});
        _exit(99);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 0); /* exec has closed its end */
    (void)close(ready[0]);
    (void)waitpid(shim, NULL, WUNTRACED);
    (void)kill(shim, SIGCONT);
    assert_int_equal(fixture_wait(stray), 128 + SIGTERM);
    assert_int_equal(fixture_wait(shim), 0);
    assert_int_equal(fixture_result(spec.key).killed, 1);
    fixture_remove(spec.key);
}

static void a_run_has_a_cgroup_of_its_own_where_the_kernel_lets_us(void **state)
{
    (void)state;
    static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    struct run_spec spec = fixture_spec(SHELL("tail -1 /proc/self/cgroup; setsid sleep 1000 & exit 6"));
    struct buf text = BUF_INIT, path = BUF_INIT;
    char parent[64] = "";
    for (size_t i = 0; i < COUNT_OF(roots) && !parent[0]; i++) {
        (void)snprintf(parent, sizeof(parent), "%s/muster-test-%d", roots[i], (int)getpid());
        buf_clear(&path);
        buf_printf(&path, "%s/cgroup.procs", parent);
        if (mkdir(parent, 0755) < 0 || access(path.p, W_OK) < 0) {
            (void)rmdir(parent);
            parent[0] = '\0';
        }
    }
    if (!parent[0]) {
        print_message("LEFT OUT: no cgroup v2 that we may write to\n");
        buf_deinit(&path);
        skip();
    }
    spec.cgroup = parent;
    struct run_result r = fixture_run(&spec);
    assert_int_equal(r.exit_code, 6);
    assert_int_equal(r.killed, 1);
    fixture_text(spec.key, "output", false, &text);
    buf_clear(&path);
    buf_printf(&path, "/" RUN_CGROUP_PREFIX "%s\n", spec.key);
    assert_true(str_ends_with(buf_str(&text), buf_str(&path)));
    assert_int_equal(rmdir(parent), 0); /* the run's own is gone */
    buf_deinit(&text);
    buf_deinit(&path);
    fixture_remove(spec.key);
}

static void a_cgroup_that_cannot_be_made_does_not_stop_the_run(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("exit 6"));
    spec.cgroup = "/proc/self";
    assert_int_equal(fixture_run(&spec).exit_code, 6);
    fixture_remove(spec.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_code_of_the_command_is_the_result),
        cmocka_unit_test(the_signal_that_ended_the_command_is_the_result),
        cmocka_unit_test(a_command_that_cannot_be_started_says_why),
        cmocka_unit_test(a_script_without_an_interpreter_is_not_given_to_a_shell),
        cmocka_unit_test(the_command_is_searched_in_the_path_of_the_spec),
        cmocka_unit_test(the_times_lie_within_the_run_and_cpu_is_that_of_the_whole_tree),
        cmocka_unit_test(the_environment_is_exactly_the_specs_and_the_mark),
        cmocka_unit_test(the_command_has_a_session_no_terminal_clean_signals_and_no_stray_fd),
        cmocka_unit_test(stdin_is_the_file_that_the_spec_names),
        cmocka_unit_test(two_shims_on_one_directory_run_the_command_once),
        cmocka_unit_test(a_run_whose_shim_was_killed_is_not_started_again),
        cmocka_unit_test(asking_whether_a_run_is_locked_never_keeps_its_shim_away),
        cmocka_unit_test(the_shim_and_agent_files_name_the_processes),
        cmocka_unit_test(a_directory_without_a_spec_is_left_untouched),
        cmocka_unit_test(a_command_that_takes_too_long_is_stopped_and_the_cause_is_timeout),
        cmocka_unit_test(cancel_sends_the_signal_of_the_profile_and_lets_the_command_finish),
        cmocka_unit_test(after_the_grace_everything_is_killed),
        cmocka_unit_test(a_hard_cancel_waits_for_no_grace),
        cmocka_unit_test(a_stopped_command_can_be_cancelled),
        cmocka_unit_test(a_hangup_does_not_end_the_shim),
        cmocka_unit_test(a_child_that_holds_the_pipe_open_does_not_keep_the_run_alive),
        cmocka_unit_test(a_daemon_in_a_session_of_its_own_is_ended),
        cmocka_unit_test(a_daemon_that_cleared_its_environment_is_ended),
        cmocka_unit_test(a_leftover_that_ignores_sigterm_is_killed),
        cmocka_unit_test(a_leftover_has_a_moment_to_tidy_up),
        cmocka_unit_test(a_process_that_hops_from_fork_to_fork_loses),
        cmocka_unit_test(leftovers_that_multiply_are_ended_to_the_last),
        cmocka_unit_test(a_process_outside_the_tree_that_carries_the_mark_is_ended),
        cmocka_unit_test(a_run_has_a_cgroup_of_its_own_where_the_kernel_lets_us),
        cmocka_unit_test(a_cgroup_that_cannot_be_made_does_not_stop_the_run),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
