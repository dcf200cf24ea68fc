/* Schema step 16: what is asked again and again and walked a table that grows.  The newest facts that are no
 * corrections, with which a new one is compared: the index of step 7 was passed over for that of the texts,
 * and all facts were sorted (spec 60 V2).  And what happened in a span of time (spec 60 U7). */
#include "store/migrations_internal.h"

const char migration_plans[] =
    "DROP INDEX knowledge_items_facts;\n"
    "CREATE INDEX knowledge_items_newest ON knowledge_items (is_correction, id);\n"
    "CREATE INDEX session_slots_time ON session_slots (start_at);\n"
    "CREATE INDEX session_summaries_time ON session_summaries (last_at, first_at);\n"
    "CREATE INDEX session_summaries_timeless ON session_summaries (session_file) WHERE first_at IS NULL;\n";
