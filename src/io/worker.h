/* worker.h -- a thread for work that blocks, one per kind of work.
 *
 * The loop thread posts jobs; the worker takes everything that has arrived meanwhile as one batch (which is
 * what makes group commit), runs it, and hands the batch back; each job's `done` then runs on the loop
 * thread.  Order is kept. This file holds the only locks of the program.  A bound on the queue is the
 * poster's business: worker_backlog tells. */
#pragma once
#include "base/base.h"

#include <uv.h>

struct worker;
struct worker_job {
    struct worker_job *next;           /* the worker's while posted */
    void (*done)(struct worker_job *); /* loop thread; may free the job */
};

/* Runs a batch on the worker thread: a list linked by `next`, oldest first.  May not free the jobs. */
typedef void (*worker_batch)(void *context, struct worker_job *first);

struct worker *worker_new(uv_loop_t *loop, const char *name, worker_batch run, void *context);
/* Finishes what was posted, calls its `done`s, joins the thread.  Loop thread.  NULL ok; returns NULL. */
struct worker *worker_free(struct worker *w);
void worker_post(struct worker *w, struct worker_job *job); /* any thread */
/* Several at once, linked by `next`, the last one's NULL: they come into the same batch. */
void worker_post_list(struct worker *w, struct worker_job *first, size_t count);
size_t worker_backlog(const struct worker *w); /* posted and not yet done; loop thread */
