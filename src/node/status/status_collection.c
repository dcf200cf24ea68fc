#include "node/status/status_collection.h"

#include "base/clock.h"
#include "base/hash.h"
#include "io/counters.h"
#include "io/proc_details.h"

#include <stdio.h>

#define FD_PERCENT_HIGH 90
#define FD_FEW 32 /* with fewer, no limit is near that anybody sets */

struct status_collection *status_collection_new(enum status_strategy strategy, bool with_metrics,
                                                bool with_health)
{
    struct status_collection *c = xnew(struct status_collection);
    arena_init(&c->arena);
    c->strategy = strategy;
    c->with_metrics = with_metrics;
    c->with_health = with_health;
    c->references = 1;
    c->started_us = clock_monotonic_us();
    c->memory_limit_bytes = -1;
    return c;
}

struct status_collection *status_collection_ref(struct status_collection *c)
{
    c->references++;
    return c;
}

void status_collection_unref(struct status_collection *c)
{
    if (!c || --c->references > 0)
        return;
    arena_reset(&c->arena);
    free(c);
}

/* -- one agent, on a thread of the pool -- */

/* The figure of a tree is known when that of every member is; members that have ended meanwhile add nothing.
 */
static void add_known(int64_t *sum, int64_t n)
{
    if (n >= 0)
        *sum += n;
}

static void read_memory(struct collected_agent *a)
{
    int64_t unread = 0;
    for (size_t i = 0; i < a->pid_count; i++) {
        int64_t pss = proc_pss_bytes(a->pids[i]);
        unread += pss < 0;
        add_known(&a->memory_bytes, pss);
    }
    a->is_proportional = unread == 0 && a->pid_count == a->member_count;
    if (!a->is_proportional)
        a->memory_bytes = a->resident_bytes;
}

static void read_files(struct collected_agent *a, int64_t pid, bool with_health, bool *ret_known)
{
    int64_t fds = proc_fd_count(pid);
    *ret_known |= fds >= 0;
    add_known(&a->file_descriptors, fds);
    if (!with_health || fds < FD_FEW)
        return;
    int64_t limit = proc_fd_limit(pid), percent = limit > 0 ? fds * 100 / limit : 0;
    if (percent <= a->fullest_fd_percent)
        return;
    a->fullest_fd_percent = percent;
    a->fullest_fd_pid = pid;
}

void status_collection_read_agent(struct collected_agent *a, bool with_health)
{
    bool fds_known = false;
    a->memory_bytes = MAX(a->known_memory_bytes, 0);
    a->file_descriptors = 0;
    if (a->known_memory_bytes < 0)
        read_memory(a);
    for (size_t i = 0; i < a->pid_count; i++)
        read_files(a, a->pids[i], with_health, &fds_known);
    if (!fds_known || a->pid_count < a->member_count)
        a->file_descriptors = -1;
}

static struct pool_piece *piece_of(void *context, size_t i)
{
    struct status_collection *c = context;
    return &c->agents[i].piece;
}

static void run_piece(void *context, size_t i)
{
    struct status_collection *c = context;
    struct collected_agent *a = &c->agents[i];
    int64_t start_us = clock_monotonic_us();
    if (a->pid_count > 0)
        c->collect(a, c->with_health);
    a->took_us = clock_monotonic_us() - start_us;
}

/* -- what was found, and what it means -- */

static void add_issue(struct collected_agent *a, const char *text)
{
    if (text && a->issue_count < STATUS_ISSUES_MAX)
        (void)snprintf(a->issues[a->issue_count++], STATUS_ISSUE_BYTES, "%s", text);
}

static void add_count(struct collected_agent *a, int64_t count, const char *what)
{
    char text[STATUS_ISSUE_BYTES];
    if (count <= 0)
        return;
    (void)snprintf(text, sizeof(text), "%lld %s", (long long)count, what);
    add_issue(a, text);
}

static void find_issues(struct collected_agent *a)
{
    char text[STATUS_ISSUE_BYTES];
    add_issue(a, a->agent.error);
    if (a->agent.status == AGENT_DEGRADED && !a->agent.error)
        add_issue(a, "reported degraded");
    if (a->agent.status == AGENT_FAILED && !a->agent.error)
        add_issue(a, "reported failed");
    add_issue(a, a->agent.trouble);
    add_count(a, a->zombies, "children that nobody has waited for");
    add_count(a, a->uninterruptible, "processes in uninterruptible sleep");
    if (a->fullest_fd_percent >= FD_PERCENT_HIGH) {
        (void)snprintf(text, sizeof(text), "process %lld has used %lld%% of the files that it may open",
                       (long long)a->fullest_fd_pid, (long long)a->fullest_fd_percent);
        add_issue(a, text);
    }
}

static void set_error(struct collected_agent *a, enum agent_status status, bool is_accessible,
                      const char *text)
{
    (void)snprintf(a->error, sizeof(a->error), "%s", text);
    a->agent.status = status;
    a->agent.is_accessible = is_accessible;
    a->agent.error = a->error;
}

/* What the pool wrote for an agent that is not done is still its thread's: it is not looked at. */
static void settle(struct status_collection *c, struct collected_agent *a)
{
    if (!pool_piece_is_done(&a->piece)) {
        a->is_late = true;
        set_error(a, AGENT_DEGRADED, false, "collection timeout");
    } else if (a->failure[0]) {
        set_error(a, AGENT_FAILED, true, a->failure);
    }
    if (c->with_health && !a->is_late)
        find_issues(a);
    else if (c->with_health)
        add_issue(a, a->error);
}

