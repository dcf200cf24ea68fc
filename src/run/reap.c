#include "run/reap.h"
#include "base/clock.h"
#include "run/cgroup.h"
#include "run/proc_tree.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define REAP_LIMIT_US (10 * USEC_PER_SEC)
#define REAP_WAIT_US USEC_PER_SEC /* for those that were killed to be gone, before looking again */

struct reap {
    const struct run_process *shim, *agent;
    char mark[PROC_MARK_MAX];
    struct proc_tree all;
};

static void reap_init(struct reap *r, const char *key, const struct run_process *shim,
                      const struct run_process *agent)
{
    *r = (struct reap){.shim = shim, .agent = agent};
    (void)snprintf(r->mark, sizeof(r->mark), RUN_ENV_MARK "=%s", key);
}

/* Pids and start times count from the boot; a file that names no boot cannot be trusted for them. */
static bool is_this_boot(const struct run_process *shim)
{
    char id[sizeof(shim->boot_id)] = "";
    CLEANUP(closep) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, id, sizeof(id) - 1) <= 0)
        return false;
    id[strcspn(id, "\n")] = '\0';
    return strcmp(id, shim->boot_id) == 0;
}

static bool is_process(const struct proc_entry *p, const struct run_process *of)
{
    return of->pid > 0 && p->pid == of->pid && p->start_ticks == of->start_ticks;
}

/* The number of a session or group stays taken while anybody is in it.  A leader of that number who is not
 * the agent says that it was given out again, and one who is older than the agent was there before. */
static bool is_in_agents_group(const struct reap *r, const struct proc_entry *p)
{
    const struct run_process *a = r->agent;
    if (a->pid <= 1 || p->start_ticks < a->start_ticks)
        return false;
    if (p->session != a->pid && (p->pgrp != a->pid || a->pgid != a->pid))
        return false;
    const struct proc_entry *leader = proc_tree_find(&r->all, a->pid);
    return !leader || is_process(leader, a);
}

static bool is_first_hand(const struct reap *r, const struct proc_entry *p)
{
    if (is_process(p, r->agent) || is_process(p, r->shim) || is_in_agents_group(r, p))
        return true;
    return !p->is_gone && p->start_ticks >= r->shim->start_ticks && proc_entry_has_mark(p, r->mark);
}

/* Processes that live and belong, or -errno. */
static int64_t look(struct reap *r)
{
    int rc = proc_tree_scan(&r->all);
    if (rc)
        return rc;
    for (size_t i = 0; i < r->all.count; i++)
        r->all.entries[i].belongs = is_first_hand(r, &r->all.entries[i]);
    proc_tree_spread(&r->all);
    int64_t live = 0;
    for (size_t i = 0; i < r->all.count; i++) {
        struct proc_entry *p = &r->all.entries[i];
        p->belongs = p->belongs && !p->is_gone && p->pid != 1 && p->pid != getpid();
        live += p->belongs;
    }
    return live;
}

static int64_t kill_members(const struct reap *r)
{
    int64_t killed = 0;
    for (size_t i = 0; i < r->all.count; i++)
        if (r->all.entries[i].belongs && proc_entry_signal(&r->all.entries[i], SIGKILL, NULL) == 0)
            killed++;
    return killed;
}

/* Until they are gone or `until_us` has come, so that the next look counts nobody twice. */
static void wait_for_members(const struct reap *r, int64_t until_us)
{
    for (size_t i = 0; i < r->all.count; i++) {
        struct pollfd end = {.events = POLLIN};
        if (!r->all.entries[i].belongs || proc_entry_signal(&r->all.entries[i], 0, &end.fd) != 0)
            continue;
        int64_t left_us = MAX(until_us - clock_monotonic_us(), INT64_C(0));
        (void)poll(&end, 1, end.fd < 0 ? 1 : (int)(left_us / USEC_PER_MSEC));
        closep(&end.fd);
    }
}

/* PARENT/muster-KEY, from the agent's file or, when the shim never wrote that, from the spec; "" for none. */
static void find_cgroup(const char *runs_dir, const char *key, const struct run_process *agent,
                        struct buf *path)
{
    struct run_spec spec;
    if (agent->cgroup[0])
        buf_add_text(path, agent->cgroup);
    else if (rundir_read_spec(runs_dir, key, &spec, NULL) == 0) {
        if (spec.cgroup && spec.cgroup[0])
            buf_printf(path, "%s/" RUN_CGROUP_PREFIX "%s", spec.cgroup, key);
        run_spec_deinit(&spec);
    }
    /* The directory is the run's own, and so is whoever may have written to it. */
    struct buf name = BUF_INIT;
    buf_printf(&name, "/" RUN_CGROUP_PREFIX "%s", key);
    if (!str_ends_with(buf_str(path), buf_str(&name)))
        buf_clear(path);
    buf_deinit(&name);
}

static int kill_all(struct reap *r, const char *cgroup, int64_t *killed)
{
    int64_t until_us = clock_monotonic_us() + REAP_LIMIT_US;
    for (int empty_looks = 0; empty_looks < 2;) {
        int64_t live = look(r);
        if (live < 0)
            return (int)live;
        *killed += kill_members(r);
        cgroup_kill(cgroup);
        wait_for_members(r, clock_monotonic_us() + REAP_WAIT_US);
        empty_looks = live == 0 && !cgroup_is_populated(cgroup) ? empty_looks + 1 : 0;
        if (empty_looks == 0 && clock_monotonic_us() > until_us)
            return -ETIMEDOUT;
    }
    return 0;
}

int run_reap_lost(const char *runs_dir, const char *key, const struct run_process *shim,
                  const struct run_process *agent, int64_t *ret_killed)
{
    struct reap r;
    struct buf cgroup = BUF_INIT;
    int64_t killed = 0;
    if (!rundir_key_valid(str_of(key)))
        return -EINVAL;
    if (!is_this_boot(shim)) {
        *ret_killed = 0;
        return 0;
    }
    reap_init(&r, key, shim, agent);
    find_cgroup(runs_dir, key, agent, &cgroup);
    int rc = kill_all(&r, cgroup.p, &killed);
    if (rc == 0)
        cgroup_remove(cgroup.p);
    proc_tree_deinit(&r.all);
    buf_deinit(&cgroup);
    if (rc == 0)
        *ret_killed = killed;
    return rc;
}

bool run_has_live_process(const char *key, const struct run_process *shim, const struct run_process *agent)
{
    struct reap r;
    if (!is_this_boot(shim))
        return false;
    if (agent->pid > 0 && proc_is_alive(agent->pid, agent->start_ticks))
        return true;
    reap_init(&r, key, shim, agent);
    bool lives = look(&r) > 0;
    proc_tree_deinit(&r.all);
    return lives;
}
