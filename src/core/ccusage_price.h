/* ccusage_price.h -- what ccusage 20.0.24 takes for a token (spec 60 U5, --compat=ccusage).
 *
 * Only for comparing with that tool: price.h has the prices that are right, with their dates.  Above a
 * threshold the tool takes another rate, for what each kind has more of it alone (LiteLLM's way), or for the
 * whole request (models.dev's way).  A write that lives an hour always costs twice the input.  A name that is
 * not in the table has the price of the longest name that stands in it, or in which it stands, between
 * characters that are neither letter nor digit, and without a digit of another version behind it; else none,
 * and costs nothing.  Pure.
 * Any thread. */
#pragma once
#include "base/str.h"

enum ccusage_kind { CCUSAGE_INPUT, CCUSAGE_OUTPUT, CCUSAGE_CACHE_WRITE, CCUSAGE_CACHE_READ };
#define CCUSAGE_KINDS 4
enum ccusage_mode { CCUSAGE_FLAT, CCUSAGE_MARGINAL, CCUSAGE_WHOLE };

struct ccusage_price {
    char name[56];                /* no pointer: every start would relocate the table */
    int64_t rates[CCUSAGE_KINDS]; /* 10^-12 USD per token */
    int mode;                     /* enum ccusage_mode */
    int64_t threshold;
    int64_t above[CCUSAGE_KINDS];
    int fast_percent;
    bool read_is_told; /* else Codex reports take the input's rate for cached tokens */
    bool is_part;      /* is compared with names that are not there */
};

struct ccusage_tokens {
    uint64_t input, output, cache_write, cache_write_1h,
        cache_read; /* cache_write: without those of an hour */
};

size_t ccusage_price_count(void);
const struct ccusage_price *ccusage_price_at(size_t i);
const struct ccusage_price *ccusage_price_of(struct str model); /* NULL: none */
double ccusage_cost_usd(const struct ccusage_price *p, const struct ccusage_tokens *t, bool fast, bool codex);
