#include "base/log.h"
#include "io/proc_details.h"
#include "node/fleet/fleet_internal.h"

#include <stdio.h>
#include <unistd.h>

#define CHECKS 3 /* looks at which a new process is matched again: it may still execute something else */
#define COMMAND_LINE_BYTES 4096

/* -- which processes are agent CLIs; sampler thread -- */

enum told { TOLD_NOTHING, TOLD_GUESSED, TOLD_BY_SOMEBODY }; /* guessed: it was discovered */
struct known_process {
    int64_t pid, start_ticks;
    char comm[16], vendor[24];
    int checks;
    enum told told; /* at this look */
};
struct look_memory {
    struct known_process *at; /* ascending by pid */
    size_t count, capacity;
};

static struct known_process *find_known(const struct look_memory *m, int64_t pid)
{
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->at[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->count && m->at[low].pid == pid ? &m->at[low] : NULL;
}

const char *look_vendor(const struct look_memory *m, int64_t pid)
{
    const struct known_process *p = find_known(m, pid);
    return p ? p->vendor : "";
}

static void match(struct known_process *k, const struct procfs_process *p, const char *const *more)
{
    struct buf line = BUF_INIT, exe = BUF_INIT;
    struct agent_process process = {.comm = str_of(p->comm)};
    k->vendor[0] = '\0';
    if (procfs_is_alive(p) && proc_command_line(p->pid, COMMAND_LINE_BYTES, &line)) {
        agent_process_args(&process, buf_str(&line));
        if (proc_link(p->pid, "exe", &exe))
            process.exe = buf_str(&exe);
        struct str vendor = agent_match(&process, more);
        (void)snprintf(k->vendor, sizeof(k->vendor), "%.*s", (int)MIN(vendor.n, sizeof(k->vendor) - 1),
                       vendor.p ? vendor.p : "");
    }
    memcpy(k->comm, p->comm, sizeof(k->comm));
    k->checks++;
    buf_deinit(&line);
    buf_deinit(&exe);
}

/* The processes of this scan; what was known of those that are still the same is kept. */
static void remember(struct look_memory *m, const struct procfs *p, const char *const *more)
{
    size_t count = procfs_count(p), old = 0;
    struct look_memory now = {.at = xcalloc(count + 1, sizeof(*now.at)), .count = count};
    for (size_t i = 0; i < count; i++) {
        const struct procfs_process *process = procfs_at(p, i);
        struct known_process *k = &now.at[i];
        while (old < m->count && m->at[old].pid < process->pid)
            old++;
        if (old < m->count && m->at[old].pid == process->pid &&
            m->at[old].start_ticks == process->start_ticks)
            *k = m->at[old];
        else
            *k = (struct known_process){.pid = process->pid, .start_ticks = process->start_ticks};
        k->told = TOLD_NOTHING;
        if (k->checks < CHECKS || memcmp(k->comm, process->comm, sizeof(k->comm)) != 0)
            match(k, process, more);
    }
    free(m->at);
    *m = now;
}

/* -- one look -- */

struct looked_at {
    char id[64];    /* of the agent; "" for one that is new */
    bool is_guess;  /* it was discovered: nobody told of it */
    bool is_double; /* a guess; a run or a registered agent turned out to be it, or above it */
    struct evidence_request request;
    struct evidence evidence;
};
struct fleet_look {
    struct proc_sampler_job job;
    struct fleet *fleet; /* NULL: has been freed */
    struct look_memory *memory;
    const char *const *matchers;
    bool discovers;
    int rc;
    struct looked_at *agents;
    size_t count, capacity;
};

static struct looked_at *add_looked_at(struct fleet_look *l)
{
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 64;
        l->agents = xrealloc(l->agents, l->capacity * sizeof(*l->agents));
    }
    struct looked_at *at = &l->agents[l->count++];
    *at = (struct looked_at){0};
    return at;
}

