#include "node/queue/queue_internal.h"

#include "base/hash.h"

/* What one party wants of a round: the launcher (wait == NULL) or a waiting worker. */
struct claim_want {
    struct lease_wait *wait;
    const char **agents;
    int64_t max, lease_us;
    struct job *jobs;                 /* in the operation's arena */
    char (*keys)[RUNDIR_KEY_LEN + 1]; /* of their runs */
    size_t count;
};

struct claim_op {
    struct store_op op;
    struct queue *queue;
    struct arena arena;
    struct claim_want *wants;
    size_t want_count;
    /* limits as they stood when the round began, counted down while it claims */
    const char **names;
    int64_t *free_slots;
    size_t profile_count;
    struct map repo_running;
    int64_t repo_limit; /* 0: none */
    const char *node;
    int64_t next_due_us;
};

void claim_init(struct queue *q)
{
    q->waits = NULL;
    q->waits_end = &q->waits;
}

/* -- the round, on the store thread -- */

static int64_t *free_slots_of(struct claim_op *c, const char *agent)
{
    for (size_t i = 0; i < c->profile_count; i++)
        if (strcmp(c->names[i], agent) == 0)
            return &c->free_slots[i];
    return NULL;
}

static const char **with_free_slots(struct claim_op *c, const char **agents)
{
    size_t count = 0;
    while (agents[count])
        count++;
    const char **open = arena_alloc(&c->arena, (count + 1) * sizeof(*open));
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t *slots = free_slots_of(c, agents[i]);
        if (slots && *slots > 0)
            open[used++] = agents[i];
    }
    return open;
}

static const char **full_repos(struct claim_op *c)
{
    const char **full = arena_alloc(&c->arena, (c->repo_running.count + 1) * sizeof(*full));
    size_t at = 0, used = 0;
    struct str repo;
    void *value;
    while (c->repo_limit > 0 && map_next(&c->repo_running, &at, &repo, &value))
        if ((intptr_t)value >= c->repo_limit)
            full[used++] = arena_strdup(&c->arena, repo);
    return full;
}

/* Claims one job and makes its run, so that both are durable together. */
static int claim_one(struct claim_op *c, struct claim_want *want, struct db *db, struct err *e)
{
    const char **agents = with_free_slots(c, want->agents);
    if (!agents[0])
        return JOB_STORE_E_ABSENT;
    struct job_claim claim = {
        .agents = agents,
        .full_repos = full_repos(c),
        .worker = want->wait ? want->wait->worker : "",
        .lease_expires_at = want->lease_us ? c->op.now_us + want->lease_us : 0,
        .node = c->node,
        .now_us = c->op.now_us,
    };
    struct job *job = &want->jobs[want->count];
    int rc = job_claim_next(db, &claim, &c->arena, job, e);
    if (rc != 0)
        return rc;
    char *key = want->keys[want->count];
    rundir_new_key(key);
    struct run run = {.job_id = job->id,
                      .task_id = job->task_id,
                      .key = key,
                      .agent = job->agent,
                      .origin = want->wait ? "worker" : "queue",
                      .repo = job->repo,
                      .model = job->model,
                      .effort = job->effort,
                      .attempt = job->attempts,
                      .node = c->node,
                      .started_at = want->wait ? c->op.now_us : 0};
    rc = run_insert(db, &run, c->op.now_us, &job->run_id, e);
    if (rc == 0)
        rc = job_set_run(db, job->id, job->run_id, e);
    if (rc != 0)
        return rc;
    want->count++;
    --*free_slots_of(c, job->agent);
    if (job->repo) {
        intptr_t running = (intptr_t)map_get(&c->repo_running, str_of(job->repo));
        (void)map_put(&c->repo_running, str_of(job->repo), (void *)(running + 1));
    }
    return 0;
}

static int claim_run(struct store_op *op, struct db *db, struct err *e)
{
    struct claim_op *c = CONTAINER_OF(op, struct claim_op, op);
    for (size_t i = 0; i < c->want_count; i++) {
        struct claim_want *want = &c->wants[i];
        want->jobs = arena_alloc(&c->arena, (size_t)want->max * sizeof(*want->jobs));
        want->keys = arena_alloc(&c->arena, (size_t)want->max * sizeof(*want->keys));
        int rc = 0;
        while (rc == 0 && (int64_t)want->count < want->max)
            rc = claim_one(c, want, db, e);
        if (rc != 0 && rc != JOB_STORE_E_ABSENT)
            return rc;
    }
    return job_next_due(db, op->now_us, &c->next_due_us, e);
}

