/* runs.h -- rows of runs: one execution of a job, or of `muster run` (spec 20 Q11-Q15).  A run is inserted
 * once (by its key) and ended once: run_end on an ended run changes nothing and says RUN_E_ENDED, so that a
 * result can never be counted twice (Q12).  Ending adds tokens and cost to the totals in the same
 * transaction.  Store threads only. */
#pragma once
#include "core/usage.h"
#include "store/db.h"

struct run {
    int64_t id, job_id, task_id;                                        /* 0: none */
    const char *key, *agent, *origin, *repo, *model, *effort, *workdir; /* origin: queue, cli, worker */
    const char *node; /* inserted, not read: whose it is; NULL where a store has one node (store_node) */
    int64_t attempt;
    bool ended;
    int64_t pid, start_ticks, shim_pid, shim_start_ticks; /* 0: unknown */
    int64_t created_at, started_at, ended_at;             /* 0: not yet */
    const char *outcome;       /* exited, signaled, start_failed, lost, cancelled; NULL while it runs */
    int64_t exit_code, signal; /* -1: none */
    const char *cause, *error;
    const char *session_id; /* that the agent named; NULL: none */
    struct usage usage;
    int64_t user_us, system_us, max_rss_bytes, output_bytes, output_dropped_bytes;
};
enum { RUN_E_ABSENT = 1, RUN_E_ENDED, RUN_E_EXISTS };

/* RUN_E_EXISTS, with *ret_id of that run, when there is one of the same key. */
MUST_CHECK int run_insert(struct db *db, const struct run *r, int64_t now_us, int64_t *ret_id, struct err *e);
/* Zeroes leave what is there; RUN_E_ENDED, RUN_E_ABSENT. */
MUST_CHECK int run_set_process(struct db *db, int64_t id, int64_t pid, int64_t start_ticks, int64_t shim_pid,
                               int64_t shim_start_ticks, int64_t started_at, struct err *e);
MUST_CHECK int run_set_usage(struct db *db, int64_t id, const struct usage *u,
                             struct err *e); /* live figures */
/* `result`: outcome (NULL is "lost"), exit_code or signal (else -1), cause, error, ended_at (0 is now),
 * usage, resources; ids of processes and started_at where they are known by now.  Usage that is not known
 * keeps the live figure. */
MUST_CHECK int run_end(struct db *db, int64_t id, const struct run *result, int64_t now_us, struct err *e);
MUST_CHECK int run_get(struct db *db, int64_t id, struct arena *a, struct run *ret, struct err *e);
MUST_CHECK int run_get_by_key(struct db *db, const char *key, struct arena *a, struct run *ret,
                              struct err *e);
struct run_filter {
    int64_t after, limit, job_id, task_id; /* 0: any; limit 0: all */
    bool live_only, newest_first;          /* newest_first: `after` is the id to go down from, 0 the top */
    bool with_session;                     /* those that ended and named one */
    const char *agent, *node;              /* NULL: any */
};
MUST_CHECK int run_list(struct db *db, const struct run_filter *f, struct arena *a, struct run **ret,
                        size_t *ret_count, struct err *e);
