/* test_worker.c -- order, batches, the thread that `done` runs on, and what worker_free finishes. */
#include "io/worker.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

#define JOBS_MAX 64

struct bench {
    uv_loop_t loop;
    struct worker *worker;
    pthread_t loop_thread;
    sem_t entered, go_on; /* the batch function posts the first, and waits for the second while `held` */
    bool held;
    int batches;
    int ran[JOBS_MAX], ran_count;   /* ids in the order in which they ran */
    int done[JOBS_MAX], done_count; /* and were handed back */
    bool ran_on_loop_thread, done_elsewhere, signals_open;
    int expected;              /* `done`s after which the loop is stopped */
    struct numbered *follower; /* posted by the first `done` */
};

struct numbered {
    struct worker_job job;
    struct bench *bench;
    int id;
};

static void run_batch(void *context, struct worker_job *first)
{
    struct bench *b = context;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    b->signals_open |= !sigismember(&blocked, SIGTERM);
    b->ran_on_loop_thread |= pthread_equal(pthread_self(), b->loop_thread) != 0;
    b->batches++;
    for (struct worker_job *j = first; j; j = j->next)
        b->ran[b->ran_count++] = ((struct numbered *)j)->id;
    if (b->held) {
        sem_post(&b->entered);
        sem_wait(&b->go_on);
    }
}

static void on_done(struct worker_job *job)
{
    struct numbered *n = (struct numbered *)job;
    struct bench *b = n->bench;
    b->done_elsewhere |= !pthread_equal(pthread_self(), b->loop_thread);
    b->done[b->done_count++] = n->id;
    free(n);
    if (b->follower)
        worker_post(b->worker, &TAKE(b->follower)->job);
    if (b->done_count == b->expected)
        uv_stop(&b->loop);
}

static struct numbered *numbered(struct bench *b, int id)
{
    struct numbered *n = xnew(struct numbered);
    *n = (struct numbered){.job.done = on_done, .bench = b, .id = id};
    return n;
}

static void post(struct bench *b, int id)
{
    worker_post(b->worker, &numbered(b, id)->job);
}

static int set_up(void **state)
{
    struct bench *b = xnew(struct bench);
    uv_loop_init(&b->loop);
    sem_init(&b->entered, 0, 0);
    sem_init(&b->go_on, 0, 0);
    b->loop_thread = pthread_self();
    b->worker = worker_new(&b->loop, "test", run_batch, b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    b->worker = worker_free(b->worker);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&b->loop);
    sem_destroy(&b->entered);
    sem_destroy(&b->go_on);
    free(b);
    return rc;
}

static void run_until(struct bench *b, int expected)
{
    b->expected = expected;
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(b->done_count, expected);
}

static void jobs_run_and_return_in_the_order_of_their_posting(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < 50; i++)
        post(b, i);
    run_until(b, 50);
    assert_int_equal(b->ran_count, 50);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(b->ran[i], i);
        assert_int_equal(b->done[i], i);
    }
}

static void what_arrives_during_a_batch_makes_one_batch(void **state)
{
    struct bench *b = *state;
    b->held = true;
    post(b, 0);
    sem_wait(&b->entered); /* the worker holds batch 1 */
    b->held = false;
    for (int i = 1; i <= 20; i++)
        post(b, i);
    sem_post(&b->go_on);
    run_until(b, 21);
    assert_int_equal(b->batches, 2);
}

static void batches_run_on_the_worker_and_done_on_the_loop(void **state)
{
    struct bench *b = *state;
    post(b, 1);
    run_until(b, 1);
    assert_false(b->ran_on_loop_thread);
    assert_false(b->done_elsewhere);
}

static void signals_are_left_to_the_loop_thread(void **state)
{
    struct bench *b = *state;
    post(b, 1);
    run_until(b, 1);
    assert_false(b->signals_open);
}

static void the_backlog_counts_what_is_posted_and_not_done(void **state)
{
    struct bench *b = *state;
    assert_int_equal(worker_backlog(b->worker), 0);
    b->held = true;
    for (int i = 0; i < 3; i++)
        post(b, i);
    assert_int_equal(worker_backlog(b->worker), 3);
    sem_wait(&b->entered);
    assert_int_equal(worker_backlog(b->worker), 3);
    b->held = false;
    sem_post(&b->go_on);
    run_until(b, 3);
    assert_int_equal(worker_backlog(b->worker), 0);
}

static void free_finishes_what_was_posted(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < 10; i++)
        post(b, i);
    b->worker = worker_free(b->worker);
    assert_int_equal(b->ran_count, 10);
    assert_int_equal(b->done_count, 10);
    assert_int_equal(b->done[9], 9);
}

static void free_finishes_what_a_done_posts_meanwhile(void **state)
{
    struct bench *b = *state;
    b->follower = numbered(b, 7);
    post(b, 1);
    b->worker = worker_free(b->worker);
    assert_int_equal(b->done_count, 2);
    assert_int_equal(b->done[1], 7);
}

static void freeing_none_is_fine(void **state)
{
    (void)state;
    assert_null(worker_free(NULL));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(jobs_run_and_return_in_the_order_of_their_posting),
        CASE(what_arrives_during_a_batch_makes_one_batch),
        CASE(batches_run_on_the_worker_and_done_on_the_loop),
        CASE(signals_are_left_to_the_loop_thread),
        CASE(the_backlog_counts_what_is_posted_and_not_done),
        CASE(free_finishes_what_was_posted),
        CASE(free_finishes_what_a_done_posts_meanwhile),
        cmocka_unit_test(freeing_none_is_fine),
    };
#undef CASE
    return cmocka_run_group_tests(tests, NULL, NULL);
}
