/* json_fields.h -- a JSON body into a struct, by a table.
 *
 * One row per field: name, type, where it goes, what is accepted, a sentence of documentation.  The same rows
 * print the schema in openapi.json.  What is refused is named by JSON pointer ("/max_attempts"): not JSON and
 * not an object are ERR_BAD_REQUEST, a wrong type or range is ERR_INVALID, an unknown field too (a typing
 * error must not pass in silence). Any thread. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct buf;

enum json_field_type {
    JSON_FIELD_TEXT,     /* struct str in the arena; p == NULL when absent or null */
    JSON_FIELD_INT,      /* int64_t */
    JSON_FIELD_BOOL,     /* bool */
    JSON_FIELD_NUMBER,   /* double */
    JSON_FIELD_TEXTS,    /* struct json_texts: array of strings */
    JSON_FIELD_TEXT_MAP, /* struct json_texts: object of strings, as NAME=VALUE, in order of appearance */
    JSON_FIELD_TIME,     /* int64_t epoch µs from RFC 3339 */
    JSON_FIELD_RAW,      /* struct str: any JSON value, printed compact */
};

struct json_texts {
    struct str *items; /* in the arena */
    size_t count;
    bool present;
};

struct json_field {
    const char *name; /* NULL ends the table */
    enum json_field_type type;
    size_t offset;         /* of the member */
    size_t present_offset; /* of a bool set to whether it was there and not null; 0 for none (so never the
                              first member) */
    bool required;
    int64_t min, max;   /* INT: range; TEXT, RAW: bytes; TEXTS, TEXT_MAP: items.  A max below the min is none;
                           both 0: no bound */
    const char *one_of; /* TEXT: "a|b|c", NULL for any */
    const char *doc;
};

/* Fills *ret (zero or defaults first; absent fields are left alone) from `body`.  Strings live in `arena`.
 * Refuses duplicate keys, depth over 32, NUL in text, invalid UTF-8. */
MUST_CHECK int json_fields_decode(const struct json_field *fields, struct str body, struct arena *arena,
                                  void *ret, struct err *e);
void json_fields_schema(const struct json_field *fields, struct buf *out); /* a JSON Schema object */
