#include "store/store.h"

#include "base/clock.h"
#include "core/window.h"
#include "io/counters.h"
#include "io/http_server.h"
#include "store/migrate.h"
#include "store/node_id.h"
#include "store/processors_upgrade.h"
#include "store/settings.h"
#include "store/store_listen.h"

struct store {
    struct db *write_db, *read_db;  /* each its worker's, once that runs */
    struct worker *writer, *reader; /* NULL once closed */
    int64_t stamp_from_us;          /* the writer's */
    size_t backlog_max;
    struct store_stats stats; /* loop thread, as all below */
    struct {
        struct worker_job *first, **tail; /* posted with the next write */
        size_t count;
        uv_timer_t timer;
    } soon;
    bool closing;
    char *name; /* as it was opened */
    struct store_listener *listener;
    char node[33]; /* "" when the store is this node's alone */
};

static struct store_op *op_of(struct worker_job *job)
{
    return CONTAINER_OF(job, struct store_op, job);
}

/* -- store thread -- */

/* What was done so far is gone with the transaction: an operation that went well did not. */
static void fail_rest(struct worker_job *first, int rc, const struct err *e)
{
    for (struct worker_job *job = first; job; job = job->next) {
        struct store_op *op = op_of(job);
        if (op->rc == 0) {
            op->rc = rc;
            op->err = *e;
        }
    }
}

/* In a savepoint of its own, so that failing takes nothing with it.  Non-zero only when the whole transaction
 * is lost, as SQLite does on some errors of the disk. */
static int run_one(struct store_op *op, struct db *db, struct err *e)
{
    int rc = db_savepoint(db, e);
    if (rc)
        return rc;
    op->rc = op->run(op, db, &op->err);
    if (op->rc == 0)
        op->rc = db_release(db, &op->err);
    if (op->rc == 0)
        return 0;
    db_rollback_to_savepoint(db);
    if (db_in_transaction(db))
        return 0;
    *e = op->err;
    return op->rc;
}

static int run_each(struct store_op **ops, size_t count, struct db *db, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = run_one(ops[i], db, e);
    return rc;
}

/* As run_one, with one savepoint for all of them. */
static int run_several(struct store_op **ops, size_t count, struct db *db, struct err *e)
{
    int rc = db_savepoint(db, e);
    if (rc)
        return rc;
    rc = ops[0]->run_together(ops, count, db, e);
    if (rc == 0)
        rc = db_release(db, e);
    if (rc == 0)
        return 0;
    db_rollback_to_savepoint(db);
    return db_in_transaction(db) ? run_each(ops, count, db, e) : rc;
}

/* Those from `first` that can be run together; returns how many, and the one behind them. */
static size_t gather(struct worker_job *first, struct store_op **ret, struct worker_job **ret_next)
{
    size_t count = 0;
    struct worker_job *job = first;
    do {
        ret[count++] = op_of(job);
        job = job->next;
    } while (job && count < STORE_TOGETHER_MAX && ret[0]->run_together &&
             op_of(job)->run_together == ret[0]->run_together);
    *ret_next = job;
    return count;
}

/* The clock may have been set back; far back means that the last stamps were wrong, and those are not kept
 * up. */
static int64_t stamp_of_group(const struct store *s)
{
    int64_t now_us = clock_wall_us();
    return window_clock_was_wrong(s->stamp_from_us, now_us) ? now_us : MAX(now_us, s->stamp_from_us);
}

static int run_group(struct store *s, struct worker_job *first, struct err *e)
{
    struct db *db = s->write_db;
    struct store_op *ops[STORE_TOGETHER_MAX];
    int64_t now_us = stamp_of_group(s);
    int rc = db_begin(db, true, e);
    for (struct worker_job *job = first; job; job = job->next)
        op_of(job)->now_us = now_us;
    for (struct worker_job *job = first; rc == 0 && job;) {
        size_t count = gather(job, ops, &job);
        rc = count > 1 ? run_several(ops, count, db, e) : run_one(ops[0], db, e);
    }
    return rc ? rc : db_commit(db, e);
}

