#include "core/agent_status.h"

static const char *const names[AGENT_STATUS_COUNT] = {
    [AGENT_STARTING] = "starting", [AGENT_ACTIVE] = "active", [AGENT_IDLE] = "idle",
    [AGENT_DEGRADED] = "degraded", [AGENT_FAILED] = "failed", [AGENT_OFFLINE] = "offline",
    [AGENT_INVALID] = "invalid",
};

const char *agent_status_name(enum agent_status status)
{
    return names[status];
}

bool agent_status_of(struct str name, enum agent_status *ret)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!str_equal(name, str_of(names[i])))
            continue;
        *ret = (enum agent_status)i;
        return true;
    }
    return false;
}
