#include "node/fleet/fleet_internal.h"

void look_start(struct fleet *f)
{
    (void)f;
}

void look_free_memory(struct fleet *f)
{
    (void)f;
}