static void write_batch(void *context, struct worker_job *first)
{
    struct store *s = context;
    struct err e = {0};
    int64_t start_us = clock_monotonic_us();
    int rc = run_group(s, first, &e);
    if (rc) {
        db_rollback(s->write_db);
        fail_rest(first, rc, &e);
    }
    struct store_group *group = &op_of(first)->group;
    group->commit_us = clock_monotonic_us() - start_us;
    group->committed = rc == 0;
    db_sizes(s->write_db, &group->file_bytes, &group->wal_bytes);
}

/* -- reader thread -- */

static void read_one(struct db *db, struct store_op *op)
{
    op->now_us = clock_wall_us();
    op->rc = db_begin(db, false, &op->err);
    if (op->rc == 0)
        op->rc = op->run(op, db, &op->err);
    db_rollback(db); /* nothing to keep; also closes what the operation left open */
}

static void read_batch(void *context, struct worker_job *first)
{
    struct store *s = context;
    for (struct worker_job *job = first; job; job = job->next) {
        if (op_of(job)->rc == 0) /* else a write that was refused and only passes through */
            read_one(s->read_db, op_of(job));
    }
}

/* -- loop thread -- */

static void count_group(struct store_stats *stats, const struct store_group *group)
{
    stats->file_bytes = group->file_bytes;
    stats->wal_bytes = group->wal_bytes;
    if (!group->committed)
        return;
    stats->commits++;
    counter_add(COUNTER_STORE_COMMITS, 1);
    stats->commit_sum_us += group->commit_us;
    size_t i = 0;
    while (i < HTTP_LATENCY_BUCKETS && (double)group->commit_us > http_latency_bounds_s[i] * USEC_PER_SEC)
        i++;
    stats->commit_buckets[i]++;
}

/* What a function of the tables refuses is an outcome, and no refusal of the store. */
static void count_operation(const struct store_op *op)
{
    if (op->rc == 0)
        counter_add(COUNTER_STORE_OPERATIONS, 1);
    else if (op->err.code == ERR_STORAGE_FULL)
        counter_add(COUNTER_STORE_FULL, 1);
    else if (op->err.code == ERR_INTERNAL)
        counter_add(COUNTER_STORE_ERRORS, 1);
}

static void on_written(struct worker_job *job)
{
    struct store_op *op = op_of(job);
    struct store_stats *stats = &op->store->stats;
    if (op->group.commit_us >= 0)
        count_group(stats, &op->group);
    stats->operations += op->rc == 0;
    count_operation(op);
    if (op->rc == 0 || op->err.code == ERR_STORAGE_FULL)
        stats->full = op->rc != 0;
    op->done(op);
}

static void on_read(struct worker_job *job)
{
    op_of(job)->done(op_of(job));
}

static void prepare_op(struct store *s, struct store_op *op, void (*done)(struct worker_job *))
{
    op->store = s;
    op->rc = 0;
    op->err = (struct err){0};
    op->group = (struct store_group){.commit_us = -1};
    op->job.done = done;
}

/* While the store closes its threads may be gone; then there is nobody to answer later. */
static void post(struct worker *w, struct store_op *op)
{
    if (w) {
        worker_post(w, &op->job);
        return;
    }
    op->rc = err_set(&op->err, ERR_UNAVAILABLE, -ECANCELED, "the store is closing");
    op->done(op);
}

static bool is_full(const struct store *s)
{
    return s->writer && worker_backlog(s->writer) + s->soon.count >= s->backlog_max;
}

static void refuse(struct store *s, struct store_op *op)
{
    op->rc = err_set(&op->err, ERR_UNAVAILABLE, -EAGAIN, "%zu writes wait for the store already; try again",
                     s->backlog_max);
    counter_add(COUNTER_STORE_BACKLOG, 1);
    op->job.done = on_read;
    post(s->reader, op); /* `done` never runs inside the call, refused or not */
}

static void add_to_soon(struct store *s, struct store_op *op)
{
    op->job.next = NULL;
    *s->soon.tail = &op->job;
    s->soon.tail = &op->job.next;
    s->soon.count++;
}

static void post_soon(struct store *s)
{
    if (s->soon.count == 0)
        return;
    worker_post_list(s->writer, s->soon.first, s->soon.count);
    s->soon.first = NULL;
    s->soon.tail = &s->soon.first;
    s->soon.count = 0;
    (void)uv_timer_stop(&s->soon.timer);
}

