/* shim_tree.h -- everything that a run has left below its shim, and the end of it (spec 20 Q13).
 *
 * The shim is a subreaper, so what it cannot wait for is not below it; on top of that come processes that
 * carry the run's mark in their environment and the run's own cgroup, where the kernel gave one.  A pass
 * looks at all of them once and sends one signal.  Groups get SIGKILL as a whole, since a group cannot fork
 * its way out of that. When to send what is shim.c's decision.  One thread. */
#pragma once
#include "run/cgroup.h"
#include "run/proc_tree.h"
#include "run/rundir.h"

#define SHIM_TREE_SEEN 128

struct shim_tree {
    pid_t shim, agent;   /* the agent is not counted */
    int64_t since_ticks; /* the shim's start: nothing of the run is older */
    char mark[sizeof(RUN_ENV_MARK "=") + RUNDIR_KEY_LEN];
    char cgroup[CGROUP_PATH_MAX]; /* "" for none */
    int64_t killed;               /* processes that got a signal, each once */
    size_t seen_count;            /* of `seen`, which is a ring */
    struct {
        int32_t pid;
        int64_t start_ticks;
    } seen[SHIM_TREE_SEEN];
};

/* Makes PARENT/muster-KEY; without one, or when that fails, there is no cgroup. */
void shim_tree_init(struct shim_tree *t, const char *mark, const char *cgroup_parent, const char *key);
void shim_tree_drop_cgroup(struct shim_tree *t); /* removes it, with what was made below it */
/* Sends `signal` (0: none) to all that live.  Returns how many there were; > 0 also when /proc cannot be
 * read. `with_strays`: reads every environment of the machine as well, for those that are not below the shim.
 */
int64_t shim_tree_pass(struct shim_tree *t, int signal, bool with_strays);
/* SIGKILL to the shim's own children alone, which is quick and cannot hit anybody else.  False when it has
 * none. */
bool shim_tree_kill_children(struct shim_tree *t);
