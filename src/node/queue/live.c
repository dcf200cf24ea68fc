#include "node/queue/queue_internal.h"

#include "io/child.h"
#include "io/counters.h"
#include "io/procfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIVE_SPAWNS_MAX 5

static void look(struct live_run *run);

static char *run_path(const struct live_run *run, const char *file)
{
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s%s%s", run->queue->config.runs_dir, run->key, file ? "/" : "", file ? file : "");
    return buf_take(&path);
}

/* -- life -- */

struct live_run *live_new(struct queue *q, const char *key, int64_t run_id, int64_t job_id, int64_t task_id,
                          const char *token, const char *agent, const char *repo, const char *model)
{
    struct live_run *run = xnew(struct live_run);
    struct queue_profile *p = queue_profile(q, agent ? agent : "");
    *run = (struct live_run){
        .queue = q,
        .run_id = run_id,
        .job_id = job_id,
        .task_id = task_id,
        .token = token ? xstrdup(token) : NULL,
        .agent = xstrdup(agent ? agent : ""),
        .repo = repo ? xstrdup(repo) : NULL,
        .profile = p ? p->profile : NULL,
        .started_us = clock_monotonic_us(),
    };
    memcpy(run->key, key, RUNDIR_KEY_LEN);
    if (!model && run->profile)
        model = run->profile->model;
    run->model = model ? xstrdup(model) : NULL;
    line_joiner_init(&run->partial[0]);
    line_joiner_init(&run->partial[1]);
    struct output_setup setup = {.format = run->profile ? run->profile->output : OUTPUT_TEXT,
                                 .prices = q->config.config->prices,
                                 .model = run->model,
                                 .rate_limited_patterns =
                                     run->profile ? run->profile->rate_limited_patterns : NULL,
                                 .utc_offset_us = clock_utc_offset_us()};
    run->parser = output_parser_new(&setup);
    (void)map_put(&q->live, map_key_i64(&run->run_id), run);
    (void)map_put(&q->live_keys, str_of(run->key), run);
    return run;
}

void live_free(struct live_run *run)
{
    line_joiner_deinit(&run->partial[0]);
    line_joiner_deinit(&run->partial[1]);
    run->parser = output_parser_free(run->parser);
    free(run->token);
    free(run->agent);
    free(run->repo);
    free(run->model);
    free(run->spawn_error);
    free(run);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct live_run *run = handle->data;
    run->handles--;
    if (run->dead && run->handles == 0)
        live_free(run);
}

/* On one shim.  It outlives the run's interest in it until libuv has let go of it: by then the run may watch
 * another one. */
struct shim_watch {
    uv_poll_t poll;
    int pidfd;
    struct live_run *run;
};

static void on_watch_closed(uv_handle_t *handle)
{
    struct shim_watch *w = handle->data;
    closep(&w->pidfd);
    free(w);
}

