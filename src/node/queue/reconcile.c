#include "node/queue/queue_internal.h"

#include "base/json.h"
#include "io/counters.h"
#include "io/file.h"
#include "run/reap.h"
#include "store/tasks.h"

#include <dirent.h>
#include <sys/stat.h>

#define NOTICE_MS 50                               /* from a new directory to the look at it */
#define NOTICE_AGAIN_MS 250                        /* its shim has not marked it yet */
#define NOTICE_FOR_US (INT64_C(10) * USEC_PER_SEC) /* then the next reconcile finds it */
#define TOKEN_OF_NO_LEASE "-"
#define ABANDONED_US (INT64_C(3600) * USEC_PER_SEC) /* so long nobody waits between two system calls */

/* -- what a lost shim left: killed on a thread of its own -- */

struct reap_job {
    struct worker_job job;
    struct live_run *run;
    const char *runs_dir;
    char key[RUNDIR_KEY_LEN + 1];
    struct run_process shim, process;
    int64_t killed;
    int rc;
};

void reconcile_reap_batch(void *context, struct worker_job *first)
{
    (void)context;
    for (struct worker_job *job = first; job; job = job->next) {
        struct reap_job *r = CONTAINER_OF(job, struct reap_job, job);
        r->rc = run_reap_lost(r->runs_dir, r->key, &r->shim, &r->process, &r->killed);
    }
}

static void reap_done(struct worker_job *job)
{
    struct reap_job *r = CONTAINER_OF(job, struct reap_job, job);
    struct live_run *run = r->run;
    if (r->rc != 0)
        log_error("queue", "what a lost shim left could not be killed", LOG_INT("run", run->run_id),
                  LOG_TEXT("error", strerror(-r->rc)));
    log_warn("queue", "shim lost", LOG_INT("run", run->run_id), LOG_INT("job", run->job_id),
             LOG_TEXT("agent", run->agent), LOG_INT("killed", r->killed));
    if (!run->queue->stopping)
        live_over(run);
    free(r);
}

void reconcile_reap_lost(struct live_run *run)
{
    struct queue *q = run->queue;
    counter_add(COUNTER_RUNS_SHIM_LOST, 1);
    run->state = LIVE_ENDING;
    if (rundir_read_process(q->config.runs_dir, run->key, "agent", &run->process) != 0)
        run->process.pid = 0; /* the shim died before its agent lived */
    struct reap_job *r = xnew(struct reap_job);
    r->job.done = reap_done;
    r->run = run;
    r->runs_dir = q->config.runs_dir;
    memcpy(r->key, run->key, sizeof(r->key));
    r->shim = run->shim;
    r->process = run->process;
    worker_post(q->reaper, &r->job);
}

/* -- one look at rows and directories -- */

struct found_dir { /* a directory under runs/ that this node does not follow yet */
    char key[RUNDIR_KEY_LEN + 1];
    struct run_spec spec;
    bool have_spec, marked; /* marked: a shim has taken it */
    int64_t age_us;
    int64_t run_id; /* of its row; made for `muster run` */
    bool ended;     /* its row says so: only the directory was left behind */
    bool waits;     /* no row and no shim: `muster run` is about to start it, or never will */
};

/* LOOK_FIRST: the take-up at start.  LOOK_FULL: all invariants.  LOOK_NEW: for runs of `muster run` alone. */
enum look { LOOK_FIRST, LOOK_FULL, LOOK_NEW };

struct reconcile_op {
    struct store_op op;
    struct queue *queue;
    struct arena arena;
    struct found_dir *dirs;
    size_t dir_count;
    struct run *runs; /* live rows */
    size_t run_count;
    struct job *jobs; /* running */
    size_t job_count;
    enum look look;
    struct map suspects; /* "KIND ID" seen in this look; see confirmed */
    struct queue_reconciled result;
};

static void on_notice(uv_timer_t *timer);
static void watch_runs_dir(struct queue *q);
static void begin(struct queue *q, enum look look);

struct reconcile_wait {
    struct reconcile_wait *next;
    void (*done)(void *arg, const struct queue_reconciled *r, const struct err *e);
    void *arg;
};

