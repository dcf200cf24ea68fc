#include "io/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

struct job_list {
    struct worker_job *first, **tail; /* tail points at the last `next` */
};

struct worker {
    worker_batch run;
    void *context;
    pthread_t thread;
    uv_async_t returned; /* loop thread: `finished` has jobs */
    atomic_size_t backlog;

    pthread_mutex_t lock; /* over all below */
    pthread_cond_t arrived;
    struct job_list posted, finished;
    bool stopping;
};

static void list_clear(struct job_list *list)
{
    list->first = NULL;
    list->tail = &list->first;
}

static void list_append(struct job_list *list, struct worker_job *first)
{
    *list->tail = first;
    while (*list->tail)
        list->tail = &(*list->tail)->next;
}

static struct worker_job *list_take(struct job_list *list)
{
    struct worker_job *first = list->first;
    list_clear(list);
    return first;
}

/* The next batch, or NULL once stopping with nothing left.  Holds the lock only meanwhile. */
static struct worker_job *wait_for_batch(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->posted.first && !w->stopping)
        pthread_cond_wait(&w->arrived, &w->lock);
    struct worker_job *batch = list_take(&w->posted);
    pthread_mutex_unlock(&w->lock);
    return batch;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct worker_job *batch;
    while ((batch = wait_for_batch(w))) {
        w->run(w->context, batch);
        pthread_mutex_lock(&w->lock);
        list_append(&w->finished, batch);
        pthread_mutex_unlock(&w->lock);
        (void)uv_async_send(&w->returned);
    }
    return NULL;
}

static void finish_jobs(struct worker *w, struct worker_job *job)
{
    while (job) {
        struct worker_job *next = job->next; /* read first: done may free the job */
        (void)atomic_fetch_sub(&w->backlog, 1);
        job->done(job);
        job = next;
    }
}

static void on_returned(uv_async_t *async)
{
    struct worker *w = CONTAINER_OF(async, struct worker, returned);
    pthread_mutex_lock(&w->lock);
    struct worker_job *batch = list_take(&w->finished);
    pthread_mutex_unlock(&w->lock);
    finish_jobs(w, batch);
}

/* Signals belong to the loop: the thread starts with all of them blocked. */
static int start_thread(struct worker *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

struct worker *worker_new(uv_loop_t *loop, const char *name, worker_batch run, void *context)
{
    struct worker *w = xnew(struct worker);
    w->run = run;
    w->context = context;
    list_clear(&w->posted);
    list_clear(&w->finished);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->arrived, NULL);
    if (uv_async_init(loop, &w->returned, on_returned) != 0 || start_thread(w) != 0)
        abort();         /* no descriptor or no thread at start-up: the same to us as no memory */
    char short_name[16]; /* the kernel's limit */
    (void)snprintf(short_name, sizeof(short_name), "%s", name);
    (void)pthread_setname_np(w->thread, short_name);
    return w;
}

static void on_closed(uv_handle_t *handle)
{
    struct worker *w = CONTAINER_OF((uv_async_t *)handle, struct worker, returned);
    pthread_cond_destroy(&w->arrived);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

struct worker *worker_free(struct worker *w)
{
    if (!w)
        return NULL;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->arrived);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);

    finish_jobs(w, list_take(&w->finished));
    struct worker_job *batch;
    while ((batch = list_take(&w->posted))) { /* posted by those `done`s; the thread is gone, so here */
        w->run(w->context, batch);
        finish_jobs(w, batch);
    }
    uv_close((uv_handle_t *)&w->returned, on_closed);
    return NULL;
}

void worker_post(struct worker *w, struct worker_job *job)
{
    job->next = NULL;
    worker_post_list(w, job, 1);
}

void worker_post_list(struct worker *w, struct worker_job *first, size_t count)
{
    (void)atomic_fetch_add(&w->backlog, count);
    pthread_mutex_lock(&w->lock);
    bool was_empty = !w->posted.first;
    list_append(&w->posted, first);
    if (was_empty)
        pthread_cond_signal(&w->arrived);
    pthread_mutex_unlock(&w->lock);
}

size_t worker_backlog(const struct worker *w)
{
    return atomic_load(&w->backlog);
}