static void close_exit_watch(struct live_run *run)
{
    struct shim_watch *w = TAKE(run->watch);
    if (w)
        uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

void live_unwatch(struct live_run *run)
{
    close_exit_watch(run);
    if (run->watching_dir) {
        run->watching_dir = false;
        uv_close((uv_handle_t *)&run->dir_watch, on_handle_closed);
    }
}

void live_booked(struct live_run *run)
{
    struct queue *q = run->queue;
    (void)map_remove(&q->live, map_key_i64(&run->run_id));
    (void)map_remove(&q->live_keys, str_of(run->key));
    live_unwatch(run);
    run->dead = true;
    if (run->handles == 0)
        live_free(run);
}

/* -- output -- */

static void feed(struct live_run *run, struct str raw)
{
    struct run_output_line line;
    if (!rundir_parse_output(raw, &line))
        return;
    struct line_joiner *joiner = &run->partial[line.is_stderr];
    line_joiner_add(joiner, line.text);
    run->partial_at_us[line.is_stderr] = line.at_us;
    if (line.is_partial)
        return;
    output_parser_feed(run->parser, line_joiner_line(joiner), line.is_stderr, line.at_us);
    line_joiner_next(joiner);
    run->usage_changed = true;
}

/* Nothing more comes: what stands behind the last line feed is a line as well, as the whole of what an agent
 * that prints one JSON object may be. */
static void feed_unterminated(struct live_run *run)
{
    for (size_t i = 0; i < COUNT_OF(run->partial); i++) {
        struct line_joiner *joiner = &run->partial[i];
        if (line_joiner_line(joiner).n == 0)
            continue;
        output_parser_feed(run->parser, line_joiner_line(joiner), i == 1, run->partial_at_us[i]);
        line_joiner_next(joiner);
        run->usage_changed = true;
    }
}

/* Feeds the whole lines of `fd` from run->output_offset on, at most `budget` bytes.  True when more is there.
 */
static bool read_lines(struct live_run *run, int fd, size_t budget)
{
    size_t want = budget;
    char *block = xrealloc(NULL, want);
    ssize_t n = pread(fd, block, want, (off_t)run->output_offset);
    if (n > 0 &&
        !memrchr(block, '\n', (size_t)n)) { /* one line longer than the budget: the bound is a line's */
        want = OUTPUT_LINE_MAX + 64;
        block = xrealloc(block, want);
        n = pread(fd, block, want, (off_t)run->output_offset);
    }
    const char *end = n > 0 ? memrchr(block, '\n', (size_t)n) : NULL;
    struct str rest = {block, end ? (size_t)(end - block) : 0}, line;
    while (end && str_split(&rest, '\n', &line))
        feed(run, line);
    if (end)
        run->output_offset += end + 1 - block;
    free(block);
    return end && (size_t)n == want;
}

static int open_output(const struct live_run *run, const char *file, struct stat *ret_st)
{
    char *path = run_path(run, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    free(path);
    if (fd >= 0 && fstat(fd, ret_st) != 0)
        closep(&fd);
    return fd;
}

/* One turn of reading.  When the file was rotated, what is left of the old one comes first.  True when more
 * is there. */
static bool read_turn(struct live_run *run)
{
    struct stat st;
    CLEANUP(closep) int fd = open_output(run, "output", &st);
    if (fd < 0)
        return false;
    if (run->output_inode != (int64_t)st.st_ino) {
        struct stat old_st;
        CLEANUP(closep) int old = run->output_inode ? open_output(run, "output.1", &old_st) : -1;
        if (old >= 0 && (int64_t)old_st.st_ino == run->output_inode &&
            read_lines(run, old, QUEUE_OUTPUT_TURN_BYTES))
            return true;
        run->output_inode = (int64_t)st.st_ino;
        run->output_offset = 0;
    }
    return read_lines(run, fd, QUEUE_OUTPUT_TURN_BYTES);
}

struct usage_op {
    struct store_op op;
    int64_t run_id;
    struct usage usage;
};

static int usage_run(struct store_op *op, struct db *db, struct err *e)
{
    struct usage_op *u = CONTAINER_OF(op, struct usage_op, op);
    return run_set_usage(db, u->run_id, &u->usage, e);
}

static void
usage_done(struct store_op *op) /* lost figures come again with the next ones, or with the booking */
{
    free(CONTAINER_OF(op, struct usage_op, op));
}

static void save_usage(struct live_run *run)
{
    int64_t now_us = clock_monotonic_us();
    if (!run->usage_changed || now_us - run->usage_saved_us < QUEUE_USAGE_SAVE_US ||
        usage_is_unknown(output_usage(run->parser)))
        return;
    run->usage_saved_us = now_us;
    run->usage_changed = false;
    struct usage_op *u = xnew(struct usage_op);
    u->op.run = usage_run;
    u->op.done = usage_done;
    u->run_id = run->run_id;
    u->usage = *output_usage(run->parser);
    store_write(run->queue->store, &u->op);
}

static void arm_output_timer(struct queue *q)
{
    if (!q->stopping && !uv_is_active((uv_handle_t *)&q->output_timer))
        (void)uv_timer_start(&q->output_timer, live_read_outputs, QUEUE_OUTPUT_MS, 0);
}

void live_read_outputs(uv_timer_t *timer)
{
    struct queue *q = timer->data;
    bool more = false;
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&q->live, &at, &key, &value)) {
        struct live_run *run = value;
        if (!run->output_dirty || run->state == LIVE_BOOKING)
            continue;
        run->output_dirty = read_turn(run);
        more |= run->output_dirty;
        save_usage(run);
        if (!run->output_dirty && run->state == LIVE_ENDING && run->is_over) {
            feed_unterminated(run);
            book_run(run); /* removing the key just returned is allowed while iterating */
        }
    }
    if (more)
        arm_output_timer(q);
}

static void mark_dirty(struct live_run *run)
{
    run->output_dirty = true;
    arm_output_timer(run->queue);
}

/* -- what the directory says -- */

