/* test_procfs_live.c -- real processes: what they say of themselves by times(2) is the peer. */
#include "io/procfs.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_US (60 * USEC)
#define USEC INT64_C(1000000)

/* A process that does its work, reports, and then lives until `hold` is closed. */
struct subject {
    pid_t pid;
    int report_fd, hold_fd;
};
struct report {
    struct tms times;
    int64_t pid; /* of whom the test asks, when it is another */
};
struct pipes {
    int report_fd, hold_fd;
    pid_t free_pid; /* for lives_on_waiting */
};

static struct procfs *procfs;

static int set_up(void **state)
{
    (void)state;
    procfs = procfs_new("/proc");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    procfs = procfs_free(procfs);
    return 0;
}

static int64_t clock_us(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) < 0)
        abort();
    return t.tv_sec * USEC + t.tv_nsec / 1000;
}

static void burn(int64_t us)
{
    int64_t until = clock_us(CLOCK_PROCESS_CPUTIME_ID) + us;
    while (clock_us(CLOCK_PROCESS_CPUTIME_ID) < until)
        ;
}

static void report(const struct pipes *pipes, int64_t pid)
{
    struct report r = {.pid = pid};
    (void)times(&r.times);
    if (write(pipes->report_fd, &r, sizeof(r)) != sizeof(r))
        _exit(1);
}

static void hold(const struct pipes *pipes)
{
    char c;
    (void)!read(pipes->hold_fd, &c, 1);
}

/* Forks a child for `body`; ends with it. */
static pid_t fork_body(void (*body)(const struct pipes *), const struct pipes *pipes)
{
    pid_t pid = fork();
    if (pid == 0) {
        body(pipes);
        _exit(0);
    }
    return pid;
}

static struct subject start(void (*body)(const struct pipes *), pid_t free_pid)
{
    int reports[2], holds[2];
    assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
    assert_int_equal(pipe2(holds, O_CLOEXEC), 0);
    struct subject s = {.report_fd = reports[0], .hold_fd = holds[1]};
    s.pid = fork();
    assert_true(s.pid >= 0);
    if (s.pid == 0) {
        (void)close(holds[1]);
        body(&(struct pipes){reports[1], holds[0], free_pid});
        _exit(0);
    }
    (void)close(reports[1]);
    (void)close(holds[0]);
    return s;
}

