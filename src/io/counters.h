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
    X(HEARTBEATS, "heartbeats", "", "", "Heartbeats taken into the roll call.")                              \
    X(HEARTBEATS_UNKNOWN, "heartbeats_dropped", "reason", "unknown_worker",                                  \
      "Heartbeats that changed no row of the roll call.")                                                    \
    X(HEARTBEATS_BAD_PAYLOAD, "heartbeats_dropped", "reason", "bad_payload", "")                             \
    X(HEARTBEATS_OLDER, "heartbeats_dropped", "reason", "older", "")                                         \
    X(HEARTBEATS_OWN, "heartbeats_dropped", "reason", "not_ours", "")                                        \
    X(HEARTBEATS_NOT_UTF8, "heartbeats_bad_payload", "reason", "not_utf8",                                   \
      "Heartbeats dropped for their payload, by what is wrong with it.")                                     \
    X(HEARTBEATS_NOT_JSON, "heartbeats_bad_payload", "reason", "not_json", "")                               \
    X(HEARTBEATS_NOT_OBJECT, "heartbeats_bad_payload", "reason", "not_object", "")                           \
    X(HEARTBEATS_TOO_DEEP, "heartbeats_bad_payload", "reason", "too_deep", "")                               \
    X(HEARTBEATS_BAD_TS, "heartbeats_odd", "reason", "bad_ts",                                               \
      "Heartbeats taken although a field of them was of no use.")                                            \
    X(HEARTBEATS_BAD_PERIOD, "heartbeats_odd", "reason", "bad_period", "")                                   \
    X(HEARTBEATS_BAD_INSTANCE, "heartbeats_odd", "reason", "bad_instance", "")                               \
    X(HEARTBEATS_TRUNCATED, "heartbeats_odd", "reason", "truncated", "")                                     \
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
    X(SCHEDULE_LATENESS_US, "schedule_lateness_seconds", "", "",                                             \
      "Time between the instant to fire at and the firing, added up.")                                       \
    X(SCHEDULE_ROWS_DROPPED, "schedule_rows_dropped", "", "",                                                \
      "Outcomes of due instants that the node did not take in time.")                                        \
    X(SCHEDULE_STATE_ERRORS, "schedule_state_errors", "", "",                                                \
      "State files of the scheduler that could not be read or written.")                                     \
    X(BUS_CONNECTIONS, "bus_connections", "", "", "Connections that the embedded bus accepted.")             \
    X(BUS_IN_MESSAGES, "bus_received_messages", "", "", "Messages that clients published.")                  \
    X(BUS_OUT_MESSAGES, "bus_sent_messages", "", "", "Messages delivered to clients.")                       \
    X(BUS_IN_BYTES, "bus_received_bytes", "", "", "Bytes of the messages that clients published.")           \
    X(BUS_OUT_BYTES, "bus_sent_bytes", "", "", "Bytes of the messages delivered to clients.")                \
    X(BUS_SLOW_CONSUMERS, "bus_dropped_clients", "reason", "slow_consumer", "Clients dropped by the bus.")   \
    X(BUS_STALE, "bus_dropped_clients", "reason", "stale", "")                                               \
    X(BUS_REFUSED_CONNECTIONS, "bus_dropped_clients", "reason", "connections", "")                           \
    X(BUS_REFUSED_AUTH, "bus_dropped_clients", "reason", "authorization", "")                                \
    X(BUS_REFUSED_AUTH_TIMEOUT, "bus_dropped_clients", "reason", "auth_timeout", "")                         \
    X(BUS_REFUSED_PAYLOAD, "bus_dropped_clients", "reason", "max_payload", "")                               \
    X(BUS_REFUSED_LINE, "bus_dropped_clients", "reason", "max_control_line", "")                             \
    X(BUS_REFUSED_PROTOCOL, "bus_dropped_clients", "reason", "protocol", "")                                 \
    X(BUS_REFUSED_PUBLISH, "bus_refused", "reason", "publish_permission",                                    \
      "Operations of clients that the bus refused.")                                                         \
    X(BUS_REFUSED_SUBSCRIBE, "bus_refused", "reason", "subscribe_permission", "")                            \
    X(BUS_REFUSED_SUBSCRIPTIONS, "bus_refused", "reason", "max_subscriptions", "")                           \
    X(BUS_INVALID_SUBJECT, "bus_refused", "reason", "invalid_subject", "")                                   \
    X(BUS_UNSUPPORTED, "bus_refused", "reason", "unsupported", "")                                           \
    X(BUS_LOST_DOWN, "bus_lost_messages", "reason", "down",                                                  \
      "Messages of the node that did not reach the bus, or that it could not take from it.")                 \
    X(BUS_LOST_BACKLOG, "bus_lost_messages", "reason", "backlog", "")                                        \
    X(BUS_RECONNECTS, "bus_reconnects", "", "", "Connections made anew to the external bus.")                \
    X(STATUS_MEMBERS, "status_members_unread", "", "",                                                       \
      "Processes of agents that a session status did not read one by one.")                                  \
    X(STATUS_CACHE_EVICTED, "status_cache_evicted", "", "", "Cached session statuses dropped for room.")     \
    X(HOOKS_UNKNOWN, "hooks_unknown", "", "", "Hook events of processes that belong to no known agent.")     \
    X(AGENTS_REFUSED, "agents_refused", "", "", "Agents beyond the number that is kept.")                    \
    X(TELEMETRY_SENT, "telemetry_reports", "result", "sent", "Reports sent to the hub, by what came of it.") \
    X(TELEMETRY_FAILED, "telemetry_reports", "result", "failed", "")                                         \
    X(HUB_REPORTS, "hub_reports", "result", "taken", "Reports that the hub has taken, and those it had.")    \
    X(HUB_DUPLICATES, "hub_reports", "result", "duplicate", "")                                              \
    X(HUB_RATE, "hub_reports", "result", "rate_limited", "")                                                 \
    X(HUB_SILENT, "hub_silent", "", "", "Times that an instance was found silent by the hub.")               \
    X(COLLECTOR_COPIED, "collector_files", "", "", "Transcripts copied by the collector.")                   \
    X(COLLECTOR_BYTES, "collector_bytes", "", "", "Bytes of the transcripts copied by the collector.")       \
    X(COLLECTOR_LINK, "collector_refused", "reason", "link",                                                 \
      "What the collector found in homes and did not copy.")                                                 \
    X(COLLECTOR_SPECIAL, "collector_refused", "reason", "special", "")                                       \
    X(COLLECTOR_FOREIGN, "collector_refused", "reason", "foreign", "")                                       \
    X(COLLECTOR_LARGE, "collector_refused", "reason", "too_large", "")                                       \
    X(COLLECTOR_MANY, "collector_refused", "reason", "too_many", "")                                         \
    X(COLLECTOR_UNREADABLE, "collector_refused", "reason", "unreadable", "")                                 \
    X(COLLECTOR_ERRORS, "collector_errors", "", "",                                                          \
      "Transcripts that could not be written to the data root.")                                             \
    X(TRANSCRIPT_WALKS, "transcript_walks", "", "",                                                          \
      "Walks through all directories of transcripts; in between the kernel tells what has changed.")         \
    X(TRANSCRIPT_BYTES_LEDGER, "transcript_read_bytes", "reader", "ledger",                                  \
      "Bytes of transcripts that were read, which are those that are new.")                                  \
    X(TRANSCRIPT_BYTES, "transcript_read_bytes", "reader", "processor", "")                                  \
    X(MEMORY_ASKED, "memory_requests", "", "", "Requests of the corporate memory to its model.")             \
    X(MEMORY_PARKED, "memory_parked", "", "",                                                                \
      "Sessions that the corporate memory put off, for lack of an answer that it can use.")                  \
    X(MEMORY_CUT, "memory_cut", "", "", "Sessions of whose text the model was given the end alone.")         \
    X(PROC_ERRORS, "proc_read_errors", "", "", "Lines of /proc that could not be read or parsed.")

enum counter_id {
#define COUNTER_ENUM(id, ...) COUNTER_##id,
    COUNTER_TABLE(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTER_COUNT
};

struct counter_row {                               /* a name that ends in _seconds counts microseconds */
    const char *name, *label, *label_value, *help; /* help is "" on all but the first row of a name */
};
extern const struct counter_row counter_rows[COUNTER_COUNT];

void counter_add(enum counter_id id, int64_t n);
int64_t counter_get(enum counter_id id);
