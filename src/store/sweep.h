/* sweep.h -- retention: deletes what is old enough, a bounded number of rows at a time (spec 10 D7).
 *
 * Counters go on describing all history: what a deleted row counted for is added to their swept_ rows in the
 * same transaction (totals.h).  A job goes with its runs and its prompt; nothing live goes, nor a task that
 * still has a job. Store threads only. */
#pragma once
#include "store/db.h"

struct sweep_cutoffs { /* epoch µs: rows that ended before it go; 0 keeps all */
    int64_t jobs_us;   /* jobs and their runs, and runs of `muster run` */
    int64_t tasks_us;
    int64_t audit_us; /* kept unless the operator chose otherwise: the chain then begins later */
};
/* At most `limit` of each kind; *ret_deleted is how many in all: 0 says there is nothing left to do. */
MUST_CHECK int store_sweep(struct db *db, const struct sweep_cutoffs *cutoffs, int64_t limit,
                           int64_t *ret_deleted, struct err *e);
