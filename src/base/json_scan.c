#include "base/json_scan.h"

#include "base/json.h"
#include "base/parse.h"

#include <math.h>

static void skip_space(struct json_scan *s)
{
    while (s->rest.n && memchr(" \t\r\n", s->rest.p[0], 4))
        s->rest = (struct str){s->rest.p + 1, s->rest.n - 1};
}

static void skip(struct json_scan *s, size_t n)
{
    s->rest = (struct str){s->rest.p + n, s->rest.n - n};
}

bool json_scan_take(struct json_scan *s, char c)
{
    skip_space(s);
    if (s->rest.n == 0 || s->rest.p[0] != c)
        return false;
    skip(s, 1);
    return true;
}

bool json_scan_at_end(struct json_scan *s)
{
    skip_space(s);
    return s->rest.n == 0;
}

/* -- strings -- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool four_hex(struct str s, unsigned *ret)
{
    unsigned value = 0;
    if (s.n < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(s.p[i]);
        if (digit < 0)
            return false;
        value = value * 16 + (unsigned)digit;
    }
    *ret = value;
    return true;
}

static void add_character(struct buf *out, unsigned c)
{
    if (c < 0x80) {
        buf_add_char(out, (char)c);
        return;
    }
    if (c < 0x800) {
        buf_add_char(out, (char)(0xC0 | c >> 6));
    } else {
        if (c < 0x10000) {
            buf_add_char(out, (char)(0xE0 | c >> 12));
        } else {
            buf_add_char(out, (char)(0xF0 | c >> 18));
            buf_add_char(out, (char)(0x80 | (c >> 12 & 0x3F)));
        }
        buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
    }
    buf_add_char(out, (char)(0x80 | (c & 0x3F)));
}

#define REPLACEMENT 0xFFFDU

/* Behind "\u". */
static int unicode_escape(struct json_scan *s, struct buf *out)
{
    unsigned high, low;
    if (!four_hex(s->rest, &high))
        return JSON_SCAN_E_SYNTAX;
    skip(s, 4);
    bool is_high = high >= 0xD800 && high < 0xDC00, is_low = high >= 0xDC00 && high < 0xE000;
    if (is_high && s->rest.n >= 6 && s->rest.p[0] == '\\' && s->rest.p[1] == 'u' &&
        four_hex((struct str){s->rest.p + 2, s->rest.n - 2}, &low) && low >= 0xDC00 && low < 0xE000) {
        skip(s, 6);
        add_character(out, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
        return 0;
    }
    add_character(out, is_high || is_low || high == 0 ? REPLACEMENT : high);
    return 0;
}

static int escape(struct json_scan *s, struct buf *out)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (s->rest.n == 0)
        return JSON_SCAN_E_SYNTAX;
    char c = s->rest.p[0];
    const char *at = c ? strchr(letters, c) : NULL;
    skip(s, 1);
    if (c == 'u')
        return unicode_escape(s, out);
    if (!at)
        return JSON_SCAN_E_SYNTAX;
    buf_add_char(out, meant[at - letters]);
    return 0;
}

int json_scan_string(struct json_scan *s, struct buf *out)
{
    if (!json_scan_take(s, '"'))
        return JSON_SCAN_E_SYNTAX;
    for (;;) {
        size_t plain = 0;
        while (plain < s->rest.n && (unsigned char)s->rest.p[plain] >= 0x20 && s->rest.p[plain] != '"' &&
               s->rest.p[plain] != '\\')
            plain++;
        if (plain)
            buf_add(out, s->rest.p, plain);
        skip(s, plain);
        if (s->rest.n == 0)
            return JSON_SCAN_E_SYNTAX;
        char c = s->rest.p[0];
        skip(s, 1);
        if (c == '"')
            return 0;
        if (c != '\\')
            return JSON_SCAN_E_SYNTAX;
        int rc = escape(s, out);
        if (rc)
            return rc;
    }
}

static int string_value(struct json_scan *s, struct buf *out)
{
    struct buf characters = BUF_INIT;
    int rc = json_scan_string(s, &characters);
    if (rc == 0)
        json_escape(out, buf_str(&characters));
    buf_deinit(&characters);
    return rc;
}

/* -- numbers -- */

static size_t digits(struct str s, size_t from)
{
    size_t n = from;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n - from;
}

