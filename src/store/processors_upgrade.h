/* processors_upgrade.h -- the table session_extraction_state of an older program, taken over (spec 60 T10).
 *
 * Its rows become those of the processor `verification` and the table goes, in the transaction that the
 * caller has begun; without the table nothing happens.  A row that is here already stays.  How its files
 * looked is not known, so they are read once more, and what is known of them stands until then.  A column
 * that is missing there counts as unknown.  Opening thread. */
#pragma once
#include "store/db.h"

#define PROCESSORS_OLD_TABLE "session_extraction_state"
MUST_CHECK int processors_upgrade(struct db *db, int64_t now_us, struct err *e);
