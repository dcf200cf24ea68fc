/* pack.h -- values in a text, one behind the other, to be taken out again in the same order.
 *
 * For what one process puts aside and a later one goes on with.  There are no names: whoever packs says the
 * version of it, and unpacks no other.  A text that is not what was packed never gives more than wrong
 * values: reading goes bad, and stays so.  Numbers are decimal, texts are "LENGTH:BYTES", so the whole is
 * text when the parts are.  Any thread. */
#pragma once
#include "base/buf.h"

void pack_i64(struct buf *out, int64_t value);
void pack_str(struct buf *out, struct str s);
/* The int64_t at these offsets of a struct, in their order. */
void pack_numbers(struct buf *out, const void *from, const size_t *offsets, size_t count);

struct unpack {
    struct str rest;
    bool is_bad;
};
int64_t unpack_i64(struct unpack *u);                          /* 0 when it is bad */
int64_t unpack_in(struct unpack *u, int64_t min, int64_t max); /* bad when outside; then `min` */
struct str unpack_str(struct unpack *u);                       /* a slice of the text; empty when it is bad */
void unpack_numbers(struct unpack *u, void *to, const size_t *offsets, size_t count);
bool unpack_is_whole(const struct unpack *u); /* nothing is left, and nothing was bad */
