/* beat.h -- the beats that a worker of ours sends: when, and what they say (spec 40 Heartbeats).
 *
 * Beat k is due at start + k × period, whatever the sending took: no drift.  Who was held up sends one beat
 * and goes on in the old rhythm; what was missed is not sent late.  The first is due at once.  Pure: the
 * caller has the clocks and the wire. */
#pragma once
#include "base/buf.h"

#define BEAT_PERIOD_US (INT64_C(30) * 1000000)
#define BEAT_INSTANCE_BYTES 8

struct beat {
    const char *worker;                         /* one subject token; outlives the beat */
    char instance[2 * BEAT_INSTANCE_BYTES + 1]; /* hex, drawn by the caller for each start */
    int64_t period_us, start_us;                /* start: monotonic */
    int64_t next_us;                            /* when the next one is due, monotonic */
    int64_t seq;                                /* of the next one */
};

void beat_init(struct beat *b, const char *worker, const char *instance, int64_t period_us, int64_t now_us);
bool beat_is_due(const struct beat *b, int64_t now_us);
/* The payload of the beat that is sent now, and the next one's time.  `extra` is the inside of a JSON object,
 * "\"queue_depth\":3", or empty.  last: the last word, with "state":"stopping". */
void beat_write(struct beat *b, int64_t now_us, int64_t wall_us, struct str extra, bool last,
                struct buf *out);
/* Nothing is sent now: on to the next time. */
void beat_skip(struct beat *b, int64_t now_us);
/* "system.WORKER.health" and "system.WORKER.control". */
void beat_subject(const char *worker, struct buf *out);
void beat_control_subject(const char *worker, struct buf *out);
/* A name may be a worker's: one subject token of at most BEAT_WORKER_MAX plain characters. */
#define BEAT_WORKER_MAX 64
bool beat_worker_valid(struct str name);
/* A control message asks to stop: {"action":"stop"}.  Anything else, garbage too, does not. */
bool beat_control_is_stop(struct str payload);
