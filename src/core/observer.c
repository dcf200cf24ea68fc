#include "core/observer.h"

void observer_init(struct observer *o, int64_t boot_us)
{
    *o = (struct observer){.boot_us = boot_us};
}

static void credit(struct observer *o, int64_t us)
{
    o->credited_us += us;
    o->gaps[o->gap_count++ % OBSERVER_GAPS_KEPT] = (struct observer_gap){o->boot_us, us};
}

int64_t observer_look(struct observer *o, int64_t boot_us)
{
    int64_t gap_us = boot_us - o->boot_us;
    if (gap_us > 0)
        o->boot_us = boot_us;
    if (gap_us > OBSERVER_GAP_MAX_US)
        credit(o, gap_us - OBSERVER_LOOK_US);
    return o->boot_us - o->credited_us;
}

int64_t observer_before(const struct observer *o, int64_t age_us)
{
    int64_t at_us = o->boot_us - age_us, credited_after_us = 0;
    for (unsigned i = 0; i < MIN(o->gap_count, (unsigned)OBSERVER_GAPS_KEPT); i++) {
        const struct observer_gap *g = &o->gaps[i];
        if (at_us < g->end_us)
            credited_after_us += MIN(g->credited_us, g->end_us - at_us);
    }
    return at_us - o->credited_us + credited_after_us;
}
