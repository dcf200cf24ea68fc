/* reap.h -- the end of a run whose shim was lost (spec 20 Q12, Q13: no process of a run outlives it).
 *
 * With the shim its bookkeeping is gone, and its orphans have moved to another parent.  Who belonged is found
 * by: the pid and start time of the agent and the shim, the agent's session and group, the run's mark in the
 * environment, whatever is below any of these, and the run's cgroup.  Each is checked again through a pidfd
 * before it gets SIGKILL, so a pid that has a new owner is never hit; the caller itself and process 1 never
 * are.  After a reboot there is nothing to find.
 *
 * What it cannot find: a process that left the agent's session, was orphaned and cleared its environment, on
 * a kernel that gave the run no cgroup.  It blocks while processes die: for a worker, not for the loop. */
#pragma once
#include "run/rundir.h"

/* The agent, or anything else of the run, lives.  A zombie does not.  Reads all of /proc when the agent is
 * gone. */
bool run_has_live_process(const char *key, const struct run_process *shim, const struct run_process *agent);

/* For a run with a `shim` file, a free lock and no result.  `agent` is zeroed when there is no such file.  0
 * when two looks in a row found nobody; *ret_killed counts those that got a signal.  -ETIMEDOUT when somebody
 * sits in the kernel and does not die within ten seconds: call again later. */
MUST_CHECK int run_reap_lost(const char *runs_dir, const char *key, const struct run_process *shim,
                             const struct run_process *agent, int64_t *ret_killed);
