#include "transcripts/usage_prices_of.h"

#include "core/civil.h"

#define PLACES 512 /* a power of two */

struct place {
    uint32_t model;
    int64_t day;
    bool is_filled, has_now, has_published, has_price;
    const struct ccusage_price *there;
    struct price now, published, price;
};

struct usage_prices_of {
    const struct ledger *ledger;
    const struct usage_question *question;
    struct place places[PLACES];
};

struct usage_prices_of *usage_prices_of_new(const struct ledger *l, const struct usage_question *q)
{
    struct usage_prices_of *p = xnew(struct usage_prices_of);
    p->ledger = l;
    p->question = q;
    return p;
}

struct usage_prices_of *usage_prices_of_free(struct usage_prices_of *p)
{
    free(p);
    return NULL;
}

static void fill(const struct usage_prices_of *p, struct place *at, int64_t at_us)
{
    struct str model = ledger_text(p->ledger, at->model);
    bool is_none = str_equal(model, STR("<synthetic>"));
    at->is_filled = true;
    at->there = is_none ? NULL : ccusage_price_of(model);
    at->has_now = price_published(model, p->question->now_us, &at->now);
    at->has_published = price_published(model, at_us, &at->published);
    at->has_price = price_of(p->question->prices, model, at_us, &at->price);
}

void usage_prices_of(struct usage_prices_of *p, uint32_t model, int64_t at_us, struct usage_counted *ret)
{
    int64_t day = civil_floor_div(at_us, CIVIL_DAY_S * 1000000);
    struct place *at = &p->places[((uint64_t)model * 2654435761U + (uint64_t)day) & (PLACES - 1)];
    if (!at->is_filled || at->model != model || at->day != day) {
        *at = (struct place){.model = model, .day = day};
        fill(p, at, at_us);
    }
    ret->there = at->there;
    ret->published_now = at->has_now ? &at->now : NULL;
    ret->published = at->has_published ? &at->published : NULL;
    ret->price = at->has_price ? &at->price : NULL;
}
