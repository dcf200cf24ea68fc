/* pool.h -- many small pieces of work in a few threads, of which some may never come back (spec 70 A2).
 *
 * A batch is an array of pieces.  Threads take them one by one, so a piece that blocks holds up nothing but
 * its own thread; while pieces wait and none gets done, threads are added, up to POOL_THREADS_MAX.  The batch
 * ends when every piece is done or the deadline is there, whichever is first; what was not done by then keeps
 * its state, and its thread is not waited for.  Such a piece is not given to another thread either, in this
 * batch or a later one, as long as the first has not come back: its name says which it is.
 *
 * Loop thread, but for `run`. */
#pragma once
#include "base/base.h"

#include <stdatomic.h>
#include <uv.h>

#define POOL_THREADS_MIN 2
#define POOL_THREADS_MAX 64

struct pool_piece {  /* embedded */
    int64_t name[2]; /* pid and start_ticks; both 0: has none, and is never taken for another */
    atomic_int state;
};
enum { POOL_WAITING, POOL_TAKEN, POOL_DONE };

struct pool_batch;
struct pool;
struct pool *pool_new(uv_loop_t *loop);
struct pool *pool_free(struct pool *p); /* waits for all threads */
size_t pool_threads(const struct pool *p);

struct pool_work {
    void *context; /* kept until `release` */
    size_t count;
    struct pool_piece *(*piece)(void *context, size_t i);
    void (*run)(void *context, size_t i); /* pool thread */
    void (*done)(void *context);    /* loop thread, once: all pieces are done, or the deadline is there */
    void (*release)(void *context); /* loop thread, once, after `done`: no thread is in it any more */
};
void pool_run(struct pool *p, const struct pool_work *work, int64_t deadline_us);
bool pool_piece_is_done(const struct pool_piece *piece);
