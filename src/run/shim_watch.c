#include "run/shim_watch.h"
#include "run/shim_agent.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define USEC_PER_MSEC INT64_C(1000)
#define USEC_PER_SEC INT64_C(1000000)
#define CLEAR_GRACE_US (2 * USEC_PER_SEC)
#define CLEAR_LOOK_US                                                                                        \
    (50 * USEC_PER_MSEC) /* for those left who are not our children and so send no SIGCHLD */
#define GROWTH_ALLOWED 8 /* a few more than double: what a trap may start to tidy up */
#define KILL_PAUSE_MIN_US (5 * USEC_PER_MSEC)
#define KILL_PAUSE_MAX_US USEC_PER_SEC /* somebody sits in the kernel and cannot die yet */
#define KILL_CHILDREN_ROUNDS 64
#define LIMIT_MAX_MS (INT64_MAX / 4 / USEC_PER_MSEC)

static int64_t clock_us(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

static int64_t now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

static void enter(struct shim_watch *w, enum shim_state state);

/* --- the agent's own group --- */

static void signal_agent(const struct shim_watch *w, int signal)
{
    if (w->agent_ended || w->agent <= 0)
        return;
    /* Not reaped, so the pid is still its own; before its setsid there is no group yet. */
    if (!w->tty.own_group || kill(-w->agent, signal) < 0)
        (void)kill(w->agent, signal);
}

static void write_agent_file(struct shim_watch *w)
{
    struct run_process *a = &w->agent_file;
    a->pid = w->agent;
    a->start_ticks = proc_start_ticks(w->agent);
    a->pgid = getpgid(w->agent);
    (void)snprintf(a->cgroup, sizeof(a->cgroup), "%s", w->tree.cgroup);
    (void)!shim_dir_write_agent(w->dir,
                                a); /* a full disk does not stop a run: who looks for it finds the mark */
}

static void close_report(struct shim_watch *w)
{
    (void)close(w->report_fd);
    w->report_fd = -1;
    if (w->result.outcome != RUN_START_FAILED)
        write_agent_file(w);
}

static void on_report(struct shim_watch *w)
{
    struct shim_agent_report report;
    while (w->report_fd >= 0) {
        ssize_t n = read(w->report_fd, &report, sizeof(report));
        if (n < 0)
            return; /* neither a word nor the end yet */
        if (n != (ssize_t)sizeof(report)) {
            close_report(w);
        } else if (report.what == SHIM_AGENT_NO_CGROUP) {
            shim_tree_drop_cgroup(&w->tree);
        } else {
            w->result.outcome = RUN_START_FAILED;
            w->result.start_errno = report.error;
        }
    }
}

/* --- who has ended --- */

static void on_agent_ended(struct shim_watch *w, int status)
{
    on_report(w); /* what it could say comes before its end */
    w->agent_ended = true;
    if (w->result.outcome == RUN_START_FAILED)
        ;
    else if (WIFSIGNALED(status))
        w->result.outcome = RUN_SIGNALED, w->result.signal = WTERMSIG(status);
    else
        w->result.exit_code = WEXITSTATUS(status);
    shim_tty_take_back(&w->tty, WIFSIGNALED(status));
}

static void on_agent_stopped(struct shim_watch *w)
{
    if (!w->foreground || w->tty.fd < 0 || w->state != SHIM_RUNNING)
        return;
    shim_tty_take_back(&w->tty, false);
    shim_tty_stop_self(&w->tty);
    shim_tty_lend(&w->tty);
    signal_agent(w, SIGCONT);
}

static void reap(struct shim_watch *w)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG | WUNTRACED);
        if (pid <= 0) {
            w->has_children = pid == 0 || errno != ECHILD;
            return;
        }
        if (pid != w->agent)
            continue;
        if (WIFSTOPPED(status))
            on_agent_stopped(w);
        else
            on_agent_ended(w, status);
    }
}

/* --- the states --- */

/* Looks until somebody is found or it is certain that nobody is left: a process that moves while /proc is
 * read can be missed once. */
static void look(struct shim_watch *w, int signal)
{
    do {
        /* While somebody is below us, the many environments can wait. */
        w->live = shim_tree_pass(&w->tree, signal, signal != SIGKILL || !w->has_children);
        reap(w);
        w->empty_looks = w->live == 0 && !w->has_children ? w->empty_looks + 1 : 0;
    } while (w->empty_looks == 1);
    if (w->empty_looks >= 2 && w->agent_ended)
        enter(w, SHIM_OVER);
}

/* Leftovers that answer SIGTERM with more of themselves have had their grace. */
static void look_for_growth(struct shim_watch *w)
{
    int64_t before = w->live;
    if (w->state != SHIM_CLEARING)
        return;
    look(w, 0);
    if (w->state == SHIM_CLEARING && w->live > 2 * before + GROWTH_ALLOWED)
        enter(w, SHIM_KILLING);
}

