/* worker_status.h -- what a background worker's beats say about it: the row of the roll call and its rules
 * (spec 40 W3, W4, W5, W7, W9).
 *
 *   unknown   never heard                 stopping  was asked to stop, or has said its last word
 *   ok        age below its window        stopped   its last word is WORKER_STOPPED_AFTER_US old, or it was
 *   stale     age at or over its window             asked to stop and has gone silent
 *
 * unknown and stale are different facts: who was once heard never becomes unknown.  Ages are kept as instants
 * on the observer's clock (core/observer.h), so nothing here sees a wall clock step.  The caller passes
 * `now`; a status is a function of row and now, and worker_next_us says when it will change by itself.  Pure.
 */
#pragma once
#include "core/heartbeat.h"

enum worker_status { WORKER_UNKNOWN, WORKER_OK, WORKER_STALE, WORKER_STOPPING, WORKER_STOPPED };
#define WORKER_STATUS_COUNT 5

#define WORKER_PERIODS_PER_WINDOW 3
#define WORKER_WINDOW_US (INT64_C(90) * 1000000) /* 3 × 30 s, for who announces no period */
#define WORKER_FLAPPING_STARTS 3
#define WORKER_FLAPPING_US (INT64_C(600) * 1000000)
#define WORKER_STOPPED_AFTER_US (INT64_C(2) * 1000000)
#define WORKER_FORMER_KEPT 4

struct worker_row { /* zeroed: never heard.  Instants are on the observer's clock, and may be negative. */
    bool heard;
    bool ts_known;  /* of the last beat: it said when it was sent */
    bool last_word; /* the last beat was "stopping" */
    bool stop_requested;
    int64_t ts_us;     /* last_heartbeat_ts: what it said, else when it came; epoch */
    int64_t sent_us;   /* when the last beat was sent */
    int64_t heard_us;  /* when the last beat came */
    int64_t stop_us;   /* when the stop request reached it */
    int64_t period_us; /* 0: the last beat announced none */
    int64_t seq;       /* of the last beat, when seq_known */
    bool seq_known;
    char instance[HEARTBEAT_INSTANCE_MAX + 1]; /* "": none announced so far */
    int64_t restarts;                          /* changes of instance */
    int64_t starts_us[WORKER_FLAPPING_STARTS]; /* when the last new instances were first heard */
    unsigned start_count;                      /* of those, at most all */
    uint64_t former[WORKER_FORMER_KEPT];       /* hashes of instances before, 0: none */
    unsigned former_next;
};

enum worker_beat {
    WORKER_BEAT_TAKEN,
    WORKER_BEAT_SAME,  /* the beat that we have, come again */
    WORKER_BEAT_OLDER, /* a newer one of this instance, or of a later one, is here already */
};
/* `sent_us` is where observer_before puts the beat's age at receipt, max(0, received − ts); equal to now_us
 * for a beat that does not say.  `received_us` is the wall clock, for a beat without ts. */
enum worker_beat worker_row_beat(struct worker_row *r, const struct heartbeat *b, int64_t sent_us,
                                 int64_t now_us, int64_t received_us);
/* A stop request has reached the worker.  A worker that beats on, one window later, has not obeyed:
 * forgotten.
 */
void worker_row_stop(struct worker_row *r, int64_t now_us);
/* Moves all instants: to an observer's clock with another zero. */
void worker_row_shift(struct worker_row *r, int64_t by_us);

enum worker_status worker_status(const struct worker_row *r, int64_t now_us);
const char *worker_status_name(enum worker_status status);
bool worker_status_of(struct str name, enum worker_status *ret);
int64_t worker_window_us(const struct worker_row *r);
int64_t worker_age_us(const struct worker_row *r, int64_t now_us); /* >= 0; of one that was heard */
bool worker_flapping(const struct worker_row *r, int64_t now_us);
/* The first instant after now at which status or flapping change without a word from anybody; INT64_MAX:
 * never. */
int64_t worker_next_us(const struct worker_row *r, int64_t now_us);
