/* Schema step 17: which session has a turn, so that a copy of it in a resumed or forked session counts
 * nothing (spec 60 U7).  A row outlives the file (T5). */
#include "store/migrations_internal.h"

const char migration_turns[] =
    "CREATE TABLE session_turns (turn_key INTEGER PRIMARY KEY, session_key INTEGER NOT NULL) STRICT;\n";
