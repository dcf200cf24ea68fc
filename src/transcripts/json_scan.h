/* json_scan.h -- one pass over the text of a JSON object that picks the values a table asks for (spec 60 T3).
 *
 * Transcripts are gigabytes of which a few numbers count, so nothing is built: strings are crossed sixteen
 * bytes at a time, and values that no row names are only checked.  The grammar is RFC 8259 to the letter, so
 * that an object which was torn, or glued to the next one, is never taken for a whole one.  The last of two
 * equal keys counts, as in every DOM.  Whether the bytes are UTF-8 is json_scan_is_utf8's question.  Pure.
 * Any thread. */
#pragma once
#include "base/buf.h"

#define JSON_SCAN_DEPTH_MAX 127
#define JSON_SCAN_KEY_MAX 64 /* bytes of a key that is written with escapes, to be found all the same */

enum json_kind {
    JSON_ABSENT,
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_OBJECT,
    JSON_ARRAY
};

struct json_value {
    enum json_kind kind;
    struct str raw; /* as it stands in the text; a string without its quotes, escapes and all */
};

#define JSON_NO_SLOT (-1)
struct json_path {
    const char *name;              /* NULL ends the table */
    int slot;                      /* where its value goes, or JSON_NO_SLOT */
    const struct json_path *below; /* rows for the members of this object, or NULL */
};

#define JSON_ROW(name, slot)                                                                                 \
    {                                                                                                        \
        name, slot, NULL                                                                                     \
    }
#define JSON_ROW_BELOW(name, slot, rows)                                                                     \
    {                                                                                                        \
        name, slot, rows                                                                                     \
    }
#define JSON_ROWS_END                                                                                        \
    {                                                                                                        \
        NULL, JSON_NO_SLOT, NULL                                                                             \
    }

enum json_outcome {
    JSON_WHOLE,
    JSON_NO_OBJECT, /* does not begin with '{' */
    JSON_TORN,      /* the text ends inside the object */
    JSON_MALFORMED,
    JSON_TOO_DEEP,
};

struct json_scan {
    const char *end;         /* behind the object, when whole; else where the scan gave up */
    bool has_duplicate;      /* a key that a row names came twice in one object */
    bool has_lone_surrogate; /* an escape such as \ud800 without its other half */
};

/* Scans the object at the start of `text` (white space before it is fine); `values` must be all zero. */
enum json_outcome json_scan_object(struct str text, const struct json_path *paths, struct json_value *values,
                                   struct json_scan *ret);
/* The next element of the array whose raw text is *rest; false at its end.  Of an array that was scanned. */
bool json_scan_element(struct str *rest, struct json_value *ret);

/* The code unit of \uXXXX, when that stands at p; else -1. */
int json_scan_unit(const char *p, const char *end);
bool json_scan_is_utf8(struct str s); /* str_is_utf8, quick where the text is ASCII */
/* The first place of `key` between quotes in s, or -1.  What stands inside a string has its quotes escaped
 * and so is never found: the answer is a key, or the whole of a string. */
ptrdiff_t json_scan_find(struct str s, struct str quoted);

/* -- values -- */
bool json_value_i64(const struct json_value *v, int64_t *ret);   /* a whole number >= 0 without fraction */
bool json_value_count(const struct json_value *v, int64_t *ret); /* the same, and 12.0 or 1e3 too */
/* The decoded text of a string; false when it is none.  What does not fit is cut at a whole character. */
bool json_value_text(const struct json_value *v, char *ret, size_t size);
void json_value_decode(const struct json_value *v, size_t max_bytes, struct buf *ret); /* adds */
static inline bool json_value_is(const struct json_value *v, struct str text)
{
    return v->kind == JSON_STRING && str_equal(v->raw, text);
}