static int64_t age_of(const struct queue *q, const char *key)
{
    struct stat st;
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s", q->config.runs_dir, key);
    int64_t now_us = clock_wall_us(), changed_us = now_us;
    if (stat(path.p, &st) == 0)
        changed_us = (int64_t)st.st_ctim.tv_sec * USEC_PER_SEC;
    buf_deinit(&path);
    return now_us - changed_us;
}

/* Rows get their ids in the order in which the runs began. */
static int by_creation(const void *a, const void *b)
{
    int64_t x = ((const struct found_dir *)a)->spec.created_at_us,
            y = ((const struct found_dir *)b)->spec.created_at_us;
    return (x > y) - (x < y);
}

static void find_dirs(struct reconcile_op *r)
{
    struct queue *q = r->queue;
    DIR *dir = opendir(q->config.runs_dir);
    if (!dir)
        return;
    size_t capacity = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir))) {
        struct str key = str_of(entry->d_name);
        if (!rundir_key_valid(key) || map_get(&q->live_keys, key))
            continue;
        if (r->dir_count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            r->dirs = xrealloc(r->dirs, capacity * sizeof(*r->dirs));
        }
        struct found_dir *found = &r->dirs[r->dir_count++];
        *found = (struct found_dir){0};
        memcpy(found->key, key.p, RUNDIR_KEY_LEN);
        struct run_process shim;
        found->marked = rundir_read_process(q->config.runs_dir, found->key, "shim", &shim) == 0;
        found->age_us = age_of(q, found->key);
        found->have_spec = rundir_read_spec(q->config.runs_dir, found->key, &found->spec, NULL) == 0;
    }
    closedir(dir);
    if (r->dir_count > 1)
        qsort(r->dirs, r->dir_count, sizeof(*r->dirs), by_creation);
}

static int64_t newest(const struct task *tasks, size_t count, bool open_only)
{
    while (count > 0 && open_only && tasks[count - 1].terminal)
        count--;
    return count > 0 ? tasks[count - 1].id : 0;
}

/* By its id, or by its work item: the newest that is open, else the newest.  0: there is none. */
static int find_task(struct reconcile_op *r, struct db *db, const struct run_spec *spec, int64_t *ret,
                     struct err *e)
{
    struct task *tasks, one;
    size_t count;
    *ret = 0;
    if (spec->task_id) {
        int rc = task_get(db, spec->task_id, &r->arena, &one, e);
        *ret = rc == 0 ? one.id : 0;
        return rc == TASK_E_ABSENT ? 0 : rc;
    }
    if (!spec->task)
        return 0;
    struct task_filter named = {.work_item = spec->task};
    int rc = task_list(db, &named, &r->arena, &tasks, &count, e);
    if (rc == 0)
        *ret = newest(tasks, count, true);
    if (rc == 0 && *ret == 0)
        *ret = newest(tasks, count, false);
    return rc;
}

/* A directory without a row is a `muster run` to be booked (Q15), or what a lost store left of a job.  One
 * that no shim has taken yet is left to who made it: a second shim would take the command away from its
 * terminal. */
static int import_dir(struct reconcile_op *r, struct db *db, struct found_dir *found, struct err *e)
{
    struct run row;
    int rc = run_get_by_key(db, found->key, &r->arena, &row, e);
    if (rc == 0) {
        found->run_id = row.id;
        found->ended = row.ended;
    }
    if (rc != RUN_E_ABSENT)
        return rc;
    found->waits = !found->have_spec || !found->marked;
    if (found->waits)
        return 0;
    const struct run_spec *spec = &found->spec;
    int64_t task_id;
    rc = find_task(r, db, spec, &task_id, e);
    if (rc != 0)
        return rc;
    struct run fresh = {.key = found->key,
                        .agent = spec->agent[0] ? spec->agent : NULL,
                        .origin = spec->origin,
                        .repo = spec->repo,
                        .model = spec->model,
                        .effort = spec->effort,
                        .task_id = task_id,
                        .workdir = spec->workdir,
                        .node = store_node(r->queue->store),
                        .attempt = 1};
    if (!task_id && (spec->task_id || spec->task))
        log_warn("queue", "the task that a run names is not there", LOG_TEXT("key", found->key),
                 LOG_TEXT("task", spec->task ? spec->task : "by id"));
    r->result.imported++;
    return run_insert(db, &fresh, r->op.now_us, &found->run_id, e);
}

