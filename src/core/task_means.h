/* task_means.h -- tasks of a window by status and by type, with mean durations (spec 80 H5).
 *
 * A row is a group of (status, type); the mean of a type over its statuses is weighted by the tasks that HAVE
 * a duration, so that a status without any pulls it nowhere.  Sums are integers: the mean of means is exact,
 * and rounded once.  Pure.  Any thread. */
#pragma once
#include "base/arena.h"

struct task_group {
    const char *status, *type; /* "" where a task has none */
    int64_t count, measured;   /* tasks; those of them that have a duration */
    int64_t duration_us;       /* sum over the measured */
};
struct task_mean {
    const char *name;
    int64_t count, measured, duration_us;
};
/* One row per status, or per type, in the order in which they first appear. */
struct task_mean *task_means_by_status(const struct task_group *groups, size_t count, struct arena *a,
                                       size_t *ret_count);
struct task_mean *task_means_by_type(const struct task_group *groups, size_t count, struct arena *a,
                                     size_t *ret_count);
/* Hundredths of a millisecond, rounded half up; 0 when nothing was measured. */
int64_t task_mean_centi_ms(const struct task_mean *m);
