#include "core/price_name.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z');
}

/* Whether `s`, as long as `pattern`, is that, in which each 0 stands for any digit. */
static bool has_shape(struct str s, struct str pattern)
{
    for (size_t i = 0; i < s.n; i++)
        if (pattern.p[i] == '0' ? !is_digit(s.p[i]) : pattern.p[i] != s.p[i])
            return false;
    return true;
}

/* What may stand behind the name of a model without making it another one. */
static const struct str suffixes[] = {{"[1m]", 4},      {"-v0:0", 5},        {"-v0", 3},
                                      {"-00000000", 9}, {"@00000000", 9},    {"@default", 8},
                                      {"-latest", 7},   {"-0000-00-00", 11}, {"-000", 4}};

static struct str without_suffixes(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(suffixes);) {
        size_t n = suffixes[i].n;
        if (name.n > n && has_shape((struct str){name.p + name.n - n, n}, suffixes[i])) {
            name.n -= n;
            i = 0;
        } else {
            i++;
        }
    }
    return name;
}

static struct str from(struct str s, size_t start)
{
    return (struct str){s.p + start, s.n - start};
}

/* What may stand before it: "anthropic/", "us.anthropic.", "models/". */
static struct str without_prefixes(struct str name, bool *ret_is_regional)
{
    const char *slash = name.n ? memrchr(name.p, '/', name.n) : NULL;
    if (slash)
        name = from(name, (size_t)(slash + 1 - name.p));
    ptrdiff_t vendor = str_find(name, STR("anthropic."));
    *ret_is_regional = vendor >= 0 && !str_ends_with((struct str){name.p, (size_t)vendor}, STR("global."));
    return vendor < 0 ? name : from(name, (size_t)vendor + sizeof("anthropic.") - 1);
}

static bool has_digit(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_digit(s.p[i]))
            return true;
    return false;
}

/* "claude-opus-4.5" is a spelling of "claude-opus-4-5", and a final "-0" names the first of its line. */
static struct str as_claude_spells_it(struct str name, char *text)
{
    for (size_t i = 0; i < name.n; i++)
        text[i] = name.p[i] == '.' ? '-' : name.p[i];
    name.p = text;
    if (str_ends_with(name, STR("-0")))
        name.n -= 2;
    return name;
}

void price_name_read(struct str model, struct price_name *ret)
{
    *ret = (struct price_name){.is_regional = false};
    char lower[4 * USAGE_MODEL_MAX]; /* with the path of an inference profile before it */
    if (model.n > sizeof(lower))
        return;
    for (size_t i = 0; i < model.n; i++)
        lower[i] = (char)(model.p[i] >= 'A' && model.p[i] <= 'Z' ? model.p[i] + ('a' - 'A') : model.p[i]);
    struct str name = without_prefixes((struct str){lower, model.n}, &ret->is_regional);
    if (name.n > USAGE_MODEL_MAX)
        return;
    memcpy(ret->bare_text, name.p, name.n);
    ret->bare = ret->plain = (struct str){ret->bare_text, name.n};
    struct str plain = without_suffixes(ret->bare);
    if (has_digit(plain))
        ret->plain = plain;
    if (str_starts_with(ret->plain, STR("claude-")))
        ret->plain = as_claude_spells_it(ret->plain, ret->plain_text);
}

bool price_name_goes_on(struct str name, struct str beginning)
{
    if (!str_starts_with(name, beginning) || !beginning.n)
        return false;
    struct str rest = from(name, beginning.n);
    if (!rest.n)
        return true;
    bool was_number = is_digit(beginning.p[beginning.n - 1]);
    bool is_number = rest.n > 1 && (rest.p[0] == '-' || rest.p[0] == '.') && is_digit(rest.p[1]);
    return !is_word(rest.p[0]) && !(was_number && is_number);
}
