/* Schema step 13: what a processor knew of a session when it had read it, to read on from there (spec 60 T2).
 * A row that is lost costs a reading from the start, nothing else. */
#include "store/migrations_internal.h"

const char migration_checkpoints[] =
    "CREATE TABLE processor_checkpoints (\n"
    "  processor TEXT NOT NULL, session_file TEXT NOT NULL, checkpoint TEXT NOT NULL, at INTEGER NOT NULL,\n"
    "  PRIMARY KEY (processor, session_file)) STRICT;\n"
    "CREATE INDEX processor_checkpoints_age ON processor_checkpoints (at);\n";
