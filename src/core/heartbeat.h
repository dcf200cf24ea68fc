/* heartbeat.h -- one beat as it came: foreign bytes into the few facts that the registry uses (spec 40
 * Heartbeats, W2, W5, W6).
 *
 * A payload that is no JSON object is refused; anything odd inside one costs a fault bit and nothing else, so
 * one bad field never hides that a worker lives.  Of a key that comes twice the last one counts.  The
 * payload's `worker` is never looked at: who beats is told by the subject.  Pure. */
#pragma once
#include "base/buf.h"

#define HEARTBEAT_EXTRA_MAX 4096 /* bytes of extra, W5 */
#define HEARTBEAT_EXTRA_KEYS_MAX 256
#define HEARTBEAT_DEPTH_MAX 32 /* levels of a payload */
#define HEARTBEAT_INSTANCE_MAX 128
#define HEARTBEAT_TS_MAX_S INT64_C(253402300800) /* the year 10000: beyond it no time can be written */
#define HEARTBEAT_PERIOD_MIN_US INT64_C(1000)
#define HEARTBEAT_PERIOD_MAX_US (INT64_C(31) * 86400 * 1000000)

enum { /* why a payload is refused; 0 is fine */
       HEARTBEAT_E_UTF8 = 1,
       HEARTBEAT_E_SYNTAX,
       HEARTBEAT_E_NOT_OBJECT,
       HEARTBEAT_E_DEEP,
};
enum heartbeat_fault { /* set of bits */
                       HEARTBEAT_BAD_TS = 1,
                       HEARTBEAT_BAD_PERIOD = 2,
                       HEARTBEAT_BAD_INSTANCE = 4,
                       HEARTBEAT_TRUNCATED = 8, /* of extra: members that did not fit are left out */
};

struct heartbeat {
    unsigned faults;
    bool ts_known, seq_known;
    int64_t ts_us, seq;
    int64_t period_us;                         /* 0: not announced */
    char instance[HEARTBEAT_INSTANCE_MAX + 1]; /* "": none */
    bool stopping;                             /* "state":"stopping": the last word */
};

/* X of "system.X.health" (exactly three tokens, W2); false for any other subject. */
bool heartbeat_subject(struct str subject, struct str *ret_worker);
/* 0 or HEARTBEAT_E_.  *extra is replaced by a compact JSON object of at most HEARTBEAT_EXTRA_MAX bytes: the
 * payload without `worker` and `ts`.  On refusal *ret and *extra hold nothing of use. */
MUST_CHECK int heartbeat_parse(struct str payload, struct heartbeat *ret, struct buf *extra);
