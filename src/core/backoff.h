/* backoff.h -- how long a job waits before it is tried again (spec 20 Q6).
 *
 * The ceiling doubles with each attempt up to a cap, and the delay is drawn evenly below it ("full jitter"):
 * jobs that failed together do not come back together.  Pure: the caller draws the random number.  Any
 * thread. */
#pragma once
#include "core/profile.h"

/* base × 2^(attempt − 1), at most cap: the delay's upper bound, itself excluded.  An attempt below 1 counts
 * as 1; a policy that is not positive gives 0.  No attempt overflows. */
int64_t backoff_ceiling_us(const struct backoff_policy *policy, int64_t attempt);

/* In [0, ceiling), or 0 when the ceiling is 0.  `unit` is uniform in [0, 1), and is brought there if it is
 * not. */
int64_t backoff_delay_us(const struct backoff_policy *policy, int64_t attempt, double unit);
