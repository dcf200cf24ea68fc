/* workflow_job.h -- the job that a stage of a workflow queues for a task (spec 20 Q1).  Store thread. */
#pragma once
#include "io/config.h"
#include "store/jobs.h"
#include "store/tasks.h"

/* Queues the job of the task's present stage when its workflow names an agent for it; *ret_job_id is 0 when
 * it does not, or when that job is queued or running already. */
MUST_CHECK int workflow_queue_stage_job(struct db *db, const struct config *config, const struct task *task,
                                        int64_t now_us, int64_t *ret_job_id, struct err *e);
/* The stage's prompt with {work_item}, {repo}, {title} and {stage} filled in; without one, the task's title.
 */
char *workflow_prompt(const struct workflow_stage *stage, const struct task *task, struct arena *a);
