/* run_output.h -- what a run has printed, for `muster jobs output`.
 *
 * Each line goes to the stream that it came from.  On a terminal control characters become '?': an agent's
 * output is a stranger's text and must not steer the terminal.  In a pipe it is as it was.  One thread. */
#pragma once
#include "cli/client.h"

int run_output_show(const struct invocation *in, int64_t run_id);
