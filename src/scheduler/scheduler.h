/* scheduler.h -- `muster scheduler`: a clock that fires jobs over HTTP against a node (spec 50).
 *
 * It runs nothing itself and opens no database.  core/schedule_engine.h decides; here are the timer, the
 * requests, the state on the disk, and the reports to the node, whose ledger they fill.  One loop, and one
 * worker that writes files. */
#pragma once
#include "base/base.h"

/* Until SIGTERM or SIGINT.  Returns an exit code: 0 stopped, 1 could not start, 2 bad configuration. */
int scheduler_main(const char *config_path);
