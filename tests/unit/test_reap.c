/* test_reap.c -- when the shim itself is killed, nothing of its run stays, and nobody else is hit. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/reap.h"
#include "shim_fixture.h"

#include <sys/prctl.h>

struct lost { /* a run whose shim was killed */
    struct run_process shim, agent;
    int64_t pids[8]; /* numbers that its command printed, one a line */
    size_t count;
};

static void read_pids(const char *key, struct lost *l)
{
    struct buf text = BUF_INIT;
    fixture_text(key, "output", false, &text);
    struct str rest = buf_str(&text), line = {0};
    while (rest.n > 0 && l->count < COUNT_OF(l->pids) && str_split(&rest, '\n', &line))
        if (line.n > 0 && line.p[0] >= '1' && line.p[0] <= '9')
            l->pids[l->count++] = strtol(line.p, NULL, 10);
    buf_deinit(&text);
}

/* Runs `spec` until its output says "ready" and kills the shim alone. */
static struct lost lose(const struct run_spec *spec)
{
    struct lost l = {0};
    pid_t pid = fixture_start(spec);
    fixture_wait_for(spec->key, "output", "ready");
    fixture_wait_for(spec->key, "agent", "");
    read_pids(spec->key, &l);
    assert_int_equal(rundir_read_process(fixture_runs, spec->key, "shim", &l.shim), 0);
    assert_int_equal(rundir_read_process(fixture_runs, spec->key, "agent", &l.agent), 0);
    assert_true(run_has_live_process(spec->key, &l.shim, &l.agent));
    (void)kill(pid, SIGKILL);
    assert_int_equal(fixture_wait(pid), 128 + SIGKILL);
    return l;
}

static int64_t reap(const char *key, const struct lost *l)
{
    int64_t killed = -1;
    assert_false(rundir_is_locked(fixture_runs, key));
    assert_int_equal(run_reap_lost(fixture_runs, key, &l->shim, &l->agent, &killed), 0);
    assert_false(run_has_live_process(key, &l->shim, &l->agent));
    return killed;
}

/* The script prints the pids of all whom it starts, then "ready".  All must be gone after, whoever they are.
 */
static void assert_reaped(const char *script, int64_t least_killed)
{
    struct run_spec spec = fixture_spec(SHELL((char *)script));
    struct lost l = lose(&spec);
    assert_true(l.count > 0);
    assert_true(reap(spec.key, &l) >= least_killed);
    for (size_t i = 0; i < l.count; i++)
        assert_false(fixture_is_alive(l.pids[i]));
    assert_int_equal(fixture_count_marked(spec.key), 0);
    fixture_remove(spec.key);
}

static void a_command_alone_dies_with_its_shim(void **state)
{
    (void)state;
    assert_reaped("echo $$; echo ready; exec sleep 1000", 0);
}

static void its_children_are_found_though_their_parent_is_gone(void **state)
{
    (void)state;
    assert_reaped("sleep 1000 & echo $!; sleep 1000 & echo $!; echo ready; wait", 2);
}

static void a_daemon_with_a_session_of_its_own_is_found_by_its_mark(void **state)
{
    (void)state;
    assert_reaped("setsid sh -c 'echo $$; echo ready; exec sleep 1000' & wait", 1);
}

static void a_process_without_the_mark_is_found_by_the_session_of_its_command(void **state)
{
    (void)state;
    assert_reaped("env -i /bin/sleep 1000 & echo $!; echo ready; wait", 1);
}

static void what_ignores_every_signal_but_one_is_ended(void **state)
{
    (void)state;
    assert_reaped(
        "trap '' TERM INT HUP; (trap '' TERM INT HUP; sleep 1000; sleep 1000) & echo $!; echo ready; wait",
        1);
}

static void children_of_those_who_are_found_are_ended_too(void **state)
{
    (void)state;
    /* The parent carries the mark, its child neither mark nor session. */
    assert_reaped("setsid sh -c 'setsid env -i /bin/sh -c \"echo \\$\\$; echo ready; exec /bin/sleep 1000\" "
                  "& wait' & wait",
                  2);
}

static void a_stopped_process_is_ended(void **state)
{
    (void)state;
    assert_reaped("sleep 1000 & echo $!; kill -STOP $!; echo ready; wait", 1);
}

static void a_run_of_which_nothing_lives_has_nobody_killed(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("echo ready; exec sleep 1000"));
    struct lost l = lose(&spec);
    (void)reap(spec.key, &l);
    assert_int_equal(reap(spec.key, &l), 0);
    fixture_remove(spec.key);
}

