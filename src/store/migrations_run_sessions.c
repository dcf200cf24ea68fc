/* Schema step 15: the session that a run's agent named, by which its transcript is found (spec 00, fact 5).
 */
#include "store/migrations_internal.h"

const char migration_run_sessions[] =
    "ALTER TABLE runs ADD COLUMN session_id TEXT;\n"
    "CREATE INDEX runs_with_session ON runs (id) WHERE session_id IS NOT NULL AND ended_at IS NOT NULL;\n";
