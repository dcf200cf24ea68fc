/* bus_user.h -- a user of the embedded bus: a block `bus_user "NAME"` of the configuration (spec 40 B5). */
#pragma once
#include "base/base.h"

struct bus_user {
    char *name, *password;       /* password: secret */
    char **publish, **subscribe; /* subject patterns, NULL-terminated; NULL: everything */
};
