/* session_health.h -- how a group of agents is, from how each of them is (spec 70 A4 to A7).
 *
 * Every agent falls into exactly one class, so the counts add up to the total: who is not accessible is
 * offline, whatever its status says; everybody else is what its status says.  `invalid` counts in the total
 * alone.  All comparisons are exact, in integers.  Pure; any thread. */
#pragma once
#include "base/buf.h"
#include "core/agent_status.h"

struct session_counts {
    int64_t total;
    int64_t active; /* starting, active, idle */
    int64_t degraded, failed;
    int64_t offline; /* not accessible */
};
void session_counts_add(struct session_counts *c, enum agent_status status, bool is_accessible);

enum session_health {
    SESSION_EMPTY,
    SESSION_CRITICAL,
    SESSION_FAILED,
    SESSION_DEGRADED,
    SESSION_HEALTHY,
};
const char *session_health_name(enum session_health health);
enum session_health session_health(const struct session_counts *c); /* A6 */
int64_t session_problematic(const struct session_counts *c);        /* failed, degraded or not accessible */
int64_t session_critical_issues(const struct session_counts *c);    /* failed or not accessible */
/* A5 in tenths, half a tenth rounded up: 667 is 66.7. */
int64_t session_score_tenths(const struct session_counts *c);

/* A7: calls `each` per warning, in order.  utilization_percent is negative when unknown. */
void session_warnings(const struct session_counts *c, double utilization_percent,
                      void (*each)(void *arg, const char *text), void *arg);
