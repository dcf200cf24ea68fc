/* report.h -- what an instance says of one window, once it has been read (spec 80 H5, H15).
 *
 * Texts are the reader's, in its arena.  What a report may leave out is unknown here and not zero: 0 as a
 * window_no, NULL as a text, false as total_known. */
#pragma once
#include "core/usage.h"

struct report_status {
    const char *name;
    int64_t count;
};
struct report_type {
    const char *name;
    int64_t count;
    int64_t measured, duration_us; /* count × mean; measured is 0 where there was no mean */
};
struct report_model {
    const char *name;
    int64_t runs, cost_micro_usd, tokens[USAGE_KIND_COUNT];
};
struct report {
    const char *instance_id, *epoch, *process, *version, *platform;
    int64_t window_start_us, window_end_us, window_no, uptime_s, interval_us;
    int64_t agents_online, agents_offline, agents_total, servers_total;
    struct report_status *statuses;
    struct report_type *types;
    struct report_model *models;
    size_t status_count, type_count, model_count;
    bool total_known; /* of the two below: cumulative */
    int64_t total_tasks, total_runs;
};

static inline int64_t report_tasks(const struct report *r)
{
    int64_t sum = 0;
    for (size_t i = 0; i < r->status_count; i++)
        sum += r->statuses[i].count;
    return sum;
}
static inline struct report_model report_usage(const struct report *r)
{
    struct report_model sum = {0};
    for (size_t i = 0; i < r->model_count; i++) {
        sum.runs += r->models[i].runs;
        sum.cost_micro_usd += r->models[i].cost_micro_usd;
        for (size_t k = 0; k < USAGE_KIND_COUNT; k++)
            sum.tokens[k] += r->models[i].tokens[k];
    }
    return sum;
}
