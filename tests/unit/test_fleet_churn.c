/* test_fleet_churn.c -- 100,000 looks while processes and agents come and go: no descriptor and no memory is
 * left behind (spec 99, issue 6).
 *
 * The fleet, its sampler and its events are the real ones; /proc is a folder of our own, bound over the real
 * one in a mount namespace that a child of this test has for itself.  What it leaves is counted without
 * /proc: descriptors by asking for each number, memory by the allocator. */
#include "node/fleet/fleet_internal.h"

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LOOKS 100000
#define WARM_UP 2000
#define IDENTITIES 32 /* two for each pid: a pid is used again by somebody else */
#define FIRST_PID 100
#define AGENT_EVERY 32 /* of the identities, one in so many is an agent CLI */
#define CHANGES 1      /* identities that come or go before each look */
#define DESCRIPTORS_MAX 4096
#define NO_NAMESPACE 77
#define LEAK 78
#define GROWTH_BYTES ((int64_t)64 << 10)

static char root[64];
static int root_fd;
static bool present[IDENTITIES];

static int pid_of(int identity)
{
    return FIRST_PID + identity / 2;
}

static bool is_agent(int identity)
{
    return identity % AGENT_EVERY == 0;
}

static void put(const char *directory, const char *name, const char *bytes, size_t n)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    assert_int_equal(close(fd), 0);
}

static void make_link(const char *directory, const char *name, const char *target)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    assert_int_equal(symlink(target, path), 0);
}

static void make_folder(const char *directory, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_identity(int identity)
{
    char directory[128], line[256];
    const char *name = is_agent(identity) ? "claude" : "cc1";
    (void)snprintf(directory, sizeof(directory), "%s/away/%d", root, identity);
    assert_int_equal(mkdir(directory, 0700), 0);
    int n = snprintf(
        line, sizeof(line),
        "%d (%s) S 1 %d %d 0 -1 4194304 5 0 0 0 7 7 0 0 20 0 1 0 %d 4096000 500 18446744073709551615\n",
        pid_of(identity), name, pid_of(identity), pid_of(identity), 1000 + identity);
    put(directory, "stat", line, (size_t)n);
    n = snprintf(line, sizeof(line), "/usr/bin/%s%c--flag", name, 0);
    put(directory, "cmdline", line, (size_t)n + 1);
    put(directory, "environ", "HOME=/nonexistent", 18);
    (void)snprintf(line, sizeof(line), "/usr/bin/%s", name);
    make_link(directory, "exe", line);
    make_link(directory, "cwd", "/nonexistent/folder");
    make_folder(directory, "fd");
    make_link(directory, "fd/0", "pipe:[1]");
    make_link(directory, "fd/1", "socket:[2]");
    make_folder(directory, "ns");
    make_link(directory, "ns/net", "net:[3]");
    make_folder(directory, "net");
    put(directory, "net/tcp", "  sl\n", 5);
    make_folder(directory, "task");
    make_folder(directory, "task/1");
    put(directory, "task/1/wchan", "anon_pipe_read", 14);
}

/* Into the fake /proc or out of it. */
static void change(int identity)
{
    char here[32], away[32];
    if (!present[identity] && present[identity ^ 1])
        change(identity ^ 1); /* its pid is somebody else's */
    (void)snprintf(here, sizeof(here), "proc/%d", pid_of(identity));
    (void)snprintf(away, sizeof(away), "away/%d", identity);
    assert_int_equal(present[identity] ? renameat(root_fd, here, root_fd, away)
                                       : renameat(root_fd, away, root_fd, here),
                     0);
    present[identity] = !present[identity];
}

static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* The events that are kept are no leak: they are full from the beginning, of such as agents make. */
static void fill(struct events *events)
{
    char event[200];
    (void)snprintf(event, sizeof(event), "{\"filler\":\"%0145d\"}", 0);
    for (int i = 0; i < EVENTS_KEPT; i++)
        events_publish(events, "event.agent.verdict", str_of(event));
}

static void no_runs(void *context, struct arena *a, struct fleet_run **ret, size_t *ret_count)
{
    (void)context;
    (void)a;
    *ret = NULL;
    *ret_count = 0;
}

static void look(uv_loop_t *loop, struct fleet *f)
{
    look_start(f);
    do
        (void)uv_run(loop, UV_RUN_ONCE);
    while (f->look);
}

/* Those that ended are shown for a quarter of an hour; here it is over at once. */
static void age_the_dead(struct fleet *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->order[i]->gone_us)
            f->order[i]->gone_us = clock_monotonic_us() - FLEET_GONE_US - 1;
}

