/* workflow.h -- where a task goes next (spec 20 Q1).  The stages `done` and `cancelled` end every workflow
 * and need no listing.  Pure. */
#pragma once
#include "core/profile.h"

#define WORKFLOW_DONE "done"
#define WORKFLOW_CANCELLED "cancelled"

bool workflow_stage_is_terminal(const char *stage);
/* NULL when the workflow has no such stage. */
const struct workflow_stage *workflow_stage(const struct workflow *w, const char *stage);
bool workflow_has_stage(const struct workflow *w, const char *stage); /* listed or terminal */
const char *workflow_first(const struct workflow *w);
/* The stage after `stage`; "done" after the last one and after one that is not listed. */
const char *workflow_next(const struct workflow *w, const char *stage);
