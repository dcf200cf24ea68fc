#include "core/window.h"

#include "core/backoff.h"

#define JITTER 0.15
#define RETRY_AFTER_MAX_US (INT64_C(24) * 3600 * 1000000)

bool window_next(const struct window_rules *rules, int64_t last_end_us, int64_t now_us, bool waiting,
                 struct window *ret)
{
    int64_t start_us = last_end_us ? last_end_us : now_us - rules->interval_us;
    int64_t end_us = MIN(now_us, start_us + rules->max_us);
    if (end_us <= start_us || (waiting && now_us < start_us + rules->max_us))
        return false;
    *ret = (struct window){start_us, end_us};
    return true;
}

int64_t window_full_at(const struct window_rules *rules, int64_t last_end_us)
{
    return last_end_us + rules->max_us;
}

int64_t window_lag_us(int64_t acked_end_us, int64_t now_us)
{
    return acked_end_us ? MAX(now_us - acked_end_us, 0) : 0;
}

bool window_clock_was_wrong(int64_t last_end_us, int64_t now_us)
{
    return last_end_us - now_us > WINDOW_STEP_MAX_US;
}

/* Asked to come later, or not answered by whoever decides: nothing was said about this window. */
static bool is_about_time(int status)
{
    return status < 400 || status >= 500 || status == 408 || status == 425 || status == 429;
}

enum window_outcome window_judge(const struct window_answer *answer, int64_t window_no, int64_t refusals)
{
    bool success = answer->status >= 200 && answer->status < 300;
    if (success && answer->window_no == 0)
        return WINDOW_TAKEN;
    if (success)
        return answer->window_no == window_no ? WINDOW_ACKED : WINDOW_RETRY;
    if (answer->status == 409)
        return WINDOW_ACKED;
    if (answer->status == 401 || answer->status == 403)
        return WINDOW_FAULT;
    if (is_about_time(answer->status))
        return WINDOW_RETRY;
    return refusals >= WINDOW_REJECT_TRIES ? WINDOW_REJECTED : WINDOW_RETRY;
}

static int64_t jittered(int64_t us, double unit)
{
    return (int64_t)((double)us * (1 - JITTER + 2 * JITTER * unit));
}

int64_t window_interval_us(int64_t interval_us, double unit)
{
    return jittered(interval_us, unit);
}

int64_t window_retry_us(int64_t failures, int64_t retry_after_us, double unit)
{
    static const struct backoff_policy policy = {.base_us = 1000000, .cap_us = 60 * INT64_C(1000000)};
    if (retry_after_us >= 0)
        return MIN(retry_after_us, RETRY_AFTER_MAX_US);
    return jittered(backoff_ceiling_us(&policy, failures), unit);
}
