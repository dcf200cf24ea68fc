/* Schema step 2: the roll call's rows (spec 40 W9).  Ages are those at saved_wall; see store/workers.h. */
#include "store/db_driver.h"

const char migration_workers[] =
    "CREATE TABLE workers (\n"
    "  name TEXT PRIMARY KEY, saved_wall INTEGER NOT NULL, saved_boot INTEGER NOT NULL, boot_id TEXT NOT "
    "NULL,\n"
    "  heard INTEGER NOT NULL CHECK (heard IN (0, 1)), last_ts INTEGER, ts_given INTEGER NOT NULL,\n"
    "  last_word INTEGER NOT NULL, sent_age INTEGER, heard_age INTEGER, stop_age INTEGER, period INTEGER,\n"
    "  seq INTEGER, instance TEXT, restarts INTEGER NOT NULL, start_ages TEXT NOT NULL, extra TEXT NOT "
    "NULL,\n"
    "  truncated INTEGER NOT NULL) STRICT, WITHOUT ROWID;\n";
