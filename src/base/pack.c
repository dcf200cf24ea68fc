#include "base/pack.h"

#include "base/parse.h"

#define NUMBER_MAX ((size_t)24) /* bytes, with its mark */

void pack_i64(struct buf *out, int64_t value)
{
    buf_add_i64(out, value);
    buf_add_char(out, ' ');
}

void pack_str(struct buf *out, struct str s)
{
    buf_add_i64(out, (int64_t)s.n);
    buf_add_char(out, ':');
    buf_add_str(out, s);
}

void pack_numbers(struct buf *out, const void *from, const size_t *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        memcpy(&value, (const char *)from + offsets[i], sizeof(value));
        pack_i64(out, value);
    }
}

/* The number in front of the mark; false: there is none. */
static bool take_number(struct unpack *u, char mark, int64_t *ret)
{
    const char *end = u->rest.n ? memchr(u->rest.p, mark, MIN(u->rest.n, NUMBER_MAX)) : NULL;
    size_t n = end ? (size_t)(end - u->rest.p) : 0;
    u->is_bad = u->is_bad || !end || !parse_i64((struct str){u->rest.p, n}, ret);
    if (u->is_bad)
        return false;
    u->rest = (struct str){end + 1, u->rest.n - n - 1};
    return true;
}

int64_t unpack_i64(struct unpack *u)
{
    int64_t value;
    return take_number(u, ' ', &value) ? value : 0;
}

int64_t unpack_in(struct unpack *u, int64_t min, int64_t max)
{
    int64_t value = unpack_i64(u);
    u->is_bad = u->is_bad || value < min || value > max;
    return u->is_bad ? min : value;
}

struct str unpack_str(struct unpack *u)
{
    int64_t n;
    if (!take_number(u, ':', &n) || n < 0 || n > (int64_t)u->rest.n) {
        u->is_bad = true;
        return (struct str){NULL, 0};
    }
    struct str s = {u->rest.p, (size_t)n};
    u->rest = (struct str){s.p + n, u->rest.n - (size_t)n};
    return s;
}

void unpack_numbers(struct unpack *u, void *to, const size_t *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value = unpack_i64(u);
        memcpy((char *)to + offsets[i], &value, sizeof(value));
    }
}

bool unpack_is_whole(const struct unpack *u)
{
    return !u->is_bad && u->rest.n == 0;
}
