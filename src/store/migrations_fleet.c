#include "store/migrations_internal.h"

/* A session that nobody has named yet has no name of its own.  pid and start_ticks name a process of
 * `server`, NULL being this host.  Agents that muster runs or finds by itself are not stored: they are what
 * is there. */
const char migration_fleet[] =
    "CREATE TABLE sessions (\n"
    "  id TEXT PRIMARY KEY, name TEXT, created_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE agents (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, session_id TEXT NOT NULL REFERENCES "
    "sessions "
    "(id),\n"
    "  status TEXT NOT NULL CHECK (status IN ('starting', 'active', 'idle', 'degraded', 'failed', "
    "'offline',\n"
    "    'invalid')),\n"
    "  process_id INTEGER, start_ticks INTEGER, specialization TEXT, server TEXT, terminal TEXT,\n"
    "  period_us INTEGER, created_at INTEGER NOT NULL, heartbeat_at INTEGER) STRICT;\n"
    "CREATE INDEX agents_session ON agents (session_id, id);\n";
