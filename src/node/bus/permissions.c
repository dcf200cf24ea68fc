#include "node/bus/permissions.h"

#include "core/subject.h"

static bool listed(const char *const *patterns, struct str subject)
{
    if (!patterns)
        return true;
    for (size_t i = 0; patterns[i]; i++)
        if (subject_covers(str_of(patterns[i]), subject))
            return true;
    return false;
}

bool bus_may_publish(const struct bus_permissions *p, struct str subject)
{
    return listed(p->publish, subject);
}

bool bus_may_subscribe(const struct bus_permissions *p, struct str pattern)
{
    return listed(p->subscribe, pattern);
}

bool bus_may_ask_reply(const struct bus_permissions *p, struct str reply)
{
    return listed(p->publish, reply) || str_starts_with(reply, STR("_INBOX."));
}
