/* proc_sampler.h -- one scanner of /proc for all services that look at processes, on a thread of its own.
 *
 * A job is posted from the loop thread, runs on the sampler's thread right after a scan (one scan serves all
 * jobs that came in the meantime), and comes back to the loop thread.  What a job reads further must not
 * block: slow files of single processes are proc_details', in threads that may be lost.  Loop thread, but for
 * `run`. */
#pragma once
#include "io/procfs.h"
#include "io/worker.h"

struct proc_sampler;
struct proc_sampler_job {
    struct worker_job job; /* the sampler's */
    /* Sampler thread.  `rc` is negative when /proc could not be listed: then nothing in `p` is current. */
    void (*run)(struct proc_sampler_job *job, struct procfs *p, int rc);
    void (*done)(struct proc_sampler_job *job); /* loop thread; may free the job */
};

struct proc_sampler *proc_sampler_new(uv_loop_t *loop, const char *root); /* "/proc" */
struct proc_sampler *proc_sampler_free(struct proc_sampler *s);           /* finishes what was posted */
void proc_sampler_post(struct proc_sampler *s, struct proc_sampler_job *job);
