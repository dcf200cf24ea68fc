/* store.h -- the only door to the database (spec 10).
 *
 * All writes pass one queue to one thread that commits in groups: whatever arrived while the last commit was
 * in flight is the next one (D2).  Each operation runs in a savepoint of its own, so that one that fails
 * takes nothing with it, and its `done` is called on the loop thread after the group is durable.  Reads have
 * a thread and a connection of their own and each runs in one read transaction; they never wait for a write.
 *
 * An operation is a function over struct db, in terms of the per-table files beside this one (tasks.h,
 * jobs.h, …). When the disk is full, operations fail with ERR_STORAGE_FULL and reads go on; the next write
 * tries again (D6). */
#pragma once
#include "io/worker.h"
#include "store/db.h"

#define STORE_TOGETHER_MAX 128 /* operations that run_together gets */

struct store;
struct store_group {   /* one commit; the store's own */
    int64_t commit_us; /* -1 but on the first operation of a group */
    int64_t file_bytes, wal_bytes;
    bool committed;
};
struct store_op {
    struct worker_job job; /* these three are the store's */
    struct store *store;
    struct store_group group;
    /* Store thread or reader thread.  0: keep what was done.  Anything else: roll this operation back. */
    int (*run)(struct store_op *op, struct db *db, struct err *e);
    /* NULL, or the same for several of its kind that came one behind the other, as one operation.  Sets rc
     * and err of each: one whose rc is not 0 has changed nothing.  When all of it fails each is run by
     * itself. */
    int (*run_together)(struct store_op **ops, size_t count, struct db *db, struct err *e);
    /* Loop thread, once, after commit or failure.  Owns op: frees it. */
    void (*done)(struct store_op *op);
    int rc;         /* what run returned, or why the commit failed */
    struct err err; /* filled when rc != 0 */
    int64_t now_us; /* wall clock of the group, for stamping rows (spec 80 H2); set before run */
};

struct store_config {
    const char *store; /* "sqlite:muster.db" */
    const char *data_dir;
    bool synchronous_normal; /* D2: FULL unless chosen otherwise */
    size_t backlog_max;      /* operations waiting; beyond it store_write fails with ERR_UNAVAILABLE */
};
/* Opens, checks, migrates (D3).  A newer store, a corrupt file, a path that cannot be written: clear error,
 * untouched. */
MUST_CHECK int store_open(uv_loop_t *loop, const struct store_config *config, struct store **ret,
                          struct err *e);
struct store *store_close(struct store *s); /* finishes what was posted */

/* Who this node is among those that share the store, kept as DATA_DIR/node_id; NULL when it has the store to
 * itself, as with SQLite. */
const char *store_node(const struct store *s);
/* Calls `heard` on the loop thread with the topics (enum db_topic) that another node has changed, and with
 * all of them whenever some may have been missed.  A hint; never with SQLite. */
void store_listen(struct store *s, void (*heard)(void *arg, unsigned topics), void *arg);

void store_write(struct store *s, struct store_op *op);
/* For what nobody waits for: joins the group of the next store_write, or makes one of its own after
 * STORE_SOON_MS without any, so that it costs those who do wait no commit of its own. */
#define STORE_SOON_MS 10
void store_write_soon(struct store *s, struct store_op *op);
void store_read(struct store *s, struct store_op *op);
/* Groups to come are stamped with this time or later, also when the clock is set back (spec 80 H2).  From
 * within an operation that writes. */
void store_stamp_from(struct store *s, int64_t epoch_us);

struct store_stats { /* loop thread */
    int64_t commits, operations, commit_sum_us, wal_bytes, file_bytes;
    int64_t commit_buckets[13]; /* as http_latency_bounds_s */
    size_t backlog;
    bool full; /* the last write failed for lack of space */
};
void store_stats(const struct store *s, struct store_stats *ret);

/* `muster doctor`: recounts what is kept (D5), checks the hash chain of the audit log, integrity and
 * migrations. Calls `each` per check; needs no running node (opens read only).  Returns how many checks
 * failed, or negative. */
struct store_check {
    const char *name; /* "counters", "audit_log", "integrity", "migrations", … */
    bool ok;
    const char *detail; /* what was found, and what to do when it is not ok */
};
MUST_CHECK int store_doctor(const char *store, const char *data_dir,
                            void (*each)(void *arg, const struct store_check *check), void *arg,
                            struct err *e);
