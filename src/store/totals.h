/* totals.h -- counts and sums that are kept, not recounted (spec 10 D5, spec 30 "Cost of a snapshot").
 *
 * Rows (name, label, value) that change in the transaction that changes what they count.  Each is a sentence
 * that `muster doctor` recounts from the rows (doctor.c holds the same list as SQL):
 *
 *   jobs{state}                jobs that are in that state now
 *   attempts                   claims ever made, but for those that were released because nothing was started
 *   jobs_retried               jobs that have gone back to the queue after a consumed attempt, once each
 *   exhausted                  jobs that are failed now: a retry takes them out again
 *   scheduled                  queued jobs that were given a later run_after when an attempt ended, until
 * claimed tasks{stage}               tasks that are in that stage now runs_ended                 runs that
 * have ended cost_micro_usd, <kind>_tokens                       sums over ended runs, unknown counting as
 * nothing model_runs, model_cost_micro_usd, model_<kind>_tokens {model}   the same by model, "" where it is
 * not known swept_<any of these>       what was counted in rows that retention has deleted since: part of the
 * above
 *
 * An absent row is 0.  Store threads only. */
#pragma once
#include "store/db.h"

MUST_CHECK int totals_add(struct db *db, const char *name, struct str label, int64_t delta, struct err *e);
MUST_CHECK int totals_get(struct db *db, const char *name, struct str label, int64_t *ret, struct err *e);
struct totals_row {
    const char *name, *label;
    int64_t value;
};
MUST_CHECK int totals_all(struct db *db, struct arena *a, struct totals_row **ret, size_t *ret_count,
                          struct err *e);
