/* launch.h -- from an agent profile and a job to a running shim (spec 20 Q10-Q12).
 *
 * Three steps, so that a crash between any two of them is harmless: the run is claimed in the store (not
 * here), its directory is made, its shim is spawned.  Spawning twice is allowed: the second shim finds the
 * first one's mark and leaves.  Nothing of a job reaches a shell; a job fills placeholders, the profile
 * decides what is run.  Loop thread. */
#pragma once
#include "core/profile.h"
#include "run/rundir.h"

struct launch_request {
    const struct agent_profile *profile;
    const char *key;
    int64_t run_id, job_id, task_id;                                /* 0: none */
    const char *prompt, *repo, *model, *effort, *stage, *work_item; /* NULL when unset */
    const char *args;   /* JSON array of strings for an element that is exactly "{args}", or NULL */
    const char *env;    /* JSON array of "NAME=VALUE", or NULL */
    int64_t timeout_us; /* 0: the profile's */
    const char *data_dir, *repo_root, *cgroup;
    int64_t now_us;
};

/* What the run directory will say; the caller deinits it.  Refuses (ERR_INVALID) what cannot be started: a
 * profile without a command, and whatever launch_check refuses, since the configuration may have changed
 * since the job came. */
MUST_CHECK int launch_spec(const struct launch_request *request, struct run_spec *ret, struct err *e);
/* Whether an API caller may set these: args need "{args}" in the command, env names must be in the profile's
 * env_pass, a repo is a name below repo_root or an absolute path, in both cases without "..".  args and env
 * of a profile without a command are its external workers' affair. */
MUST_CHECK int launch_check(const struct agent_profile *profile, const char *args, const char *env,
                            const char *repo, struct err *e);
/* Starts muster-shim on runs_dir/key, detached from us but our child; the caller reaps it.  -errno. */
MUST_CHECK int launch_spawn(const char *shim_path, const char *runs_dir, const char *key, int64_t *ret_pid,
                            struct err *e);
/* muster-shim beside this program, else in PATH.  The caller frees; NULL when there is none. */
char *launch_find_shim(void);
