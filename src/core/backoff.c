#include "core/backoff.h"

int64_t backoff_ceiling_us(const struct backoff_policy *policy, int64_t attempt)
{
    int64_t ceiling = policy->base_us;
    if (ceiling <= 0 || policy->cap_us <= 0)
        return 0;
    for (int64_t doublings = MAX(attempt, 1) - 1; doublings > 0 && ceiling < policy->cap_us; doublings--)
        if (__builtin_mul_overflow(ceiling, 2, &ceiling))
            return policy->cap_us;
    return MIN(ceiling, policy->cap_us);
}

int64_t backoff_delay_us(const struct backoff_policy *policy, int64_t attempt, double unit)
{
    int64_t ceiling = backoff_ceiling_us(policy, attempt);
    if (ceiling == 0 || !(unit > 0)) /* a NaN too */
        return 0;
    /* A double holds 53 bits, so the product of a huge ceiling may round up to the ceiling itself. */
    double delay = unit * (double)ceiling;
    return delay < (double)ceiling ? (int64_t)delay : ceiling - 1;
}