static void on_soon(uv_timer_t *timer)
{
    post_soon(CONTAINER_OF(timer, struct store, soon.timer));
}

void store_stamp_from(struct store *s, int64_t epoch_us)
{
    s->stamp_from_us = epoch_us;
}

void store_write(struct store *s, struct store_op *op)
{
    prepare_op(s, op, on_written);
    if (is_full(s)) {
        refuse(s, op);
    } else if (s->writer) {
        add_to_soon(s, op);
        post_soon(s);
    } else {
        post(NULL, op);
    }
}

void store_write_soon(struct store *s, struct store_op *op)
{
    if (s->closing || is_full(s)) {
        store_write(s, op);
        return;
    }
    prepare_op(s, op, on_written);
    add_to_soon(s, op);
    if (s->soon.count == 1)
        (void)uv_timer_start(&s->soon.timer, on_soon, STORE_SOON_MS, 0);
}

void store_read(struct store *s, struct store_op *op)
{
    prepare_op(s, op, on_read);
    post(s->reader, op);
}

/* -- life -- */

static int check_existing(const struct store_config *config, struct err *e)
{
    struct db *db;
    int64_t version;
    int rc = db_open(config->store, config->data_dir, false, &db, e);
    if (rc == -ENOENT)
        return 0;
    if (rc)
        return rc;
    rc = migrate_check(db, &version, e);
    (void)db_close(db);
    return rc;
}

static int prepare_contents(struct db *db, struct err *e)
{
    int rc = migrate_up(db, clock_wall_us(), e);
    if (rc == 0)
        rc = db_begin(db, true, e);
    if (rc == 0)
        rc = setting_ensure_instance_id(db, e);
    if (rc == 0)
        rc = processors_upgrade(db, clock_wall_us(), e);
    return rc ? rc : db_commit(db, e);
}

static int open_both(struct store *s, const struct store_config *config, struct err *e)
{
    int rc = check_existing(config, e); /* by a reader: one that is refused is not touched */
    if (rc == 0)
        rc = db_open(config->store, config->data_dir, true, &s->write_db, e);
    if (rc == 0)
        rc = prepare_contents(s->write_db, e);
    if (rc == 0 && config->synchronous_normal)
        rc = db_set_durable(s->write_db, false, e);
    if (rc == 0)
        rc = db_open(config->store, config->data_dir, false, &s->read_db, e);
    if (rc == 0 && db_dialect(s->write_db) != DB_SQLITE)
        rc = node_id_load(config->data_dir, s->node, e);
    return rc;
}

int store_open(uv_loop_t *loop, const struct store_config *config, struct store **ret, struct err *e)
{
    struct store *s = xnew(struct store);
    s->backlog_max = config->backlog_max;
    s->name = xstrdup(config->store);
    s->soon.tail = &s->soon.first;
    (void)uv_timer_init(loop, &s->soon.timer);
    int rc = open_both(s, config, e);
    if (rc) {
        (void)store_close(s);
        return rc;
    }
    s->writer = worker_new(loop, "store", write_batch, s);
    s->reader = worker_new(loop, "store-read", read_batch, s);
    *ret = s;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct store *s = CONTAINER_OF((uv_timer_t *)handle, struct store, soon.timer);
    free(s->name);
    free(s);
}

struct store *store_close(struct store *s)
{
    if (!s)
        return NULL;
    s->closing = true;
    s->listener = store_listener_free(s->listener);
    post_soon(s);
    s->writer = worker_free(s->writer);
    s->reader = worker_free(s->reader);
    s->read_db = db_close(s->read_db); /* the writer last: its close folds the log into the file */
    s->write_db = db_close(s->write_db);
    uv_close((uv_handle_t *)&s->soon.timer, on_closed);
    return NULL;
}

const char *store_node(const struct store *s)
{
    return s->node[0] ? s->node : NULL;
}

void store_listen(struct store *s, void (*heard)(void *arg, unsigned topics), void *arg)
{
    const char *writer = db_writer_id(s->write_db);
    if (writer && !s->listener)
        s->listener = store_listener_new(s->soon.timer.loop, s->name, writer, heard, arg);
}

void store_stats(const struct store *s, struct store_stats *ret)
{
    *ret = s->stats;
    ret->backlog = (s->writer ? worker_backlog(s->writer) : 0) + s->soon.count;
}
