/* processors.h -- what the processors of transcripts have made of them: the state per file, the lease of a
 * run, and the rows of verification (spec 60 T7, T9, V1).  Store threads only. */
#pragma once
#include "core/processor_state.h"
#include "store/db.h"

MUST_CHECK int processor_states(struct db *db, const char *processor, struct arena *a,
                                struct processor_state **ret, size_t *ret_count, struct err *e);
MUST_CHECK int processor_state_put(struct db *db, const char *processor, const struct processor_state *s,
                                   struct err *e);

enum { PROCESSOR_E_BUSY = 1 };
/* Takes the lease of a run, or PROCESSOR_E_BUSY when another holder's has not expired. */
MUST_CHECK int processor_lease(struct db *db, const char *processor, const char *holder, int64_t now_us,
                               int64_t expires_us, struct err *e);
/* Who has it; NULL: nobody. */
MUST_CHECK int processor_lease_holder(struct db *db, const char *processor, struct arena *a, const char **ret,
                                      struct err *e);
/* Takes it away from a holder that is no more. */
MUST_CHECK int processor_lease_drop(struct db *db, const char *processor, const char *holder, struct err *e);
struct processor_run { /* the last one */
    int64_t started_us, ended_us, processed, errors, capped;
    bool ended; /* else it runs, or was ended by a crash */
};
/* The end of a run: gives the lease back. */
MUST_CHECK int processor_run_put(struct db *db, const char *processor, const struct processor_run *r,
                                 struct err *e);
enum { PROCESSOR_E_NEVER_RAN = 1 };
MUST_CHECK int processor_run_get(struct db *db, const char *processor, struct processor_run *ret,
                                 struct err *e);

struct verification_session {
    const char *session_file, *session_id, *agent, *verdict;
    bool claims_success, edited_since;
    int64_t edits, checks, checks_failed, turns, first_us, last_us, verified_us; /* first, last: 0 unknown */
};
struct verification_evidence {
    int64_t use_line, use_block, number, result_line, result_block, at_us, passed, failed;
    const char *kind, *command, *outcome, *quote;
};
/* Replaces all that was known of this session's file. */
MUST_CHECK int verification_put(struct db *db, const struct verification_session *s,
                                const struct verification_evidence *rows, size_t count, struct err *e);
/* In order of files, those behind `after` ("" for all); verdict NULL: any. */
MUST_CHECK int verification_list(struct db *db, const char *verdict, const char *after, int64_t limit,
                                 struct arena *a, struct verification_session **ret, size_t *ret_count,
                                 struct err *e);
/* By session id, or by file; PROCESSOR_E_NEVER_RAN: there is none. */
MUST_CHECK int verification_get(struct db *db, const char *session, struct arena *a,
                                struct verification_session *ret, struct verification_evidence **ret_rows,
                                size_t *ret_count, struct err *e);