/* -- after the commit, on the loop thread -- */

static void announce(struct queue *q, const struct job *job, bool launcher)
{
    queue_slot_taken(q, job->agent, job->repo, launcher, job->run_id);
    queue_publish_job(q, job->id, job->agent, JOB_RUNNING, job->run_id, job->task_id, NULL);
}

static void give_to_launcher(struct queue *q, const struct claim_want *want)
{
    for (size_t i = 0; i < want->count; i++) {
        const struct job *job = &want->jobs[i];
        announce(q, job, true);
        if (q->stopping)
            continue; /* no directory was made: the next node undoes the claim */
        struct live_run *run = live_new(q, want->keys[i], job->run_id, job->id, job->task_id,
                                        job->lease_token, job->agent, job->repo, job->model);
        run->has_slot = true;
        live_launch(run, job);
    }
}

static void unlink_wait(struct queue *q, struct lease_wait *wait)
{
    struct lease_wait **at = &q->waits;
    while (*at != wait)
        at = &(*at)->next;
    *at = wait->next;
    if (!*at)
        q->waits_end = at;
}

static void end_wait(struct queue *q, struct lease_wait *wait, const struct job *jobs, size_t count,
                     const struct err *e)
{
    unlink_wait(q, wait);
    wait->done(wait->arg, jobs, count, e);
    for (size_t i = 0; wait->agents[i]; i++)
        free((char *)(uintptr_t)wait->agents[i]);
    free(wait->agents);
    free(wait->worker);
    free(wait);
}

static void give_to_worker(struct queue *q, const struct claim_want *want, const struct err *failed)
{
    for (size_t i = 0; i < want->count; i++)
        announce(q, &want->jobs[i], false);
    bool over = want->wait->deadline_us <= clock_monotonic_us();
    if (want->count > 0 || over || failed)
        end_wait(q, want->wait, want->jobs, want->count, failed);
}

/* When to look again without being woken: the next job that comes due, or the end of the first wait, or the
 * poll interval, which also finds leases that have expired. */
static void arm_due_timer(struct queue *q, int64_t next_due_us);

static void on_due(uv_timer_t *timer)
{
    struct queue *q = timer->data;
    q->wake_pending = true;
    claim_start_round(q);
    if (!q->claiming)
        arm_due_timer(q, 0);
}

static void arm_due_timer(struct queue *q, int64_t next_due_us)
{
    if (q->stopping)
        return;
    int64_t wait_us = q->config.config->poll_interval_us, now_us = clock_monotonic_us();
    if (next_due_us > 0)
        wait_us = MIN(wait_us, next_due_us - clock_wall_us());
    for (const struct lease_wait *w = q->waits; w; w = w->next)
        wait_us = MIN(wait_us, w->deadline_us - now_us);
    uint64_t ms = wait_us > 0 ? (uint64_t)((wait_us + 999) / 1000) : 0;
    (void)uv_timer_start(&q->due_timer, on_due, ms, 0);
}

static void claim_free(struct claim_op *c)
{
    map_deinit(&c->repo_running);
    arena_reset(&c->arena);
    free(c);
}

static void claim_done(struct store_op *op)
{
    struct claim_op *c = CONTAINER_OF(op, struct claim_op, op);
    struct queue *q = c->queue;
    static struct log_limit limit;
    q->claiming = false;
    if (op->rc == 0)
        q->last_look_us = clock_monotonic_us();
    if (op->rc != 0 && log_limit_allows(&limit, clock_monotonic_us(), 1, 10 * USEC_PER_SEC))
        log_error("queue", "jobs cannot be claimed", LOG_TEXT("error", op->err.text));
    for (size_t i = 0; i < c->want_count; i++) {
        struct claim_want *want = &c->wants[i];
        if (op->rc != 0)
            want->count = 0;
        if (want->wait)
            give_to_worker(q, want, op->rc ? &op->err : NULL);
        else
            give_to_launcher(q, want);
    }
    arm_due_timer(q, op->rc == 0 ? c->next_due_us : 0);
    claim_free(c);
    if (q->stopping)
        claim_end_waits(q);
    else if (q->wake_pending)
        claim_start_round(q);
}

/* -- setting a round up -- */

