/* metrics_example.h -- the collection behind the example of spec 30, for the tests of what is made of it. */
#pragma once
#include "node/metrics/collection.h"

#define EXAMPLE_NOW_US INT64_C(1795316645123456) /* generated_at_us of the example */
#define EXAMPLE_SECONDS_AGO(s) (EXAMPLE_NOW_US - (s)*INT64_C(1000000))

struct example {
    struct collection c;
    struct collection_rows rows;
    struct collection_figures figures;
    struct collection_process process;
    struct snapshot_task task;
    struct snapshot_running running;
    struct metrics_profile profile;
};

static struct totals_row example_totals[] = {
    {"jobs", "queued", 4},
    {"jobs", "running", 2},
    {"jobs", "done", 90},
    {"jobs", "failed", 3},
    {"jobs", "cancelled", 1},
    {"jobs_retried", "", 5},
    {"attempts", "", 105},
    {"exhausted", "", 3},
    {"scheduled", "", 1},
    {"runs_ended", "", 105},
    {"cost_micro_usd", "", 41070000},
    {"tasks", "review", 1},
    {"tasks", "done", 7},
};

/* Everything points into *x. */
static inline void example_init(struct example *x)
{
    *x = (struct example){0};
    x->task = (struct snapshot_task){17, "API-42", "review", "acme/api", EXAMPLE_SECONDS_AGO(312)};
    x->running = (struct snapshot_running){.job_id = 61,
                                           .run_id = 88,
                                           .agent = "claude",
                                           .repo = "acme/api",
                                           .model = "claude-sonnet-4-5",
                                           .effort = "high",
                                           .started_at = EXAMPLE_SECONDS_AGO(1204),
                                           .pid = 4711,
                                           .start_ticks = 992211};
    x->process = (struct collection_process){true, 992211, {8812, 183500800, 3, 9}};
    x->profile.agent = "claude";
    breaker_init(&x->profile.breaker);
    x->rows.now_us = EXAMPLE_NOW_US;
    x->rows.tasks = &x->task;
    x->rows.running = &x->running;
    x->rows.task_count = x->rows.running_count = 1;
    x->rows.totals = example_totals;
    x->rows.total_count = COUNT_OF(example_totals);
    x->rows.oldest_queued_at = EXAMPLE_SECONDS_AGO(37);
    x->figures.processes = &x->process;
    x->c.started_us = EXAMPLE_SECONDS_AGO(1);
    x->c.memory.queue_started = true;
    x->c.memory.queue = (struct metrics_queue){&x->profile, 1, 4, 1000000, false};
    x->c.rows = &x->rows;
    x->c.figures = &x->figures;
}
