/* arena.h -- memory that is given back all at once.
 *
 * The request's lifetime: everything that a handler or a parser allocates comes from one arena, which is
 * reset at the end.  Under AddressSanitizer each allocation is a real malloc, so that an overrun is seen. One
 * thread at a time. */
#pragma once
#include "base/str.h"

struct arena_block;
struct arena {
    struct arena_block *blocks; /* newest first; owned */
    size_t total_bytes;         /* handed out since the last reset */
};

void arena_init(struct arena *a);
void arena_reset(struct arena *a); /* every pointer that came from it is dead; also the deinit */
void *arena_alloc(struct arena *a, size_t size)
    __attribute__((returns_nonnull));                      /* zeroed, 16-byte aligned */
char *arena_strdup(struct arena *a, struct str s);         /* NUL-terminated copy */
char *arena_strdup_or_null(struct arena *a, struct str s); /* of an empty one: NULL */
char *arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
