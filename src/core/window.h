/* window.h -- which stretch of time a telemetry report covers, and when it is sent (spec 80 H2, H3, H6).
 *
 * Windows are half-open, [start, end), so that an event on a boundary counts once, and each begins where the
 * last one ended.  While a window waits for the hub's answer no other is cut: the time since grows into the
 * next one, until that is as long as a window may be; from then on windows queue.  Nothing is ever left out.
 * Pure: the caller passes the time and the random number.  Any thread. */
#pragma once
#include "base/str.h"

struct window {
    int64_t start_us, end_us; /* epoch; start < end */
};
struct window_rules {
    int64_t interval_us; /* of reports */
    int64_t max_us;      /* no window is longer */
};
/* The next window to be cut.  last_end_us: where the last one that was cut ended, 0 when there was none, and
 * the first then starts one interval before now.  waiting: windows that are not acknowledged yet.  False:
 * none now. */
bool window_next(const struct window_rules *rules, int64_t last_end_us, int64_t now_us, bool waiting,
                 struct window *ret);
/* When window_next will give one though others wait: the queue has to be added to then. */
int64_t window_full_at(const struct window_rules *rules, int64_t last_end_us);
/* Age of what the hub has not got: 0 without any window yet, and never negative. */
int64_t window_lag_us(int64_t acked_end_us, int64_t now_us);

/* Later rows may be stamped with an earlier time only if the clock was set back.  Up to WINDOW_STEP_MAX_US
 * the stamps wait for it at the window's end; beyond, the windows begin anew. */
#define WINDOW_STEP_MAX_US (INT64_C(3600) * 1000000)
bool window_clock_was_wrong(int64_t last_end_us, int64_t now_us);

/* -- after an answer -- */

enum window_outcome {
    WINDOW_ACKED,    /* the hub names the window: it has it */
    WINDOW_TAKEN,    /* a 2xx that does not say which window: believed, and kept until the hub's word shows */
    WINDOW_RETRY,    /* soon, after a delay that grows */
    WINDOW_FAULT,    /* 401, 403: the configuration; again at the interval */
    WINDOW_REJECTED, /* refused for good: set aside */
};
#define WINDOW_REJECT_TRIES 5 /* of a 4xx, before it is set aside */
struct window_answer {
    int status;             /* HTTP; 0: there was none */
    int64_t window_no;      /* that the body names, 0: none */
    int64_t retry_after_us; /* -1: not said */
};
/* refusals: how often this window was answered with such a 4xx, this answer included. */
enum window_outcome window_judge(const struct window_answer *answer, int64_t window_no, int64_t refusals);

/* Interval ± 15 %, evenly.  `unit` is uniform in [0, 1). */
int64_t window_interval_us(int64_t interval_us, double unit);
/* 1, 2, 4 … 60 s with the same jitter, `failures` in a row being at least 1; what the hub asked for wins. */
int64_t window_retry_us(int64_t failures, int64_t retry_after_us, double unit);
