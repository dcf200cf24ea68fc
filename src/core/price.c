#include "core/price.h"

#include "core/price_list.h"
#include "core/price_name.h"

__extension__ typedef __int128 wide;

/* -- which row -- */

static size_t first_row_not_before(struct str name)
{
    size_t low = 0, high = price_count();
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(str_of(price_at(middle)->model), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The one in force of the rows of a name, which begin at `first`. */
static const struct price *row_at(size_t first, int64_t at_us)
{
    const struct price *row = price_at(first);
    for (size_t i = first + 1; i < price_count() && strcmp(price_at(i)->model, row->model) == 0; i++)
        if (price_at(i)->from_us <= at_us)
            row = price_at(i);
    return row;
}

static const struct price *exact_row(struct str name, int64_t at_us)
{
    size_t first = first_row_not_before(name);
    bool found = first < price_count() && str_equal(str_of(price_at(first)->model), name);
    return found ? row_at(first, at_us) : NULL;
}

/* Of the names that `name` goes on from, the longest. */
static const struct price *longest_row(struct str name, int64_t at_us)
{
    size_t longest = 0, first = 0;
    for (size_t i = 0; i < price_count(); i++) {
        const struct price *row = price_at(i);
        size_t n = strlen(row->model);
        if (row->is_prefix && n > longest && price_name_goes_on(name, str_of(row->model))) {
            longest = n;
            first = i;
        }
    }
    return longest ? row_at(first, at_us) : NULL;
}

bool price_published(struct str model, int64_t at_us, struct price *ret)
{
    struct price_name name;
    price_name_read(model, &name);
    const struct price *row = exact_row(name.bare, at_us);
    if (!row)
        row = exact_row(name.plain, at_us);
    if (!row)
        row = longest_row(name.plain, at_us);
    if (!row)
        return false;
    *ret = *row;
    if (name.is_regional && row->regional_percent)
        price_scale(ret, row->regional_percent);
    return true;
}

bool price_of(const struct price_list *own, struct str model, int64_t at_us, struct price *ret)
{
    return price_list_find(own, model, at_us, ret) || price_published(model, at_us, ret);
}

/* -- rates -- */

static int64_t scaled(int64_t rate, int percent)
{
    return rate < 0 ? rate : (rate * percent + 50) / 100;
}

static void scale_rates(struct price_rates *r, int percent)
{
    r->input = scaled(r->input, percent);
    r->output = scaled(r->output, percent);
    r->cache_read = scaled(r->cache_read, percent);
    r->cache_write_5m = scaled(r->cache_write_5m, percent);
    r->cache_write_1h = scaled(r->cache_write_1h, percent);
}

void price_scale(struct price *price, int percent)
{
    scale_rates(&price->rates, percent);
    scale_rates(&price->long_rates, percent);
}

/* What is not sold is billed as what is. */
static struct price_rates billed(const struct price_rates *sold)
{
    struct price_rates r = *sold;
    if (r.cache_read < 0)
        r.cache_read = r.input;
    if (r.cache_write_5m < 0)
        r.cache_write_5m = r.input;
    if (r.cache_write_1h < 0)
        r.cache_write_1h = r.cache_write_5m;
    return r;
}

static wide bill(const struct price_rates *sold, const int64_t counts[USAGE_COUNTS])
{
    struct price_rates r = billed(sold);
    return (wide)counts[COUNT_INPUT] * r.input + (wide)counts[COUNT_OUTPUT] * r.output +
           (wide)counts[COUNT_CACHE_READ] * r.cache_read +
           (wide)counts[COUNT_CACHE_WRITE_5M] * r.cache_write_5m +
           (wide)counts[COUNT_CACHE_WRITE_1H] * r.cache_write_1h;
}

static bool fits(wide cost, int64_t *ret)
{
    if (cost < 0 || cost > INT64_MAX)
        return false;
    *ret = (int64_t)cost;
    return true;
}

/* -- one usage -- */

/* Cache writes of a lifetime that was not told; the parts may be told without the whole. */
static int64_t writes_of_unknown_lifetime(const struct usage *u)
{
    int64_t told = u->tokens[USAGE_CACHE_CREATION_5M] + u->tokens[USAGE_CACHE_CREATION_1H];
    return MAX(u->tokens[USAGE_CACHE_CREATION] - told, 0);
}

bool price_cost_pico_usd(const struct price_list *own, struct str model, const struct usage *u,
                         enum price_scope scope, int64_t at_us, int64_t *ret)
{
    struct price price;
    if (!price_of(own, model, at_us, &price))
        return false;
    for (int k = 0; k < USAGE_KIND_COUNT; k++)
        if (u->tokens[k] < 0 || u->tokens[k] > INT64_MAX / 8)
            return false;
    const int64_t counts[USAGE_COUNTS] = {[COUNT_INPUT] = u->tokens[USAGE_INPUT],
                                          [COUNT_OUTPUT] = u->tokens[USAGE_OUTPUT],
                                          [COUNT_CACHE_READ] = u->tokens[USAGE_CACHE_READ],
                                          [COUNT_CACHE_WRITE_5M] = u->tokens[USAGE_CACHE_CREATION_5M] +
                                                                   writes_of_unknown_lifetime(u),
                                          [COUNT_CACHE_WRITE_1H] = u->tokens[USAGE_CACHE_CREATION_1H]};
    bool is_long = scope == PRICE_REQUEST && price.long_above_tokens &&
                   usage_event_input_side(counts) > price.long_above_tokens;
    return fits(bill(is_long ? &price.long_rates : &price.rates, counts), ret);
}

bool price_cost_micro_usd(const struct price_list *own, struct str model, const struct usage *u,
                          enum price_scope scope, int64_t at_us, int64_t *ret)
{
    int64_t pico;
    if (!price_cost_pico_usd(own, model, u, scope, at_us, &pico))
        return false;
    *ret = pico / 1000000 + (pico % 1000000 >= 500000);
    return true;
}

/* -- sums by tier -- */

#define WEB_SEARCH_PICO_USD INT64_C(10000000000)

static wide by_percent(wide cost, int percent, int usual)
{
    return cost * (percent ? percent : usual) / 100;
}

static wide by_tier(const struct price *price, unsigned flags, wide cost)
{
    if (flags & USAGE_FAST)
        cost = by_percent(cost, price->fast_percent, 100);
    if (flags & USAGE_BATCH)
        cost = by_percent(cost, price->batch_percent, 50);
    if (flags & USAGE_US_ONLY)
        cost = by_percent(cost, price->us_only_percent, 110);
    return cost;
}

static bool is_long(const struct price *price, unsigned flags)
{
    unsigned over = price->long_above_tokens <= PRICE_LONG_200K ? USAGE_OVER_200K : USAGE_OVER_272K;
    return price->long_above_tokens && flags & over;
}

bool price_counts_pico_usd(const struct price *price, const int64_t counts[USAGE_COUNTS], unsigned flags,
                           int64_t *ret)
{
    wide cost = bill(is_long(price, flags) ? &price->long_rates : &price->rates, counts);
    return fits(by_tier(price, flags, cost) + (wide)counts[COUNT_WEB_SEARCHES] * WEB_SEARCH_PICO_USD, ret);
}
