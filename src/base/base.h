/* base.h -- the vocabulary that every file of muster speaks.
 *
 * Macros and the allocation functions.  Allocation failure aborts: a size that comes from outside is checked
 * against a named limit before it gets here.  Any thread. */
#pragma once
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* The struct that holds `member`, from a pointer to that member. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Moves a pointer out of a variable, which becomes NULL. */
#define TAKE(p)                                                                                              \
    __extension__({                                                                                          \
        __typeof__(p) *take_ptr_ = &(p);                                                                     \
        __typeof__(p) take_value_ = *take_ptr_;                                                              \
        *take_ptr_ = NULL;                                                                                   \
        take_value_;                                                                                         \
    })

/* DEFINE_CLEANUP(struct thing *, thing_free) makes thing_freep for CLEANUP(thing_freep). */
#define DEFINE_CLEANUP(type, fn)                                                                             \
    static inline void fn##p(type *p)                                                                        \
    {                                                                                                        \
        if (*p)                                                                                              \
            *p = fn(*p);                                                                                     \
    }

/* Zeroed memory; abort when there is none. */
void *xcalloc(size_t count, size_t size) __attribute__((returns_nonnull, malloc));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
char **xstrdup_list(char *const *list); /* NULL-terminated, as is the copy; NULL is an empty one */
void free_list(char **list);            /* and its strings; NULL ok */
char *xstrdup(const char *s) __attribute__((returns_nonnull, malloc));
char *xstrndup(const char *s, size_t n) __attribute__((returns_nonnull, malloc));

#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

static inline void freep(void *p)
{
    void *victim;
    memcpy(&victim, p, sizeof(victim));
    free(victim);
}
void closep(int *fd); /* closes when >= 0, keeps errno */

#include "base/banned.h"
