#include "base/heap.h"

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_deinit(struct heap *h)
{
    free(h->entries);
    heap_init(h);
}

static void set(struct heap *h, size_t i, struct heap_entry *e)
{
    h->entries[i] = e;
    e->place = i + 1;
}

static void sift(struct heap *h, size_t i)
{
    struct heap_entry *e = h->entries[i];
    while (i > 0 && e->due_us < h->entries[(i - 1) / 2]->due_us) {
        set(h, i, h->entries[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < h->count && h->entries[child + 1]->due_us < h->entries[child]->due_us)
            child++;
        if (child >= h->count || h->entries[child]->due_us >= e->due_us)
            break;
        set(h, i, h->entries[child]);
        i = child;
    }
    set(h, i, e);
}

void heap_put(struct heap *h, struct heap_entry *e, int64_t due_us)
{
    e->due_us = due_us;
    if (e->place == 0) {
        if (h->count == h->capacity) {
            h->capacity = MAX(2 * h->capacity, (size_t)16);
            h->entries = xrealloc(h->entries, h->capacity * sizeof(struct heap_entry *));
        }
        set(h, h->count++, e);
    }
    sift(h, e->place - 1);
}

void heap_remove(struct heap *h, struct heap_entry *e)
{
    if (e->place == 0)
        return;
    size_t i = e->place - 1;
    struct heap_entry *last = h->entries[--h->count];
    e->place = 0;
    if (last == e)
        return;
    set(h, i, last);
    sift(h, i);
}