static void copy_limits(struct claim_op *c)
{
    struct queue *q = c->queue;
    int64_t now_us = clock_wall_us();
    c->profile_count = q->profile_count;
    c->names = arena_alloc(&c->arena, (q->profile_count + 1) * sizeof(*c->names));
    c->free_slots = arena_alloc(&c->arena, (q->profile_count + 1) * sizeof(*c->free_slots));
    for (size_t i = 0; i < q->profile_count; i++) {
        struct queue_profile *p = &q->profiles[i];
        int64_t limit = p->profile->max_concurrency;
        int64_t slots = limit > 0 ? limit - p->running : INT64_MAX;
        if (q->paused_all || p->paused || !breaker_allows(&p->breaker, &p->profile->breaker, now_us))
            slots = 0;
        else if (p->breaker.state == BREAKER_HALF_OPEN)
            slots = MIN(slots, 1); /* one probe at a time (Q7) */
        c->names[i] = p->profile->name;
        c->free_slots[i] = slots;
    }
    size_t at = 0;
    struct str repo;
    void *value;
    while (map_next(&q->repo_running, &at, &repo, &value))
        (void)map_put(&c->repo_running, repo, value);
    c->repo_limit = q->config.config->max_concurrency_per_repo;
}

/* The profiles that the launcher itself can run. */
static const char **launchable(struct claim_op *c)
{
    struct queue *q = c->queue;
    const char **agents = arena_alloc(&c->arena, (q->profile_count + 1) * sizeof(*agents));
    size_t used = 0;
    for (size_t i = 0; i < q->profile_count; i++)
        if (q->profiles[i].profile->command)
            agents[used++] = q->profiles[i].profile->name;
    return agents;
}

static bool any_slot(const struct claim_op *c, const char **agents)
{
    for (size_t i = 0; agents[i]; i++)
        for (size_t k = 0; k < c->profile_count; k++)
            if (strcmp(c->names[k], agents[i]) == 0 && c->free_slots[k] > 0)
                return true;
    return false;
}

static void add_want(struct claim_op *c, struct lease_wait *wait, const char **agents, int64_t max,
                     int64_t lease_us)
{
    if (max > 0 && (wait || any_slot(c, agents)))
        c->wants[c->want_count++] =
            (struct claim_want){.wait = wait, .agents = agents, .max = max, .lease_us = lease_us};
}

void claim_start_round(struct queue *q)
{
    if (q->claiming || q->stopping || !q->started || !q->wake_pending)
        return;
    q->wake_pending = false;
    struct claim_op *c = xnew(struct claim_op);
    c->queue = q;
    c->node = store_node(q->store);
    arena_init(&c->arena);
    map_init(&c->repo_running);
    copy_limits(c);
    size_t waiting = 0;
    for (const struct lease_wait *w = q->waits; w; w = w->next)
        waiting++;
    c->wants = arena_alloc(&c->arena, (waiting + 1) * sizeof(*c->wants));
    bool held = !q->config.shim_path || clock_monotonic_us() < q->launch_hold_us;
    int64_t slots = held ? 0 : q->config.config->max_concurrency - q->launcher_running;
    add_want(c, NULL, launchable(c), MIN(slots, 64), c->node ? q->config.config->node_lease_us : 0);
    for (struct lease_wait *w = q->waits; w; w = w->next)
        add_want(c, w, w->agents, w->max, w->lease_us);
    if (c->want_count == 0) {
        q->last_look_us = clock_monotonic_us();
        claim_free(c);
        arm_due_timer(q, 0);
        return;
    }
    q->claiming = true;
    c->op.run = claim_run;
    c->op.done = claim_done;
    store_write(q->store, &c->op);
}

/* -- waiting workers -- */

void queue_lease(struct queue *q, const struct queue_lease_request *request)
{
    static const struct err stopping = {.code = ERR_UNAVAILABLE,
                                        .text = "the node is stopping or not ready; try again"};
    if (q->stopping || !q->started) {
        request->done(request->arg, NULL, 0, &stopping);
        return;
    }
    struct lease_wait *w = xnew(struct lease_wait);
    size_t count = 0;
    while (request->agents[count])
        count++;
    w->agents = xcalloc(count + 1, sizeof(*w->agents));
    for (size_t i = 0; i < count; i++)
        w->agents[i] = xstrdup(request->agents[i]);
    w->worker = xstrdup(request->worker);
    w->max = request->max;
    w->lease_us = request->lease_us;
    w->deadline_us = clock_monotonic_us() + request->wait_us;
    w->done = request->done;
    w->arg = request->arg;
    *q->waits_end = w;
    q->waits_end = &w->next;
    queue_wake(q);
}

void claim_end_waits(struct queue *q)
{
    while (!q->claiming && q->waits)
        end_wait(q, q->waits, NULL, 0, NULL);
}
