/* str.h -- a slice of bytes that somebody else owns.
 *
 * Input travels as struct str: pointer and length, no NUL needed, may hold any byte.  A slice is valid as
 * long as its owner is; a function that keeps one says so.  Any thread. */
#pragma once
#include "base/base.h"

struct str {
    const char *p; /* may be NULL when n is 0 */
    size_t n;      /* bytes */
};

/* Of a string literal. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *c) /* NULL gives the empty slice */
{
    return (struct str){c, c ? strlen(c) : 0};
}
static inline bool str_empty(struct str s)
{
    return s.n == 0;
}
bool str_equal(struct str a, struct str b);
bool str_equal_nocase(struct str a, struct str b); /* ASCII */
bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
int str_compare(struct str a, struct str b); /* memcmp order, shorter first; <0 0 >0 */
struct str str_trim(struct str s);           /* without ASCII space, tab, CR, LF at both ends */

/* The part of *rest before `separator`; *rest becomes what follows it.  Returns false, and writes nothing,
 * once *rest has been used up: "a,b" gives a, b; "a," gives a and the empty slice; "" gives one empty slice.
 */
bool str_split(struct str *rest, char separator, struct str *ret_part);

/* Offset of the first `needle` in `s`, or -1. */
ptrdiff_t str_find(struct str s, struct str needle);
char *str_dup(struct str s);    /* NUL-terminated copy; the caller frees */
bool str_is_utf8(struct str s); /* RFC 3629: no surrogates, nothing above U+10FFFF, shortest form */
