/* cost_ledger.h -- what agents printed of their tokens and cost, beside what their transcripts say (spec 00,
 * fact 5).
 *
 * Transcripts are the ground truth; the difference is shown.  A run is compared by the session that its agent
 * named and the time of its own.  Sums over the last runs are made after each look at the transcripts.  What
 * agents export by OpenTelemetry has its place in the answers, and nobody receives it yet: null.  Loop
 * thread. */
#pragma once
#include "io/http_server.h"
#include "node/metrics_inputs.h"
#include "node/usage.h"
#include "store/store.h"

#define COST_LEDGER_RUNS 1000 /* that ended last */

struct cost_ledger;
struct cost_ledger *cost_ledger_new(struct store *store, struct usage_service *usage);
void cost_ledger_stop(struct cost_ledger *c);                /* before the usage service is freed */
struct cost_ledger *cost_ledger_free(struct cost_ledger *c); /* after the store; NULL ok; returns NULL */
/* Makes the sums anew, unless that is under way. */
void cost_ledger_refresh(struct cost_ledger *c, const struct price_list *prices); /* prices: live on */
/* For metrics_inputs.h, of a struct cost_ledger: false before the first sums. */
bool cost_ledger_sums(void *cost_ledger, struct metrics_cost_sums *ret);
/* Answers with one run, side by side. */
void cost_ledger_answer(struct cost_ledger *c, struct http_request *r, int64_t run_id,
                        const struct price_list *prices);
