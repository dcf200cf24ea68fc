/* runs_internal.h -- what runs.c shares with sweep.c: how an ended run counts. */
#pragma once
#include "store/runs.h"

/* Adds an ended run to the counters of totals.h whose names begin with `prefix` ("" or "swept_"). */
MUST_CHECK int run_count_ended(struct db *db, const char *prefix, const struct run *r, struct err *e);
