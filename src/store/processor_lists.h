/* processor_lists.h -- the processors of transcripts as an operator sees them: how much is done, what failed
 * and why, what a command said of a session; and what gives a file another chance (spec 60 T7).
 * Store threads only. */
#pragma once
#include "core/processor_state.h"
#include "store/db.h"

struct processor_counts {
    int64_t by_status[PROCESSOR_STATUSES];
    int64_t items;
};
MUST_CHECK int processor_count_files(struct db *db, const char *processor, struct processor_counts *ret,
                                     struct err *e);

struct processor_file {
    struct processor_state state;
    const char *result; /* JSON; NULL: none is kept */
};
/* In order of files, those behind `after` ("" for all); status NULL: any. */
MUST_CHECK int processor_files(struct db *db, const char *processor, const char *status, const char *after,
                               int64_t limit, struct arena *a, struct processor_file **ret, size_t *ret_count,
                               struct err *e);
/* What failed or was set apart is tried at the next run as if it never had been; session_file NULL: all of
 * it. What is done stays done. */
MUST_CHECK int processor_requeue(struct db *db, const char *processor, const char *session_file,
                                 int64_t now_us, int64_t *ret_count, struct err *e);
/* NULL: there is none. */
MUST_CHECK int processor_result_get(struct db *db, const char *processor, const char *session_file,
                                    struct arena *a, char **ret, struct err *e);
MUST_CHECK int processor_result_put(struct db *db, const char *processor, const char *session_file,
                                    struct str result, int64_t now_us, struct err *e);
