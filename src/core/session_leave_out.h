/* session_leave_out.h -- what is left of a session's summary without the turns that another session has (spec
 * 60 U7).
 *
 * Works on a copy of the result, and takes back fact by fact what was counted.  Pure. */
#pragma once
#include "base/arena.h"
#include "core/session_summary.h"

void session_summary_copy(const struct session_summary_result *r, struct arena *a,
                          struct session_summary_result *ret);
/* As if the turns of these facts were not there; the first and last moments are those of the others, if any.
 * How many were left out. */
size_t session_summary_leave_out(struct session_summary_result *copy, const bool *is_left_out);
