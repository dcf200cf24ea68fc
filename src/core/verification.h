/* verification.h -- what an agent claims, held against what it ran (spec 60 V1).
 *
 * Fed with the turns of one session, in order, it keeps a row per check that was run (test, linter, type
 * check, build), with its outcome, and how the session ends. Outcome: failed when the exit status or the
 * runner's own summary says so; passed when the status says so and nothing speaks against it; where the
 * status is hidden ("|| true", a pipe) the summary alone decides; else unknown. Verdict: contradicted, when
 * the closing message claims success and the last check failed or none ever ran; verified, when the last
 * outcome of every kind that ran is passed and nothing was edited since, and the closing message does not say
 * otherwise; unverified, what is left.  A command that was left running is settled by what tells its end; one
 * whose end is not told is unknown.  A subagent's checks count, its words do not close. What a command
 * prints is no check: only what was run is.  The same turns give the same rows.  Pure. */
#pragma once
#include "base/pack.h"
#include "core/check_command.h"
#include "core/check_output.h"
#include "core/turn.h"

#define VERIFICATION_VERSION 5 /* of these rules: another one reads all sessions again */
#define VERIFICATION_TEXT_MAX 500
#define VERIFICATION_ROWS_MAX 2000 /* of one session; more are counted */

struct verification_row {
    int64_t use_line, result_line;       /* turns; result_line 0: no result came */
    int use_block, result_block, number; /* number: of several checks in one command, from 0 */
    int64_t at_us;
    enum check_kind kind;
    enum check_outcome outcome;
    int64_t passed, failed;    /* -1: not told */
    struct str command, quote; /* at most VERIFICATION_TEXT_MAX bytes, whole characters */
};

enum verification_verdict { VERDICT_VERIFIED, VERDICT_UNVERIFIED, VERDICT_CONTRADICTED };
#define VERDICTS 3
extern const char *const verification_verdict_names[VERDICTS];

struct verification_result {
    const struct verification_row *rows; /* valid until the next call that changes it */
    size_t count;
    int64_t rows_dropped;
    enum verification_verdict verdict;
    bool claims_success;
    bool edited_since; /* something was edited after the last check that passed */
    int64_t edits, turns;
    int64_t first_us, last_us;      /* 0: no turn told */
    struct str session_id, closing; /* closing: the message, cut like a quote */
};

struct verification;
struct verification *verification_new(void);
struct verification *verification_free(struct verification *v); /* NULL ok; returns NULL */
void verification_turn(struct verification *v, const struct turn *turn);
void verification_result(struct verification *v, struct verification_result *ret);
/* Puts it aside, to go on with later turns of the session; load: into a new one, false when that is not what
 * save wrote, and it is of no use any more. */
void verification_save(const struct verification *v, struct buf *out);
MUST_CHECK bool verification_load(struct verification *v, struct unpack *u);
