/* proc_details.h -- what single files of /proc/PID say beyond its stat line.
 *
 * Each function reads one process, in one go, and says -1 (or false) when the process is gone or may not be
 * looked at: that is another user's, and unknown.  They may block when the kernel holds a lock of that
 * process, so not for the loop thread.  Any other thread. */
#pragma once
#include "base/buf.h"

/* Proportional set size from smaps_rollup, in bytes. */
int64_t proc_pss_bytes(int64_t pid);
int64_t proc_fd_count(int64_t pid);
/* The soft limit of open files, from limits; INT64_MAX for none. */
int64_t proc_fd_limit(int64_t pid);
/* The arguments, each ended by a NUL, at most `max` bytes of them; false for a kernel thread or a zombie too.
 */
MUST_CHECK bool proc_command_line(int64_t pid, size_t max, struct buf *ret);
/* Where a link of /proc/PID leads: "exe", "cwd", "root", "fd/0". */
MUST_CHECK bool proc_link(int64_t pid, const char *name, struct buf *ret);
/* A file of /proc/PID whole, at most `max` bytes. */
MUST_CHECK bool proc_file(int64_t pid, const char *name, size_t max, struct buf *ret);
/* "NAME: 123 kB" of a file such as smaps_rollup or status: the number, -1 when there is none. */
int64_t proc_kv_number(struct str text, const char *name);

/* Memory that may be used: the lower of the cgroup's limit and MemTotal, in bytes; -1 unknown. */
int64_t proc_memory_limit_bytes(void);
