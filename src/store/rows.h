/* rows.h -- a list of rows that grows in an arena, for the files of src/store that read many.  Any thread. */
#pragma once
#include "base/arena.h"

struct rows {
    struct arena *arena;
    size_t size; /* of one row */
    void *p;     /* NULL while empty */
    size_t count, capacity;
};
#define ROWS_INIT(arena_of_rows, type)                                                                       \
    {                                                                                                        \
        .arena = (arena_of_rows), .size = sizeof(type)                                                       \
    }

/* A new last row, zeroed.  Pointers to earlier ones are dead: the list may have moved. */
static inline void *rows_add(struct rows *r)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 8;
        void *p = arena_alloc(r->arena, capacity * r->size);
        if (r->count)
            memcpy(p, r->p, r->count * r->size);
        r->p = p;
        r->capacity = capacity;
    }
    return (char *)r->p + r->size * r->count++;
}
