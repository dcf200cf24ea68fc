#include "node/sweep.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/rundir.h"
#include "store/idempotency.h"
#include "store/processor_checkpoints.h"
#include "store/schedules.h"
#include "store/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

struct sweep {
    struct store *store;
    const char *ended_dir; /* not owned */
    const struct config *config;
    uv_timer_t timer;
    bool running;
};

struct sweep_op {
    struct store_op op;
    struct sweep *sweep;
    struct sweep_cutoffs cutoffs;
    int64_t dirs_before_us;
    const char *ended_dir;
};

/* Old enough by the time at which it was put aside, which is its own last change. */
static bool is_old(int dir_fd, const char *name, int64_t before_us)
{
    struct stat st;
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (int64_t)st.st_ctim.tv_sec * USEC_PER_SEC < before_us;
}

static void remove_dirs(const char *ended_dir, int64_t before_us)
{
    DIR *dir = opendir(ended_dir);
    const struct dirent *entry;
    int left = SWEEP_DIRS;
    while (dir && left > 0 && (entry = readdir(dir)))
        if (rundir_key_valid(str_of(entry->d_name)) && is_old(dirfd(dir), entry->d_name, before_us) &&
            rundir_remove(ended_dir, entry->d_name) == 0)
            left--;
    if (dir)
        closedir(dir);
}

static int run(struct store_op *op, struct db *db, struct err *e)
{
    struct sweep_op *s = CONTAINER_OF(op, struct sweep_op, op);
    int64_t deleted;
    int rc = idempotency_sweep(db, op->now_us, SWEEP_ROWS, e);
    if (rc == 0)
        rc = processor_checkpoints_sweep(db, op->now_us - PROCESSOR_CHECKPOINT_KEEP_US, e);
    if (rc == 0)
        rc = schedules_sweep(db, s->cutoffs.jobs_us, op->now_us, SWEEP_ROWS, e);
    return rc ? rc : store_sweep(db, &s->cutoffs, SWEEP_ROWS, &deleted, e);
}

static int remove_run(struct store_op *op, struct db *db, struct err *e)
{
    const struct sweep_op *s = CONTAINER_OF(op, struct sweep_op, op);
    (void)db;
    (void)e;
    remove_dirs(s->ended_dir, s->dirs_before_us);
    return 0;
}

static void remove_done(struct store_op *op)
{
    struct sweep_op *s = CONTAINER_OF(op, struct sweep_op, op);
    s->sweep->running = false;
    free(s);
}

/* Rows first; then the directories, on the reader's thread, where deleting files delays no commit. */
static void done(struct store_op *op)
{
    struct sweep_op *s = CONTAINER_OF(op, struct sweep_op, op);
    if (op->rc != 0)
        log_warn("sweep", "old rows could not be removed", LOG_TEXT("error", op->err.text));
    if (s->dirs_before_us == 0) {
        remove_done(op);
        return;
    }
    struct store *store = s->sweep->store;
    s->op = (struct store_op){.run = remove_run, .done = remove_done};
    store_read(store, &s->op);
}

static int64_t before(int64_t now_us, int64_t keep_us)
{
    return keep_us ? now_us - keep_us : 0;
}

static void on_timer(uv_timer_t *timer)
{
    struct sweep *s = timer->data;
    const struct config *c = s->config;
    int64_t now_us = clock_wall_us();
    if (s->running)
        return;
    s->running = true;
    struct sweep_op *op = xnew(struct sweep_op);
    op->sweep = s;
    op->cutoffs = (struct sweep_cutoffs){.jobs_us = before(now_us, c->retention_jobs_us),
                                         .tasks_us = before(now_us, c->retention_jobs_us),
                                         .audit_us = before(now_us, c->retention_audit_us)};
    op->dirs_before_us = before(now_us, c->retention_runs_us);
    op->ended_dir = s->ended_dir;
    op->op.run = run;
    op->op.done = done;
    store_write(s->store, &op->op);
}

struct sweep *sweep_new(uv_loop_t *loop, struct store *store, const char *ended_dir)
{
    struct sweep *s = xnew(struct sweep);
    s->store = store;
    s->ended_dir = ended_dir;
    (void)uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    return s;
}

void sweep_set_config(struct sweep *s, const struct config *config)
{
    s->config = config;
    if (!uv_is_active((uv_handle_t *)&s->timer))
        (void)uv_timer_start(&s->timer, on_timer, SWEEP_EVERY_MS, SWEEP_EVERY_MS);
}

void sweep_stop(struct sweep *s)
{
    (void)uv_timer_stop(&s->timer);
}

static void on_free(uv_handle_t *handle)
{
    free(handle->data);
}

struct sweep *sweep_free(struct sweep *s)
{
    if (s)
        uv_close((uv_handle_t *)&s->timer, on_free);
    return NULL;
}
