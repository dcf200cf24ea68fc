/* observer.h -- the clock by which others are judged: it stands still while nobody looked (spec 00 fact 2,
 * spec 40 W4).
 *
 * Whoever watches others can itself be suspended, stopped, swapped out or stalled; that time is credited,
 * never charged to the watched.  The observer is told CLOCK_BOOTTIME each time it looks, at least once a
 * second.  A gap longer than OBSERVER_GAP_MAX_US is time in which it did not look: it counts as one look's
 * time, and how much was credited and when is remembered, so that an instant before the gap ("sent 40 s ago")
 * finds its place on this clock.  CLOCK_BOOTTIME and not CLOCK_MONOTONIC, since "sent 40 s ago" comes from
 * wall clocks, which go on during suspend; awake both run alike, and no step of the wall clock moves either.
 * Pure. */
#pragma once
#include "base/base.h"

#define OBSERVER_GAP_MAX_US INT64_C(3000000)
#define OBSERVER_LOOK_US INT64_C(1000000)
#define OBSERVER_GAPS_KEPT 8

struct observer_gap {
    int64_t end_us;      /* CLOCK_BOOTTIME at which it was noticed */
    int64_t credited_us; /* the time before that, which did not count */
};
struct observer {
    int64_t boot_us;     /* CLOCK_BOOTTIME at the last look */
    int64_t credited_us; /* all that did not count */
    struct observer_gap gaps[OBSERVER_GAPS_KEPT];
    unsigned gap_count; /* ever; the last ones are kept */
};

void observer_init(struct observer *o, int64_t boot_us);
/* A look: returns the observed clock's now, which never goes backwards. */
int64_t observer_look(struct observer *o, int64_t boot_us);
/* The observed clock `age_us` (>= 0) before the last look: its now minus the age, but for what was credited
 * since. */
int64_t observer_before(const struct observer *o, int64_t age_us);