/* --- nobody else is hit --- */

static pid_t start_bystander(void)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)setsid();
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody */
        (void)execle("/bin/sleep", "sleep", "1000", (char *)NULL, (char *[]){"A=1", NULL});
        _exit(99);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 0);
    (void)close(ready[0]);
    return pid;
}

static int64_t ticks_of(pid_t pid)
{
    char path[64], line[512] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, line, sizeof(line) - 1) > 0);
    (void)close(fd);
    char *at = strrchr(line, ')') + 1;
    for (int field = 3; field < 22; field++)
        at = strchr(at + 1, ' ');
    return strtoll(at, NULL, 10);
}

static void a_pid_that_was_given_to_another_is_not_hit(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("echo ready; exec sleep 1000"));
    struct lost l = lose(&spec);
    (void)reap(spec.key, &l);
    pid_t bystander = start_bystander();
    l.agent.pid = l.agent.pgid = l.shim.pid = bystander; /* with the start times of those who had it before */
    l.shim.start_ticks = l.agent.start_ticks = ticks_of(bystander) - 1;
    assert_int_equal(reap(spec.key, &l), 0);
    assert_true(fixture_is_alive(bystander));
    l.agent.start_ticks++; /* and with its own it would have been: the test can fail */
    assert_int_equal(reap(spec.key, &l), 1);
    assert_int_equal(fixture_wait(bystander), 128 + SIGKILL);
    fixture_remove(spec.key);
}

static void pids_of_an_earlier_boot_are_nobody(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("echo ready; exec sleep 1000"));
    struct lost l = lose(&spec);
    (void)reap(spec.key, &l);
    pid_t bystander = start_bystander();
    l.agent = (struct run_process){.pid = bystander, .start_ticks = ticks_of(bystander), .pgid = bystander};
    (void)snprintf(l.shim.boot_id, sizeof(l.shim.boot_id), "00000000-0000-0000-0000-000000000000");
    assert_int_equal(reap(spec.key, &l), 0);
    assert_true(fixture_is_alive(bystander));
    (void)kill(bystander, SIGKILL);
    (void)fixture_wait(bystander);
    fixture_remove(spec.key);
}

static void another_run_is_not_hit(void **state)
{
    (void)state;
    struct run_spec other = fixture_spec(SHELL("sleep 1000 & echo ready; wait")), spec = other;
    rundir_new_key(spec.key);
    pid_t pid = fixture_start(&other);
    fixture_wait_for(other.key, "output", "ready");
    while (fixture_count_marked(other.key) != 2) /* one that is between fork and exec has no environment */
        (void)poll(NULL, 0, 10);
    struct lost l = lose(&spec);
    assert_true(reap(spec.key, &l) >= 1);
    assert_int_equal(fixture_count_marked(other.key), 2);
    (void)kill(pid, SIGUSR1);
    assert_int_equal(fixture_wait(pid), 0);
    fixture_remove(spec.key);
    fixture_remove(other.key);
}

static void a_zombie_is_not_a_live_process(void **state)
{
    (void)state;
    struct run_spec spec = fixture_spec(SHELL("echo ready; exec sleep 1000"));
    struct lost l = lose(&spec);
    (void)reap(spec.key, &l);
    pid_t pid = start_bystander();
    struct run_process agent = {.pid = pid, .start_ticks = ticks_of(pid), .pgid = pid};
    assert_true(run_has_live_process(spec.key, &l.shim, &agent));
    (void)kill(pid, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(run_has_live_process(spec.key, &l.shim, &agent));
    (void)fixture_wait(pid);
    fixture_remove(spec.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_alone_dies_with_its_shim),
        cmocka_unit_test(its_children_are_found_though_their_parent_is_gone),
        cmocka_unit_test(a_daemon_with_a_session_of_its_own_is_found_by_its_mark),
        cmocka_unit_test(a_process_without_the_mark_is_found_by_the_session_of_its_command),
        cmocka_unit_test(what_ignores_every_signal_but_one_is_ended),
        cmocka_unit_test(children_of_those_who_are_found_are_ended_too),
        cmocka_unit_test(a_stopped_process_is_ended),
        cmocka_unit_test(a_run_of_which_nothing_lives_has_nobody_killed),
        cmocka_unit_test(a_pid_that_was_given_to_another_is_not_hit),
        cmocka_unit_test(pids_of_an_earlier_boot_are_nobody),
        cmocka_unit_test(another_run_is_not_hit),
        cmocka_unit_test(a_zombie_is_not_a_live_process),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
