/* test_status_pool.c -- pieces that never come back cost nobody but themselves (spec 70 A2). */
#include "base/clock.h"
#include "node/status/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define PIECES 1000
#define FOREVER_US (INT64_C(600) * USEC_PER_SEC)

struct world {
    uv_loop_t loop;
    struct pool *pool;
    struct pool_piece pieces[PIECES];
    size_t count, stuck_every; /* 0: none is stuck */
    int gate[2];               /* a stuck piece reads it until it is closed */
    atomic_size_t ran, entered;
    bool is_done, is_released;
    size_t done_then; /* pieces done when `done` was called */
};

static struct pool_piece *piece(void *context, size_t i)
{
    struct world *w = context;
    return &w->pieces[i];
}

static void run(void *context, size_t i)
{
    struct world *w = context;
    char byte;
    atomic_fetch_add(&w->entered, 1);
    if (w->stuck_every && i % w->stuck_every == 0)
        assert_int_equal(read(w->gate[0], &byte, 1), 0);
    atomic_fetch_add(&w->ran, 1);
}

static void done(void *context)
{
    struct world *w = context;
    assert_false(w->is_done);
    w->is_done = true;
    for (size_t i = 0; i < w->count; i++)
        w->done_then += pool_piece_is_done(&w->pieces[i]);
}

static void release(void *context)
{
    struct world *w = context;
    assert_true(w->is_done);
    assert_false(w->is_released);
    w->is_released = true;
}

static void start(struct world *w, size_t count, size_t stuck_every, int64_t deadline_us)
{
    const struct pool_work work = {w, count, piece, run, done, release};
    w->count = count;
    w->stuck_every = stuck_every;
    w->is_done = w->is_released = false;
    w->done_then = 0;
    pool_run(w->pool, &work, deadline_us);
}

static void turn_until(struct world *w, const bool *flag)
{
    while (!*flag)
        (void)uv_run(&w->loop, UV_RUN_ONCE);
}

static int set_up(void **state)
{
    struct world *w = *state = xnew(struct world);
    (void)uv_loop_init(&w->loop);
    w->pool = pool_new(&w->loop);
    for (size_t i = 0; i < PIECES; i++)
        w->pieces[i].name[0] = (int64_t)i + 1;
    return pipe(w->gate);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    closep(&w->gate[1]);
    w->pool = pool_free(w->pool);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    closep(&w->gate[0]);
    free(w);
    return 0;
}

static void every_piece_is_run_once(void **state)
{
    struct world *w = *state;
    start(w, PIECES, 0, FOREVER_US);
    turn_until(w, &w->is_released);
    assert_int_equal(w->done_then, PIECES);
    assert_int_equal(w->ran, PIECES);
}

static void nothing_is_done_at_once(void **state)
{
    struct world *w = *state;
    start(w, 0, 0, FOREVER_US);
    assert_true(w->is_released);
}

static void A2_of_1000_agents_10_never_answer_and_990_are_kept_at_the_deadline(void **state)
{
    struct world *w = *state;
    start(w, PIECES, 100, INT64_C(3) * USEC_PER_SEC);
    turn_until(w, &w->is_done);
    assert_int_equal(w->done_then, PIECES - 10);
    assert_false(w->is_released); /* ten threads are still in it */
    closep(&w->gate[1]);
    turn_until(w, &w->is_released);
    assert_int_equal(w->ran, PIECES);
}

static void who_is_stuck_is_not_entered_again_and_holds_up_no_later_batch(void **state)
{
    struct world *w = *state;
    start(w, 1, 1, 0);
    turn_until(w, &w->is_done);
    while (atomic_load(&w->entered) == 0 && !w->is_released)
        (void)uv_run(&w->loop, UV_RUN_NOWAIT);
    if (w->is_released)
        return; /* its deadline was there before any thread */
    struct world *later = xnew(struct world);
    later->pieces[0].name[0] = 1; /* the same process */
    later->pieces[1].name[0] = 2;
    const struct pool_work work = {later, 2, piece, run, done, release};
    later->count = 2;
    pool_run(w->pool, &work, USEC_PER_SEC);
    turn_until(w, &later->is_released);
    assert_int_equal(later->done_then, 1);
    assert_true(pool_piece_is_done(&later->pieces[1]));
    free(later);
    closep(&w->gate[1]);
    turn_until(w, &w->is_released);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_piece_is_run_once),
        TEST(nothing_is_done_at_once),
        TEST(A2_of_1000_agents_10_never_answer_and_990_are_kept_at_the_deadline),
        TEST(who_is_stuck_is_not_entered_again_and_holds_up_no_later_batch),
    };
    return cmocka_run_group_tests_name("status_pool", tests, NULL, NULL);
}
