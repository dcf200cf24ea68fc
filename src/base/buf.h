/* buf.h -- a growing output buffer.
 *
 * `p` is never NULL and always NUL-terminated at p[n], so it can be printed as it is.  The owner calls
 * buf_deinit, or takes the bytes out with buf_take.  Any thread, one at a time. */
#pragma once
#include "base/str.h"

#include <stdarg.h>

struct buf {
    char *p;         /* never NULL */
    size_t n;        /* bytes used, without the NUL */
    size_t capacity; /* bytes allocated; 0 while p is the shared empty string */
};

extern char buf_empty[1];
#define BUF_INIT                                                                                             \
    {                                                                                                        \
        buf_empty, 0, 0                                                                                      \
    }

static inline void buf_init(struct buf *b)
{
    *b = (struct buf)BUF_INIT;
}
void buf_deinit(struct buf *b); /* frees; the buffer is empty and usable after */
void buf_clear(struct buf *b);  /* empties, keeps the memory */
char *buf_take(struct buf *b);  /* moves the bytes out, NUL-terminated; the caller frees; b is empty after */

void buf_reserve(struct buf *b, size_t more); /* room for `more` further bytes and the NUL */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_text(struct buf *b, const char *text); /* NUL-terminated */
void buf_add_char(struct buf *b, char c);
void buf_add_i64(struct buf *b, int64_t v); /* decimal */
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *format, va_list args) PRINTF_LIKE(2, 0);
void buf_consume(struct buf *b, size_t n); /* drops the first n bytes */

static inline struct str buf_str(const struct buf *b) /* valid until the next change */
{
    return (struct str){b->p, b->n};
}
