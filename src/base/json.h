/* json.h -- writing JSON into a buffer.
 *
 * The writer of the hot path: no tree, no allocation but the buffer's.  Commas and nesting are kept by the
 * writer; an unbalanced call is a bug and asserts.  Strings may hold any bytes: invalid UTF-8 becomes U+FFFD,
 * control characters are escaped, so the output is always valid JSON (RFC 8259).  Reading bodies is jansson's
 * work, reading transcripts is transcripts/'s.  Any thread, one at a time. */
#pragma once
#include "base/buf.h"

#define JSON_DEPTH_MAX 32

struct json_writer {
    struct buf *out; /* not owned */
    int depth;
    uint32_t has_item; /* bit d: the container at depth d has an item already */
    bool after_key;
};

void json_init(struct json_writer *w, struct buf *out);

void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);    /* plain ASCII, written as it is */
void json_key_str(struct json_writer *w, struct str key); /* any bytes, escaped */

void json_str(struct json_writer *w, struct str s);
void json_text(struct json_writer *w, const char *s); /* NULL writes null */
void json_i64(struct json_writer *w, int64_t v);
void json_bool(struct json_writer *w, bool v);
void json_null_value(struct json_writer *w); /* not json_null: jansson has that name */
void json_double(struct json_writer *w,
                 double v); /* shortest that reads back equal; NaN and infinities as null */
/* micros / 1e6 as an exact decimal without trailing zeros: 41070000 gives 41.07. */
void json_micros(struct json_writer *w, int64_t micros);
void json_time(struct json_writer *w, int64_t epoch_us); /* RFC 3339 with microseconds */
void json_raw(struct json_writer *w, struct str json);   /* one JSON value, trusted to be well-formed */

/* Key and value at once.  A *_or_null variant writes null when !known: unknown is null, never 0. */
void json_kv_str(struct json_writer *w, const char *key, struct str s);
void json_kv_text(struct json_writer *w, const char *key, const char *s); /* NULL writes null */
void json_kv_i64(struct json_writer *w, const char *key, int64_t v);
void json_kv_i64_or_null(struct json_writer *w, const char *key, bool known, int64_t v);
void json_kv_bool(struct json_writer *w, const char *key, bool v);
void json_kv_null(struct json_writer *w, const char *key);
void json_kv_double(struct json_writer *w, const char *key, double v);
void json_kv_micros_or_null(struct json_writer *w, const char *key, bool known, int64_t micros);
void json_kv_time_or_null(struct json_writer *w, const char *key, bool known, int64_t epoch_us);

void json_escape(struct buf *out, struct str s); /* with its quotes */
