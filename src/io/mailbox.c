#include "io/mailbox.h"

#include <stdatomic.h>

struct mailbox {
    uv_async_t arrived;
    _Atomic(struct letter *) newest;
    atomic_size_t count;
};

static void open_all(struct mailbox *m)
{
    struct letter *newest = atomic_exchange(&m->newest, NULL), *oldest = NULL;
    while (newest) {
        struct letter *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct letter *l = oldest;
        oldest = l->next;
        (void)atomic_fetch_sub(&m->count, 1);
        l->open(l);
    }
}

static void on_arrived(uv_async_t *async)
{
    open_all(CONTAINER_OF(async, struct mailbox, arrived));
}

struct mailbox *mailbox_new(uv_loop_t *loop)
{
    struct mailbox *m = xnew(struct mailbox);
    if (uv_async_init(loop, &m->arrived, on_arrived) != 0)
        abort(); /* no descriptor at start-up: the same to us as no memory */
    return m;
}

void mailbox_post(struct mailbox *m, struct letter *l)
{
    l->next = atomic_load(&m->newest);
    (void)atomic_fetch_add(&m->count, 1);
    while (!atomic_compare_exchange_weak(&m->newest, &l->next, l))
        ;
    (void)uv_async_send(&m->arrived);
}

size_t mailbox_count(const struct mailbox *m)
{
    return atomic_load(&m->count);
}

static void on_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_async_t *)handle, struct mailbox, arrived));
}

struct mailbox *mailbox_free(struct mailbox *m)
{
    if (!m)
        return NULL;
    open_all(m);
    uv_close((uv_handle_t *)&m->arrived, on_closed);
    return NULL;
}
