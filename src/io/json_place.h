/* json_place.h -- where in a JSON text we are, told by the brackets and keys before it.
 *
 * It follows nesting and nothing more, so it works on text that no parser accepts: it bounds the depth before
 * jansson recurses (whose own limit, 2048, would let a small body use a large stack), and turns an offset
 * into the JSON pointer that an error message names.  Any thread. */
#pragma once
#include "base/buf.h"

#define JSON_PLACE_DEPTH_MAX 32

struct json_frame {
    bool array;
    int64_t index;  /* of an array's current item */
    struct str key; /* of an object's current member, as written, escapes and all; in the text */
};

struct json_place { /* zeroed: before the first byte */
    struct json_frame frames[JSON_PLACE_DEPTH_MAX];
    int depth;
    bool key_next; /* the next string is a key */
};

/* Follows the text up to offset `until` (<= text.n); false when it is nested deeper than the limit. */
bool json_place_follow(struct json_place *w, struct str text, size_t until);
void json_place_pointer(const struct json_place *w, struct buf *out); /* "" at the root */
void json_pointer_add(struct buf *out, struct str name);              /* "/name", escaped (RFC 6901 §3) */
