/* telemetry.h -- the windows that this node reports to a hub, and what is counted for them (spec 80 H1 to H6,
 * H15).
 *
 * Only aggregates leave the database (H4).  A window's own runs, tokens and cost are the difference of
 * counters between its two ends, so that what was booked late counts in the window that is open then, and
 * once.  Store threads only. */
#pragma once
#include "core/task_means.h"
#include "core/usage.h"
#include "core/window.h"
#include "store/db.h"

struct telemetry_identity {
    const char *instance_id; /* a UUID */
    const char *epoch;       /* new when the store was lost, copied elsewhere, or its clock proved wrong */
};
/* `given`: the configured instance id, NULL for the store's own.  `place`: says which copy of the store this
 * is; a place other than the last one makes a new epoch. */
MUST_CHECK int telemetry_identity(struct db *db, const char *given, const char *place, struct arena *a,
                                  struct telemetry_identity *ret, struct err *e);
MUST_CHECK int telemetry_new_epoch(struct db *db, struct arena *a, struct telemetry_identity *identity,
                                   struct err *e);

struct telemetry_position {
    int64_t last_no, last_end_us; /* of the epoch's newest window; 0: none */
    int64_t acked_end_us;         /* until here the hub has all; 0: nothing was ever cut */
    int64_t pending, rejected, taken;
};
MUST_CHECK int telemetry_position(struct db *db, const char *epoch, struct telemetry_position *ret,
                                  struct err *e);

struct telemetry_model { /* a window's own */
    const char *model;   /* "" where it is not known */
    int64_t runs, cost_micro_usd, tokens[USAGE_KIND_COUNT];
};
struct telemetry_figures {
    int64_t agents_online, agents_offline, agents_total, servers_total, sessions_total;
    struct task_group *tasks; /* those updated in the window */
    size_t task_count;
    struct telemetry_model *models;
    size_t model_count;
    int64_t total_tasks; /* cumulative, this window included */
    int64_t total_runs, total_cost_micro_usd, total_tokens[USAGE_KIND_COUNT];
};
/* first: nothing was reported before, and runs are those that ended within the window. */
MUST_CHECK int telemetry_count(struct db *db, const struct window *w, bool first, struct arena *a,
                               struct telemetry_figures *ret, struct err *e);
/* The window with its bytes, and the counters as they are now. */
MUST_CHECK int telemetry_cut(struct db *db, const char *epoch, int64_t window_no, const struct window *w,
                             struct str payload, int64_t total_tasks, int64_t now_us, struct err *e);

struct telemetry_window {
    int64_t id, window_no, start_us, end_us, tries, refusals, status, created_at, acked_at; /* 0: none */
    const char *epoch, *state, *error, *payload; /* payload NULL once acknowledged */
};
/* The oldest one in this state: 0, or DB_E_NONE. */
MUST_CHECK int telemetry_oldest(struct db *db, const char *state, struct arena *a,
                                struct telemetry_window *ret, struct err *e);
MUST_CHECK int telemetry_by_no(struct db *db, const char *epoch, int64_t window_no, struct arena *a,
                               struct telemetry_window *ret, struct err *e);
/* After `after`, at most `limit`; state NULL for any. */
MUST_CHECK int telemetry_list(struct db *db, const char *state, int64_t after, int64_t limit, struct arena *a,
                              struct telemetry_window **ret, size_t *ret_count, struct err *e);
/* What an answer says of the window: it was tried once more.  "acked" clears the bytes. */
MUST_CHECK int telemetry_settle(struct db *db, int64_t id, const char *state, bool refused, int status,
                                const char *error, int64_t now_us, struct err *e);
/* The hub has all up to this number of the epoch but for the `missing`: their bytes are needed no more. */
MUST_CHECK int telemetry_confirm(struct db *db, const char *epoch, int64_t window_no, const int64_t *missing,
                                 size_t missing_count, int64_t now_us, struct err *e);
/* Acknowledged windows from before go, at most `limit`. */
MUST_CHECK int telemetry_sweep(struct db *db, int64_t before_us, int64_t limit, struct err *e);
