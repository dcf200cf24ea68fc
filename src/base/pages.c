#include "base/pages.h"

#include <sys/mman.h>

#define SMALL ((size_t)4096)
#define HUGE ((size_t)2 << 20)

/* Bytes that the kernel is asked for.  A multiple of its page may be smaller than its page: that is fine. */
static size_t rounded(size_t bytes)
{
    size_t unit = bytes < HUGE / 4 ? SMALL : HUGE;
    return (bytes + unit - 1) / unit * unit;
}

static void *map(size_t bytes, int protection)
{
    void *p = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(p != MAP_FAILED);
    return p;
}

/* Address space that begins on a huge page: what is too much of it goes back. */
static char *map_aligned(size_t bytes)
{
    char *p = map(bytes + HUGE, PROT_NONE);
    char *start = p + (HUGE - (uintptr_t)p % HUGE) % HUGE;
    if (start > p)
        (void)munmap(p, (size_t)(start - p));
    (void)munmap(start + bytes, (size_t)(p + HUGE - start));
    return start;
}

static void *grow_huge(void *p, size_t old, size_t wanted)
{
    char *to = map_aligned(wanted);
    void *grown = p && old >= HUGE ? mremap(p, old, wanted, MREMAP_MAYMOVE | MREMAP_FIXED, to)
                                   : mmap(to, wanted, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    assert(grown == to);
    (void)madvise(grown, wanted, MADV_HUGEPAGE);
    if (p && old < HUGE) {
        memcpy(grown, p, old);
        (void)munmap(p, old);
    }
    return grown;
}

void *pages_grow(void *p, size_t bytes, size_t new_bytes)
{
    size_t old = p ? rounded(bytes) : 0, wanted = rounded(new_bytes);
    assert(new_bytes > 0 && new_bytes >= bytes && new_bytes < SIZE_MAX / 4);
    if (wanted == old)
        return p;
    if (wanted >= HUGE)
        return grow_huge(p, old, wanted);
    void *grown = p ? mremap(p, old, wanted, MREMAP_MAYMOVE) : map(wanted, PROT_READ | PROT_WRITE);
    assert(grown != MAP_FAILED);
    return grown;
}

void pages_free(void *p, size_t bytes)
{
    if (p)
        (void)munmap(p, rounded(bytes));
}
