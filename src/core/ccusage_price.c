#include "core/ccusage_price.h"

static const struct ccusage_price *exact(struct str model)
{
    size_t low = 0, high = ccusage_price_count();
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct ccusage_price *p = ccusage_price_at(middle);
        int order = str_compare(model, str_of(p->name));
        if (order == 0)
            return p;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static char plain(char c)
{
    return c == '.' || c == '@' ? '-' : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Behind a version, "-5" is another one; "-20251101" is a date. */
static bool is_other_version(struct str behind)
{
    if (behind.n < 2 || plain(behind.p[0]) != '-' || !is_digit(behind.p[1]))
        return false;
    size_t digits = 1;
    while (digits + 1 < behind.n && is_digit(behind.p[digits + 1]))
        digits++;
    return digits < 8;
}

static bool stands_at(struct str model, size_t at, struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (plain(model.p[at + i]) != plain(name.p[i]))
            return false;
    struct str behind = {model.p + at + name.n, model.n - at - name.n};
    if ((at > 0 && is_word(model.p[at - 1])) || (behind.n && is_word(behind.p[0])))
        return false;
    return !(is_digit(name.p[name.n - 1]) && is_other_version(behind));
}

static bool stands_in(struct str model, struct str name)
{
    for (size_t at = 0; at + name.n <= model.n; at++)
        if (stands_at(model, at, name))
            return true;
    return false;
}

const struct ccusage_price *ccusage_price_of(struct str model)
{
    if (str_empty(model))
        return NULL;
    const struct ccusage_price *found = exact(model);
    size_t longest = 0;
    for (size_t i = 0; !found && i < ccusage_price_count(); i++) {
        const struct ccusage_price *p = ccusage_price_at(i);
        size_t n = strlen(p->name);
        if (p->is_part && n > longest && n <= model.n && strchr(p->name, '-') &&
            stands_in(model, str_of(p->name))) {
            longest = n;
        }
    }
    for (size_t i = 0; longest && i < ccusage_price_count(); i++) {
        const struct ccusage_price *p = ccusage_price_at(i);
        if (p->is_part && strlen(p->name) == longest && stands_in(model, str_of(p->name)))
            return p;
    }
    return found;
}

static double kind_cost(const struct ccusage_price *p, enum ccusage_kind kind, int64_t tokens, bool whole)
{
    double rate = (double)p->rates[kind], above = (double)p->above[kind], n = (double)tokens;
    if (whole)
        return n * above;
    if (p->mode == CCUSAGE_MARGINAL && tokens > p->threshold)
        return (double)p->threshold * rate + (double)(tokens - p->threshold) * above;
    return n * rate;
}

double ccusage_cost_usd(const struct ccusage_price *p, const struct ccusage_tokens *t, bool fast, bool codex)
{
    if (!p)
        return 0;
    int64_t side = t->input + t->cache_write + t->cache_write_1h + t->cache_read;
    bool whole = p->mode == CCUSAGE_WHOLE && side > p->threshold;
    enum ccusage_kind read = codex && !p->read_is_told ? CCUSAGE_INPUT : CCUSAGE_CACHE_READ;
    double cost =
        kind_cost(p, CCUSAGE_INPUT, t->input, whole) + kind_cost(p, CCUSAGE_OUTPUT, t->output, whole) +
        kind_cost(p, CCUSAGE_CACHE_WRITE, t->cache_write, whole) + kind_cost(p, read, t->cache_read, whole) +
        2 * kind_cost(p, CCUSAGE_INPUT, t->cache_write_1h, whole);
    return cost * 1e-12 * (fast ? p->fast_percent / 100.0 : 1);
}
