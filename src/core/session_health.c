#include "core/session_health.h"

#include <stdio.h>

#define UTILIZATION_HIGH_PERCENT 80.0
#define SCORE_LOW_TENTHS 700

void session_counts_add(struct session_counts *c, enum agent_status status, bool is_accessible)
{
    int64_t *const by_status[AGENT_STATUS_COUNT] = {
        [AGENT_STARTING] = &c->active,   [AGENT_ACTIVE] = &c->active, [AGENT_IDLE] = &c->active,
        [AGENT_DEGRADED] = &c->degraded, [AGENT_FAILED] = &c->failed, [AGENT_OFFLINE] = &c->offline,
    };
    int64_t *class = is_accessible ? by_status[status] : &c->offline;
    c->total++;
    if (class)
        ++*class;
}

const char *session_health_name(enum session_health health)
{
    static const char *const names[] = {
        [SESSION_EMPTY] = "empty",       [SESSION_CRITICAL] = "critical", [SESSION_FAILED] = "failed",
        [SESSION_DEGRADED] = "degraded", [SESSION_HEALTHY] = "healthy",
    };
    return names[health];
}

int64_t session_problematic(const struct session_counts *c)
{
    return c->failed + c->degraded + c->offline;
}

int64_t session_critical_issues(const struct session_counts *c)
{
    return c->failed + c->offline;
}

enum session_health session_health(const struct session_counts *c)
{
    int64_t total = c->total, problematic = session_problematic(c);
    if (total == 0)
        return SESSION_EMPTY;
    if (2 * c->failed > total || c->offline == total)
        return SESSION_CRITICAL;
    if (4 * problematic > 3 * total)
        return SESSION_FAILED;
    if (4 * problematic > total)
        return SESSION_DEGRADED;
    return 5 * c->active >= 4 * total ? SESSION_HEALTHY : SESSION_DEGRADED;
}

int64_t session_score_tenths(const struct session_counts *c)
{
    if (c->total == 0)
        return 0;
    int64_t points = 1000 * c->active + 500 * c->degraded;
    return (2 * points + c->total) / (2 * c->total);
}

void session_warnings(const struct session_counts *c, double utilization_percent,
                      void (*each)(void *arg, const char *text), void *arg)
{
    char text[64];
    int64_t score = session_score_tenths(c);
    if (c->offline > 0) {
        (void)snprintf(text, sizeof(text), "%lld agents are offline or unreachable", (long long)c->offline);
        each(arg, text);
    }
    if (utilization_percent > UTILIZATION_HIGH_PERCENT) {
        (void)snprintf(text, sizeof(text), "High resource utilization: %.1f%%", utilization_percent);
        each(arg, text);
    }
    if (score < SCORE_LOW_TENTHS) {
        (void)snprintf(text, sizeof(text), "Low session health score: %lld.%lld", (long long)(score / 10),
                       (long long)(score % 10));
        each(arg, text);
    }
}
