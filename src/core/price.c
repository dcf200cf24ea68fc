#include "core/price.h"

__extension__ typedef unsigned __int128 wide;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
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
static const struct str suffixes[] = {{"[1m]", 4},      {"-v0:0", 5},    {"-v0", 3},     {"-00000000", 9},
                                      {"@00000000", 9}, {"@default", 8}, {"-latest", 7}, {"-0000-00-00", 11}};

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

/* What may stand before it: "anthropic/", "us.anthropic.", "models/". */
static struct str without_prefixes(struct str name)
{
    const char *slash = name.n ? memrchr(name.p, '/', name.n) : NULL;
    if (slash)
        name = (struct str){slash + 1, name.n - (size_t)(slash + 1 - name.p)};
    ptrdiff_t vendor = str_find(name, STR("anthropic."));
    if (vendor < 0)
        return name;
    size_t skipped = (size_t)vendor + sizeof("anthropic.") - 1;
    return (struct str){name.p + skipped, name.n - skipped};
}

/* "claude-opus-4.5" is a spelling of "claude-opus-4-5", and a final "-0" names the first of its line. */
static struct str plain_name(struct str model, char text[USAGE_MODEL_MAX])
{
    struct str name = without_suffixes(without_prefixes(model));
    if (name.n >= USAGE_MODEL_MAX || !str_starts_with(name, STR("claude-")))
        return name;
    for (size_t i = 0; i < name.n; i++)
        text[i] = name.p[i] == '.' ? '-' : name.p[i];
    name.p = text;
    if (str_ends_with(name, STR("-0")))
        name.n -= 2;
    return name;
}

bool price_of(struct str model, int64_t at_us, struct price *ret)
{
    char text[USAGE_MODEL_MAX];
    struct str name = plain_name(model, text);
    const struct price *found = NULL;
    for (size_t i = 0; i < price_count(); i++) {
        const struct price *row = price_at(i);
        if (str_equal(str_of(row->model), name) && (!found || row->from_us <= at_us))
            found = row;
    }
    if (found)
        *ret = *found;
    return found != NULL;
}

/* Cache writes of a lifetime that was not told; the parts may be told without the whole. */
static int64_t writes_of_unknown_lifetime(const struct usage *u)
{
    int64_t told = u->tokens[USAGE_CACHE_CREATION_5M] + u->tokens[USAGE_CACHE_CREATION_1H];
    return MAX(u->tokens[USAGE_CACHE_CREATION] - told, 0);
}

bool price_cost_pico_usd(struct str model, const struct usage *u, enum price_scope scope, int64_t at_us,
                         int64_t *ret)
{
    struct price price;
    if (!price_of(model, at_us, &price))
        return false;
    for (int k = 0; k < USAGE_KIND_COUNT; k++)
        if (u->tokens[k] < 0 || u->tokens[k] > INT64_MAX / 8)
            return false;
    int64_t short_writes = u->tokens[USAGE_CACHE_CREATION_5M] + writes_of_unknown_lifetime(u);
    int64_t long_writes = u->tokens[USAGE_CACHE_CREATION_1H];
    int64_t input_side = u->tokens[USAGE_INPUT] + u->tokens[USAGE_CACHE_READ] + short_writes + long_writes;
    bool is_long = scope == PRICE_REQUEST && price.long_above_tokens && input_side > price.long_above_tokens;
    const struct price_rates *r = is_long ? &price.long_rates : &price.rates;
    const struct {
        int64_t tokens, rate;
    } parts[] = {{u->tokens[USAGE_INPUT], r->input},
                 {u->tokens[USAGE_OUTPUT], r->output},
                 {u->tokens[USAGE_CACHE_READ], r->cache_read < 0 ? r->input : r->cache_read},
                 {short_writes, r->cache_write_5m < 0 ? r->input : r->cache_write_5m},
                 {long_writes, r->cache_write_1h < 0 ? r->input : r->cache_write_1h}};
    wide cost = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        cost += (wide)parts[i].tokens * (wide)parts[i].rate;
    if (cost > INT64_MAX)
        return false;
    *ret = (int64_t)cost;
    return true;
}

bool price_cost_micro_usd(struct str model, const struct usage *u, enum price_scope scope, int64_t at_us,
                          int64_t *ret)
{
    int64_t pico;
    if (!price_cost_pico_usd(model, u, scope, at_us, &pico))
        return false;
    *ret = pico / 1000000 + (pico % 1000000 >= 500000);
    return true;
}

/* -- tiers, in percent -- */

__extension__ typedef __int128 signed_wide;

static const struct {
    struct str prefix; /* of the plain name */
    int percent;
} fast_tiers[] = {
    {{"claude-opus-4-6", 15}, 600}, {{"claude-opus-4-7", 15}, 600}, {{"claude-opus-4-8", 15}, 200},
    {{"claude-opus-5", 13}, 200},   {{"gpt-5.5", 7}, 250},          {{"gpt-5.3-codex", 13}, 200},
    {{"gpt-5.4", 7}, 200},          {{"gpt-5.6", 7}, 200},          {{"gpt-6-astra", 11}, 200},
};

#define WEB_SEARCH_PICO_USD INT64_C(10000000000)

static int percent_of(const struct price *price, unsigned flags)
{
    int percent = 100;
    for (size_t i = 0; flags & USAGE_FAST && i < COUNT_OF(fast_tiers); i++)
        if (str_starts_with(str_of(price->model), fast_tiers[i].prefix))
            percent = fast_tiers[i].percent;
    if (flags & USAGE_BATCH)
        percent /= 2;
    return flags & USAGE_US_ONLY ? percent * 11 / 10 : percent;
}

static bool is_long(const struct price *price, unsigned flags)
{
    unsigned over = price->long_above_tokens <= 200000 ? USAGE_OVER_200K : USAGE_OVER_272K;
    return price->long_above_tokens && flags & over;
}

bool price_counts_pico_usd(const struct price *price, const int64_t counts[USAGE_COUNTS], unsigned flags,
                           int64_t *ret)
{
    const struct price_rates *r = is_long(price, flags) ? &price->long_rates : &price->rates;
    signed_wide cost =
        (signed_wide)counts[COUNT_INPUT] * r->input + (signed_wide)counts[COUNT_OUTPUT] * r->output +
        (signed_wide)counts[COUNT_CACHE_READ] * (r->cache_read < 0 ? r->input : r->cache_read) +
        (signed_wide)counts[COUNT_CACHE_WRITE_5M] * (r->cache_write_5m < 0 ? r->input : r->cache_write_5m) +
        (signed_wide)counts[COUNT_CACHE_WRITE_1H] * (r->cache_write_1h < 0 ? r->input : r->cache_write_1h);
    cost =
        cost * percent_of(price, flags) / 100 + (signed_wide)counts[COUNT_WEB_SEARCHES] * WEB_SEARCH_PICO_USD;
    if (cost < 0 || cost > INT64_MAX)
        return false;
    *ret = (int64_t)cost;
    return true;
}
