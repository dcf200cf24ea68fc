/* schedules.h -- what the node keeps of the scheduler's jobs: their last reported state, pauses, commands,
 * and the ledger with one row per due instant (spec 50 S13, S15).
 *
 * A ledger row is written once per (schedule, due); a report that comes again, or from a second scheduler,
 * changes it only where it says more: what was fired stays fired.  Store threads only. */
#pragma once
#include "store/db.h"

#define SCHEDULE_UNKNOWN INT64_MIN /* a time or number that is not known: NULL in the row */

struct schedule_report {                                                                  /* of one job */
    const char *name, *when, *zone, *method, *path, *instance, *last_status, *last_error; /* NULL: unknown */
    int64_t last_run, last_end, last_duration_us, consecutive_failures, next_due, in_flight;
    bool builtin;
    bool paused;         /* by schedule_pauses; not written */
    int64_t reported_at; /* not written: now */
};
MUST_CHECK int schedule_put(struct db *db, const struct schedule_report *s, int64_t now_us, struct err *e);
/* In order of names, those behind `after` ("" for all). */
MUST_CHECK int schedule_list(struct db *db, const char *after, int64_t limit, struct arena *a,
                             struct schedule_report **ret, size_t *ret_count, struct err *e);
enum { SCHEDULE_STORE_E_ABSENT = 1 };
MUST_CHECK int schedule_get(struct db *db, const char *name, struct arena *a, struct schedule_report *ret,
                            struct err *e);

struct schedule_run { /* a row of the ledger */
    int64_t id, due, until, count;
    const char *schedule, *outcome, *trigger, *run_id, *error, *instance;
    int64_t started, lateness_us, duration_us, attempts, status, ok;
};
MUST_CHECK int schedule_run_put(struct db *db, const struct schedule_run *r, int64_t now_us, bool *ret_new,
                                struct err *e);
/* The newest first; `before` an id to go down from, 0 the top. */
MUST_CHECK int schedule_run_list(struct db *db, const char *schedule, int64_t before, int64_t limit,
                                 struct arena *a, struct schedule_run **ret, size_t *ret_count,
                                 struct err *e);

MUST_CHECK int schedule_pause_set(struct db *db, const char *name, bool paused, const char *actor,
                                  int64_t now_us, struct err *e);
MUST_CHECK int schedule_paused(struct db *db, struct arena *a, const char ***ret, size_t *ret_count,
                               struct err *e);
struct schedule_command {
    int64_t id, at;
    const char *name;
};
/* action "run", or "pause" and "resume", which are here to wake whoever waits. */
MUST_CHECK int schedule_command_add(struct db *db, const char *name, const char *action, const char *actor,
                                    int64_t now_us, int64_t *ret_id, struct err *e);
MUST_CHECK int schedule_command_newest(struct db *db, int64_t *ret_id, struct err *e); /* 0: none */
/* Runs that were asked for after that id. */
MUST_CHECK int schedule_command_runs(struct db *db, int64_t after, struct arena *a,
                                     struct schedule_command **ret, size_t *ret_count, struct err *e);

/* Ledger rows from before the cutoff (0 keeps all), and commands that are an hour old. */
MUST_CHECK int schedules_sweep(struct db *db, int64_t cutoff_us, int64_t now_us, int64_t limit,
                               struct err *e);
