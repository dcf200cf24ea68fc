/* fleet_inputs.h -- what the fleet takes from the queue's memory, as functions.
 *
 * The seam between two services that never include each other: the queue fills it, node.c hands it over, the
 * fleet calls it on the loop thread. */
#pragma once
#include "base/arena.h"
#include "core/usage.h"

struct fleet_run {                                        /* a live run; texts in the arena that is given */
    int64_t run_id, job_id, task_id;                      /* 0: none */
    const char *agent, *repo, *model;                     /* NULL unknown */
    int64_t pid, start_ticks, shim_pid, shim_start_ticks; /* 0: not known yet */
    struct usage usage;                                   /* so far, by its output */
};
struct fleet_inputs {
    void (*runs)(void *context, struct arena *a, struct fleet_run **ret, size_t *ret_count);
    void *context;
};
