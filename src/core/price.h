/* price.h -- what a model's tokens cost, at a date (spec 60 U1, U4).
 *
 * A table of published prices: a model family, the instant a price took effect, USD per million tokens by
 * kind.  A model that is not in it has no price, which is not the price zero.  Names are matched exactly
 * after the provider's prefix
 * ("anthropic/", "us.anthropic."), a "[1m]" suffix and a trailing date or version ("-20250929", "@20250929",
 * "-v1:0") are taken off.  Pure.  Any thread. */
#pragma once
#include "core/usage_event.h"

/* Micro-USD per million tokens, which is also 10^-12 USD per token: 3 USD per million is 3000000.  -1: the
 * vendor does not sell it by that name; it is billed as `input` (cache kinds) where tokens of it turn up all
 * the same. */
struct price_rates {
    int64_t input, output, cache_read, cache_write_5m, cache_write_1h;
};

struct price {
    const char *model;
    int64_t from_us; /* epoch; 0: since ever */
    struct price_rates rates;
    int64_t long_above_tokens; /* a request with more input-side tokens is billed at `long_rates` as a whole;
                                  0: none */
    struct price_rates long_rates;
};

/* False when the model has no price. */
bool price_of(struct str model, int64_t at_us, struct price *ret);

/* Whether a usage is that of one request, to which long-context prices apply, or a sum over several, which is
 * billed at the normal rate because its parts are not known. */
enum price_scope { PRICE_REQUEST, PRICE_SUM };

/* False when the model has no price or the cost does not fit; tokens that are not known count as none.  Cache
 * writes of unknown lifetime are billed as 5-minute ones.  Pico-USD are exact; micro-USD are rounded half up.
 */
bool price_cost_pico_usd(struct str model, const struct usage *u, enum price_scope scope, int64_t at_us,
                         int64_t *ret);
bool price_cost_micro_usd(struct str model, const struct usage *u, enum price_scope scope, int64_t at_us,
                          int64_t *ret);

/* The same for sums of one kind of answers: `flags` (enum usage_flag) tell the tier, and whether each was a
 * long-context request.  A fast answer is billed at the model's multiple, a batch at half, one that had to
 * stay in the United States at 1.1, and a web search at a cent. */
bool price_counts_pico_usd(const struct price *price, const int64_t counts[USAGE_COUNTS], unsigned flags,
                           int64_t *ret);

size_t price_count(void); /* rows of the table, for listing */
const struct price *price_at(size_t i);
