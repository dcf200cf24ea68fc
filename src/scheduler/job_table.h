/* job_table.h -- the jobs of the scheduler: the built-in ones, and those of the configuration (spec 50).
 *
 * A schedule block with the name of a built-in job changes what it says and leaves the rest as it is.  The
 * environment of existing deployments counts: API_URL, SCHEDULER_TICK_SECONDS and an interval per built-in
 * job, each of which refuses to start when it is not a positive whole number.  Main thread. */
#pragma once
#include "io/config.h"

struct job_table {
    struct schedule_job *jobs; /* enabled ones, in the order: built-in, then as configured; owned */
    size_t count;
    char *node_url; /* without a slash at the end */
    int64_t tick_us;
};

/* 0, or -EINVAL with one line in *errors per thing that is wrong.  `config` is copied from. */
MUST_CHECK int job_table_load(const struct config *config, struct job_table *ret, struct buf *errors);
void job_table_deinit(struct job_table *t);
const struct schedule_job *job_table_find(const struct job_table *t, struct str name); /* NULL when absent */