static bool has_reported(const struct subject *s, int timeout_ms)
{
    struct pollfd p = {.fd = s->report_fd, .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1;
}

static struct report await_report(const struct subject *s)
{
    struct report r;
    assert_true(has_reported(s, (int)(DEADLINE_US / 1000)));
    assert_int_equal(read(s->report_fd, &r, sizeof(r)), sizeof(r));
    return r;
}

static void end(struct subject *s)
{
    (void)close(s->hold_fd);
    (void)close(s->report_fd);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

static void scan(void)
{
    int64_t errors = -1;
    assert_int_equal(procfs_scan(procfs, &errors), 0);
    assert_int_equal(errors, 0);
}

static int64_t start_ticks(int64_t pid)
{
    const struct procfs_process *p = procfs_find(procfs, pid);
    assert_non_null(p);
    return p->start_ticks;
}

/* CPU ticks of the tree of a live process. */
static struct procfs_tree tree_of(int64_t pid)
{
    struct procfs_tree tree = {0};
    assert_true(procfs_tree(procfs, pid, start_ticks(pid), -1, -1, &tree));
    return tree;
}

static int64_t own_ticks(const struct report *r)
{
    return r->times.tms_utime + r->times.tms_stime;
}

static int64_t all_ticks(const struct report *r)
{
    return own_ticks(r) + r->times.tms_cutime + r->times.tms_cstime;
}

/* What the kernel says of the processes at and below pid, read once more by other means. */
struct peer {
    int64_t own, reaped; /* ticks: used, and of children that were waited for */
    int64_t threads;
};

static void peer_add(pid_t pid, struct peer *sum)
{
    char path[64], text[1024];
    long long ticks[4], threads;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    (void)fclose(f);
    text[n] = '\0';
    const char *rest = strrchr(text, ')');
    assert_non_null(rest);
    assert_int_equal(sscanf(rest,
                            ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %lld %lld %*d %*d %lld",
                            &ticks[0], &ticks[1], &ticks[2], &ticks[3], &threads),
                     5);
    sum->own += ticks[0] + ticks[1];
    sum->reaped += ticks[2] + ticks[3];
    sum->threads += threads;
}

static void peer_add_tree(pid_t pid, struct peer *sum)
{
    char path[64];
    int child;
    peer_add(pid, sum);
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fscanf(f, "%d", &child) == 1)
        peer_add_tree(child, sum);
    (void)fclose(f);
}

static struct peer peer_of(pid_t pid)
{
    struct peer sum = {0};
    peer_add_tree(pid, &sum);
    return sum;
}

/* Reporting itself may cost a tick, in user and in system time. */
#define assert_ticks(seen, said) assert_in_range((seen) - (said), 0, 2)

static void burns_under_a_weird_name(const struct pipes *pipes)
{
    (void)prctl(PR_SET_NAME, "we) ird (name");
    burn(300000);
    report(pipes, 0);
    hold(pipes);
}

static void a_name_with_parentheses_does_not_move_the_ticks(void **state)
{
    (void)state;
    struct subject s = start(burns_under_a_weird_name, 0);
    struct report r = await_report(&s);
    scan();
    const struct procfs_process *p = procfs_find(procfs, s.pid);
    assert_non_null(p);
    assert_int_equal(p->ppid, getpid());
    assert_true(own_ticks(&r) >= sysconf(_SC_CLK_TCK) / 4);
    assert_ticks(p->utime + p->stime, own_ticks(&r));
    assert_ticks(tree_of(s.pid).cpu_ticks, own_ticks(&r));
    assert_int_equal(procfs_start_ticks("/proc", s.pid), p->start_ticks);
    end(&s);
}

static void burns_and_ends(const struct pipes *pipes)
{
    (void)pipes;
    burn(200000);
}

static void compiles_twice_and_waits(const struct pipes *pipes)
{
    for (int i = 0; i < 2; i++)
        (void)waitpid(fork_body(burns_and_ends, pipes), NULL, 0);
}

/* agent -> make -> two compilers: all have ended when the agent reports. */
static void runs_a_compile(const struct pipes *pipes)
{
    (void)waitpid(fork_body(compiles_twice_and_waits, pipes), NULL, 0);
    report(pipes, 0);
    hold(pipes);
}

static void a_compile_that_was_waited_for_counts_once(void **state)
{
    (void)state;
    struct subject s = start(runs_a_compile, 0);
    struct report r = await_report(&s);
    scan();
    assert_true(all_ticks(&r) >= sysconf(_SC_CLK_TCK) * 39 / 100);
    assert_true(own_ticks(&r) <= 5);
    assert_ticks(tree_of(s.pid).cpu_ticks, all_ticks(&r));
    assert_int_equal(tree_of(s.pid).processes, 1);
    end(&s);
}

static void burns_and_holds(const struct pipes *pipes)
{
    burn(200000);
    report(pipes, getpid());
    hold(pipes);
}

static void starts_a_tool_in_a_session_of_its_own(const struct pipes *pipes)
{
    pid_t tool = fork();
    if (tool == 0) {
        (void)setsid();
        burns_and_holds(pipes);
        _exit(0);
    }
    hold(pipes);
    (void)waitpid(tool, NULL, 0);
}

static void a_live_tool_in_its_own_session_belongs_to_the_tree(void **state)
{
    (void)state;
    struct subject s = start(starts_a_tool_in_a_session_of_its_own, 0);
    struct report r = await_report(&s);
    scan();
    struct procfs_tree tree = tree_of(s.pid);
    assert_ticks(tree.cpu_ticks - tree_of(r.pid).cpu_ticks,
                 0); /* what the agent itself used: next to nothing */
    assert_ticks(tree_of(r.pid).cpu_ticks, own_ticks(&r));
    assert_int_equal(tree.processes, 2);
    assert_int_equal(tree.threads, peer_of(s.pid).threads); /* a sanitizer has threads of its own */
    assert_true(tree.rss_bytes > tree_of(r.pid).rss_bytes);
    end(&s);
}

static void leaves_an_orphan_that_burns_and_ends(const struct pipes *pipes)
{
    (void)fork_body(burns_and_ends, pipes);
}

static void leaves_an_orphan_that_stays(const struct pipes *pipes)
{
    (void)fork_body(hold, pipes);
}

static void leaves_orphans(const struct pipes *pipes)
{
    (void)waitpid(fork_body(leaves_an_orphan_that_burns_and_ends, pipes), NULL, 0);
    (void)waitpid(fork_body(leaves_an_orphan_that_stays, pipes), NULL, 0);
    hold(pipes);
}

static void is_a_shim(const struct pipes *pipes)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    burn(300000);
    pid_t agent = fork_body(leaves_orphans, pipes);
    (void)waitpid(-1, NULL, 0); /* the orphan that ends; the others stay */
    report(pipes, agent);
    hold(pipes);
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

/* All that the shim has ever had below it. */
static int64_t below(pid_t shim)
{
    struct peer all = peer_of(shim), itself = {0};
    peer_add(shim, &itself);
    return all.own + all.reaped - itself.own;
}

static void orphans_that_the_shim_reaped_count_and_the_shim_does_not(void **state)
{
    (void)state;
    struct subject s = start(is_a_shim, 0);
    struct report r = await_report(&s);
    int64_t orphan_ticks = r.times.tms_cutime + r.times.tms_cstime;
    assert_true(orphan_ticks >= sysconf(_SC_CLK_TCK) * 19 / 100);
    struct procfs_tree tree;
    do /* until the second orphan has come to the shim */
        scan();
    while (tree_of(s.pid).processes < 3 || tree_of(r.pid).processes > 1);
    int64_t least = below(s.pid);
    scan();
    assert_true(procfs_tree(procfs, r.pid, start_ticks(r.pid), s.pid, start_ticks(s.pid), &tree));
    assert_in_range(tree.cpu_ticks, MAX(least, orphan_ticks), below(s.pid));
    assert_int_equal(tree.processes, 2); /* the agent and the orphan that stays */
    end(&s);
}

static void a_wrong_start_time_is_another_process(void **state)
{
    (void)state;
    scan();
    int64_t ticks = start_ticks(getpid());
    struct procfs_tree tree = {.cpu_ticks = -7};
    assert_true(ticks > 0);
    assert_false(procfs_tree(procfs, getpid(), ticks + 1, -1, -1, &tree));
    assert_false(procfs_tree(procfs, getpid(), ticks - 1, -1, -1, &tree));
    assert_false(procfs_tree(procfs, INT32_MAX, ticks, -1, -1, &tree));
    assert_int_equal(tree.cpu_ticks, -7);
    assert_true(procfs_tree(procfs, getpid(), ticks, -1, -1, &tree));
}

static int64_t ticks_below_us(void)
{
    const struct procfs_process *us = procfs_find(procfs, getpid());
    return tree_of(getpid()).cpu_ticks - us->utime - us->stime;
}

static void a_zombie_is_not_alive(void **state)
{
    (void)state;
    pid_t pid = fork_body(burns_and_ends, NULL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    scan();
    const struct procfs_process *p = procfs_find(procfs, pid);
    assert_non_null(p);
    assert_int_equal(p->state, 'Z');
    struct procfs_tree tree;
    assert_false(procfs_tree(procfs, pid, p->start_ticks, -1, -1, &tree));
    assert_int_equal(procfs_start_ticks("/proc", pid), -1);
    int64_t before = ticks_below_us(); /* with the zombie's: they are nobody else's yet */
    assert_true(before >= sysconf(_SC_CLK_TCK) * 19 / 100);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    scan();
    assert_null(procfs_find(procfs, pid));
    assert_ticks(ticks_below_us(), before);
}

static void *reports_and_holds(void *context)
{
    report(context, getpid());
    hold(context);
    _exit(0);
}

static void ends_its_first_thread(const struct pipes *pipes)
{
    static struct pipes copy;
    pthread_t thread;
    copy = *pipes;
    if (pthread_create(&thread, NULL, reports_and_holds, &copy) == 0)
        pthread_exit(NULL);
}

static void a_process_whose_first_thread_ended_is_alive(void **state)
{
    (void)state;
    struct subject s = start(ends_its_first_thread, 0);
    (void)await_report(&s);
    do
        scan();
    while (procfs_find(procfs, s.pid)->state != 'Z');
    assert_int_equal(tree_of(s.pid).processes, 1);
    assert_int_equal(procfs_start_ticks("/proc", s.pid), start_ticks(s.pid));
    end(&s);
}

/* fork() that gets a pid of one's choice, which needs privileges; or any, with 0. */
static pid_t fork_as(pid_t pid)
{
    struct clone_args args = {.exit_signal = SIGCHLD};
    if (pid > 0) {
        args.set_tid = (uint64_t)(uintptr_t)&pid;
        args.set_tid_size = 1;
    }
    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static bool can_choose_pids(void)
{
    pid_t pid = fork_body(hold, &(struct pipes){.hold_fd = -1});
    (void)waitpid(pid, NULL, 0);
    pid_t again = fork_as(pid);
    if (again == 0)
        _exit(0);
    if (again > 0)
        (void)waitpid(again, NULL, 0);
    else
        print_message("LEFT OUT: this user may not choose the pid of a child: %s\n", strerror(errno));
    return again == pid;
}

static void a_pid_that_the_kernel_gave_again_is_another_process(void **state)
{
    (void)state;
    if (!can_choose_pids())
        skip();
    struct subject s = start(burns_and_holds, 0);
    (void)await_report(&s);
    scan(); /* keeps the file of the first */
    int64_t first = start_ticks(s.pid);
    pid_t pid = s.pid;
    assert_true(tree_of(pid).cpu_ticks >= sysconf(_SC_CLK_TCK) * 19 / 100);
    end(&s);
    int64_t tick_us = USEC / sysconf(_SC_CLK_TCK);
    while (clock_us(CLOCK_BOOTTIME) / tick_us <= first)
        ;
    int holds[2];
    assert_int_equal(pipe2(holds, O_CLOEXEC), 0);
    pid_t again = fork_as(pid);
    if (again == 0) {
        (void)close(holds[1]);
        hold(&(struct pipes){.hold_fd = holds[0]});
        _exit(0);
    }
    assert_int_equal(again, pid);
    scan();
    struct procfs_tree tree;
    assert_false(procfs_tree(procfs, pid, first, -1, -1, &tree));
    assert_true(start_ticks(pid) > first);
    assert_true(tree_of(pid).cpu_ticks <= 2);
    (void)close(holds[1]);
    (void)close(holds[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#define COMPILES 60
#define NEIGHBOURS 300

/* Children that end all the time, among neighbours that make a scan take long. */
static void lives_on_waiting(const struct pipes *pipes)
{
    for (int i = 0; i < NEIGHBOURS; i++)
        (void)fork_body(hold, pipes);
    for (int i = 0; i < COMPILES; i++) {
        pid_t pid = fork_as(pipes->free_pid);
        if (pid < 0) /* somebody has it just now */
            pid = fork_as(0);
        if (pid == 0) {
            burn(15000);
            _exit(0);
        }
        if (pid < 0 || waitpid(pid, NULL, 0) != pid)
            _exit(1);
    }
    report(pipes, 0);
    hold(pipes);
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void assert_ticks_never_go_back(pid_t free_pid)
{
    struct subject s = start(lives_on_waiting, free_pid);
    int64_t before = 0;
    while (!has_reported(&s, 0)) {
        scan();
        int64_t ticks = tree_of(s.pid).cpu_ticks;
        assert_true(ticks >= before);
        before = ticks;
    }
    struct report r = await_report(&s);
    struct peer least = peer_of(s.pid);
    scan();
    struct peer most = peer_of(s.pid);
    assert_true(tree_of(s.pid).cpu_ticks >= all_ticks(&r));
    assert_in_range(tree_of(s.pid).cpu_ticks, least.own + least.reaped, most.own + most.reaped);
    end(&s);
}

static void ticks_never_go_back_when_children_end_during_a_scan(void **state)
{
    (void)state;
    assert_ticks_never_go_back(0);
}

/* Read before the parent, as after the pids have wrapped round: then what goes wrong is counting twice. */
static void ticks_never_go_back_when_children_have_lower_pids(void **state)
{
    (void)state;
    if (!can_choose_pids())
        skip();
    pid_t low = fork_body(hold, &(struct pipes){.hold_fd = -1});
    assert_int_equal(waitpid(low, NULL, 0), low);
    assert_ticks_never_go_back(low);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_with_parentheses_does_not_move_the_ticks),
        TEST(a_compile_that_was_waited_for_counts_once),
        TEST(a_live_tool_in_its_own_session_belongs_to_the_tree),
        TEST(orphans_that_the_shim_reaped_count_and_the_shim_does_not),
        TEST(a_wrong_start_time_is_another_process),
        TEST(a_zombie_is_not_alive),
        TEST(a_process_whose_first_thread_ended_is_alive),
        TEST(a_pid_that_the_kernel_gave_again_is_another_process),
        TEST(ticks_never_go_back_when_children_end_during_a_scan),
        TEST(ticks_never_go_back_when_children_have_lower_pids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
