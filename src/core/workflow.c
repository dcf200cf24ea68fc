#include "core/workflow.h"

bool workflow_stage_is_terminal(const char *stage)
{
    return strcmp(stage, WORKFLOW_DONE) == 0 || strcmp(stage, WORKFLOW_CANCELLED) == 0;
}

const struct workflow_stage *workflow_stage(const struct workflow *w, const char *stage)
{
    for (size_t i = 0; i < w->stage_count; i++)
        if (strcmp(w->stages[i].name, stage) == 0)
            return &w->stages[i];
    return NULL;
}

bool workflow_has_stage(const struct workflow *w, const char *stage)
{
    return workflow_stage_is_terminal(stage) || workflow_stage(w, stage);
}

const char *workflow_first(const struct workflow *w)
{
    return w->stage_count ? w->stages[0].name : WORKFLOW_DONE;
}

const char *workflow_next(const struct workflow *w, const char *stage)
{
    const struct workflow_stage *now = workflow_stage(w, stage);
    if (!now || now == &w->stages[w->stage_count - 1])
        return WORKFLOW_DONE;
    return now[1].name;
}
