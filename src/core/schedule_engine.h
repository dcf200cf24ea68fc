/* schedule_engine.h -- what the scheduler does at each moment: fire, skip, or let pass (spec 50 S3 to S9,
 * S15).
 *
 * The decisions alone: no clock, no timer, no request.  The caller says what time it is, is told by callbacks
 * what to fire and what became of every due instant, and says when a firing has ended.  So sleep, clock steps
 * and crashes are tested with a number instead of a machine.
 *
 * Invariants: every instant of a job has exactly one outcome, told by on_outcome, or is the one in flight;
 * `handled_us` is the last one decided and never goes back while the clock is sane; a job has at most one
 * firing in flight.  Wall time, since schedules are; one thread. */
#pragma once
#include "core/schedule_job.h"

enum schedule_outcome {
    SCHEDULE_FIRED, /* of a firing that has ended: the caller knows how */
    SCHEDULE_COALESCED,
    SCHEDULE_SKIPPED_OVERLAP,
    SCHEDULE_SKIPPED_PAUSED,
    SCHEDULE_MISSED_DOWN,
    SCHEDULE_MISSED_DEADLINE,
    SCHEDULE_DST_GAP,
    SCHEDULE_DST_FOLD,
    SCHEDULE_REFUSED_BUDGET,
    SCHEDULE_REFUSED_BUSY,
};
#define SCHEDULE_OUTCOMES 10
const char *schedule_outcome_name(enum schedule_outcome o); /* "skipped:overlap" */
MUST_CHECK bool schedule_outcome_of(struct str name, enum schedule_outcome *ret);

struct schedule_state {    /* of one job; what survives a restart */
    int64_t first_seen_us; /* SCHEDULE_NEVER until the engine has seen it */
    int64_t last_run_us;   /* due time of the last firing that has ended, or SCHEDULE_NEVER */
    int64_t handled_us;    /* last instant that was decided, or SCHEDULE_NEVER */
    int64_t in_flight_us;  /* due time of the firing under way, or SCHEDULE_NEVER */
    int64_t pending_us;    /* due while one was in flight, to run right after, or SCHEDULE_NEVER */
    int64_t consecutive_failures;
    bool paused;
};
#define SCHEDULE_STATE_INIT                                                                                  \
    (struct schedule_state)                                                                                  \
    {                                                                                                        \
        SCHEDULE_NEVER, SCHEDULE_NEVER, SCHEDULE_NEVER, SCHEDULE_NEVER, SCHEDULE_NEVER, 0, false             \
    }

struct schedule_row { /* an instant's outcome; older ones of a long absence are one row with their count */
    int64_t due_us, until_us;
    int64_t count; /* 1: until_us is due_us */
    enum schedule_outcome outcome;
};
#define SCHEDULE_ROWS_MAX 1000 /* instants of one absence that have a row of their own, the latest ones */

struct schedule_engine_ops {
    /* Starts a firing; schedule_engine_ended follows, never from within.  `at_us` is when it should have
     * fired, jitter included. */
    void (*fire)(void *arg, size_t job, int64_t due_us, int64_t at_us);
    void (*on_outcome)(void *arg, size_t job, const struct schedule_row *row);
};

struct schedule_engine;
/* Instants later than `tick_us` count as missed, and catching up is spread over as much.  Nothing fires
 * before not_before_us. */
struct schedule_engine *schedule_engine_new(const char *instance, int64_t tick_us, int64_t not_before_us,
                                            const struct schedule_engine_ops *ops, void *arg);
struct schedule_engine *schedule_engine_free(struct schedule_engine *g);
/* The jobs, which must outlive the engine, with their states, which are copied.  Once.  in_flight_is_lost:
 * the firings in flight were another process's, and are fired again; else they still go on. */
void schedule_engine_set_jobs(struct schedule_engine *g, const struct schedule_job *jobs,
                              const struct schedule_state *states, size_t count, bool in_flight_is_lost,
                              int64_t now_us);
/* When schedule_engine_turn has something to do; INT64_MAX: never. */
int64_t schedule_engine_wake_us(const struct schedule_engine *g);
/* Decides all that is due.  Also after a sleep and after the clock was set, then with `clock_set`. */
void schedule_engine_turn(struct schedule_engine *g, int64_t now_us, bool clock_set);
enum schedule_verdict { SCHEDULE_OK, SCHEDULE_FAILED, SCHEDULE_NEITHER }; /* neither: it was busy, say */
void schedule_engine_ended(struct schedule_engine *g, size_t job, enum schedule_verdict verdict,
                           int64_t now_us);
void schedule_engine_pause(struct schedule_engine *g, size_t job, bool paused, int64_t now_us);
/* Fires now, beside the schedule; false while one is in flight. */
MUST_CHECK bool schedule_engine_run_now(struct schedule_engine *g, size_t job, int64_t now_us);
const struct schedule_state *schedule_engine_state(const struct schedule_engine *g, size_t job);
int64_t schedule_engine_next_due_us(const struct schedule_engine *g, size_t job); /* INT64_MAX: none comes */
