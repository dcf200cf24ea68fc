/* snapshot.h -- the rows that a snapshot of /metrics shows: what is open and what runs, never what has been
 * (spec 30 "Cost of a snapshot").
 *
 * Each function is one statement, so that one that fails takes its own section with it and no other (M5). The
 * caller runs them all in one read transaction (M12).  Sums over what has been are rows of totals.h.  Store
 * threads only. */
#pragma once
#include "core/usage.h"
#include "store/db.h"

struct snapshot_task { /* M6: neither done nor cancelled */
    int64_t id;
    const char *work_item, *stage, *repo; /* NULL when unset */
    int64_t stage_entered_at;             /* epoch µs */
};
MUST_CHECK int snapshot_tasks(struct db *db, struct arena *a, struct snapshot_task **ret, size_t *ret_count,
                              struct err *e);

/* A running job, of the launcher or of an external worker, and the run that it has now (M8, M11). */
struct snapshot_running {
    int64_t job_id, run_id;                               /* run_id 0: none yet */
    const char *agent, *repo, *model, *effort;            /* NULL when unset */
    int64_t started_at;                                   /* epoch µs, 0 unknown */
    int64_t pid, start_ticks, shim_pid, shim_start_ticks; /* 0: unknown */
    struct usage usage;                                   /* as the run's row has it */
};
MUST_CHECK int snapshot_running(struct db *db, struct arena *a, struct snapshot_running **ret,
                                size_t *ret_count, struct err *e);
