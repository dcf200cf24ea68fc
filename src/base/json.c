#include "base/json.h"

#include "base/clock.h"

#include <math.h>

void json_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* What stands between the last thing written and the next value. */
static void before_value(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->has_item & (UINT32_C(1) << w->depth))
        buf_add_char(w->out, ',');
    w->has_item |= UINT32_C(1) << w->depth;
}

static void begin(struct json_writer *w, char c)
{
    before_value(w);
    assert(w->depth + 1 < JSON_DEPTH_MAX);
    w->depth++;
    w->has_item &= ~(UINT32_C(1) << w->depth);
    buf_add_char(w->out, c);
}

static void end(struct json_writer *w, char c)
{
    assert(w->depth > 0 && !w->after_key);
    w->depth--;
    buf_add_char(w->out, c);
}

void json_object_begin(struct json_writer *w)
{
    begin(w, '{');
}

void json_object_end(struct json_writer *w)
{
    end(w, '}');
}

void json_array_begin(struct json_writer *w)
{
    begin(w, '[');
}

void json_array_end(struct json_writer *w)
{
    end(w, ']');
}

void json_key(struct json_writer *w, const char *key)
{
    before_value(w);
    size_t n = strlen(key);
    buf_reserve(w->out, n + 3);
    char *p = w->out->p + w->out->n;
    *p = '"';
    memcpy(p + 1, key, n);
    memcpy(p + 1 + n, "\":", 3); /* and the NUL */
    w->out->n += n + 3;
    w->after_key = true;
}

void json_key_str(struct json_writer *w, struct str key)
{
    before_value(w);
    json_escape(w->out, key);
    buf_add_char(w->out, ':');
    w->after_key = true;
}

void json_str(struct json_writer *w, struct str s)
{
    before_value(w);
    json_escape(w->out, s);
}

void json_text(struct json_writer *w, const char *s)
{
    if (s)
        json_str(w, str_of(s));
    else
        json_null_value(w);
}

void json_i64(struct json_writer *w, int64_t v)
{
    before_value(w);
    buf_add_i64(w->out, v);
}

void json_bool(struct json_writer *w, bool v)
{
    before_value(w);
    buf_add_text(w->out, v ? "true" : "false");
}

void json_null_value(struct json_writer *w)
{
    before_value(w);
    buf_add(w->out, "null", 4);
}

void json_double(struct json_writer *w, double v)
{
    if (!isfinite(v)) {
        json_null_value(w);
        return;
    }
    before_value(w);
    char text[32];
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(text, sizeof(text), "%.*g", precision, v);
        if (strtod(text, NULL) == v)
            break;
    }
    char *comma = strchr(text, ','); /* the decimal point of some locales */
    if (comma)
        *comma = '.';
    buf_add_text(w->out, text);
    if (!strpbrk(text, ".en"))
        buf_add(w->out, ".0", 2);
}

void json_micros(struct json_writer *w, int64_t micros)
{
    before_value(w);
    uint64_t magnitude = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
    if (micros < 0)
        buf_add_char(w->out, '-');
    buf_add_i64(w->out, (int64_t)(magnitude / 1000000));
    uint64_t rest = magnitude % 1000000;
    if (rest == 0)
        return;
    char text[8] = ".000000";
    size_t n = 1;
    for (uint64_t unit = 100000; rest; unit /= 10, n++) {
        text[n] = (char)('0' + rest / unit);
        rest %= unit;
    }
    buf_add(w->out, text, n);
}

void json_time(struct json_writer *w, int64_t epoch_us)
{
    char text[CLOCK_TEXT_MAX];
    json_str(w, str_of(clock_format_us(epoch_us, text)));
}

void json_raw(struct json_writer *w, struct str json)
{
    before_value(w);
    buf_add_str(w->out, json);
}

void json_kv_str(struct json_writer *w, const char *key, struct str s)
{
    json_key(w, key);
    json_str(w, s);
}

void json_kv_text(struct json_writer *w, const char *key, const char *s)
{
    json_key(w, key);
    json_text(w, s);
}

void json_kv_i64(struct json_writer *w, const char *key, int64_t v)
{
    json_key(w, key);
    json_i64(w, v);
}

void json_kv_i64_or_null(struct json_writer *w, const char *key, bool known, int64_t v)
{
    json_key(w, key);
    if (known)
        json_i64(w, v);
    else
        json_null_value(w);
}

void json_kv_bool(struct json_writer *w, const char *key, bool v)
{
    json_key(w, key);
    json_bool(w, v);
}

void json_kv_null(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_null_value(w);
}

void json_kv_double(struct json_writer *w, const char *key, double v)
{
    json_key(w, key);
    json_double(w, v);
}

void json_kv_micros_or_null(struct json_writer *w, const char *key, bool known, int64_t micros)
{
    json_key(w, key);
    if (known)
        json_micros(w, micros);
    else
        json_null_value(w);
}

void json_kv_time_or_null(struct json_writer *w, const char *key, bool known, int64_t epoch_us)
{
    json_key(w, key);
    if (known)
        json_time(w, epoch_us);
    else
        json_null_value(w);
}

/* Length of the valid UTF-8 sequence at p, or 0. */
static size_t sequence(const char *p, size_t n)
{
    for (size_t k = 2; k <= 4 && k <= n; k++)
        if (str_is_utf8((struct str){p, k}))
            return k;
    return 0;
}

static void escape_char(struct buf *out, unsigned char c)
{
    static const char short_form[] = "\b\t\n\f\r\"\\";
    static const char letter[] = "btnfr\"\\";
    const char *hit = c ? strchr(short_form, c) : NULL;
    if (hit) {
        buf_add_char(out, '\\');
        buf_add_char(out, letter[hit - short_form]);
    } else {
        buf_printf(out, "\\u%04x", c);
    }
}

void json_escape(struct buf *out, struct str s)
{
    buf_reserve(out, s.n + 2);
    buf_add_char(out, '"');
    size_t plain = 0; /* start of the run that can be copied as it is */
    for (size_t i = 0; i < s.n;) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            i++;
            continue;
        }
        size_t good = c >= 0x80 ? sequence(s.p + i, s.n - i) : 0;
        if (good) {
            i += good;
            continue;
        }
        buf_add(out, s.p + plain, i - plain);
        if (c < 0x80)
            escape_char(out, c);
        else
            buf_add_text(out, "\xEF\xBF\xBD");
        plain = ++i;
    }
    if (plain < s.n) /* the empty slice may have no address to add to */
        buf_add(out, s.p + plain, s.n - plain);
    buf_add_char(out, '"');
}
