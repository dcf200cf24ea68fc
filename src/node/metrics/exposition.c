#include "node/metrics/exposition.h"

#include "base/json.h"

static const struct {
    const char *openmetrics, *text, *suffix;
} types[] = {
    [EXPOSITION_GAUGE] = {"gauge", "gauge", ""},
    [EXPOSITION_COUNTER] = {"counter", "counter", "_total"},
    [EXPOSITION_HISTOGRAM] = {"histogram", "histogram", ""},
    [EXPOSITION_INFO] = {"info", "gauge", "_info"},
};

static const char *const units[] = {"seconds", "bytes", "usd"};

const char *exposition_type_name(enum exposition_type type)
{
    return types[type].openmetrics;
}

const char *exposition_suffix(enum exposition_type type)
{
    return types[type].suffix;
}

void exposition_init(struct exposition *x, struct buf *out, bool openmetrics)
{
    *x = (struct exposition){.out = out, .openmetrics = openmetrics};
}

void exposition_family(struct exposition *x, enum exposition_type type, const char *name, const char *help)
{
    x->type = type;
    x->name = name;
    x->help = help;
    x->begun = false;
}

static void metadata(struct exposition *x, const char *keyword, const char *text)
{
    buf_add_text(x->out, "# ");
    buf_add_text(x->out, keyword);
    buf_add_char(x->out, ' ');
    buf_add_text(x->out, x->name);
    if (!x->openmetrics)
        buf_add_text(x->out, types[x->type].suffix);
    buf_add_char(x->out, ' ');
    buf_add_text(x->out, text);
    buf_add_char(x->out, '\n');
}

static void unit(struct exposition *x)
{
    const char *last = strrchr(x->name, '_');
    for (size_t i = 0; last && i < COUNT_OF(units); i++)
        if (strcmp(last + 1, units[i]) == 0)
            metadata(x, "UNIT", units[i]);
}

static void begin(struct exposition *x)
{
    if (x->begun)
        return;
    x->begun = true;
    metadata(x, "HELP", x->help);
    metadata(x, "TYPE", x->openmetrics ? types[x->type].openmetrics : types[x->type].text);
    if (x->openmetrics)
        unit(x);
}

/* Both formats escape the same three.  What is not UTF-8 would make the whole page unreadable, so it is
 * replaced. */
static void label_value(struct buf *out, struct str s)
{
    bool utf8 = str_is_utf8(s);
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\n')
            buf_add(out, "\\n", 2);
        else if (c == '\0' || (!utf8 && (unsigned char)c >= 0x80))
            buf_add(out, "\xEF\xBF\xBD", 3);
        else {
            if (c == '"' || c == '\\')
                buf_add_char(out, '\\');
            buf_add_char(out, c);
        }
    }
    buf_add_char(out, '"');
}

/* Everything before the value.  `le` is a histogram's bound, or NULL. */
static void head(struct exposition *x, const char *suffix, const struct exposition_label *labels,
                 const char *le)
{
    char separator = '{';
    begin(x);
    buf_add_text(x->out, x->name);
    buf_add_text(x->out, suffix);
    for (; labels && labels->name; labels++) {
        if (str_empty(labels->value))
            continue;
        buf_add_char(x->out, separator);
        buf_add_text(x->out, labels->name);
        buf_add_char(x->out, '=');
        label_value(x->out, labels->value);
        separator = ',';
    }
    if (le) {
        buf_add_char(x->out, separator);
        buf_add_text(x->out, "le=");
        label_value(x->out, str_of(le));
        separator = ',';
    }
    buf_add_text(x->out, separator == ',' ? "} " : " ");
}

void exposition_i64(struct exposition *x, const struct exposition_label *labels, int64_t value)
{
    head(x, types[x->type].suffix, labels, NULL);
    buf_add_i64(x->out, value);
    buf_add_char(x->out, '\n');
}

static void micros(struct buf *out, int64_t value)
{
    struct json_writer w;
    json_init(&w, out);
    json_micros(&w, value);
}

void exposition_micros(struct exposition *x, const struct exposition_label *labels, int64_t value)
{
    head(x, types[x->type].suffix, labels, NULL);
    micros(x->out, value);
    buf_add_char(x->out, '\n');
}

void exposition_histogram(struct exposition *x, const struct exposition_label *labels, const double *bounds,
                          size_t bound_count, const int64_t *counts, int64_t sum_us)
{
    struct buf le = BUF_INIT;
    struct json_writer w;
    int64_t so_far = 0;
    for (size_t i = 0; i <= bound_count; i++) {
        so_far += counts[i];
        buf_clear(&le);
        json_init(&w, &le);
        if (i < bound_count)
            json_double(&w, bounds[i]);
        else
            buf_add_text(&le, "+Inf");
        head(x, "_bucket", labels, le.p);
        buf_add_i64(x->out, so_far);
        buf_add_char(x->out, '\n');
    }
    buf_deinit(&le);
    head(x, "_count", labels, NULL);
    buf_add_i64(x->out, so_far);
    buf_add_char(x->out, '\n');
    head(x, "_sum", labels, NULL);
    micros(x->out, sum_us);
    buf_add_char(x->out, '\n');
}

void exposition_end(struct exposition *x)
{
    if (x->openmetrics)
        buf_add_text(x->out, "# EOF\n");
}