static void kill_round(struct shim_watch *w)
{
    look(w, SIGKILL);
    for (int i = 0; i < KILL_CHILDREN_ROUNDS && w->has_children; i++) {
        if (!shim_tree_kill_children(&w->tree))
            break;
        reap(w);
    }
    if (w->state == SHIM_OVER)
        return;
    w->deadline_us = now_us() + w->pause_us;
    w->pause_us = MIN(2 * w->pause_us, KILL_PAUSE_MAX_US);
}

static void enter(struct shim_watch *w, enum shim_state state)
{
    assert(state > w->state || state == SHIM_RUNNING);
    w->state = state;
    w->deadline_us = INT64_MAX;
    switch (state) {
    case SHIM_RUNNING:
        if (w->timeout_us > 0)
            w->deadline_us = now_us() + w->timeout_us;
        break;
    case SHIM_STOPPING:
        signal_agent(w, w->stop_signal);
        signal_agent(w, SIGCONT); /* who is stopped cannot end */
        w->deadline_us = now_us() + w->grace_us;
        break;
    case SHIM_CLEARING:
        w->clear_until_us = now_us() + CLEAR_GRACE_US;
        w->deadline_us = now_us() + CLEAR_LOOK_US;
        look(w, SIGTERM);
        look_for_growth(w);
        break;
    case SHIM_KILLING:
        w->pause_us = KILL_PAUSE_MIN_US;
        (void)setpriority(PRIO_PROCESS, 0, -20); /* where we may: there can be thousands who want our turn */
        kill_round(w);
        break;
    case SHIM_OVER:
        break;
    }
}

/* `cause` is kept when there is one: the first that ended the run. */
static void stop(struct shim_watch *w, const char *cause, bool at_once)
{
    if (!w->agent_ended && !w->result.cause[0])
        (void)snprintf(w->result.cause, sizeof(w->result.cause), "%s", cause);
    if (w->state == SHIM_RUNNING && !at_once)
        enter(w, SHIM_STOPPING);
    else if (w->state < SHIM_KILLING && at_once)
        enter(w, SHIM_KILLING);
}

static void on_children(struct shim_watch *w)
{
    reap(w);
    if (w->agent_ended && w->state < SHIM_CLEARING)
        enter(w, SHIM_CLEARING);
    else if (w->agent_ended && w->state < SHIM_OVER && !w->has_children)
        look(w, w->state == SHIM_KILLING ? SIGKILL : 0);
}

static void on_deadline(struct shim_watch *w)
{
    if (w->state == SHIM_RUNNING) {
        stop(w, "timeout", false);
    } else if (w->state == SHIM_STOPPING) {
        enter(w, SHIM_KILLING);
    } else if (w->state == SHIM_KILLING) {
        kill_round(w);
    } else if (now_us() >= w->clear_until_us) {
        enter(w, SHIM_KILLING);
    } else {
        w->deadline_us = now_us() + CLEAR_LOOK_US;
        look_for_growth(w);
    }
}

/* --- signals --- */

/* In the foreground a signal is meant for the command.  One from the terminal has reached an agent that
 * shares our group already. */
static void forward(struct shim_watch *w, const struct signalfd_siginfo *s)
{
    int signal = (int)s->ssi_signo;
    if (w->agent_ended && (signal == SIGINT || signal == SIGQUIT))
        stop(w, "", true);
    else if (w->tty.own_group || s->ssi_code != SI_KERNEL)
        signal_agent(w, signal);
}

static void on_signal(struct shim_watch *w, const struct signalfd_siginfo *s)
{
    switch (s->ssi_signo) {
    case SIGCHLD:
        on_children(w);
        break;
    case SIGTERM:
        stop(w, "cancelled", false);
        break;
    case SIGUSR1:
        stop(w, "cancelled", true);
        break;
    case SIGINT:
    case SIGQUIT:
        if (w->foreground)
            forward(w, s);
        else
            stop(w, "shim stopped", false);
        break;
    case SIGCONT:
        if (w->foreground && shim_tty_is_ours(&w->tty) && !w->agent_ended) {
            shim_tty_lend(&w->tty);
            signal_agent(w, SIGCONT);
        }
        break;
    default: /* SIGHUP, SIGTSTP, SIGUSR2 */
        if (w->foreground)
            forward(w, s);
    }
}

static void on_signals(struct shim_watch *w)
{
    struct signalfd_siginfo s;
    while (w->state != SHIM_OVER && read(w->signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s))
        on_signal(w, &s);
}

static int open_signals(void)
{
    static const int handled[] = {SIGCHLD, SIGTERM, SIGUSR1, SIGINT, SIGQUIT,
                                  SIGCONT, SIGHUP,  SIGTSTP, SIGUSR2};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < COUNT_OF(handled); i++)
        (void)sigaddset(&set, handled[i]);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* --- the loop --- */

