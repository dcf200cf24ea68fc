/* shim_spec.h -- the `spec` file of a run, as far as muster-shim needs it.
 *
 * rundir.h describes the file; this reads the same shape with libc alone and in place, so that nothing of it
 * stays in memory once the agent runs.  A file that is not exactly of that shape is refused.  One thread. */
#pragma once
#include "run/rundir.h"

struct shim_spec {
    char *text;  /* the file, unescaped in place; owned */
    char **args; /* NULL-terminated, into text; owned, as is env */
    char **env;  /* the same; holds the mark */
    char mark[sizeof(RUN_ENV_MARK "=") + RUNDIR_KEY_LEN];
    const char *key, *workdir, *stdin_path,
        *cgroup; /* into text; workdir "" keeps the caller's, cgroup may be NULL */
    bool terminal;
    int64_t timeout_ms, grace_ms, output_max_bytes; /* 0: none, at once, the default */
    int64_t stop_signal;
};

MUST_CHECK int shim_spec_read(int dir_fd, struct shim_spec *ret); /* -EINVAL when it is not a spec */
void shim_spec_deinit(struct shim_spec *s);
