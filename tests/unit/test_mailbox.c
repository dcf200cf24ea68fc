#include "io/mailbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define THREADS 4
#define LETTERS 2000

struct numbered {
    struct letter letter;
    int thread, number;
};

static int next_number[THREADS], opened;

static void open_numbered(struct letter *l)
{
    struct numbered *n = CONTAINER_OF(l, struct numbered, letter);
    assert_int_equal(n->number, next_number[n->thread]++);
    opened++;
    free(n);
}

struct poster {
    struct mailbox *mailbox;
    int thread;
};

static void *post_all(void *arg)
{
    const struct poster *p = arg;
    for (int i = 0; i < LETTERS; i++) {
        struct numbered *n = xnew(struct numbered);
        n->letter.open = open_numbered;
        n->thread = p->thread;
        n->number = i;
        mailbox_post(p->mailbox, &n->letter);
    }
    return NULL;
}

static void letters_of_each_thread_are_opened_once_and_in_order(void **state)
{
    uv_loop_t loop;
    pthread_t threads[THREADS];
    struct poster posters[THREADS];
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct mailbox *m = mailbox_new(&loop);
    for (int t = 0; t < THREADS; t++) {
        posters[t] = (struct poster){m, t};
        assert_int_equal(pthread_create(&threads[t], NULL, post_all, &posters[t]), 0);
    }
    while (opened < THREADS * LETTERS / 2)
        (void)uv_run(&loop, UV_RUN_ONCE);
    for (int t = 0; t < THREADS; t++)
        (void)pthread_join(threads[t], NULL);
    assert_null(mailbox_free(m)); /* opens the rest */
    assert_int_equal(opened, THREADS * LETTERS);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(letters_of_each_thread_are_opened_once_and_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
