/* usage.h -- tokens and cost, where unknown is not zero (spec 20 Q14, 30 M11, 60 U1).
 *
 * Kinds do not overlap, so that a sum of parts is a total, but for two that are parts of others: reasoning
 * tokens are inside the output tokens, and the 5-minute and 1-hour cache writes are inside the cache creation
 * tokens.  Input tokens are those neither read from nor written to a cache.  Sums saturate.  Pure.  Any
 * thread, one at a time. */
#pragma once
#include "base/str.h"

enum usage_kind {
    USAGE_INPUT,
    USAGE_OUTPUT,
    USAGE_CACHE_READ,
    USAGE_CACHE_CREATION, /* written to a cache, of whatever lifetime */
    USAGE_CACHE_CREATION_5M,
    USAGE_CACHE_CREATION_1H,
    USAGE_REASONING,
};
#define USAGE_KIND_COUNT 7
/* "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", … as in spec 30. */
extern const char *const usage_kind_names[USAGE_KIND_COUNT];

#define USAGE_MODEL_MAX 64
#define USAGE_TOKENS_MAX                                                                                     \
    INT64_C(1000000000000000) /* a count beyond this is not believed; usage_set refuses it */

struct usage {
    int64_t tokens[USAGE_KIND_COUNT]; /* 0 where not known */
    bool known[USAGE_KIND_COUNT];
    bool cost_known;
    int64_t cost_micro_usd;      /* 0 where not known */
    char model[USAGE_MODEL_MAX]; /* "" when not known; cut if longer */
};

void usage_set_model(struct usage *u, struct str model);
/* False, and nothing is changed, unless 0 <= tokens <= USAGE_TOKENS_MAX. */
bool usage_set(struct usage *u, enum usage_kind kind, int64_t tokens);
bool usage_is_unknown(const struct usage *u); /* no kind and no cost is known */
/* Tokens only: what is known of either is known of the result.  The cost and the model of `into` stay. */
void usage_add(struct usage *into, const struct usage *more);
void usage_max(struct usage *into, const struct usage *other); /* per kind; commutative and idempotent */

/* The sum over messages, each counted once however often it is printed: of repeats with one id the larger
 * count of each kind stands.  Ids are remembered for the last USAGE_LEDGER_IDS messages; an older one is
 * final, and a repeat of it counts as new.  Each message is priced by its own model (price.h); the cost of
 * the sum is known once every message that used tokens has a price. */
#define USAGE_LEDGER_IDS 4096
struct usage_ledger;
struct price_list;
struct usage_ledger *usage_ledger_new(const struct price_list *own); /* prices; not owned, NULL: none */
struct usage_ledger *usage_ledger_free(struct usage_ledger *l);      /* NULL ok; returns NULL */
DEFINE_CLEANUP(struct usage_ledger *, usage_ledger_free)
/* An empty id: a message that is never repeated.  `at_us` (epoch) picks the price. */
void usage_ledger_add(struct usage_ledger *l, struct str message_id, const struct usage *u, int64_t at_us);
/* Tokens, and the cost where it is known; no model. */
void usage_ledger_total(const struct usage_ledger *l, struct usage *ret);
