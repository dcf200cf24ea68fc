/* Schema step 11: what happened in each session, by what was used and by quarters of an hour (spec 60 U7).  A
 * row outlives the file (T5). */
#include "store/migrations_internal.h"

const char migration_events[] =
    "CREATE TABLE session_summaries (\n"
    "  session_file TEXT PRIMARY KEY, session_id TEXT, agent TEXT NOT NULL, project TEXT,\n"
    "  prompts INTEGER NOT NULL, answers INTEGER NOT NULL, tools INTEGER NOT NULL, mcp_calls INTEGER NOT "
    "NULL,\n"
    "  subagents INTEGER NOT NULL, skills INTEGER NOT NULL, commands INTEGER NOT NULL, errors INTEGER NOT "
    "NULL,\n"
    "  dropped INTEGER NOT NULL, first_at INTEGER, last_at INTEGER, active_us INTEGER NOT NULL,\n"
    "  wall_us INTEGER NOT NULL, summarised_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX session_summaries_copies ON session_summaries (session_id, first_at);\n"
    "CREATE TABLE session_events (\n"
    "  session_file TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, uses INTEGER NOT NULL,\n"
    "  errors INTEGER NOT NULL, PRIMARY KEY (session_file, kind, name)) STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE session_slots (\n"
    "  session_file TEXT NOT NULL, start_at INTEGER NOT NULL, prompts INTEGER NOT NULL, answers INTEGER NOT "
    "NULL,\n"
    "  uses INTEGER NOT NULL, errors INTEGER NOT NULL, active_us INTEGER NOT NULL,\n"
    "  PRIMARY KEY (session_file, start_at)) STRICT, WITHOUT ROWID;\n";