static void looks(uv_loop_t *loop, struct fleet *f, uint32_t *random, int64_t count, int64_t *ret_agents)
{
    for (int64_t i = 0; i < count; i++) {
        for (int k = 0; k < CHANGES; k++) {
            *random = *random * 1664525 + 1013904223; /* Numerical Recipes' */
            change((int)((*random >> 16) % IDENTITIES));
        }
        look(loop, f);
        age_the_dead(f);
        *ret_agents += (int64_t)f->count;
    }
}

/* Everybody gone, and what was theirs forgotten. */
static void come_to_rest(uv_loop_t *loop, struct fleet *f)
{
    for (int i = 0; i < IDENTITIES; i++)
        if (present[i])
            change(i);
    for (int i = 0; i < 3; i++) {
        look(loop, f);
        age_the_dead(f);
    }
    assert_int_equal(f->count, 0);
}

static int64_t memory(void)
{
    struct mallinfo2 m = mallinfo2();
    return (int64_t)(m.uordblks + m.hblkhd);
}

/* The kernel walks its whole table of connections for those of one network; the next network gets a small
 * one. */
static bool enter_small_network(void)
{
    CLEANUP(closep) int fd = open("/proc/sys/net/ipv4/tcp_child_ehash_entries", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "16", 2) == 2)
        return unshare(CLONE_NEWNET) == 0;
    return true;
}

static bool enter_namespace(void)
{
    char proc[80];
    (void)snprintf(proc, sizeof(proc), "%s/proc", root);
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) != 0)
        return false;
    return enter_small_network() && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(proc, "/proc", NULL, MS_BIND, NULL) == 0;
}

static int run(int64_t count)
{
    uv_loop_t loop;
    uint32_t random = 6;
    int64_t agents = 0;
    if (!enter_namespace())
        return NO_NAMESPACE;
    struct rlimit limit = {DESCRIPTORS_MAX, DESCRIPTORS_MAX};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    const struct fleet_config config = {
        .discovers = true, .interval_us = 3600 * USEC_PER_SEC, .hung_us = 300 * USEC_PER_SEC};
    const struct fleet_inputs inputs = {.runs = no_runs};
    struct proc_sampler *sampler = proc_sampler_new(&loop, "/proc");
    struct events *events = events_new();
    fill(events);
    struct fleet *f = fleet_new(&loop, NULL, events, sampler, &config, &inputs);
    looks(&loop, f, &random, WARM_UP, &agents);
    come_to_rest(&loop, f);
    int descriptors = count_descriptors();
    int64_t bytes = memory();
    agents = 0;
    looks(&loop, f, &random, count, &agents);
    come_to_rest(&loop, f);
    int descriptors_after = count_descriptors();
    int64_t grown = memory() - bytes;
    print_message("%lld looks, %.1f agents at each: %d descriptors before and %d after, %lld bytes more\n",
                  (long long)count, (double)agents / (double)count, descriptors, descriptors_after,
                  (long long)grown);
    bool leaks = descriptors_after != descriptors || grown > GROWTH_BYTES || agents < count / 10;
    fleet_stop(f);
    (void)proc_sampler_free(sampler);
    (void)fleet_free(f);
    (void)events_free(events);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return leaks || uv_loop_close(&loop) != 0 ? LEAK : 0;
}

/* Sanitizers make each look several times slower. */
static int64_t looks_of_this_build(void)
{
    const char *slowness = getenv("MUSTER_TEST_SLOWNESS");
    double factor = slowness ? strtod(slowness, NULL) : 1;
    int64_t count = factor > 1 ? (int64_t)(LOOKS / (4 * factor)) : LOOKS;
    if (count < LOOKS)
        print_message("NOT ALL OF IT: %lld of %d looks, since MUSTER_TEST_SLOWNESS is %s\n", (long long)count,
                      LOOKS, slowness);
    return count;
}

static int remove_root(void)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

static void looks_at_processes_that_come_and_go_leave_no_descriptor_and_no_memory(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "/dev/shm/muster-churn-XXXXXX");
    assert_non_null(mkdtemp(root));
    make_folder(root, "proc");
    make_folder(root, "away");
    for (int i = 0; i < IDENTITIES; i++)
        make_identity(i);
    root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(root_fd >= 0);
    int64_t count = looks_of_this_build();
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int code = run(count);
        (void)fflush(stdout);
        _exit(code);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    closep(&root_fd);
    assert_int_equal(remove_root(), 0);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_NAMESPACE) {
        print_message("NOT TESTED: this host gives no mount namespace\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_at_processes_that_come_and_go_leave_no_descriptor_and_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
