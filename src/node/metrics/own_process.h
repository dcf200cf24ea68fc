/* own_process.h -- what muster itself uses: CPU, memory, files, threads.
 *
 * Each figure that cannot be read is -1, which is unknown and not printed.  Any thread. */
#pragma once
#include "base/base.h"

struct own_process {
    int64_t cpu_us, resident_bytes, open_fds, max_fds, threads;
    int64_t start_time_us; /* epoch */
};
/* proc_root is "/proc".  Costs some ten system calls. */
void own_process_read(const char *proc_root, struct own_process *ret);
