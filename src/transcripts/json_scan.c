#include "transcripts/json_scan.h"

#include "base/parse.h"

#include <math.h>

/* -- sixteen bytes at a time: GCC's vector extension, which every target has, in hardware or not -- */

typedef uint8_t block __attribute__((vector_size(16)));

static inline block load(const char *p)
{
    block b;
    memcpy(&b, p, sizeof(b));
    return b;
}

/* Offset of the first byte that is not 0, or 16. */
static inline unsigned first_set(block mask)
{
    uint64_t half[2];
    memcpy(half, &mask, sizeof(half));
    if (half[0])
        return (unsigned)__builtin_ctzll(half[0]) / 8;
    return half[1] ? 8 + (unsigned)__builtin_ctzll(half[1]) / 8 : 16;
}

static inline bool any_set(block mask)
{
    uint64_t half[2];
    memcpy(half, &mask, sizeof(half));
    return (half[0] | half[1]) != 0;
}

/* The first quote, backslash or control character from p on, or end. */
static const char *string_stop(const char *p, const char *end)
{
    for (; end - p >= 16; p += 16) {
        block b = load(p);
        block stop = (block)(b == '"') | (block)(b == '\\') | (block)(b < 0x20);
        unsigned at = first_set(stop);
        if (at < 16)
            return p + at;
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    return p;
}

bool json_scan_is_utf8(struct str s)
{
    const char *p = s.p, *end = s.p + s.n;
    while (p < end) {
        for (; end - p >= 64 && !any_set((load(p) | load(p + 16) | load(p + 32) | load(p + 48)) & 0x80);
             p += 64)
            ;
        for (; end - p >= 16 && !any_set(load(p) & 0x80); p += 16)
            ;
        while (p < end && !(*p & 0x80))
            p++;
        const char *foreign = p;
        while (p < end && (*p & 0x80))
            p++;
        if (!str_is_utf8((struct str){foreign, (size_t)(p - foreign)}))
            return false;
    }
    return true;
}

ptrdiff_t json_scan_find(struct str s, struct str quoted)
{
    assert(quoted.n >= 4);
    size_t n = quoted.n, i = 0;
    const char *q = quoted.p;
    uint8_t first = (uint8_t)q[0], second = (uint8_t)q[1], last = (uint8_t)q[n - 1];
    for (; i + n - 1 + 32 <= s.n; i += 32) {
        const char *p = s.p + i;
        block low =
            (block)(load(p) == first) & (block)(load(p + 1) == second) & (block)(load(p + n - 1) == last);
        block high = (block)(load(p + 16) == first) & (block)(load(p + 17) == second) &
                     (block)(load(p + n + 15) == last);
        if (!any_set(low | high))
            continue;
        for (size_t k = i; k < i + 32; k++)
            if (memcmp(s.p + k, q, n) == 0)
                return (ptrdiff_t)k;
    }
    const char *hit = i < s.n ? memmem(s.p + i, s.n - i, q, n) : NULL;
    return hit ? hit - s.p : -1;
}

/* -- the grammar -- */

struct scanner {
    const char *p, *end;
    struct json_value *values;
    struct json_scan *result;
    int depth;
};

static enum json_outcome scan_value(struct scanner *s, const struct json_path *path, struct json_value *ret);

static void skip_space(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
        s->p++;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX at p, or -1. */
static int unit_at(const char *p, const char *end)
{
    if (end - p < 4)
        return -1;
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

int json_scan_unit(const char *p, const char *end)
{
    return end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? unit_at(p + 2, end) : -1;
}

static bool is_high(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* p is at the digits. */
static enum json_outcome scan_unicode(struct scanner *s)
{
    int unit = unit_at(s->p, s->end);
    if (unit < 0) {
        for (const char *p = s->p; p < s->end && p < s->p + 4; p++)
            if (hex_digit(*p) < 0)
                return JSON_MALFORMED;
        return JSON_TORN;
    }
    s->p += 4;
    bool pair = is_high(unit) && s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u' &&
                is_low(unit_at(s->p + 2, s->end));
    if (pair)
        s->p += 6;
    else if (is_high(unit) || is_low(unit))
        s->result->has_lone_surrogate = true;
    return JSON_WHOLE;
}

static enum json_outcome scan_escape(struct scanner *s)
{
    if (++s->p >= s->end)
        return JSON_TORN;
    static const bool is_known[256] = {['"'] = true, ['\\'] = true, ['/'] = true, ['b'] = true,
                                       ['f'] = true, ['n'] = true,  ['r'] = true, ['t'] = true};
    char c = *s->p++;
    if (c == 'u')
        return scan_unicode(s);
    return is_known[(unsigned char)c] ? JSON_WHOLE : JSON_MALFORMED;
}

/* p is behind the opening quote; *ret is what stands between the quotes. */
static enum json_outcome scan_string(struct scanner *s, struct str *ret)
{
    const char *start = s->p;
    for (;;) {
        s->p = string_stop(s->p, s->end);
        if (s->p >= s->end)
            return JSON_TORN;
        if (*s->p == '"')
            break;
        if (*s->p != '\\')
            return JSON_MALFORMED;
        enum json_outcome rc = scan_escape(s);
        if (rc != JSON_WHOLE)
            return rc;
    }
    *ret = (struct str){start, (size_t)(s->p - start)};
    s->p++;
    return JSON_WHOLE;
}

static size_t digits(struct scanner *s)
{
    const char *start = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - start);
}

static enum json_outcome no_digits(const struct scanner *s)
{
    return s->p >= s->end ? JSON_TORN : JSON_MALFORMED;
}

static enum json_outcome scan_number(struct scanner *s)
{
    if (*s->p == '-')
        s->p++;
    bool zero = s->p < s->end && *s->p == '0';
    size_t whole = zero ? 1 : digits(s);
    if (zero)
        s->p++;
    if (whole == 0)
        return no_digits(s);
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (digits(s) == 0)
            return no_digits(s);
    }
    if (s->p < s->end && (*s->p | 0x20) == 'e') {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (digits(s) == 0)
            return no_digits(s);
    }
    return s->p >= s->end ? JSON_TORN : JSON_WHOLE; /* an object goes on behind it */
}

static enum json_outcome scan_word(struct scanner *s, const char *word)
{
    size_t n = strlen(word), left = (size_t)(s->end - s->p);
    if (memcmp(s->p, word, MIN(n, left)) != 0)
        return JSON_MALFORMED;
    s->p += MIN(n, left);
    return left < n ? JSON_TORN : JSON_WHOLE;
}

static const struct json_path *find_escaped(const struct json_path *paths, struct str key)
{
    char decoded[JSON_SCAN_KEY_MAX];
    struct json_value v = {JSON_STRING, key};
    if (!json_value_text(&v, decoded, sizeof(decoded)))
        return NULL;
    for (const struct json_path *p = paths; p->name; p++)
        if (strcmp(decoded, p->name) == 0)
            return p;
    return NULL;
}

/* Names are written without escapes, as a rule. */
static const struct json_path *find_path(const struct json_path *paths, struct str key)
{
    for (const struct json_path *p = paths; p->name; p++)
        if (p->name[0] == *key.p && strncmp(p->name, key.p, key.n) == 0 && p->name[key.n] == '\0')
            return p;
    return memchr(key.p, '\\', key.n) ? find_escaped(paths, key) : NULL;
}

/* What an earlier object of the same name left is gone. */
static void forget(struct scanner *s, const struct json_path *path)
{
    if (path->slot != JSON_NO_SLOT)
        s->values[path->slot] = (struct json_value){0};
    for (const struct json_path *p = path->below; p && p->name; p++)
        forget(s, p);
}

static enum json_outcome scan_member(struct scanner *s, const struct json_path *paths, uint64_t *seen)
{
    struct str key;
    if (*s->p++ != '"')
        return JSON_MALFORMED;
    enum json_outcome rc = scan_string(s, &key);
    if (rc != JSON_WHOLE)
        return rc;
    skip_space(s);
    if (s->p >= s->end)
        return JSON_TORN;
    if (*s->p++ != ':')
        return JSON_MALFORMED;
    const struct json_path *path = paths && key.n ? find_path(paths, key) : NULL;
    if (path) {
        uint64_t bit = UINT64_C(1) << (path - paths);
        if (*seen & bit) {
            s->result->has_duplicate = true;
            forget(s, path);
        }
        *seen |= bit;
    }
    struct json_value value;
    rc = scan_value(s, path, &value);
    if (rc == JSON_WHOLE && path && path->slot != JSON_NO_SLOT)
        s->values[path->slot] = value;
    return rc;
}

/* What may follow an item: 1 the end, 0 another one, or a negative outcome. */
static int after_item(struct scanner *s, char closing)
{
    skip_space(s);
    if (s->p >= s->end)
        return -JSON_TORN;
    char c = *s->p++;
    if (c == closing)
        return 1;
    if (c != ',')
        return -JSON_MALFORMED;
    skip_space(s);
    return s->p >= s->end ? -JSON_TORN : 0;
}

/* p is behind the opening bracket. */
static enum json_outcome scan_items(struct scanner *s, const struct json_path *paths, char closing)
{
    if (s->depth >= JSON_SCAN_DEPTH_MAX)
        return JSON_TOO_DEEP;
    skip_space(s);
    if (s->p >= s->end)
        return JSON_TORN;
    if (*s->p == closing) {
        s->p++;
        return JSON_WHOLE;
    }
    s->depth++;
    uint64_t seen = 0;
    for (int end = 0; !end;) {
        struct json_value ignored;
        enum json_outcome rc = closing == '}' ? scan_member(s, paths, &seen) : scan_value(s, NULL, &ignored);
        if (rc != JSON_WHOLE)
            return rc;
        end = after_item(s, closing);
        if (end < 0)
            return (enum json_outcome) - end;
    }
    s->depth--;
    return JSON_WHOLE;
}

static enum json_outcome scan_plain(struct scanner *s, struct json_value *ret)
{
    switch (*s->p) {
    case 'n':
        ret->kind = JSON_NULL;
        return scan_word(s, "null");
    case 't':
        ret->kind = JSON_TRUE;
        return scan_word(s, "true");
    case 'f':
        ret->kind = JSON_FALSE;
        return scan_word(s, "false");
    default:
        ret->kind = JSON_NUMBER;
        if (*s->p != '-' && (*s->p < '0' || *s->p > '9'))
            return JSON_MALFORMED;
        return scan_number(s);
    }
}

static enum json_outcome scan_value(struct scanner *s, const struct json_path *path, struct json_value *ret)
{
    skip_space(s);
    if (s->p >= s->end)
        return JSON_TORN;
    const char *start = s->p;
    enum json_outcome rc;
    if (*s->p == '"') {
        s->p++;
        ret->kind = JSON_STRING;
        return scan_string(s, &ret->raw);
    }
    if (*s->p == '{' || *s->p == '[') {
        bool object = *s->p++ == '{';
        ret->kind = object ? JSON_OBJECT : JSON_ARRAY;
        rc = scan_items(s, object && path ? path->below : NULL, object ? '}' : ']');
    } else {
        rc = scan_plain(s, ret);
    }
    ret->raw = (struct str){start, (size_t)(s->p - start)};
    return rc;
}

enum json_outcome json_scan_object(struct str text, const struct json_path *paths, struct json_value *values,
                                   struct json_scan *ret)
{
    *ret = (struct json_scan){.end = text.p};
    struct scanner s = {.p = text.p, .end = text.p + text.n, .values = values, .result = ret};
    skip_space(&s);
    if (s.p >= s.end || *s.p != '{')
        return JSON_NO_OBJECT;
    s.p++;
    enum json_outcome rc = scan_items(&s, paths, '}');
    ret->end = s.p;
    return rc;
}

bool json_scan_element(struct str *rest, struct json_value *ret)
{
    struct json_scan ignored;
    if (rest->n == 0)
        return false;
    struct scanner s = {.p = rest->p, .end = rest->p + rest->n, .result = &ignored};
    if (s.p < s.end && (*s.p == '[' || *s.p == ','))
        s.p++;
    skip_space(&s);
    if (s.p >= s.end || *s.p == ']' || scan_value(&s, NULL, ret) != JSON_WHOLE)
        return false;
    skip_space(&s);
    *rest = (struct str){s.p, (size_t)(s.end - s.p)};
    return true;
}

/* -- values -- */

bool json_value_i64(const struct json_value *v, int64_t *ret)
{
    int64_t n;
    if (v->kind != JSON_NUMBER || v->raw.p[0] == '-' || !parse_i64(v->raw, &n))
        return false;
    *ret = n;
    return true;
}

bool json_value_count(const struct json_value *v, int64_t *ret)
{
    if (json_value_i64(v, ret))
        return true;
    char text[40];
    if (v->kind != JSON_NUMBER || v->raw.n >= sizeof(text))
        return false;
    memcpy(text, v->raw.p, v->raw.n);
    text[v->raw.n] = '\0';
    double d = strtod(text, NULL);
    if (!(d >= 0) || d > 9e15 || d != floor(d))
        return false;
    *ret = (int64_t)d;
    return true;
}

static size_t put_utf8(char out[4], int c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
    for (size_t i = more; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(lead[more] | c);
    return more + 1;
}

/* One character of a string that was scanned, decoded; returns its bytes and moves *p behind it. */
static size_t decode_one(const char **p, const char *end, char out[4])
{
    static const char names[] = "bfnrt", meaning[] = "\b\f\n\r\t";
    const char *at = *p;
    if (*at != '\\') {
        unsigned char c = (unsigned char)*at;
        size_t n = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        n = MIN(n, (size_t)(end - at));
        memcpy(out, at, n);
        *p = at + n;
        return n;
    }
    *p = at + 2;
    if (at[1] != 'u') {
        const char *name = strchr(names, at[1]);
        out[0] = name ? meaning[name - names] : at[1];
        return 1;
    }
    int unit = unit_at(at + 2, end), low = -1;
    *p = at + 6;
    if (is_high(unit) && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u')
        low = unit_at(*p + 2, end);
    if (is_low(low)) {
        *p += 6;
        return put_utf8(out, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
    }
    return put_utf8(out, is_high(unit) || is_low(unit) ? 0xFFFD : unit);
}

bool json_value_text(const struct json_value *v, char *ret, size_t size)
{
    ret[0] = '\0';
    if (v->kind != JSON_STRING)
        return false;
    size_t n = 0;
    for (const char *p = v->raw.p, *end = p + v->raw.n; p < end;) {
        char one[4];
        size_t bytes = decode_one(&p, end, one);
        if (n + bytes >= size)
            break;
        memcpy(ret + n, one, bytes);
        n += bytes;
    }
    ret[n] = '\0';
    return true;
}

void json_value_decode(const struct json_value *v, size_t max_bytes, struct buf *ret)
{
    if (v->kind != JSON_STRING)
        return;
    size_t limit = ret->n + max_bytes;
    for (const char *p = v->raw.p, *end = p + v->raw.n; p < end;) {
        char one[4];
        size_t bytes = decode_one(&p, end, one);
        if (ret->n + bytes > limit)
            break;
        buf_add(ret, one, bytes);
    }
}
