/* counters.h -- what this process has counted since it started: one row per counter, with its documentation.
 *
 * Every bound and every refusal of the program has a row here, and /metrics prints them all (spec 00, fact
 * 7).  Adding one is adding a row.  Counts that must survive a restart are rows of the store instead.  Any
 * thread (atomic). */
#pragma once
#include "base/base.h"

/* id, metric name without the muster_ prefix and _total suffix, label name ("" for none), label value, help
 */
#define COUNTER_TABLE(X)                                                                                     \
    X(HTTP_REFUSED_HOST, "http_refused", "reason", "host", "Requests refused before a handler saw them.")    \
    X(HTTP_REFUSED_ORIGIN, "http_refused", "reason", "origin", "")                                           \
    X(HTTP_REFUSED_LENGTH, "http_refused", "reason", "content_length", "")                                   \
    X(HTTP_REFUSED_MALFORMED, "http_refused", "reason", "malformed", "")                                     \
    X(HTTP_REFUSED_HEADER_SLOW, "http_refused", "reason", "header_deadline", "")                             \
    X(HTTP_REFUSED_BODY_SLOW, "http_refused", "reason", "total_deadline", "")                                \
    X(HTTP_REFUSED_HEADER_LARGE, "http_refused", "reason", "header_too_large", "")                           \
    X(HTTP_REFUSED_BODY_LARGE, "http_refused", "reason", "body_too_large", "")                               \
    X(HTTP_REFUSED_CONNECTIONS, "http_refused", "reason", "connections", "")                                 \
    X(HTTP_REFUSED_PER_ADDRESS, "http_refused", "reason", "connections_per_address", "")                     \
    X(HTTP_REFUSED_MEDIA_TYPE, "http_refused", "reason", "media_type", "")                                   \
    X(HTTP_REFUSED_AUTH, "http_refused", "reason", "unauthorized", "")                                       \
    X(HTTP_REFUSED_ROLE, "http_refused", "reason", "forbidden", "")                                          \
    X(HTTP_CONNECTIONS, "http_connections", "", "", "Connections accepted.")                                 \
    X(SSE_DROPPED, "events_stream_dropped", "", "",                                                          \
      "Event streams closed because their reader was too slow.")                                             \
    X(SSE_EVENTS, "events_published", "", "", "Events published.")                                           \
    X(STORE_COMMITS, "store_commits", "", "", "Transactions committed.")                                     \
    X(STORE_OPERATIONS, "store_operations", "", "", "Operations in committed transactions.")                 \
    X(STORE_FULL, "store_refused", "reason", "disk_full", "Operations refused by the store.")                \
    X(STORE_ERRORS, "store_refused", "reason", "error", "")                                                  \
    X(STORE_BACKLOG, "store_refused", "reason", "backlog", "")                                               \
    X(OUTPUT_UNPARSED, "run_output_unparsed_lines", "", "",                                                  \
      "Lines of agents that their format's parser kept as text.")                                            \
    X(OUTPUT_DROPPED, "run_output_dropped_bytes", "", "",                                                    \
      "Bytes of agents' output that fell out of the bound.")                                                 \
    X(RUNS_STARTED, "runs_started", "", "", "Shims started.")                                                \
    X(RUNS_START_FAILED, "runs_start_failed", "", "", "Shims or agents that could not be started.")          \
    X(RUNS_SHIM_LOST, "runs_shim_lost", "", "", "Runs whose shim died without a result.")                    \
    X(RUNS_TAKEN_UP, "runs_taken_up", "", "", "Live runs taken up after a restart of the node.")             \
    X(LEASES_EXPIRED, "leases_expired", "", "", "Leases of external workers that ended without a word.")     \
    X(INVARIANT_RUNNING_NO_PROCESS, "invariant_violations", "invariant", "running_without_process",          \
      "Broken invariants over task, job, run and process, found by a reconcile (spec 20 Q17).")              \
    X(INVARIANT_PROCESS_NO_JOB, "invariant_violations", "invariant", "process_without_job", "")              \
    X(INVARIANT_CLAIMED_NO_PID, "invariant_violations", "invariant", "claimed_without_pid", "")              \
    X(INVARIANT_DONE_ALIVE, "invariant_violations", "invariant", "done_but_alive", "")                       \
    X(INVARIANT_TWO_RUNS, "invariant_violations", "invariant", "two_live_runs", "")                          \
    X(RECONCILES, "reconciles", "", "", "Reconciles done.")                                                  \
    X(METRICS_COLLECTIONS, "metrics_collections", "", "", "Snapshots collected.")                            \
    X(METRICS_DEGRADED, "metrics_degraded", "", "", "Sections of a snapshot that took their default.")       \
    X(SCHEDULE_OUTCOME_FIRED, "schedule_instants", "outcome", "fired",                                       \
      "Due instants of the scheduler's jobs, by what became of them.")                                       \
    X(SCHEDULE_OUTCOME_COALESCED, "schedule_instants", "outcome", "coalesced", "")                           \
    X(SCHEDULE_OUTCOME_OVERLAP, "schedule_instants", "outcome", "skipped:overlap", "")                       \
    X(SCHEDULE_OUTCOME_PAUSED, "schedule_instants", "outcome", "skipped:paused", "")                         \
    X(SCHEDULE_OUTCOME_DOWN, "schedule_instants", "outcome", "missed:down", "")                              \
    X(SCHEDULE_OUTCOME_DEADLINE, "schedule_instants", "outcome", "missed:deadline", "")                      \
    X(SCHEDULE_OUTCOME_GAP, "schedule_instants", "outcome", "dst-gap", "")                                   \
    X(SCHEDULE_OUTCOME_FOLD, "schedule_instants", "outcome", "dst-fold", "")                                 \
    X(SCHEDULE_OUTCOME_BUDGET, "schedule_instants", "outcome", "refused:budget", "")                         \
    X(SCHEDULE_OUTCOME_BUSY, "schedule_instants", "outcome", "refused:busy", "")                             \
    X(SCHEDULE_LATENESS_US, "schedule_lateness_us", "", "",                                                  \
      "Microseconds between the time to fire and the firing, added up.")                                     \
    X(SCHEDULE_ROWS_DROPPED, "schedule_rows_dropped", "", "",                                                \
      "Outcomes of due instants that the node did not take in time.")                                        \
    X(SCHEDULE_STATE_ERRORS, "schedule_state_errors", "", "",                                                \
      "State files of the scheduler that could not be read or written.")                                     \
    X(PROC_ERRORS, "proc_read_errors", "", "", "Lines of /proc that could not be read or parsed.")

enum counter_id {
#define COUNTER_ENUM(id, ...) COUNTER_##id,
    COUNTER_TABLE(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTER_COUNT
};

struct counter_row {
    const char *name, *label, *label_value, *help; /* help is "" on all but the first row of a name */
};
extern const struct counter_row counter_rows[COUNTER_COUNT];

void counter_add(enum counter_id id, int64_t n);
int64_t counter_get(enum counter_id id);
