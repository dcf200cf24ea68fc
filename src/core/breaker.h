/* breaker.h -- the circuit breaker of an agent profile (spec 20 Q7).
 *
 *   closed     runs start.  `failures` consecutive failures within `window_us` open it.
 *   open       nothing starts; jobs stay queued.  After `open_us` it is half-open.
 *   half-open  one run at a time is let through, the probe.  Its success closes, its failure opens again.
 *
 * Only the probe's verdict counts while half-open, and none while open: a run that started before the trip
 * says nothing about now.  Times are wall time, since a breaker is kept over restarts; a clock that steps
 * back never makes the wait longer than `open_us` from the next look.  A probe that ends without a verdict
 * (cancelled, rate-limited, lost) has to be released, else the breaker waits for it.  Pure data: copy it,
 * keep every field.  Any thread. */
#pragma once
#include "core/profile.h"
#include "base/str.h"

/* In order of badness. */
enum breaker_state { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN };

#define BREAKER_FAILURES_MAX 32 /* a policy's `failures` is taken as at most this, and at least 1 */

struct breaker {
    enum breaker_state state;
    int64_t consecutive_failures;
    int64_t failure_us[BREAKER_FAILURES_MAX]; /* of the last consecutive failures, oldest first */
    int failure_count;                        /* entries in use */
    int64_t opened_at_us;                     /* 0 while closed */
    int64_t retry_at_us;                      /* while open: when it becomes half-open; else 0 */
    int64_t trips;                            /* times it opened, ever */
    bool probing;                             /* half-open and its one run is under way */
    int64_t probe_run_id;                     /* valid while probing */
};

void breaker_init(struct breaker *b); /* closed */

/* Whether a run may start now.  Moves open to half-open when that is due, so the struct may have changed:
 * compare `state` to know. */
MUST_CHECK bool breaker_allows(struct breaker *b, const struct breaker_policy *policy, int64_t now_us);
/* A run starts: takes the probe's place while half-open.  `run_id` names it in the verdict. */
void breaker_started(struct breaker *b, int64_t run_id);
/* The verdict.  Each returns whether the state changed by it. */
bool breaker_succeeded(struct breaker *b, int64_t run_id);
bool breaker_failed(struct breaker *b, const struct breaker_policy *policy, int64_t run_id, int64_t now_us);
/* The run ended without a verdict: the next one may probe. */
void breaker_released(struct breaker *b, int64_t run_id);

/* The worse of the two: by state, then by consecutive failures, then a. */
const struct breaker *breaker_worse(const struct breaker *a, const struct breaker *b);

const char *breaker_state_name(enum breaker_state state); /* "closed", "half_open", "open" */
bool breaker_state_of(struct str name, enum breaker_state *ret);

/* failure_us as text for one column: decimal numbers with commas between, "" for none.  Reading accepts no
 * other text and at most BREAKER_FAILURES_MAX numbers. */
#define BREAKER_TIMES_TEXT_MAX (BREAKER_FAILURES_MAX * 21 + 1)
char *breaker_times_format(const struct breaker *b, char text[BREAKER_TIMES_TEXT_MAX]);
MUST_CHECK bool breaker_times_parse(struct str text, struct breaker *ret);
