/* usage_prices_of.h -- the prices of a model of a ledger on a day: ccusage's, the published ones of that day
 * and of today, and the one that counts (spec 60 U4, U5).  Looked up once per model and day.  One thread. */
#pragma once
#include "core/usage_account.h"
#include "transcripts/usage_report.h"

struct usage_prices_of;
struct usage_prices_of *usage_prices_of_new(const struct ledger *l, const struct usage_question *q);
struct usage_prices_of *usage_prices_of_free(struct usage_prices_of *p); /* NULL ok; returns NULL */
/* Fills in the prices of `ret`, which are good until the next call. */
void usage_prices_of(struct usage_prices_of *p, uint32_t model, int64_t at_us, struct usage_counted *ret);
