#include "node/workflow_job.h"

#include "core/placeholder.h"
#include "core/workflow.h"

char *workflow_prompt(const struct workflow_stage *stage, const struct task *task, struct arena *a)
{
    struct placeholder_values values = {
        .work_item = task->work_item, .repo = task->repo, .title = task->title, .stage = task->stage};
    char *text;
    if (!stage->prompt || placeholder_expand(stage->prompt, &values, &text, NULL) != 0)
        return arena_strdup(a, str_of(task->title ? task->title : task->work_item));
    char *copy = arena_strdup(a, str_of(text));
    free(text);
    return copy;
}

int workflow_queue_stage_job(struct db *db, const struct config *config, const struct task *task,
                             int64_t now_us, int64_t *ret_job_id, struct err *e)
{
    const struct workflow *w = task->workflow ? config_workflow(config, str_of(task->workflow)) : NULL;
    const struct workflow_stage *stage = w ? workflow_stage(w, task->stage) : NULL;
    const struct agent_profile *profile =
        stage && stage->agent ? config_agent(config, str_of(stage->agent)) : NULL;
    if (!profile) {
        *ret_job_id = 0;
        return 0;
    }
    struct arena a;
    arena_init(&a);
    struct job job = {
        .task_id = task->id,
        .agent = profile->name,
        .prompt = workflow_prompt(stage, task, &a),
        .repo = task->repo,
        .stage = task->stage,
        .unique_key = arena_printf(&a, "task:%lld:%s", (long long)task->id, task->stage),
        .max_attempts = profile->max_attempts,
        .run_after = now_us,
    };
    int64_t id = 0;
    int rc = job_insert(db, &job, now_us, &id, e);
    arena_reset(&a);
    if (rc != 0 && rc != JOB_STORE_E_DEDUPED)
        return rc;
    *ret_job_id = rc == 0 ? id : 0;
    return 0;
}
