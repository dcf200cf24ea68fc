/* totals.h -- counts and sums that are kept, not recounted (spec 10 D5, spec 30 "Cost of a snapshot").
 *
 * Rows (name, label, value) that change in the transaction that changes what they count.  `muster doctor`
 * recounts. Names: jobs{status}; jobs_retried, attempts, exhausted, scheduled (queued with run_after set by a
 * retry); runs_ended; cost_micro_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens
 * (over ended runs, label ""); model_runs / model_cost_micro_usd / model_<kind>_tokens {model}. */
#pragma once
#include "store/db.h"

MUST_CHECK int totals_add(struct db *db, const char *name, struct str label, int64_t delta, struct err *e);
MUST_CHECK int totals_get(struct db *db, const char *name, struct str label, int64_t *ret,
                          struct err *e); /* 0 when absent */
struct totals_row {
    const char *name, *label;
    int64_t value;
};
MUST_CHECK int totals_all(struct db *db, struct arena *a, struct totals_row **ret, size_t *ret_count,
                          struct err *e);
