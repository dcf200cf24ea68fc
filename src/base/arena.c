#include "base/arena.h"

#include <stdarg.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_BLOCK_BYTES ((size_t)0)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_BLOCK_BYTES ((size_t)0)
#endif
#endif
#ifndef ARENA_BLOCK_BYTES
#define ARENA_BLOCK_BYTES ((size_t)4096)
#endif

struct arena_block {
    struct arena_block *next;
    size_t used, size; /* bytes of `data` */
    _Alignas(16) char data[];
};

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void arena_reset(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    a->total_bytes = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    assert(size < SIZE_MAX / 4);
    /* Exact under AddressSanitizer, where each block holds one allocation. */
    size_t rounded = ARENA_BLOCK_BYTES ? (size + 15) & ~(size_t)15 : size;
    struct arena_block *b = a->blocks;
    if (!b || b->size - b->used < rounded || ARENA_BLOCK_BYTES == 0) {
        size_t block_bytes = MAX(rounded, ARENA_BLOCK_BYTES);
        b = xcalloc(1, sizeof(*b) + block_bytes);
        b->size = block_bytes;
        b->next = a->blocks;
        a->blocks = b;
    }
    void *p = b->data + b->used;
    b->used += rounded;
    a->total_bytes += size;
    return p;
}

char *arena_strdup(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(copy, s.p, s.n);
    return copy;
}

char *arena_strdup_or_null(struct arena *a, struct str s)
{
    return s.n ? arena_strdup(a, s) : NULL;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    assert(n >= 0);
    char *text = arena_alloc(a, (size_t)n + 1);
    (void)vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
