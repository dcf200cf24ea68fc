/* shim_watch.h -- one run, from the fork of the agent until nothing of it is left.
 *
 *   RUNNING  the agent runs; the timeout counts
 *   STOPPING it has got the stop signal; the grace counts
 *   CLEARING it has ended, others below the shim have got SIGTERM; a short grace counts, unless they multiply
 *   KILLING  SIGKILL to everything, again and again, until two looks in a row find nothing
 *   OVER     nothing is left
 *
 * A state is only ever followed by a later one.  One loop over signals, pipes and one deadline.  One thread.
 */
#pragma once
#include "run/proc_tree.h"
#include "run/shim_dir.h"
#include "run/shim_pump.h"
#include "run/shim_spec.h"
#include "run/shim_tree.h"
#include "run/shim_tty.h"

enum shim_state { SHIM_RUNNING, SHIM_STOPPING, SHIM_CLEARING, SHIM_KILLING, SHIM_OVER };

struct shim_watch {
    const struct shim_dir *dir;
    bool foreground;
    int64_t timeout_us, grace_us;
    int stop_signal;
    enum shim_state state;
    int64_t deadline_us; /* monotonic; INT64_MAX: none */
    int64_t clear_until_us, pause_us;
    int64_t started_boot_us; /* durations come from here, not from the wall clock */
    int signal_fd, report_fd;
    pid_t agent;
    bool agent_ended, has_children;
    int64_t live;    /* found by the last look */
    int empty_looks; /* in a row */
    struct run_process agent_file;
    struct run_result result;
    struct shim_tty tty;
    struct shim_tree tree;
    struct shim_pump pump;
};

/* Runs the agent of `spec` to its end and fills w->result.  Frees what the spec holds as soon as the agent
 * has it. */
void shim_watch_run(struct shim_watch *w, const struct shim_dir *dir, struct shim_spec *spec,
                    bool foreground);
