#include "node/status/pool.h"

#include "base/clock.h"
#include "io/worker.h"

#define LOOK_MS 20 /* how often it is looked for threads that are stuck */

struct pool_batch {
    struct pool *pool;
    struct pool_work work;
    struct pool_batch *next;
    atomic_size_t at;      /* next piece to take */
    atomic_bool abandoned; /* take no more */
    size_t done_before;    /* as of the last look */
    int64_t end_us;        /* monotonic */
    int threads;           /* that may still be in it */
    bool is_done;
};

struct pool_thread {
    struct worker *worker;
    struct worker_job job;
    struct pool *pool;
    struct pool_batch *batch; /* NULL: idle */
    atomic_size_t piece;      /* that it is in; SIZE_MAX none */
};

struct pool {
    uv_loop_t *loop;
    struct pool_thread *threads[POOL_THREADS_MAX];
    size_t count;
    struct pool_batch *batches;
    uv_timer_t timer;
    bool freeing;
};

bool pool_piece_is_done(const struct pool_piece *piece)
{
    return atomic_load_explicit(&piece->state, memory_order_acquire) == POOL_DONE;
}

/* -- a thread -- */

static void run_pieces(struct pool_thread *t, struct pool_batch *b)
{
    while (!atomic_load(&b->abandoned)) {
        size_t i = atomic_fetch_add(&b->at, 1);
        if (i >= b->work.count)
            return;
        struct pool_piece *piece = b->work.piece(b->work.context, i);
        int waiting = POOL_WAITING;
        if (!atomic_compare_exchange_strong(&piece->state, &waiting, POOL_TAKEN))
            continue;
        atomic_store(&t->piece, i);
        b->work.run(b->work.context, i);
        atomic_store_explicit(&piece->state, POOL_DONE, memory_order_release);
        atomic_store(&t->piece, SIZE_MAX);
    }
}

static void run_batch(void *context, struct worker_job *first)
{
    struct pool_thread *t = context;
    for (; first; first = first->next)
        run_pieces(t, t->batch);
}

/* -- batches -- */

static size_t count_done(const struct pool_batch *b)
{
    size_t done = 0;
    for (size_t i = 0; i < b->work.count; i++)
        done += pool_piece_is_done(b->work.piece(b->work.context, i));
    return done;
}

static void unlink_batch(struct pool_batch *b)
{
    struct pool_batch **at = &b->pool->batches;
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
}

static void end_batch(struct pool_batch *b)
{
    if (!b->is_done) {
        b->is_done = true;
        atomic_store(&b->abandoned, true);
        b->work.done(b->work.context);
    }
    if (b->threads > 0)
        return;
    unlink_batch(b);
    b->work.release(b->work.context);
    free(b);
}

static void on_thread_done(struct worker_job *job)
{
    struct pool_thread *t = CONTAINER_OF(job, struct pool_thread, job);
    struct pool_batch *b = TAKE(t->batch);
    b->threads--;
    if (b->is_done || t->pool->freeing || count_done(b) == b->work.count)
        end_batch(b);
}

static void enter(struct pool_thread *t, struct pool_batch *b)
{
    t->batch = b;
    b->threads++;
    t->job.done = on_thread_done;
    worker_post(t->worker, &t->job);
}

static bool add_thread(struct pool *p, struct pool_batch *b)
{
    for (size_t i = 0; i < p->count; i++) {
        if (!p->threads[i]->batch) {
            enter(p->threads[i], b);
            return true;
        }
    }
    if (p->count == POOL_THREADS_MAX)
        return false;
    struct pool_thread *t = xnew(struct pool_thread);
    t->pool = p;
    atomic_init(&t->piece, SIZE_MAX);
    t->worker = worker_new(p->loop, "collect", run_batch, t);
    p->threads[p->count++] = t;
    enter(t, b);
    return true;
}

/* Pieces wait and none was done since the last look: whoever is in it is stuck for now. */
static void look_at(struct pool_batch *b, int64_t now_us)
{
    size_t done = b->is_done ? 0 : count_done(b);
    if (!b->is_done && (done == b->work.count || now_us >= b->end_us)) {
        end_batch(b);
        return;
    }
    if (!b->is_done && done == b->done_before && atomic_load(&b->at) < b->work.count)
        (void)add_thread(b->pool, b);
    b->done_before = done;
}

/* An idle thread leaves at once. */
static void drop_idle_threads(struct pool *p)
{
    for (size_t i = p->count; i-- > 0 && p->count > POOL_THREADS_MIN;) {
        struct pool_thread *t = p->threads[i];
        if (t->batch)
            continue;
        p->threads[i] = p->threads[--p->count];
        worker_free(t->worker);
        free(t);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct pool *p = timer->data;
    int64_t now_us = clock_monotonic_us();
    bool open = false;
    for (struct pool_batch *b = p->batches, *next; b; b = next) {
        next = b->next;
        look_at(b, now_us);
    }
    for (const struct pool_batch *b = p->batches; b; b = b->next)
        open |= !b->is_done;
    if (open)
        return;
    (void)uv_timer_stop(timer);
    drop_idle_threads(p);
}

static bool is_held(const struct pool *p, const struct pool_piece *piece)
{
    if (piece->name[0] == 0 && piece->name[1] == 0)
        return false;
    for (size_t i = 0; i < p->count; i++) {
        const struct pool_batch *b = p->threads[i]->batch;
        size_t at = b ? atomic_load(&p->threads[i]->piece) : SIZE_MAX;
        if (at == SIZE_MAX)
            continue;
        const struct pool_piece *held = b->work.piece(b->work.context, at);
        if (held->name[0] == piece->name[0] && held->name[1] == piece->name[1])
            return true;
    }
    return false;
}

void pool_run(struct pool *p, const struct pool_work *work, int64_t deadline_us)
{
    struct pool_batch *b = xnew(struct pool_batch);
    b->pool = p;
    b->work = *work;
    b->end_us = clock_monotonic_us() + deadline_us;
    b->next = p->batches;
    p->batches = b;
    for (size_t i = 0; i < work->count; i++) {
        struct pool_piece *piece = work->piece(work->context, i);
        atomic_init(&piece->state, is_held(p, piece) ? POOL_TAKEN : POOL_WAITING);
    }
    if (!uv_is_active((uv_handle_t *)&p->timer))
        (void)uv_timer_start(&p->timer, on_timer, LOOK_MS, LOOK_MS);
    for (size_t i = 0; i < POOL_THREADS_MIN && i < work->count; i++)
        (void)add_thread(p, b);
    if (work->count == 0)
        end_batch(b);
}

/* -- the pool -- */

struct pool *pool_new(uv_loop_t *loop)
{
    struct pool *p = xnew(struct pool);
    p->loop = loop;
    (void)uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    return p;
}

size_t pool_threads(const struct pool *p)
{
    return p->count;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct pool *pool_free(struct pool *p)
{
    if (!p)
        return NULL;
    p->freeing = true;
    for (struct pool_batch *b = p->batches; b; b = b->next)
        atomic_store(&b->abandoned, true);
    for (size_t i = 0; i < p->count; i++) {
        worker_free(p->threads[i]->worker);
        free(p->threads[i]);
    }
    while (p->batches) /* those that no thread had entered */
        end_batch(p->batches);
    uv_close((uv_handle_t *)&p->timer, on_closed);
    return NULL;
}