struct process_op {
    struct store_op op;
    int64_t run_id;
    struct run_process shim, process;
};

static int process_run(struct store_op *op, struct db *db, struct err *e)
{
    struct process_op *p = CONTAINER_OF(op, struct process_op, op);
    return run_set_process(db, p->run_id, p->process.pid, p->process.start_ticks, p->shim.pid,
                           p->shim.start_ticks, p->process.started_at_us, e);
}

static void process_done(struct store_op *op)
{
    struct process_op *p = CONTAINER_OF(op, struct process_op, op);
    if (op->rc != 0 && op->rc != RUN_E_ENDED)
        log_warn("queue", "the pid of a run could not be stored", LOG_INT("run", p->run_id),
                 LOG_TEXT("error", op->err.text));
    free(p);
}

/* The agent's pid, once the shim has written it: from then on the run is visible in /metrics. */
static void read_agent(struct live_run *run)
{
    if (run->process.pid ||
        rundir_read_process(run->queue->config.runs_dir, run->key, "agent", &run->process) != 0)
        return;
    if (run->state == LIVE_STARTING)
        run->state = LIVE_RUNNING;
    if (!run->shim.pid && rundir_read_process(run->queue->config.runs_dir, run->key, "shim", &run->shim) != 0)
        run->shim.pid = 0; /* written before `agent`, so this is somebody's tampering; the agent is watched
                              all the same */
    struct process_op *p = xnew(struct process_op);
    p->op.run = process_run;
    p->op.done = process_done;
    p->run_id = run->run_id;
    p->shim = run->shim;
    p->process = run->process;
    store_write(run->queue->store, &p->op);
}

static void on_dir_event(uv_fs_event_t *watch, const char *file, int events, int status)
{
    struct live_run *run = watch->data;
    (void)events;
    (void)status;
    if (run->state == LIVE_BOOKING || run->dead)
        return;
    if (!file || strcmp(file, "output") == 0)
        mark_dirty(run);
    if (!file || strcmp(file, "agent") == 0)
        read_agent(run);
    if (!run->watch && (!file || strcmp(file, "shim") == 0))
        look(run);
}

static void watch_dir(struct live_run *run)
{
    if (run->watching_dir || run->queue->stopping)
        return;
    (void)uv_fs_event_init(run->queue->loop, &run->dir_watch);
    run->dir_watch.data = run;
    run->watching_dir = true;
    run->handles++;
    char *path = run_path(run, NULL);
    int rc = uv_fs_event_start(&run->dir_watch, on_dir_event, path, 0);
    if (rc < 0) /* inotify's limit: reconcile and the shim's exit still move the run */
        log_warn("queue", "the run's directory cannot be watched", LOG_INT("run", run->run_id),
                 LOG_TEXT("error", uv_strerror(rc)));
    free(path);
}

static void on_shim_exit(uv_poll_t *watch, int status, int events)
{
    const struct shim_watch *w = watch->data;
    struct live_run *run = w->run;
    (void)status;
    (void)events;
    close_exit_watch(run);
    look(run);
}

/* The pidfd is opened before the identity is checked, so that what it holds is what was checked. */
static bool watch_shim(struct live_run *run, int64_t pid, int64_t start_ticks)
{
    if (run->watch)
        return true;
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (fd < 0)
        return false;
    if (start_ticks && procfs_start_ticks("/proc", pid) != start_ticks) {
        close(fd);
        return false;
    }
    struct shim_watch *w = xnew(struct shim_watch);
    *w = (struct shim_watch){.pidfd = fd, .run = run};
    if (run->queue->stopping || uv_poll_init(run->queue->loop, &w->poll, fd) < 0) {
        closep(&w->pidfd);
        free(w);
        return false;
    }
    w->poll.data = w;
    run->watch = w;
    (void)uv_poll_start(&w->poll, UV_READABLE, on_shim_exit);
    if (run->cancelled)
        live_cancel(run, run->hard_cancelled);
    return true;
}

void live_over(struct live_run *run)
{
    run->is_over = true;
    mark_dirty(run);
}

static void end_with_result(struct live_run *run)
{
    run->have_result = true;
    run->state = LIVE_ENDING;
    read_agent(run);
    live_over(run);
}