static void finish(struct status_collection *c)
{
    c->finished_at = clock_wall_us();
    c->duration_us = clock_monotonic_us() - c->started_us;
    c->done(c, c->arg);
}

static void on_pool_done(void *context)
{
    struct status_collection *c = context;
    for (size_t i = 0; i < c->session.count; i++)
        settle(c, &c->agents[i]);
    finish(c);
}

static void on_pool_release(void *context)
{
    status_collection_unref(context);
}

/* -- the scan, on the sampler's thread -- */

/* A page comes into a process by a fault, and goes by a change of its sizes. */
static uint64_t memory_mark_add(uint64_t mark, const struct procfs_process *p)
{
    const int64_t parts[] = {p->pid, p->start_ticks, p->minflt, p->majflt, p->vsize_bytes, p->rss_pages};
    return mark * 31 + hash_xx((struct str){(const char *)parts, sizeof(parts)});
}

static void find_tree(struct collected_agent *a, struct procfs *p, struct arena *arena)
{
    const struct status_agent *agent = &a->agent;
    struct procfs_tree tree;
    size_t members[STATUS_MEMBERS_MAX];
    if (agent->pid == 0)
        return;
    if (!procfs_tree(p, agent->pid, agent->start_ticks, agent->shim_pid, agent->shim_start_ticks, &tree)) {
        char text[STATUS_ISSUE_BYTES];
        (void)snprintf(text, sizeof(text), "process %lld is gone", (long long)agent->pid);
        set_error(a, AGENT_FAILED, true, text);
        return;
    }
    a->member_count = procfs_tree_members(p, agent->pid, agent->start_ticks, agent->shim_pid,
                                          agent->shim_start_ticks, members, STATUS_MEMBERS_MAX);
    a->pid_count = MIN(a->member_count, (size_t)STATUS_MEMBERS_MAX);
    counter_add(COUNTER_STATUS_MEMBERS, (int64_t)(a->member_count - a->pid_count));
    a->pids = arena_alloc(arena, a->pid_count * sizeof(*a->pids));
    for (size_t i = 0; i < a->pid_count; i++) {
        const struct procfs_process *process = procfs_at(p, members[i]);
        a->pids[i] = process->pid;
        a->memory_mark = memory_mark_add(a->memory_mark, process);
        a->uninterruptible += process->state == 'D';
        for (size_t k = process->first_child; k != PROCFS_NONE; k = procfs_at(p, k)->next_sibling)
            a->zombies += !procfs_is_alive(procfs_at(p, k));
    }
    a->cpu_ticks = tree.cpu_ticks;
    a->threads = tree.threads;
    a->resident_bytes = tree.rss_bytes;
}

static void run_scan(struct proc_sampler_job *job, struct procfs *p, int rc)
{
    struct status_collection *c = CONTAINER_OF(job, struct status_collection, scan);
    if (rc < 0) {
        c->failed = true;
        (void)snprintf(c->failure, sizeof(c->failure), "Collection failed: /proc cannot be read: %s",
                       strerror(-rc));
        return;
    }
    c->scan_us = clock_monotonic_us();
    c->scan_at = clock_wall_us();
    c->memory_limit_bytes = proc_memory_limit_bytes();
    for (size_t i = 0; i < c->session.count; i++) {
        c->agents[i].memory_at = c->scan_at;
        find_tree(&c->agents[i], p, &c->arena);
    }
}

static void on_scanned(struct proc_sampler_job *job)
{
    struct status_collection *c = CONTAINER_OF(job, struct status_collection, scan);
    int64_t spent_us = clock_monotonic_us() - c->started_us;
    if (c->failed) {
        finish(c);
        status_collection_unref(c);
        return;
    }
    if (c->scanned)
        c->scanned(c, c->arg);
    const struct pool_work work = {.context = c,
                                   .count = c->session.count,
                                   .piece = piece_of,
                                   .run = run_piece,
                                   .done = on_pool_done,
                                   .release = on_pool_release};
    pool_run(c->pool, &work, MAX(c->deadline_us - spent_us, 0));
}

/* -- start -- */

static void prepare_agents(struct status_collection *c)
{
    c->agents = arena_alloc(&c->arena, c->session.count * sizeof(*c->agents));
    for (size_t i = 0; i < c->session.count; i++) {
        struct collected_agent *a = &c->agents[i];
        a->agent = c->session.agents[i];
        a->piece.name[0] = a->agent.pid;
        a->piece.name[1] = a->agent.start_ticks;
        atomic_init(&a->piece.state, POOL_WAITING);
        a->cpu_ticks = a->threads = a->memory_bytes = a->known_memory_bytes = a->file_descriptors = -1;
        a->cpu_percent = -1;
    }
}

void status_collection_start(struct status_collection *c, const struct status_collection_settings *settings,
                             void (*done)(struct status_collection *c, void *arg), void *arg)
{
    c->pool = settings->pool;
    c->deadline_us = settings->deadline_us;
    c->collect = settings->collect;
    c->scanned = settings->scanned;
    c->done = done;
    c->arg = arg;
    prepare_agents(c);
    if (!c->with_metrics && !c->with_health) {
        finish(c);
        return;
    }
    (void)status_collection_ref(c); /* until no thread is in it any more */
    c->scan.run = run_scan;
    c->scan.done = on_scanned;
    proc_sampler_post(settings->sampler, &c->scan);
}
