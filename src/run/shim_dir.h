/* shim_dir.h -- the files of the run's directory that muster-shim writes (rundir.h says which).
 *
 * Each appears whole or not at all: temporary file, then rename.  The result is the one that may never be
 * lost, so its writer does not give up while there is a directory to write to.  One thread. */
#pragma once
#include "run/rundir.h"

enum { SHIM_DIR_E_TAKEN = 1 };

struct shim_dir {
    int fd, lock_fd;
};

MUST_CHECK int shim_dir_open(const char *path, struct shim_dir *ret);
/* Locks it and writes `shim`.  SHIM_DIR_E_TAKEN when another shim has, or had, this run. */
MUST_CHECK int shim_dir_take(struct shim_dir *d);
MUST_CHECK int shim_dir_write_agent(const struct shim_dir *d, const struct run_process *agent);
/* Tries every second while the disk is full or failing.  -errno only when the directory is gone. */
MUST_CHECK int shim_dir_write_result(const struct shim_dir *d, const struct run_result *result);
