/* price.h -- what a model's tokens cost, at a date (spec 60 U1, U4).
 *
 * A table of published prices: a model, the instant a price took effect, USD per million tokens by kind, and
 * what the vendor's tiers make of it.  An operator's own prices (price_list.h) go before it.  A model that is
 * in neither has no price, which is not the price zero.  price_name.h says which names mean the same model.
 * Pure.  Any thread. */
#pragma once
#include "core/usage_event.h"

/* Micro-USD per million tokens, which is also 10^-12 USD per token: 3 USD per million is 3000000.  -1: the
 * vendor does not sell it by that name; where tokens of it turn up all the same, they are billed as what is
 * sold next to it: an hour's cache write as one of five minutes, cache kinds as input. */
struct price_rates {
    int64_t input, output, cache_read, cache_write_5m, cache_write_1h;
};

struct price {
    char model[48];  /* of a longer one its beginning.  No pointer: every start would relocate the table */
    int64_t from_us; /* epoch; 0: since ever */
    struct price_rates rates;
    int64_t long_above_tokens; /* a request with more input-side tokens is billed at `long_rates` as a whole;
                                  0: none, else PRICE_LONG_200K or PRICE_LONG_272K */
    struct price_rates long_rates;
    bool is_prefix; /* a word may follow the name: price_name_goes_on */
    /* In percent of the rates; 0: the usual one. */
    int fast_percent;     /* of an answer of the fast or priority tier; usually 100 */
    int batch_percent;    /* of one of the batch or flex tier; usually 50 */
    int us_only_percent;  /* of one that had to be given in the United States; usually 110 */
    int regional_percent; /* by a regional endpoint of Amazon Bedrock; usually 100 */
};
/* A request is remembered as above these (enum usage_flag), so there are no others. */
#define PRICE_LONG_200K 200000
#define PRICE_LONG_272K 272000

struct price_list; /* an operator's own prices; NULL wherever one is asked for: none */

/* False when the model has no price. */
bool price_of(const struct price_list *own, struct str model, int64_t at_us, struct price *ret);
bool price_published(struct str model, int64_t at_us, struct price *ret); /* whatever an operator says */

/* Whether a usage is that of one request, to which long-context prices apply, or a sum over several, which is
 * billed at the normal rate because its parts are not known. */
enum price_scope { PRICE_REQUEST, PRICE_SUM };

/* False when the model has no price or the cost does not fit; tokens that are not known count as none.  Cache
 * writes of unknown lifetime are billed as 5-minute ones.  Pico-USD are exact; micro-USD are rounded half up.
 */
bool price_cost_pico_usd(const struct price_list *own, struct str model, const struct usage *u,
                         enum price_scope scope, int64_t at_us, int64_t *ret);
bool price_cost_micro_usd(const struct price_list *own, struct str model, const struct usage *u,
                          enum price_scope scope, int64_t at_us, int64_t *ret);

/* The same for sums of one kind of answers: `flags` (enum usage_flag) tell the tier, and whether each was a
 * long-context request.  A web search costs a cent. */
bool price_counts_pico_usd(const struct price *price, const int64_t counts[USAGE_COUNTS], unsigned flags,
                           int64_t *ret);

void price_scale(struct price *price, int percent); /* all its rates, to the nearest micro-USD */

size_t price_count(void); /* rows of the table, sorted by model and date */
const struct price *price_at(size_t i);
