/* usage_account.h -- from what ccusage counts to what muster counts, cause by cause (spec 60 U5).
 *
 * Every answer that one of the two counts is booked once.  What only one of them counts goes whole to the
 * cause that the caller found; of what both count, the tokens go there, and the money is followed step by
 * step from that tool's bill to muster's, each step to its own cause.  So the causes add up to the
 * difference, whatever the answers are: tokens to the token, money as far as doubles go.  Pure.  Any thread.
 */
#pragma once
#include "core/ccusage_price.h"
#include "core/price.h"

enum usage_cause {
    CAUSE_SPACE, /* the first ones in the order of enum ccusage_drop */
    CAUSE_NULL,
    CAUSE_NOT_UTF8,
    CAUSE_BROKEN,
    CAUSE_FIELD,
    CAUSE_PROGRESS, /* a line that only its daily report knows */
    CAUSE_PACKED,
    CAUSE_LINKED,
    CAUSE_GONE,
    CAUSE_NO_REQUEST,
    CAUSE_NO_MESSAGE,
    CAUSE_SIDECHAIN,
    CAUSE_TELLING,
    CAUSE_CACHE_PARTS,
    CAUSE_FORK,
    CAUSE_EXEC,
    CAUSE_TOTAL,
    CAUSE_REFUSED,
    CAUSE_TOLD_COST,
    CAUSE_MODEL,
    CAUSE_UNKNOWN_THERE,
    CAUSE_UNKNOWN_HERE,
    CAUSE_LIST_PRICE,
    CAUSE_DATED_PRICE,
    CAUSE_OWN_PRICE,
    CAUSE_LONG_CONTEXT,
    CAUSE_FAST,
    CAUSE_BATCH,
    CAUSE_US_ONLY,
    CAUSE_WEB_SEARCH,
    CAUSE_OTHER
};
#define USAGE_CAUSES 31
extern const struct usage_cause_text {
    const char *name; /* in JSON */
    const char *text;
} usage_cause_texts[USAGE_CAUSES];

struct usage_booked {
    int64_t answers, tokens;
    double usd;
};
struct usage_account {
    struct usage_booked causes[USAGE_CAUSES];
};

struct usage_told { /* an answer by that tool's rules */
    int64_t tokens;
    double usd;           /* its bill */
    double priced;        /* its bill by its own prices: not the same where the line tells a cost */
    bool has_other_model; /* it takes another model for it */
    bool is_fast;         /* as it takes it */
};

struct usage_counted { /* an answer by muster's rules */
    const int64_t *counts;
    unsigned flags;
    bool is_codex;
    const struct ccusage_price *there;                     /* NULL: that tool has no price */
    const struct price *published_now, *published, *price; /* today's, the day's, and the one that counts */
};

int64_t usage_counted_pico_usd(const struct usage_counted *m); /* 0 without a price */
/* `told` or `counted` NULL: only the other one counts it.  `why`: of that, or of a difference in tokens. */
void usage_account_book(struct usage_account *a, const struct usage_told *told,
                        const struct usage_counted *counted, enum usage_cause why);
/* What is left of a difference goes to CAUSE_OTHER. */
void usage_account_settle(struct usage_account *a, int64_t tokens, double usd);