/* Which processes are an agent's, or its shim, of those known before this look. */
static void mark_known(struct fleet_look *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct evidence_request *r = &l->agents[i].request;
        enum told told = l->agents[i].is_guess ? TOLD_GUESSED : TOLD_BY_SOMEBODY;
        struct known_process *k = find_known(l->memory, r->pid);
        if (k && k->start_ticks == r->start_ticks)
            k->told = MAX(k->told, told);
        k = r->shim_pid > 0 ? find_known(l->memory, r->shim_pid) : NULL;
        if (k)
            k->told = MAX(k->told, told);
    }
}

static enum told told_of(const struct fleet_look *l, const struct procfs_process *process)
{
    const struct known_process *k = find_known(l->memory, process->pid);
    return k ? k->told : TOLD_NOTHING;
}

/* An agent CLI that no agent known so far, and no other process of a CLI, is above of. */
static bool is_new_agent(const struct fleet_look *l, const struct procfs *p,
                         const struct procfs_process *process)
{
    if (!procfs_is_alive(process) || told_of(l, process))
        return false;
    for (int up = 0; up < 64 && process->ppid > 0; up++) {
        process = procfs_find(p, process->ppid);
        if (!process)
            return true;
        if (look_vendor(l->memory, process->pid)[0] || told_of(l, process))
            return false;
    }
    return true;
}

/* A process may be seen before its run is known, or before it registers. */
static void mark_doubles(struct fleet_look *l, const struct procfs *p)
{
    for (size_t i = 0; i < l->count; i++) {
        struct looked_at *at = &l->agents[i];
        const struct procfs_process *process = at->is_guess ? procfs_find(p, at->request.pid) : NULL;
        if (process && process->start_ticks != at->request.start_ticks)
            continue;
        for (int up = 0; process && up < 64 && !at->is_double; up++) {
            at->is_double = told_of(l, process) == TOLD_BY_SOMEBODY;
            process = process->ppid > 0 ? procfs_find(p, process->ppid) : NULL;
        }
    }
}

static void discover(struct fleet_look *l, const struct procfs *p)
{
    for (size_t i = 0; i < l->memory->count; i++) {
        const struct known_process *k = &l->memory->at[i];
        const struct procfs_process *process = k->vendor[0] ? procfs_find(p, k->pid) : NULL;
        if (!process || !is_new_agent(l, p, process))
            continue;
        struct looked_at *at = add_looked_at(l);
        at->request = (struct evidence_request){
            .pid = k->pid, .start_ticks = k->start_ticks, .shim_pid = -1, .shim_start_ticks = -1};
    }
}

static void run_look(struct proc_sampler_job *job, struct procfs *p, int rc)
{
    struct fleet_look *l = CONTAINER_OF(job, struct fleet_look, job);
    l->rc = rc;
    if (rc < 0)
        return;
    remember(l->memory, p, l->matchers);
    mark_known(l);
    mark_doubles(l, p);
    if (l->discovers)
        discover(l, p);
    if (l->count == 0)
        return;
    struct evidence_sockets *sockets = evidence_sockets_new();
    for (size_t i = 0; i < l->count; i++)
        evidence_read(&l->agents[i].request, p, l->memory, sockets, &l->agents[i].evidence);
    evidence_sockets_free(sockets);
}

/* -- what was seen; loop thread -- */

/* Its own word counts as long as nothing newer was written to the transcript. */
static void add_word(struct fleet_agent *a, struct liveness_sample *s)
{
    int64_t age_us = s->now_us - a->word_us;
    if (!a->word_us)
        return;
    s->report = a->word.report;
    s->report_age_us = MAX(age_us, 0);
    (void)snprintf(s->reason, sizeof(s->reason), "%.79s", a->reason ? a->reason : "");
    s->has_ended |= a->word.ended;
    if (a->word.turn == TURN_UNKNOWN || (s->turn != TURN_UNKNOWN && age_us > a->liveness.transcript_quiet_us))
        return;
    s->turn = a->word.turn;
    s->is_limited |= a->word.limited;
    s->retries |= a->word.retries;
    s->limited_until = a->word.limited_until ? a->word.limited_until : s->limited_until;
}

