/* json_scan.h -- reading foreign JSON once, value by value, without a tree.
 *
 * Strict (RFC 8259), bounded in depth, and copying: a value that is read is printed anew, compact, so that
 * whatever went in, what comes out is JSON that every reader takes.  A number beyond a double becomes null,
 * an integer beyond 64 bits its nearest double, an escape that is no character (a lone surrogate, NUL)
 * U+FFFD. The caller has checked that the text is UTF-8 (str_is_utf8).  Duplicate keys are the caller's
 * business; in nested objects they are copied as they are.  Transcripts have a reader of their own.  Any
 * thread. */
#pragma once
#include "base/buf.h"

struct json_scan {
    struct str rest; /* what has not been read */
};

enum { JSON_SCAN_E_SYNTAX = 1, JSON_SCAN_E_DEEP };

enum json_scan_type {
    JSON_SCAN_NULL,
    JSON_SCAN_BOOL,
    JSON_SCAN_NUMBER,
    JSON_SCAN_STRING,
    JSON_SCAN_ARRAY,
    JSON_SCAN_OBJECT
};

struct json_scanned {
    enum json_scan_type type;
    bool boolean;
    double number;   /* may be infinite: 1e400 */
    bool is_integer; /* and fits in: */
    int64_t integer;
};

/* White space, then `c`: true when it was there and has been read. */
bool json_scan_take(struct json_scan *s, char c);
bool json_scan_at_end(struct json_scan *s); /* nothing but white space is left */
/* A string's characters, appended to *out (not NULL). */
MUST_CHECK int json_scan_string(struct json_scan *s, struct buf *out);
/* Any value, which may hold `depth` levels of arrays and objects.  Its print is appended to *out. */
MUST_CHECK int json_scan_value(struct json_scan *s, int depth, struct buf *out, struct json_scanned *ret);
