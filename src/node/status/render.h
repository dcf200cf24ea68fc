/* render.h -- a collection as the document of spec 70 A10.  Reads it and changes nothing.  Loop thread. */
#pragma once
#include "node/status/status_collection.h"

struct buf;
extern const char *const status_strategy_names[]; /* by enum status_strategy */
void status_render(const struct status_collection *c, struct buf *out);
