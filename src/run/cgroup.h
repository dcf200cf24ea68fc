/* cgroup.h -- a run's own cgroup (v2), where the kernel lets us have one (spec 20 Q11).
 *
 * A path of "" means that there is none, and every function then does nothing.  On libc alone, because
 * muster-shim is built with this file too.  It sets no limits.  Any thread. */
#pragma once
#include "base/base.h"

#define CGROUP_PATH_MAX 256

/* The cgroup of this process, when runs may have theirs below it: it can be written, and where systemd runs
 * the machine it was delegated to us (Delegate=yes).  Else "".  Not in muster-shim, which is told. */
void cgroup_find_parent(char ret_path[CGROUP_PATH_MAX]);
/* PARENT/muster-KEY, or "" when it cannot be made there. */
void cgroup_make(const char *parent, const char *key, char ret_path[CGROUP_PATH_MAX]);
bool cgroup_is_populated(const char *path); /* somebody lives in it or below */
void cgroup_kill(const char *path);         /* SIGKILL to all of them at once; none can fork its way out */
void cgroup_remove(const char *path);       /* with the cgroups that were made below it */