static int reconcile_run(struct store_op *op, struct db *db, struct err *e)
{
    struct reconcile_op *r = CONTAINER_OF(op, struct reconcile_op, op);
    const char *node = store_node(r->queue->store);
    struct run_filter live = {.live_only = true, .limit = INT64_MAX, .node = node};
    struct job_filter running = {.state = JOB_RUNNING, .limit = INT64_MAX};
    /* What this node left is its own again, before somebody takes it for lost. */
    int rc = node && r->look == LOOK_FIRST
                 ? job_lease_renew(db, node, op->now_us + r->queue->config.config->node_lease_us, e)
                 : 0;
    for (size_t i = 0; i < r->dir_count && rc == 0; i++)
        rc = import_dir(r, db, &r->dirs[i], e);
    if (rc == 0)
        rc = run_list(db, &live, &r->arena, &r->runs, &r->run_count, e);
    return rc ? rc : job_list(db, &running, &r->arena, &r->jobs, &r->job_count, e);
}

/* -- what is done about it, on the loop thread -- */

static const struct job *job_of(const struct reconcile_op *r, int64_t id)
{
    for (size_t low = 0, high = r->job_count; low < high;) { /* job_list is in order of id */
        size_t middle = (low + high) / 2;
        if (r->jobs[middle].id == id)
            return &r->jobs[middle];
        if (r->jobs[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Rows are read off this thread, so what they say may have changed meanwhile: only what two looks in a row
 * have seen is a violation.  At start nothing moves, and one look is enough. */
static bool confirmed(struct reconcile_op *r, enum counter_id kind, int64_t id)
{
    char text[48];
    (void)snprintf(text, sizeof(text), "%d %lld", (int)kind, (long long)id);
    (void)map_put(&r->suspects, str_of(text), r);
    return r->look == LOOK_FIRST || map_get(&r->queue->suspects, str_of(text));
}

static void violation(struct reconcile_op *r, enum counter_id kind, const char *what, int64_t job_id,
                      int64_t run_id)
{
    struct buf body = BUF_INIT;
    struct json_writer w;
    r->result.violations++;
    counter_add(kind, 1);
    log_warn("queue", what, LOG_INT("job", job_id), LOG_INT("run", run_id));
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_text(&w, "invariant", counter_rows[kind].label_value);
    json_kv_i64_or_null(&w, "job_id", job_id != 0, job_id);
    json_kv_i64_or_null(&w, "run_id", run_id != 0, run_id);
    json_object_end(&w);
    events_publish(r->queue->events, "event.invariant", buf_str(&body));
    buf_deinit(&body);
}

static bool dir_exists(const struct queue *q, const char *key)
{
    struct run_spec spec = {0};
    int rc = rundir_read_spec(q->config.runs_dir, key, &spec, NULL);
    run_spec_deinit(&spec);
    return rc != RUNDIR_E_ABSENT;
}

/* The end of a run that its job does not name changes nothing of that job, which may have another run by
 * then. */
static struct live_run *follow(struct reconcile_op *r, const struct run *row, const struct job *job)
{
    struct queue *q = r->queue;
    bool is_its_run = job && job->run_id == row->id;
    const char *token = is_its_run ? job->lease_token : TOKEN_OF_NO_LEASE;
    struct live_run *run =
        live_new(q, row->key, row->id, row->job_id, row->task_id, token, row->agent, row->repo, row->model);
    if (is_its_run) {
        run->has_slot = true;
        queue_slot_taken(q, row->agent, row->repo, true, row->id);
    }
    return run;
}

/* A live row that nobody follows: always so after a restart, never otherwise.  Without a directory nothing
 * can have been started, since the directory comes before the shim: the claim is undone.  With one, its state
 * tells. */
static void take_up_row(struct reconcile_op *r, const struct run *row)
{
    struct queue *q = r->queue;
    const struct job *job = row->job_id ? job_of(r, row->job_id) : NULL;
    if (strcmp(row->origin, "worker") == 0)
        return; /* an external worker's: its lease tells */
    bool imported = row->job_id == 0;
    if (!imported && !confirmed(r, COUNTER_INVARIANT_RUNNING_NO_PROCESS, row->id))
        return;
    if (r->look != LOOK_FIRST && job)
        violation(r, COUNTER_INVARIANT_RUNNING_NO_PROCESS,
                  "a running job had no process that this node follows", row->job_id, row->id);
    struct live_run *run = follow(r, row, job);
    if (!dir_exists(q, row->key)) {
        book_release(run, "not started");
        return;
    }
    r->result.taken_up++;
    live_take_up(run);
    if (row->job_id && (!job || job->run_id != row->id)) {
        violation(r, job ? COUNTER_INVARIANT_TWO_RUNS : COUNTER_INVARIANT_PROCESS_NO_JOB,
                  job ? "a second live run of one job is ended" : "a run whose job is not running is ended",
                  row->job_id, row->id);
        live_cancel(run, true);
    } else if (job && job->cancel_requested) {
        live_cancel(run, false);
    }
}

static void put_waiting(struct reconcile_op *r, const struct found_dir *found)
{
    struct queue *q = r->queue;
    if (found->age_us < NOTICE_FOR_US)
        (void)uv_timer_start(&q->notice_timer, on_notice, NOTICE_AGAIN_MS, 0);
    if (found->age_us < ABANDONED_US || rundir_is_locked(q->config.runs_dir, found->key))
        return;
    int rc = rundir_remove(q->config.runs_dir, found->key);
    log_warn("queue", "a run that was prepared and never started is removed", LOG_TEXT("key", found->key),
             LOG_TEXT("error", rc ? strerror(-rc) : ""));
}

/* A run that lives although its row has ended: while this node was away another one took it for lost and its
 * job may run elsewhere by now. */
static void end_disowned(struct reconcile_op *r, const struct found_dir *found)
{
    struct queue *q = r->queue;
    if (!store_node(q->store) || !confirmed(r, COUNTER_INVARIANT_DONE_ALIVE, found->run_id))
        return;
    violation(r, COUNTER_INVARIANT_DONE_ALIVE, "a run that was given up lives; ended", 0, found->run_id);
    struct live_run *run = live_new(q, found->key, found->run_id, 0, 0, NULL, found->spec.agent,
                                    found->spec.repo, found->spec.model);
    live_take_up(run);
    live_cancel(run, true);
}

static void put_left_behind(struct reconcile_op *r, struct found_dir *found)
{
    struct queue *q = r->queue;
    if (found->waits)
        put_waiting(r, found);
    if (!found->ended)
        return;
    if (rundir_is_locked(q->config.runs_dir, found->key)) {
        end_disowned(r, found);
        return;
    }
    struct buf from = BUF_INIT, to = BUF_INIT;
    if (rundir_mark_booked(q->config.runs_dir, found->key) == 0) {
        buf_printf(&from, "%s/%s", q->config.runs_dir, found->key);
        buf_printf(&to, "%s/%s", q->config.ended_dir, found->key);
        (void)rename(from.p, to.p);
        r->result.booked++;
    }
    buf_deinit(&from);
    buf_deinit(&to);
}

static void gave_up(void *arg, const struct job *job, bool cancel, bool quiet, const struct err *e)
{
    (void)arg;
    (void)cancel;
    (void)quiet;
    if (e)
        log_warn("queue", "a job without a process could not be given back", LOG_INT("job", job->id),
                 LOG_TEXT("error", e->text));
}

/* A running job whose run is not live: its run was ended and the job was not, which one transaction forbids;
 * or it has none.  An external worker's job that lost its run is left to its lease. */
static void check_job(struct reconcile_op *r, const struct job *job)
{
    struct queue *q = r->queue;
    bool launcher = job->worker && job->worker[0] == '\0';
    if (!report_is_ours(q, job))
        return; /* of another node, which looks itself */
    if (r->look == LOOK_FIRST && !launcher)
        queue_slot_taken(q, job->agent, job->repo, false, job->run_id);
    if (!launcher || map_get(&q->live, map_key_i64(&job->run_id)) ||
        !confirmed(r, COUNTER_INVARIANT_RUNNING_NO_PROCESS, -job->id))
        return;
    violation(r, COUNTER_INVARIANT_RUNNING_NO_PROCESS, "a running job has no live run; it is released",
              job->id, job->run_id);
    struct queue_report give_up = {.job_id = job->id,
                                   .token = job->lease_token,
                                   .what = QUEUE_FAIL,
                                   .class = EXIT_RETRY,
                                   .error = "running without a process",
                                   .done = gave_up,
                                   .arg = q};
    queue_slot_taken(q, job->agent, job->repo, false, job->run_id);
    queue_report(q, &give_up);
}

static void check_live(struct reconcile_op *r, struct live_run *run)
{
    int64_t now_us = clock_monotonic_us();
    const struct job *job = run->job_id ? job_of(r, run->job_id) : NULL;
    if (job && job->run_id != run->run_id)
        job = NULL; /* claimed again, after another node took this one for lost */
    if (job && job->cancel_requested && run->state == LIVE_RUNNING && !run->cancelled)
        live_cancel(run, false); /* asked for at another node */
    if (run->state == LIVE_STARTING && !run->hard_cancelled &&
        now_us - run->started_us > QUEUE_CLAIMED_NO_PID_US) {
        violation(r, COUNTER_INVARIANT_CLAIMED_NO_PID, "claimed for 30 s without a process; ended",
                  run->job_id, run->run_id);
        live_cancel(run, true);
    }
    if (run->state == LIVE_RUNNING && run->job_id && !job && !run->cancelled &&
        confirmed(r, COUNTER_INVARIANT_DONE_ALIVE, run->run_id)) {
        violation(r, COUNTER_INVARIANT_DONE_ALIVE, "the job is over and its process lives; ended",
                  run->job_id, run->run_id);
        live_cancel(run, true);
    }
}

static void take_up(struct reconcile_op *r)
{
    struct queue *q = r->queue;
    for (size_t i = 0; i < r->run_count; i++)
        if (!map_get(&q->live, map_key_i64(&r->runs[i].id)) && (r->look != LOOK_NEW || !r->runs[i].job_id))
            take_up_row(r, &r->runs[i]);
    for (size_t i = 0; i < r->dir_count; i++)
        put_left_behind(r, &r->dirs[i]);
}

static void check_all(struct reconcile_op *r)
{
    struct queue *q = r->queue;
    for (size_t i = 0; i < r->job_count; i++)
        check_job(r, &r->jobs[i]);
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&q->live, &at, &key, &value))
        check_live(r, value);
    map_deinit(&q->suspects);
    q->suspects = r->suspects;
    map_init(&r->suspects);
}

static void apply(struct reconcile_op *r)
{
    take_up(r);
    if (r->look != LOOK_NEW)
        check_all(r);
    r->result.live = (int64_t)r->queue->live.count;
}

static void answer_waits(struct queue *q, const struct queue_reconciled *result, const struct err *e)
{
    while (q->reconcile_waits) {
        struct reconcile_wait *w = q->reconcile_waits;
        q->reconcile_waits = w->next;
        w->done(w->arg, result, e);
        free(w);
    }
}

static void start(struct queue *q)
{
    q->started = true;
    q->last_look_us = clock_monotonic_us();
    q->taking_up = false;
    (void)uv_timer_start(&q->reconcile_timer, reconcile_on_timer, QUEUE_RECONCILE_MS, QUEUE_RECONCILE_MS);
    watch_runs_dir(q);
    report_start_expiry(q);
    queue_wake(q);
    q->ready(q->ready_arg);
}

static void reconcile_done(struct store_op *op)
{
    struct reconcile_op *r = CONTAINER_OF(op, struct reconcile_op, op);
    struct queue *q = r->queue;
    static struct log_limit limit;
    q->reconciling = false;
    counter_add(COUNTER_RECONCILES, 1);
    if (op->rc == 0 && !q->stopping)
        apply(r);
    else if (op->rc != 0 && log_limit_allows(&limit, clock_monotonic_us(), 1, 60 * USEC_PER_SEC))
        log_error("queue", "reconcile failed; tried again in 10 s", LOG_TEXT("error", op->err.text));
    if (r->look != LOOK_NEW)
        answer_waits(q, &r->result, op->rc ? &op->err : NULL);
    bool first = r->look == LOOK_FIRST, failed = op->rc != 0;
    for (size_t i = 0; i < r->dir_count; i++)
        run_spec_deinit(&r->dirs[i].spec);
    free(r->dirs);
    map_deinit(&r->suspects);
    arena_reset(&r->arena);
    free(r);
    if (!first && q->reconcile_waits)
        begin(q, LOOK_FULL); /* who asked while new directories were looked at */
    if (!first || q->stopping)
        return;
    if (failed)
        (void)uv_timer_start(&q->reconcile_timer, reconcile_on_timer, QUEUE_RETRY_MS, 0);
    else
        start(q);
}

static void begin(struct queue *q, enum look look)
{
    if (q->reconciling || q->stopping)
        return;
    q->reconciling = true;
    struct reconcile_op *r = xnew(struct reconcile_op);
    r->queue = q;
    r->look = look;
    map_init(&r->suspects);
    arena_init(&r->arena);
    find_dirs(r);
    r->op.run = reconcile_run;
    r->op.done = reconcile_done;
    if (r->dir_count > 0 || look == LOOK_FIRST)
        store_write(q->store, &r->op);
    else
        store_read(q->store, &r->op); /* nothing to import: a read is all it needs */
}

void reconcile_take_up(struct queue *q)
{
    q->taking_up = true;
    begin(q, LOOK_FIRST);
}

void reconcile_on_timer(uv_timer_t *timer)
{
    struct queue *q = timer->data;
    begin(q, q->taking_up ? LOOK_FIRST : LOOK_FULL);
}

/* -- a `muster run` beside a node: its directory is seen at once -- */

static void on_notice(uv_timer_t *timer)
{
    struct queue *q = timer->data;
    if (q->reconciling || !q->started)
        (void)uv_timer_start(timer, on_notice, NOTICE_MS, 0);
    else
        begin(q, LOOK_NEW);
}

/* The launcher's own are known before they are made, and gone when they are moved aside. */
static void on_runs_dir(uv_fs_event_t *watch, const char *file, int events, int status)
{
    struct queue *q = watch->data;
    (void)events;
    (void)status;
    if (!file || !rundir_key_valid(str_of(file)) || map_get(&q->live_keys, str_of(file)) ||
        uv_is_active((uv_handle_t *)&q->notice_timer))
        return;
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s", q->config.runs_dir, file);
    if (file_exists(path.p))
        (void)uv_timer_start(&q->notice_timer, on_notice, NOTICE_MS, 0);
    buf_deinit(&path);
}

static void watch_runs_dir(struct queue *q)
{
    int rc = uv_fs_event_start(&q->runs_watch, on_runs_dir, q->config.runs_dir, 0);
    if (rc < 0)
        log_warn("queue", "the folder of runs cannot be watched; a `muster run` is seen within 10 s",
                 LOG_TEXT("error", uv_strerror(rc)));
}

void queue_reconcile(struct queue *q,
                     void (*done)(void *, const struct queue_reconciled *, const struct err *), void *arg)
{
    struct reconcile_wait *w = xnew(struct reconcile_wait);
    w->done = done;
    w->arg = arg;
    w->next = q->reconcile_waits;
    q->reconcile_waits = w;
    begin(q, q->taking_up ? LOOK_FIRST : LOOK_FULL);
}

void reconcile_end_waits(struct queue *q)
{
    static const struct err stopping = {.code = ERR_UNAVAILABLE, .text = "the node is stopping"};
    answer_waits(q, NULL, &stopping);
}