/* One whose turn was over when its process ended has ended in an orderly way. */
static void add_end(const struct fleet_agent *a, struct liveness_sample *s)
{
    if (s->process != PROCESS_GONE)
        return;
    if (s->turn == TURN_UNKNOWN)
        s->turn = a->liveness.last.turn;
    s->has_ended |= a->word.ended || s->turn == TURN_ENDED || a->liveness.now.verdict == VERDICT_DONE;
}

static void set_place(struct fleet_agent *a, const struct evidence *e)
{
    if (e->sample.process != PROCESS_ALIVE)
        return;
    a->place = e->place;
    a->first_parent = a->first_parent ? a->first_parent : e->parent;
    agent_set_text(&a->vendor, e->vendor[0] ? e->vendor : NULL);
    agent_set_text(&a->cwd, e->cwd[0] ? e->cwd : NULL);
    agent_set_text(&a->repo, e->repo[0] ? e->repo : NULL);
    agent_set_text(&a->terminal, e->terminal[0] ? e->terminal : NULL);
    agent_set_text(&a->transcript, e->place.transcript[0] ? e->place.transcript : NULL);
    agent_set_text(&a->agent_session, e->agent_session[0] ? e->agent_session : NULL);
}

/* Ticks go back where a child that was counted is waited for by somebody outside the tree: unknown then. */
static void note_resources(struct fleet_agent *a, const struct evidence *e)
{
    const struct liveness_sample *before = &a->liveness.last, *now = &e->sample;
    int64_t span_us = now->now_us - before->now_us;
    bool known = a->liveness.samples > 0 && before->cpu_ticks >= 0 && now->cpu_ticks >= before->cpu_ticks &&
                 span_us > 0;
    double ticks_us = (double)USEC_PER_SEC / (double)sysconf(_SC_CLK_TCK);
    a->cpu_percent =
        known ? (double)(now->cpu_ticks - before->cpu_ticks) * ticks_us * 100 / (double)span_us : -1;
    a->memory_bytes = e->memory_bytes;
}

static void apply(struct fleet_agent *a, const struct looked_at *at)
{
    struct fleet *f = a->fleet;
    struct liveness_sample s = at->evidence.sample;
    struct liveness_policy policy = liveness_policy_default;
    if (a->pid != at->request.pid || a->start_ticks != at->request.start_ticks)
        return; /* it has another process by now */
    policy.interval_us = f->config.interval_us;
    policy.hung_us = f->config.hung_us;
    policy.close_wait_us = MIN(policy.close_wait_us, f->config.hung_us);
    policy.stdin_us = MIN(policy.stdin_us, f->config.hung_us);
    add_word(a, &s);
    add_end(a, &s);
    set_place(a, &at->evidence);
    note_resources(a, &at->evidence);
    if (liveness_observe(&a->liveness, &policy, &s))
        fleet_publish_verdict(a);
    if (a->liveness.cpu_quiet_us == 0 || a->liveness.received_quiet_us == 0)
        a->active_at = s.at;
    if (s.process == PROCESS_GONE || s.process == PROCESS_ZOMBIE)
        a->is_gone = true;
    if (at->evidence.git.worktree[0] && !a->leavings)
        leavings_begin(a, &at->evidence.git);
    if (s.process == PROCESS_GONE) /* a zombie is looked at until somebody has waited for it */
        a->gone_us = a->gone_us ? a->gone_us : s.now_us;
    agent_refresh(a);
}

