/* processor_report.h -- what one run of a processor did, and how whoever asked for it is told (spec 60 T9).
 *
 * Counts and errors are gathered by the thread that does the work; the rest is for the loop thread.  Who
 * prefers not to wait is answered 202 once the run has its lease, and follows it as an operation. */
#pragma once
#include "base/json.h"
#include "core/processor_state.h"
#include "node/operations.h"
#include "store/processors.h"

#define PROCESSOR_TIME_BUDGET_US (INT64_C(150) * 1000000) /* of a run */

struct processor_report {
    const char *processor; /* lives on */
    struct operations *operations;
    struct http_request *request; /* NULL once it was answered with 202 */
    char operation[OPERATION_ID_MAX];
    int64_t scanned, skipped, processed, capped, errors, items;
    struct buf errors_detail; /* objects, the first of them all */
    size_t told;
};
void processor_report_init(struct processor_report *r, const char *processor, struct operations *operations,
                           struct http_request *request);
void processor_report_deinit(struct processor_report *r);

void processor_report_session(struct processor_report *r, const struct processor_state *s);
struct processor_run processor_report_row(const struct processor_report *r, int64_t ended_us);

void processor_report_leased(struct processor_report *r); /* answers who does not wait */
/* One of these, once. */
void processor_report_answer(struct processor_report *r);
void processor_report_fail(struct processor_report *r, const struct err *e);

/* Sessions of one run: SESSION_PROCESSOR_MAX_PER_RUN of existing deployments; what is no number counts as the
 * default. */
int64_t processor_sessions_max(void);