static void wait_for_events(struct shim_watch *w)
{
    enum { POLL_SIGNALS, POLL_REPORT, POLL_OUT, POLL_COUNT = POLL_OUT + 2 };
    struct pollfd polls[POLL_COUNT] = {[POLL_SIGNALS] = {.fd = w->signal_fd, .events = POLLIN},
                                       [POLL_REPORT] = {.fd = w->report_fd, .events = POLLIN}};
    shim_pump_prepare(&w->pump, &polls[POLL_OUT]);
    int64_t left = w->deadline_us == INT64_MAX ? 0 : MAX(w->deadline_us - now_us(), INT64_C(0));
    const struct timespec timeout = {.tv_sec = left / USEC_PER_SEC, .tv_nsec = left % USEC_PER_SEC * 1000};
    if (ppoll(polls, POLL_COUNT, w->deadline_us == INT64_MAX ? NULL : &timeout, NULL) < 0)
        return;
    if (polls[POLL_REPORT].revents)
        on_report(w);
    shim_pump_handle(&w->pump, &polls[POLL_OUT]);
    if (polls[POLL_SIGNALS].revents)
        on_signals(w);
    if (w->state != SHIM_OVER && now_us() >= w->deadline_us)
        on_deadline(w);
}

static void start_failed(struct shim_watch *w, int error)
{
    w->result.outcome = RUN_START_FAILED;
    w->result.start_errno = error;
    w->agent_ended = true;
    enter(w, SHIM_OVER);
}

static void start(struct shim_watch *w, const struct shim_spec *spec)
{
    int r = shim_pump_init(&w->pump, w->dir->fd, spec->output_max_bytes, w->foreground,
                           w->foreground && spec->terminal);
    struct shim_agent_start agent = {.spec = spec,
                                     .own_session = !w->foreground,
                                     .own_group = w->tty.own_group,
                                     .keeps_ignored = w->foreground,
                                     .tty_fd = shim_tty_is_ours(&w->tty) ? w->tty.fd : -1,
                                     .out_fd = w->pump.agent_fds[0],
                                     .err_fd = w->pump.agent_fds[1],
                                     .cgroup = w->tree.cgroup};
    w->signal_fd = open_signals();
    w->result.started_at_us = w->agent_file.started_at_us = clock_us(CLOCK_REALTIME);
    w->started_boot_us = clock_us(CLOCK_BOOTTIME);
    if (r == 0 && w->signal_fd < 0)
        r = -errno;
    if (r == 0)
        r = shim_agent_fork(&agent, &w->agent, &w->report_fd);
    shim_pump_started(&w->pump);
    if (r) {
        start_failed(w, -r);
        return;
    }
    w->tree.agent = w->agent;
    w->tty.agent_group = w->tty.own_group ? w->agent : 0;
    enter(w, SHIM_RUNNING);
}

static int64_t timeval_us(struct timeval t)
{
    return t.tv_sec * USEC_PER_SEC + t.tv_usec;
}

static void fill_result(struct shim_watch *w)
{
    struct run_result *r = &w->result;
    struct rusage usage;
    (void)getrusage(RUSAGE_CHILDREN,
                    &usage); /* the agent and everything that was waited for, here or below */
    r->user_us = timeval_us(usage.ru_utime);
    r->system_us = timeval_us(usage.ru_stime);
    r->max_rss_bytes = usage.ru_maxrss * INT64_C(1024);
    r->ended_at_us = r->started_at_us + clock_us(CLOCK_BOOTTIME) - w->started_boot_us;
    r->output_bytes = w->pump.output.total_bytes;
    r->output_dropped_bytes = shim_output_dropped_bytes(&w->pump.output);
    r->killed = w->tree.killed;
}

void shim_watch_run(struct shim_watch *w, const struct shim_dir *dir, struct shim_spec *spec, bool foreground)
{
    w->dir = dir;
    w->foreground = foreground;
    w->timeout_us = MIN(spec->timeout_ms, LIMIT_MAX_MS) * USEC_PER_MSEC;
    w->grace_us = MIN(spec->grace_ms, LIMIT_MAX_MS) * USEC_PER_MSEC;
    w->stop_signal = (int)spec->stop_signal;
    w->report_fd = -1;
    shim_tty_init(&w->tty, foreground);
    shim_tree_init(&w->tree, spec->mark, spec->cgroup, spec->key);
    start(w, spec);
    shim_spec_deinit(spec);
    (void)!chdir("/"); /* a watcher of hours holds no file system busy */
    while (w->state != SHIM_OVER)
        wait_for_events(w);
    shim_pump_finish(&w->pump);
    shim_tree_drop_cgroup(&w->tree);
    fill_result(w);
}