static void add_discovered(struct fleet *f, const struct looked_at *at)
{
    char id[64];
    const struct evidence *e = &at->evidence;
    if (e->sample.process != PROCESS_ALIVE || !e->vendor[0])
        return;
    (void)snprintf(id, sizeof(id), "proc-%lld-%lld", (long long)at->request.pid,
                   (long long)at->request.start_ticks);
    struct fleet_agent *a = agent_find(f, id);
    if (!a)
        a = agent_new(f, FLEET_DISCOVERED, id, e->vendor);
    if (!a)
        return;
    a->created_at = e->sample.at - e->sample.age_us;
    agent_set_text(&a->server, f->hostname);
    agent_set_process(a, at->request.pid, at->request.start_ticks);
    apply(a, at);
}

static void forget_old(struct fleet *f)
{
    int64_t now_us = clock_monotonic_us();
    for (size_t i = f->count; i-- > 0;) {
        struct fleet_agent *a = f->order[i];
        if (a->origin == FLEET_DISCOVERED && a->gone_us && now_us - a->gone_us > FLEET_GONE_US)
            agent_remove(a);
    }
}

static void on_looked(struct proc_sampler_job *job)
{
    struct fleet_look *l = CONTAINER_OF(job, struct fleet_look, job);
    struct fleet *f = l->fleet;
    if (f)
        f->look = NULL;
    if (f && !f->stopping) {
        if (l->rc < 0)
            log_warn("fleet", "/proc cannot be read", LOG_TEXT("error", strerror(-l->rc)));
        for (size_t i = 0; l->rc == 0 && i < l->count; i++) {
            struct fleet_agent *a = l->agents[i].id[0] ? agent_find(f, l->agents[i].id) : NULL;
            if (a && l->agents[i].is_double)
                agent_remove(a);
            else if (a)
                apply(a, &l->agents[i]);
            else if (!l->agents[i].id[0])
                add_discovered(f, &l->agents[i]);
        }
        forget_old(f);
    }
    free(l->agents);
    free(l);
}

static void on_timer(uv_timer_t *timer)
{
    struct fleet *f = timer->data;
    if (f->look || f->stopping)
        return;
    fleet_sync_runs(f);
    struct fleet_look *l = f->look = xnew(struct fleet_look);
    l->fleet = f;
    l->memory = f->memory;
    l->matchers = f->config.matchers;
    l->discovers = f->config.discovers;
    l->job.run = run_look;
    l->job.done = on_looked;
    for (size_t i = 0; i < f->count; i++) {
        const struct fleet_agent *a = f->order[i];
        if (a->pid == 0 || a->is_remote || a->gone_us || a->start_ticks == 0)
            continue;
        struct looked_at *at = add_looked_at(l);
        (void)snprintf(at->id, sizeof(at->id), "%s", a->id);
        at->is_guess = a->origin == FLEET_DISCOVERED;
        at->request = (struct evidence_request){.pid = a->pid,
                                                .start_ticks = a->start_ticks,
                                                .shim_pid = a->shim_pid,
                                                .shim_start_ticks = a->shim_start_ticks,
                                                .first_parent = a->first_parent,
                                                .place = a->place};
        (void)snprintf(at->request.vendor, sizeof(at->request.vendor), "%s", a->vendor ? a->vendor : "");
        if (a->repo && !a->leavings)
            (void)snprintf(at->request.repo, sizeof(at->request.repo), "%s", a->repo);
        (void)snprintf(at->request.agent_session, sizeof(at->request.agent_session), "%s",
                       a->agent_session ? a->agent_session : "");
    }
    proc_sampler_post(f->sampler, &l->job);
}

void look_start(struct fleet *f)
{
    if (!f->memory)
        f->memory = xnew(struct look_memory);
    uint64_t ms = (uint64_t)(f->config.interval_us / USEC_PER_MSEC);
    (void)uv_timer_start(&f->look_timer, on_timer, 0, ms);
}

void look_now(struct fleet *f)
{
    if (uv_is_active((uv_handle_t *)&f->look_timer))
        look_start(f);
}

void look_free_memory(struct fleet *f)
{
    if (f->look)
        f->look->fleet = NULL;
    if (f->memory)
        free(f->memory->at);
    free(f->memory);
}
