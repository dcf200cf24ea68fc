/* permissions.h -- what a user of the bus may publish and subscribe (spec 40 B5).
 *
 * Two lists of subject patterns.  A subscription is allowed when one pattern of the list covers all of it, so
 * that a wide one cannot be used to look past the list.  A reply subject of somebody with limits must be an
 * inbox or something that he may publish: else he could have an answer sent where he may not speak.  Pure. */
#pragma once
#include "base/str.h"

struct bus_permissions {
    const char *const *publish, *const *subscribe; /* NULL-terminated patterns; NULL: everything */
};

bool bus_may_publish(const struct bus_permissions *p, struct str subject);   /* a valid subject */
bool bus_may_subscribe(const struct bus_permissions *p, struct str pattern); /* a valid pattern */
bool bus_may_ask_reply(const struct bus_permissions *p, struct str reply);   /* a valid subject */
