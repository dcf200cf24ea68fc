#include "base/map.h"

#include "base/hash.h"

#include <stdatomic.h>
#include <xxhash.h>

struct map_slot {
    char *key; /* owned; NULL when never used or removed */
    size_t key_n;
    uint64_t hash;
    void *value;
    bool tombstone;
};

static uint64_t hash_key(struct str key)
{
    static _Atomic uint64_t process_seed;
    uint64_t seed = process_seed;
    if (!seed) {
        uint64_t drawn, none = 0;
        hash_random((uint8_t *)&drawn, sizeof(drawn));
        drawn |= 1;
        seed = atomic_compare_exchange_strong(&process_seed, &none, drawn) ? drawn : none;
    }
    return XXH3_64bits_withSeed(key.n ? key.p : "", key.n, seed);
}

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_deinit(struct map *m)
{
    for (size_t i = 0; i < m->capacity; i++)
        free(m->slots[i].key);
    free(m->slots);
    map_init(m);
}

static struct map_slot *find(const struct map *m, struct str key, uint64_t hash)
{
    if (m->capacity == 0)
        return NULL;
    for (size_t i = hash & (m->capacity - 1);; i = (i + 1) & (m->capacity - 1)) {
        struct map_slot *s = &m->slots[i];
        if (s->key && s->hash == hash && str_equal((struct str){s->key, s->key_n}, key))
            return s;
        if (!s->key && !s->tombstone)
            return NULL;
    }
}

static struct map_slot *free_slot(struct map *m, uint64_t hash)
{
    size_t i = hash & (m->capacity - 1);
    while (m->slots[i].key)
        i = (i + 1) & (m->capacity - 1);
    return &m->slots[i];
}

static void grow(struct map *m)
{
    struct map old = *m;
    size_t capacity = 16;
    while (capacity < old.count * 4)
        capacity *= 2;
    m->capacity = capacity;
    m->slots = xcalloc(capacity, sizeof(*m->slots));
    m->used = m->count;
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].key)
            *free_slot(m, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

void *map_get(const struct map *m, struct str key)
{
    struct map_slot *s = find(m, key, hash_key(key));
    return s ? s->value : NULL;
}

void *map_put(struct map *m, struct str key, void *value)
{
    uint64_t hash = hash_key(key);
    struct map_slot *s = find(m, key, hash);
    if (s) {
        void *old = s->value;
        s->value = value;
        return old;
    }
    if ((m->used + 1) * 4 > m->capacity * 3)
        grow(m);
    s = free_slot(m, hash);
    if (!s->tombstone)
        m->used++;
    *s = (struct map_slot){.key = str_dup(key), .key_n = key.n, .hash = hash, .value = value};
    m->count++;
    return NULL;
}

void *map_remove(struct map *m, struct str key)
{
    struct map_slot *s = find(m, key, hash_key(key));
    if (!s)
        return NULL;
    void *value = s->value;
    free(s->key);
    *s = (struct map_slot){.tombstone = true};
    m->count--;
    return value;
}

bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value)
{
    for (; *at < m->capacity; (*at)++) {
        struct map_slot *s = &m->slots[*at];
        if (!s->key)
            continue;
        *ret_key = (struct str){s->key, s->key_n};
        *ret_value = s->value;
        (*at)++;
        return true;
    }
    return false;
}
