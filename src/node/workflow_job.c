#include "node/workflow_job.h"

#include "base/buf.h"
#include "core/workflow.h"

static const char *task_value(const struct task *task, struct str name)
{
    const struct {
        const char *name, *value;
    } values[] = {{"work_item", task->work_item},
                  {"repo", task->repo},
                  {"title", task->title},
                  {"stage", task->stage},
                  {"type", task->type}};
    for (size_t i = 0; i < COUNT_OF(values); i++)
        if (str_equal(name, str_of(values[i].name)))
            return values[i].value ? values[i].value : "";
    return NULL;
}

char *workflow_prompt(const struct workflow_stage *stage, const struct task *task, struct arena *a)
{
    if (!stage->prompt)
        return arena_strdup(a, str_of(task->title ? task->title : task->work_item));
    struct buf out = BUF_INIT;
    for (const char *p = stage->prompt; *p;) {
        const char *close = *p == '{' ? strchr(p, '}') : NULL;
        const char *value = close ? task_value(task, (struct str){p + 1, (size_t)(close - p - 1)}) : NULL;
        if (value) {
            buf_add_text(&out, value);
            p = close + 1;
        } else {
            buf_add_char(&out, *p++);
        }
    }
    char *text = arena_strdup(a, buf_str(&out));
    buf_deinit(&out);
    return text;
}

int workflow_queue_stage_job(struct db *db, const struct config *config, const struct task *task, int64_t now_us,
                             int64_t *ret_job_id, struct err *e)
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
