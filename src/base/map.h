/* map.h -- a hash map from byte strings to pointers.
 *
 * Keys are copied; values belong to the caller.  Open addressing with xxhash, seeded per process so that a
 * sender cannot choose collisions.  Not ordered.  One thread at a time. */
#pragma once
#include "base/str.h"

struct map_slot;
struct map {
    struct map_slot *slots;
    size_t capacity; /* power of two, or 0 */
    size_t count;    /* live keys */
    size_t used;     /* live keys and tombstones */
};

void map_init(struct map *m);
void map_deinit(struct map *m);                            /* the values are the caller's to free first */
void *map_get(const struct map *m, struct str key);        /* NULL when absent */
void *map_put(struct map *m, struct str key, void *value); /* returns the value that was replaced, or NULL */
void *map_remove(struct map *m, struct str key);           /* returns the value, or NULL */
/* Iterates: *at starts at 0.  Removing the key just returned is allowed, adding is not. */
bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value);

/* Integers as keys. */
static inline struct str map_key_i64(const int64_t *id)
{
    return (struct str){(const char *)id, sizeof(*id)};
}
