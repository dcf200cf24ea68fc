/* Schema step 10: what processors that are programs of their own have said of each session (spec 60 T6). */
#include "store/migrations_internal.h"

const char migration_results[] =
    "CREATE TABLE processor_results (\n"
    "  processor TEXT NOT NULL, session_file TEXT NOT NULL, result TEXT NOT NULL, at INTEGER NOT NULL,\n"
    "  PRIMARY KEY (processor, session_file)) STRICT, WITHOUT ROWID;\n";
