/* heap.h -- what is due next: a binary heap of things that carry their own place in it.
 *
 * A thing embeds a struct heap_entry and stays where it is in memory; the heap holds pointers.  The smallest
 * `due_us` is at the top; equal ones come in any order.  One thread at a time. */
#pragma once
#include "base/base.h"

struct heap_entry {
    int64_t due_us;
    size_t place; /* 1 and up; 0: in no heap */
};
struct heap {
    struct heap_entry **entries; /* [0] is the smallest */
    size_t count, capacity;
};

void heap_init(struct heap *h);
void heap_deinit(struct heap *h);                                    /* the entries are their owners' */
void heap_put(struct heap *h, struct heap_entry *e, int64_t due_us); /* enters it, or moves it */
void heap_remove(struct heap *h, struct heap_entry *e);              /* one that is in none is fine */
static inline struct heap_entry *heap_first(const struct heap *h)    /* NULL when empty */
{
    return h->count ? h->entries[0] : NULL;
}
