/* tasks.h -- rows of tasks and task_events (spec 20 Q1, Q2).  Store threads only. */
#pragma once
#include "store/db.h"

struct task {
    int64_t id;
    const char *work_item, *repo, *type, *title, *workflow, *stage, *blocked_reason; /* NULL when unset */
    int64_t stage_entered_at, created_at, updated_at;
    bool terminal; /* stage is done or cancelled */
    bool blocked;
};
struct task_event {
    int64_t id, task_id, at, job_id; /* job_id 0: none */
    const char *from_stage, *to_stage, *actor, *reason;
};
enum { TASK_E_ABSENT = 1, TASK_E_TERMINAL };

MUST_CHECK int task_insert(struct db *db, const struct task *t, const char *actor, int64_t now_us,
                           int64_t *ret_id, struct err *e); /* writes the first event too */
MUST_CHECK int task_get(struct db *db, int64_t id, struct arena *a, struct task *ret, struct err *e);
/* The one function that moves a task: stage, stage_entered_at, a task_events row, unblocks.  TASK_E_TERMINAL
 * when the task is terminal (Q2): nothing changes then. */
MUST_CHECK int task_move(struct db *db, int64_t id, const char *stage, const char *actor, const char *reason,
                         int64_t job_id, int64_t now_us, struct err *e);
/* A NULL reason unblocks. */
MUST_CHECK int task_set_blocked(struct db *db, int64_t id, const char *reason, int64_t now_us, struct err *e);
/* Ascending id, after `after`, at most `limit` (0: all); open_only leaves terminal ones out;
 * stage/repo/work_item NULL for any. */
struct task_filter {
    int64_t after, limit;
    bool open_only;
    const char *stage, *repo, *work_item;
};
MUST_CHECK int task_list(struct db *db, const struct task_filter *f, struct arena *a, struct task **ret,
                         size_t *ret_count, struct err *e);
MUST_CHECK int task_events(struct db *db, int64_t task_id, struct arena *a, struct task_event **ret,
                           size_t *ret_count, struct err *e);
