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
    return digits != 8 || (behind.n > 9 && is_word(behind.p[9]));
}

static bool stands_at(struct str text, size_t at, struct str part)
{
    for (size_t i = 0; i < part.n; i++)
        if (plain(text.p[at + i]) != plain(part.p[i]))
            return false;
    struct str behind = {text.p + at + part.n, text.n - at - part.n};
    if ((at > 0 && is_word(text.p[at - 1])) || (behind.n && is_word(behind.p[0])))
        return false;
    return !(is_digit(part.p[part.n - 1]) && is_other_version(behind));
}

static bool stands_in(struct str text, struct str part)
{
    for (size_t at = 0; at + part.n <= text.n; at++)
        if (stands_at(text, at, part))
            return true;
    return false;
}

/* The longest name in which the model stands, or which stands in it; of two, the first. */
static const struct ccusage_price *alike(struct str model)
{
    const struct ccusage_price *found = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < ccusage_price_count(); i++) {
        const struct ccusage_price *p = ccusage_price_at(i);
        struct str name = str_of(p->name);
        if (!p->is_part || name.n <= longest || !(stands_in(model, name) || stands_in(name, model)))
            continue;
        longest = name.n;
        found = p;
    }
    return found;
}

const struct ccusage_price *ccusage_price_of(struct str model)
{
    if (str_empty(model))
        return NULL;
    const struct ccusage_price *found = exact(model);
    return found ? found : alike(model);
}

static double kind_cost(const struct ccusage_price *p, enum ccusage_kind kind, uint64_t tokens, bool whole)
{
    double rate = (double)p->rates[kind], above = (double)p->above[kind], n = (double)tokens;
    if (whole)
        return n * above;
    if (p->mode == CCUSAGE_MARGINAL && tokens > (uint64_t)p->threshold)
        return (double)p->threshold * rate + (double)(tokens - (uint64_t)p->threshold) * above;
    return n * rate;
}

double ccusage_cost_usd(const struct ccusage_price *p, const struct ccusage_tokens *t, bool fast, bool codex)
{
    if (!p)
        return 0;
    uint64_t side = t->input + t->cache_write + t->cache_write_1h + t->cache_read;
    bool whole = p->mode == CCUSAGE_WHOLE && side > (uint64_t)p->threshold;
    enum ccusage_kind read = codex && !p->read_is_told ? CCUSAGE_INPUT : CCUSAGE_CACHE_READ;
    double cost =
        kind_cost(p, CCUSAGE_INPUT, t->input, whole) + kind_cost(p, CCUSAGE_OUTPUT, t->output, whole) +
        kind_cost(p, CCUSAGE_CACHE_WRITE, t->cache_write, whole) + kind_cost(p, read, t->cache_read, whole) +
        2 * kind_cost(p, CCUSAGE_INPUT, t->cache_write_1h, whole);
    return cost * 1e-12 * (fast ? p->fast_percent / 100.0 : 1);
}