/* Length of the number at the start of `s`, 0 when there is none (RFC 8259 §6). */
static size_t number_length(struct str s, bool *ret_integer)
{
    size_t at = s.n && s.p[0] == '-', whole = digits(s, at);
    if (whole == 0 || (whole > 1 && s.p[at] == '0'))
        return 0;
    at += whole;
    *ret_integer = true;
    if (at < s.n && s.p[at] == '.') {
        size_t fraction = digits(s, at + 1);
        if (fraction == 0)
            return 0;
        at += 1 + fraction;
        *ret_integer = false;
    }
    if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
        at++;
        at += at < s.n && (s.p[at] == '+' || s.p[at] == '-');
        size_t exponent = digits(s, at);
        if (exponent == 0)
            return 0;
        at += exponent;
        *ret_integer = false;
    }
    return at;
}

static int number_value(struct json_scan *s, struct buf *out, struct json_scanned *ret)
{
    bool integer;
    size_t n = number_length(s->rest, &integer);
    if (n == 0)
        return JSON_SCAN_E_SYNTAX;
    struct str text = {s->rest.p, n};
    char *copy = str_dup(text); /* strtod wants an end */
    ret->number = strtod(copy, NULL);
    free(copy);
    ret->is_integer = integer && parse_i64(text, &ret->integer);
    skip(s, n);
    if (ret->is_integer || (!integer && isfinite(ret->number))) {
        buf_add_str(out, text);
    } else {
        struct json_writer w;
        json_init(&w, out);
        json_double(&w, ret->number);
    }
    return 0;
}

/* -- values -- */

static int word_value(struct json_scan *s, struct buf *out, struct json_scanned *ret)
{
    static const struct {
        struct str word;
        enum json_scan_type type;
        bool boolean;
    } words[] = {{{"null", 4}, JSON_SCAN_NULL, false},
                 {{"true", 4}, JSON_SCAN_BOOL, true},
                 {{"false", 5}, JSON_SCAN_BOOL, false}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!str_starts_with(s->rest, words[i].word))
            continue;
        ret->type = words[i].type;
        ret->boolean = words[i].boolean;
        buf_add_str(out, words[i].word);
        skip(s, words[i].word.n);
        return 0;
    }
    return JSON_SCAN_E_SYNTAX;
}

static int member(struct json_scan *s, bool has_key, int depth, struct buf *out)
{
    struct json_scanned unused;
    if (has_key) {
        int rc = string_value(s, out);
        if (rc)
            return rc;
        if (!json_scan_take(s, ':'))
            return JSON_SCAN_E_SYNTAX;
        buf_add_char(out, ':');
    }
    return json_scan_value(s, depth, out, &unused);
}

/* Behind the opening bracket. */
static int container_value(struct json_scan *s, bool is_object, int depth, struct buf *out)
{
    const char close = is_object ? '}' : ']';
    if (depth <= 0)
        return JSON_SCAN_E_DEEP;
    buf_add_char(out, is_object ? '{' : '[');
    if (!json_scan_take(s, close)) {
        for (;;) {
            int rc = member(s, is_object, depth - 1, out);
            if (rc)
                return rc;
            if (json_scan_take(s, close))
                break;
            if (!json_scan_take(s, ','))
                return JSON_SCAN_E_SYNTAX;
            buf_add_char(out, ',');
        }
    }
    buf_add_char(out, close);
    return 0;
}

int json_scan_value(struct json_scan *s, int depth, struct buf *out, struct json_scanned *ret)
{
    *ret = (struct json_scanned){.type = JSON_SCAN_NUMBER};
    skip_space(s);
    if (s->rest.n == 0)
        return JSON_SCAN_E_SYNTAX;
    switch (s->rest.p[0]) {
    case '"':
        ret->type = JSON_SCAN_STRING;
        return string_value(s, out);
    case '{':
    case '[':
        ret->type = s->rest.p[0] == '{' ? JSON_SCAN_OBJECT : JSON_SCAN_ARRAY;
        skip(s, 1);
        return container_value(s, ret->type == JSON_SCAN_OBJECT, depth, out);
    case 'n':
    case 't':
    case 'f':
        return word_value(s, out, ret);
    default:
        return number_value(s, out, ret);
    }
}
