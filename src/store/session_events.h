/* session_events.h -- what happened in sessions: totals of each, by what was used, and by quarters of an hour
 * (spec 60 U7).
 *
 * A session that stands in two files, as a copy does (same id, same first moment), counts once: in the file
 * that has more of it.  Store threads only. */
#pragma once
#include "core/session_summary.h"
#include "store/db.h"

struct session_totals {
    const char *session_file, *session_id, *agent, *project; /* id, project: NULL unknown */
    int64_t prompts, answers, uses[SESSION_EVENT_KINDS], errors, dropped;
    int64_t first_us, last_us, active_us, wall_us, summarised_us; /* first, last: 0 unknown */
};
struct session_event_row {
    const char *kind, *name;
    int64_t uses, errors;
    int64_t sessions; /* of a sum: how many use it */
};

/* Replaces all that was known of this session's file. */
MUST_CHECK int session_events_put(struct db *db, const struct session_totals *totals,
                                  const struct session_event_row *events, size_t event_count,
                                  const struct session_slot *slots, size_t slot_count, struct err *e);

struct session_window { /* of sessions: those that were under way in [from, to) */
    int64_t from_us, to_us;
};
/* Most used first within each kind; kind NULL: any. */
MUST_CHECK int session_events_by_name(struct db *db, const struct session_window *w, const char *kind,
                                      int64_t limit, struct arena *a, struct session_event_row **ret,
                                      size_t *ret_count, struct err *e);
/* In order of files, those behind `after` ("" for all). */
MUST_CHECK int session_totals_list(struct db *db, const struct session_window *w, const char *after,
                                   int64_t limit, struct arena *a, struct session_totals **ret,
                                   size_t *ret_count, struct err *e);

struct session_slot_row {
    struct session_slot slot; /* what happened in [from, to), sums over sessions */
    int64_t began;            /* sessions */
};
/* In order of time. */
MUST_CHECK int session_slots_sum(struct db *db, const struct session_window *w, struct arena *a,
                                 struct session_slot_row **ret, size_t *ret_count, struct err *e);
