/* Schema step 4: what the processors of transcripts have made of them (spec 60 T7, T9, V1).  Ids are file
 * names; a row outlives the file (T5). */
#include "store/migrations_internal.h"

const char migration_sessions[] =
    "CREATE TABLE processor_state (\n"
    "  processor TEXT NOT NULL, session_file TEXT NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL,\n"
    "  device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,\n"
    "  read_bytes INTEGER, tail_hash INTEGER, processed_at INTEGER, items_extracted INTEGER NOT NULL,\n"
    "  attempts INTEGER NOT NULL, last_error TEXT, next_retry_at INTEGER,\n"
    "  PRIMARY KEY (processor, session_file)) STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX processor_state_status ON processor_state (processor, status, session_file);\n"
    /* The last run of each, and who runs it now. */
    "CREATE TABLE processor_runs (\n"
    "  processor TEXT PRIMARY KEY, holder TEXT, lease_expires_at INTEGER, started_at INTEGER, ended_at "
    "INTEGER,\n"
    "  processed INTEGER, errors INTEGER, capped INTEGER) STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE verification_sessions (\n"
    "  session_file TEXT PRIMARY KEY, session_id TEXT, agent TEXT NOT NULL, verdict TEXT NOT NULL,\n"
    "  claims_success INTEGER NOT NULL, edited_since INTEGER NOT NULL, edits INTEGER NOT NULL,\n"
    "  checks INTEGER NOT NULL, checks_failed INTEGER NOT NULL, turns INTEGER NOT NULL,\n"
    "  first_at INTEGER, last_at INTEGER, verified_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX verification_sessions_verdict ON verification_sessions (verdict, session_file);\n"
    "CREATE INDEX verification_sessions_id ON verification_sessions (session_id);\n"
    "CREATE TABLE verification_evidence (\n"
    "  session_file TEXT NOT NULL, use_line INTEGER NOT NULL, use_block INTEGER NOT NULL, number INTEGER NOT "
    "NULL,\n"
    "  session_id TEXT, result_line INTEGER, result_block INTEGER, kind TEXT NOT NULL, command TEXT NOT "
    "NULL,\n"
    "  outcome TEXT NOT NULL, passed INTEGER, failed INTEGER, at INTEGER, quote TEXT,\n"
    "  PRIMARY KEY (session_file, use_line, use_block, number)) STRICT, WITHOUT ROWID;\n";
