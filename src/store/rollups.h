/* rollups.h -- usage of a hub's instances by hour, day and month, kept up to date with each report (spec 80
 * H11).
 *
 * A report counts in the bucket that its window begins in.  Rows are by kind: "all" (key ""), and one per
 * instance, type, status and model; sums, but for the peaks.  A question reads the rows of its bucket and
 * kind, so its cost follows the answer and not the history.  Store threads only. */
#pragma once
#include "base/map.h"
#include "core/report.h"
#include "store/db.h"

enum rollup_bucket { ROLLUP_HOUR, ROLLUP_DAY, ROLLUP_MONTH };
#define ROLLUP_BUCKETS 3
bool rollup_bucket_of(struct str name, enum rollup_bucket *ret); /* "hour", "day", "month" */
int64_t rollup_start(enum rollup_bucket bucket,
                     int64_t at_us); /* of the bucket that holds this instant, in UTC */

/* Changes are added up first and written once: the reports of a commit share most of their rows. */
struct rollup_sums {
    struct map rows; /* bucket, kind and key -> the change, owned */
};
void rollup_sums_init(struct rollup_sums *s);
void rollup_sums_deinit(struct rollup_sums *s);
/* sign 1 adds a report, -1 takes it back; peaks stay. */
void rollup_sums_add(struct rollup_sums *s, const struct report *r, int sign);
/* Whether they are so many that they had better be written before more is added. */
bool rollup_sums_are_many(const struct rollup_sums *s);
MUST_CHECK int rollup_sums_write(struct rollup_sums *s, struct db *db, struct err *e); /* and is empty */

struct rollup_row {
    int64_t bucket_us;
    const char *key;
    int64_t reports, tasks, measured, duration_us, runs, cost_micro_usd;
    int64_t input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, peak_agents, peak_servers;
};
struct rollup_question {
    enum rollup_bucket bucket;
    const char *kind;        /* "all", "instance", "type", "status", "model" */
    int64_t from_us, to_us;  /* buckets that begin in [from, to) */
    int64_t after_bucket_us; /* a page goes on behind this row; after_key NULL: the first page */
    const char *after_key;
    int64_t limit;
};
MUST_CHECK int rollup_list(struct db *db, const struct rollup_question *q, struct arena *a,
                           struct rollup_row **ret, size_t *ret_count, struct err *e);
/* One instance's hours: what a licence is measured by. */
MUST_CHECK int rollup_hours(struct db *db, const char *instance_id, int64_t from_us, struct arena *a,
                            struct rollup_row **ret, size_t *ret_count, struct err *e);
/* Rows from before go, at most `limit` of them. */
MUST_CHECK int rollup_sweep(struct db *db, enum rollup_bucket bucket, int64_t before_us, int64_t limit,
                            int64_t *ret_deleted, struct err *e);
