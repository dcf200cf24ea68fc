/* reports.h -- the reports that a hub has taken, and the one function that takes some (spec 80 H8, H9, H15).
 *
 * A report is identified by its instance and window: the same bytes again are the same report, others are
 * refused. One that overlaps what is counted is kept and flagged, and counted in nothing.  The instance's
 * chain is followed with each: gaps are listed until what is missing comes, and so are rewinds, clones and
 * totals that do not add up. What several instances report at one time is looked at one by one and written
 * together.  Store threads only. */
#pragma once
#include "store/instances.h"
#include "store/rollups.h"

#define REPORT_MISSING_MAX 100
struct report_taken {
    bool duplicate, overlap;
    int64_t received_at;
    int64_t missing[REPORT_MISSING_MAX]; /* ascending: numbers of the epoch that have not come yet */
    size_t missing_count;
};
enum { REPORT_E_CONFLICT = 1 }; /* another report of this very window is there */
struct report_arrival {
    struct instance *instance; /* of instance_find in the same operation; changed and saved */
    const struct report *report;
    struct str payload;
    int outcome;               /* 0 or REPORT_E_CONFLICT, which changed nothing */
    struct report_taken taken; /* valid with 0 */
};
/* No two of one instance.  What they count is added to `sums`, to be written in this operation. */
MUST_CHECK int report_take(struct db *db, struct report_arrival *arrivals, size_t count, int64_t now_us,
                           struct rollup_sums *sums, struct err *e);

struct stored_report {
    int64_t id, window_start_us, window_end_us, window_no, received_at;
    const char *epoch, *hash, *payload; /* epoch NULL when unknown */
    bool overlap;
};
struct report_filter {
    const char *instance_id;
    int64_t after, limit;   /* after: id */
    int64_t from_us, to_us; /* windows that begin in [from, to) */
};
MUST_CHECK int report_list(struct db *db, const struct report_filter *f, struct arena *a,
                           struct stored_report **ret, size_t *ret_count, struct err *e);
/* Retention: those received before go, at most `limit`; what they counted stays in the rollups. */
MUST_CHECK int report_sweep(struct db *db, int64_t before_us, int64_t limit, int64_t *ret_deleted,
                            struct err *e);
