/* metrics_inputs.h -- what the snapshot takes from the services' memory, as functions.
 *
 * The seam between two services that never include each other: the queue fills it, node.c hands it over, the
 * metrics service calls it on the loop thread at the start of a collection. */
#pragma once
#include "base/arena.h"
#include "core/breaker.h"
#include "core/usage.h"

/* What the queue alone knows, copied on the loop thread at the start of a collection. */
struct metrics_profile {
    const char *agent; /* configuration's, lives on */
    struct breaker breaker;
    int64_t running, max_concurrency; /* 0: no own limit */
    bool paused;
};
struct metrics_queue { /* arrays in the arena that is given */
    struct metrics_profile *profiles;
    size_t profile_count;
    int64_t max_concurrency, poll_interval_us;
    bool paused;
};
struct metrics_live_run { /* tokens and cost so far, from the agent's own output */
    int64_t run_id;
    struct usage usage;
};
struct metrics_cost_sums { /* over the last runs: what agents printed, and what transcripts say */
    int64_t runs, runs_without;
    int64_t output_tokens[USAGE_KIND_COUNT], transcript_tokens[USAGE_KIND_COUNT];
    int64_t output_micro_usd, transcript_micro_usd; /* of the runs of which both are known */
};
struct metrics_worker {        /* a row of the roll call */
    const char *name, *status; /* the registry's, valid until the collection is read */
    bool heard, flapping;
    int64_t last_heartbeat_us, restarts; /* of one that was heard; epoch */
};
struct metrics_inputs {
    /* False before the queue has started (M7) or when it fails. */
    bool (*queue)(void *context, struct arena *a, struct metrics_queue *ret);
    bool (*live_runs)(void *context, struct arena *a, struct metrics_live_run **ret, size_t *ret_count);
    void *context;
    /* NULL: there is no roll call. */
    bool (*workers)(void *workers_context, struct arena *a, struct metrics_worker **ret, size_t *ret_count);
    void *workers_context;
    /* How far the hub is behind; -1: nothing is reported.  NULL: there is no sender. */
    int64_t (*telemetry_lag_us)(void *telemetry_context);
    void *telemetry_context;
    /* False: nobody has looked at the transcripts yet.  NULL: nobody does. */
    bool (*cost_ledger)(void *cost_ledger_context, struct metrics_cost_sums *ret);
    void *cost_ledger_context;
};
