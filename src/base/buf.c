#include "base/buf.h"

char buf_empty[1] = "";

void buf_deinit(struct buf *b)
{
    if (b->capacity)
        free(b->p);
    buf_init(b);
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    if (b->capacity)
        b->p[0] = '\0';
}

char *buf_take(struct buf *b)
{
    char *p = b->capacity ? b->p : xstrdup("");
    buf_init(b);
    return p;
}

void buf_reserve(struct buf *b, size_t more)
{
    assert(more < SIZE_MAX / 4);
    size_t wanted = b->n + more + 1;
    if (wanted <= b->capacity)
        return;
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity < wanted)
        capacity *= 2;
    char *p = xrealloc(b->capacity ? b->p : NULL, capacity);
    p[b->n] = '\0';
    b->p = p;
    b->capacity = capacity;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    buf_reserve(b, n);
    memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
    buf_reserve(b, 1);
    b->p[b->n++] = c;
    b->p[b->n] = '\0';
}

void buf_add_i64(struct buf *b, int64_t v)
{
    char digits[24], *end = digits + sizeof(digits), *p = end;
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        *--p = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    if (v < 0)
        *--p = '-';
    buf_add(b, p, (size_t)(end - p));
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    buf_reserve(b, 128);
    int n = vsnprintf(b->p + b->n, b->capacity - b->n, format, args);
    assert(n >= 0);
    if ((size_t)n >= b->capacity - b->n) {
        buf_reserve(b, (size_t)n);
        n = vsnprintf(b->p + b->n, b->capacity - b->n, format, again);
    }
    va_end(again);
    b->n += (size_t)n;
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->n);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
    b->p[b->n] = '\0';
}
