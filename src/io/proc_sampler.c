#include "io/proc_sampler.h"

#include "io/counters.h"

struct proc_sampler {
    struct worker *worker;
    struct procfs *procfs; /* the worker's */
};

static void run_batch(void *context, struct worker_job *first)
{
    struct proc_sampler *s = context;
    int64_t errors = 0;
    int rc = procfs_scan(s->procfs, &errors);
    counter_add(COUNTER_PROC_ERRORS, errors);
    for (; first; first = first->next) {
        struct proc_sampler_job *job = CONTAINER_OF(first, struct proc_sampler_job, job);
        job->run(job, s->procfs, rc);
    }
}

static void on_done(struct worker_job *job)
{
    struct proc_sampler_job *sampler_job = CONTAINER_OF(job, struct proc_sampler_job, job);
    sampler_job->done(sampler_job);
}

struct proc_sampler *proc_sampler_new(uv_loop_t *loop, const char *root)
{
    struct proc_sampler *s = xnew(struct proc_sampler);
    s->procfs = procfs_new(root);
    s->worker = worker_new(loop, "processes", run_batch, s);
    return s;
}

struct proc_sampler *proc_sampler_free(struct proc_sampler *s)
{
    if (!s)
        return NULL;
    worker_free(s->worker);
    procfs_free(s->procfs);
    free(s);
    return NULL;
}

void proc_sampler_post(struct proc_sampler *s, struct proc_sampler_job *job)
{
    job->job.done = on_done;
    worker_post(s->worker, &job->job);
}
