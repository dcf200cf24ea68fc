#include "node/metrics/accept.h"

const char *const metrics_content_types[METRICS_FORMAT_COUNT] = {
    [METRICS_JSON] = "application/json",
    [METRICS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
    [METRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
};

/* What a media range must say to mean a format.  A range without a version means every version. */
static const struct {
    const char *type, *subtype, *versions[3];
} names[METRICS_FORMAT_COUNT] = {
    [METRICS_JSON] = {"application", "json", {NULL}},
    [METRICS_OPENMETRICS] = {"application", "openmetrics-text", {"1.0.0", "0.0.1", NULL}},
    [METRICS_TEXT] = {"text", "plain", {"0.0.4", NULL}},
};

/* The most specific range that means a format decides its quality. */
enum specificity { NOT_NAMED, BY_ANY, BY_TYPE, BY_NAME, BY_VERSION };
struct preference {
    enum specificity specificity;
    int quality; /* thousandths */
};

struct range {
    struct str type, subtype, version; /* version.p NULL: none was given */
    int quality;
};

/* Like str_split, but a separator between double quotes separates nothing. */
static bool split_unquoted(struct str *rest, char separator, struct str *ret_part)
{
    if (!rest->p)
        return false;
    bool quoted = false;
    for (size_t i = 0; i < rest->n; i++) {
        char c = rest->p[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\' && i + 1 < rest->n)
            i++;
        else if (!quoted && c == separator) {
            *ret_part = (struct str){rest->p, i};
            *rest = (struct str){rest->p + i + 1, rest->n - i - 1};
            return true;
        }
    }
    *ret_part = *rest;
    *rest = (struct str){NULL, 0};
    return true;
}

/* RFC 9110 §12.4.2: 0 to 1 with at most three decimals.  Anything else counts as 1, as if it had not been
 * said. */
static int quality_of(struct str s)
{
    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
        return 1000;
    int value = (s.p[0] - '0') * 1000;
    for (size_t i = 2, unit = 100; i < s.n; i++, unit /= 10) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 1000;
        value += (s.p[i] - '0') * (int)unit;
    }
    return MIN(value, 1000);
}

static struct str unquote(struct str s)
{
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        return (struct str){s.p + 1, s.n - 2};
    return s;
}

static bool range_of(struct str text, struct range *ret)
{
    struct range r = {.quality = 1000};
    struct str part, name;
    if (!split_unquoted(&text, ';', &part) || !str_split(&part, '/', &name) || !part.p)
        return false;
    r.type = str_trim(name);
    r.subtype = str_trim(part);
    while (split_unquoted(&text, ';', &part)) {
        if (!str_split(&part, '=', &name) || !part.p)
            continue;
        name = str_trim(name);
        if (str_equal_nocase(name, STR("q")))
            r.quality = quality_of(str_trim(part));
        else if (str_equal_nocase(name, STR("version")))
            r.version = unquote(str_trim(part));
    }
    *ret = r;
    return true;
}

static enum specificity meaning(const struct range *r, enum metrics_format format)
{
    bool any_subtype = str_equal(r->subtype, STR("*"));
    if (str_equal(r->type, STR("*")))
        return any_subtype ? BY_ANY : NOT_NAMED;
    if (!str_equal_nocase(r->type, str_of(names[format].type)))
        return NOT_NAMED;
    if (any_subtype)
        return BY_TYPE;
    if (!str_equal_nocase(r->subtype, str_of(names[format].subtype)))
        return NOT_NAMED;
    if (!r->version.p || !names[format].versions[0])
        return BY_NAME;
    for (const char *const *v = names[format].versions; *v; v++)
        if (str_equal(r->version, str_of(*v)))
            return BY_VERSION;
    return NOT_NAMED;
}

/* Whether `a` is wanted more than `b`.  Being named beats a wildcard; a version beats none only within one
 * format. */
static bool preferred(struct preference a, struct preference b)
{
    if (a.quality != b.quality)
        return a.quality > b.quality;
    return a.quality > 0 && MIN(a.specificity, BY_NAME) > MIN(b.specificity, BY_NAME);
}

enum metrics_format accept_format(struct str header)
{
    struct preference wanted[METRICS_FORMAT_COUNT] = {0};
    struct str part;
    struct range range;
    while (split_unquoted(&header, ',', &part)) {
        if (!range_of(part, &range))
            continue;
        for (int f = 0; f < METRICS_FORMAT_COUNT; f++) {
            enum specificity s = meaning(&range, (enum metrics_format)f);
            bool better = s == wanted[f].specificity && range.quality > wanted[f].quality;
            if (s != NOT_NAMED && (s > wanted[f].specificity || better))
                wanted[f] = (struct preference){s, range.quality};
        }
    }
    enum metrics_format best = METRICS_JSON;
    for (int f = METRICS_OPENMETRICS; f < METRICS_FORMAT_COUNT; f++)
        if (preferred(wanted[f], wanted[best]))
            best = (enum metrics_format)f;
    return best;
}
