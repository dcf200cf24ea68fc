/* components.h -- the parts of this process that answer the roll call, and how each knows that it works (spec
 * 40 Heartbeats).
 *
 * A beat that only proves that a timer runs proves nothing: each component is asked for what it is there for.
 * All of them live on the loop thread, so a loop that hangs is silent as a whole.  The bus beats by itself.
 */
#pragma once
#include "node/node.h"
#include "node/workers/workers.h"

#define COMPONENTS_MAX 8
size_t components_list(struct node *n, struct workers_own ret[COMPONENTS_MAX]);