static void look_once(struct live_run *run, bool last)
{
    struct queue *q = run->queue;
    struct err e;
    if (rundir_read_result(q->config.runs_dir, run->key, &run->result, &e) == 0) {
        end_with_result(run);
        return;
    }
    bool locked = rundir_is_locked(q->config.runs_dir, run->key);
    bool marked = rundir_read_process(q->config.runs_dir, run->key, "shim", &run->shim) == 0;
    if (locked) {
        read_agent(run);
        if (marked && !watch_shim(run, run->shim.pid, run->shim.start_ticks) && !last)
            look_once(run, true); /* it has ended between the two looks */
        return;                   /* not marked yet: the directory's watch tells */
    }
    if (!last) {
        look_once(run, true); /* the result may have come between reading it and trying the lock */
        return;
    }
    if (marked)
        reconcile_reap_lost(run);
    else
        live_spawn(run);
}

/* Finds out where the run stands, from any point: after a spawn, an exit of a shim, a restart. */
static void look(struct live_run *run)
{
    if (run->state == LIVE_ENDING || run->state == LIVE_BOOKING || run->dead || run->queue->stopping)
        return;
    look_once(run, false);
}

void live_take_up(struct live_run *run)
{
    counter_add(COUNTER_RUNS_TAKEN_UP, 1);
    watch_dir(run);
    mark_dirty(run);
    look(run);
}

/* -- launch -- */

static void fail_to_start(struct live_run *run, const struct err *e)
{
    counter_add(COUNTER_RUNS_START_FAILED, 1);
    log_warn("queue", "a run could not be started", LOG_INT("run", run->run_id), LOG_INT("job", run->job_id),
             LOG_TEXT("agent", run->agent), LOG_TEXT("error", e->text));
    free(run->spawn_error);
    run->spawn_error = xstrdup(e->text);
}

/* A fault of the configuration or of the job ends the attempt; one of this host undoes the claim. */
static void refuse(struct live_run *run, const struct err *e)
{
    fail_to_start(run, e);
    if (e->code != ERR_INVALID) {
        book_release(run, "not started");
        return;
    }
    int64_t now_us = clock_wall_us();
    run->result =
        (struct run_result){.outcome = RUN_START_FAILED, .started_at_us = now_us, .ended_at_us = now_us};
    run->have_result = true;
    run->state = LIVE_ENDING;
    book_run(run);
}

void live_spawn(struct live_run *run)
{
    struct err e = {0};
    int64_t pid;
    watch_dir(run);
    if (++run->spawns > LIVE_SPAWNS_MAX) {
        (void)err_set(&e, ERR_INVALID, 0, "muster-shim left %d times without taking up the run",
                      LIVE_SPAWNS_MAX);
        refuse(run, &e);
        return;
    }
    int rc = launch_spawn(run->queue->config.shim_path, run->queue->config.runs_dir, run->key, &pid, &e);
    if (rc != 0) {
        refuse(run, &e);
        return;
    }
    counter_add(COUNTER_RUNS_STARTED, 1);
    if (!watch_shim(run, pid, 0))
        look(run);
}

void live_launch(struct live_run *run, const struct job *job)
{
    struct queue *q = run->queue;
    const struct config *config = q->config.config;
    struct launch_request request = {
        .profile = run->profile,
        .key = run->key,
        .run_id = run->run_id,
        .job_id = run->job_id,
        .task_id = run->task_id,
        .prompt = job->prompt,
        .repo = job->repo,
        .model = job->model,
        .effort = job->effort,
        .stage = job->stage,
        .args = job->args,
        .env = job->env,
        .timeout_us = job->timeout_us,
        .data_dir = config->data_dir,
        .repo_root = config->repo_root,
        .cgroup = q->config.cgroup && q->config.cgroup[0] ? q->config.cgroup : NULL,
        .now_us = clock_wall_us(),
    };
    struct run_spec spec = {0};
    struct err e = {0};
    int rc = launch_spec(&request, &spec, &e);
    if (rc == 0)
        rc = rundir_create(q->config.runs_dir, &spec, &e);
    run_spec_deinit(&spec);
    if (rc != 0)
        refuse(run, &e);
    else
        live_spawn(run);
}

void live_cancel(struct live_run *run, bool hard)
{
    run->cancelled = true;
    run->hard_cancelled |= hard;
    if (run->watch) /* else watch_shim does it */
        (void)syscall(SYS_pidfd_send_signal, run->watch->pidfd, hard ? SIGUSR1 : SIGTERM, NULL, 0);
}

/* Shims that were started by this node, and orphans that came to it as the nearest subreaper. */
void live_on_children(uv_signal_t *watch, int signal)
{
    (void)watch;
    (void)signal;
    child_reap_all();
}
