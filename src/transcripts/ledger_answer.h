/* ledger_answer.h -- an answer of a ledger by its name (spec 60 U2): its key among those of an agent, and
 * what all tellings of one message have in common.  One thread. */
#pragma once
#include "transcripts/ledger.h"

uint64_t ledger_answer_key(enum usage_source source, struct str message_id, struct str request_id);
uint64_t ledger_answer_hash(struct str message_id);
const struct ledger_entry *ledger_entry_of(const struct ledger *l, uint64_t key); /* NULL: none */
