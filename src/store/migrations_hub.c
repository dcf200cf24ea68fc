/* Schema step 8: what a hub keeps of its instances (spec 80 H8 to H12, H14, H15). */
#include "store/migrations_internal.h"

#define USAGE_TABLE(name)                                                                                    \
    "CREATE TABLE " name " (\n"                                                                              \
    "  kind TEXT NOT NULL, bucket INTEGER NOT NULL, key TEXT NOT NULL, reports INTEGER NOT NULL, tasks "     \
    "INTEGER NOT NULL,\n"                                                                                    \
    "  measured INTEGER NOT NULL, duration_us INTEGER NOT NULL, runs INTEGER NOT NULL, cost_micro_usd "      \
    "INTEGER NOT NULL,\n"                                                                                    \
    "  input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT "        \
    "NULL,\n"                                                                                                \
    "  cache_creation_tokens INTEGER NOT NULL, peak_agents INTEGER NOT NULL, peak_servers INTEGER NOT "      \
    "NULL,\n"                                                                                                \
    "  PRIMARY KEY (kind, key, bucket)) STRICT, WITHOUT ROWID;\n"                                            \
    "CREATE INDEX " name "_time ON " name " (kind, bucket, key);\n"

/* instances: what the newest report said, where its chain of windows stands, and until when the next one is
 * expected.  A window that overlaps one that is counted is kept, and counted in nothing (overlap = 1). fork_:
 * the tip of the chain from which another one with the same epoch has branched off. */
const char migration_hub[] =
    "CREATE TABLE instances (\n"
    "  id TEXT PRIMARY KEY, name TEXT NOT NULL, group_name TEXT, key_hash TEXT NOT NULL, old_key_hash TEXT,\n"
    "  old_key_until INTEGER, created_at INTEGER NOT NULL, last_seen_at INTEGER, last_report_at INTEGER,\n"
    "  first_start INTEGER, last_end INTEGER, epoch TEXT, epoch_since INTEGER, last_no INTEGER, max_no "
    "INTEGER,\n"
    "  fork_no INTEGER, fork_end INTEGER, process TEXT, total_tasks INTEGER, total_runs INTEGER,\n"
    "  interval_us INTEGER, expected_by INTEGER NOT NULL, silent_since INTEGER, version TEXT, platform "
    "TEXT,\n"
    "  uptime_s INTEGER, agents_online INTEGER, agents_offline INTEGER, agents_total INTEGER, servers_total "
    "INTEGER,\n"
    "  reports INTEGER NOT NULL DEFAULT 0, gaps INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX instances_expected ON instances (expected_by) WHERE silent_since IS NULL;\n"
    "CREATE INDEX instances_group ON instances (group_name, id) WHERE group_name IS NOT NULL;\n"

    "CREATE TABLE reports (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, instance_id TEXT NOT NULL REFERENCES instances (id) ON DELETE "
    "CASCADE,\n"
    "  window_start INTEGER NOT NULL, window_end INTEGER NOT NULL CHECK (window_end > window_start),\n"
    "  epoch TEXT, window_no INTEGER, received_at INTEGER NOT NULL, hash TEXT NOT NULL, overlap INTEGER NOT "
    "NULL,\n"
    "  payload TEXT NOT NULL, UNIQUE (instance_id, window_start, window_end)) STRICT;\n"
    "CREATE INDEX reports_epoch ON reports (instance_id, epoch, window_no) WHERE epoch IS NOT NULL;\n"
    "CREATE INDEX reports_age ON reports (received_at);\n"

    "CREATE TABLE instance_gaps (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, instance_id TEXT NOT NULL REFERENCES instances (id) ON DELETE "
    "CASCADE,\n"
    "  kind TEXT NOT NULL CHECK (kind IN ('gap', 'overlap', 'rewind', 'clone', 'epoch', 'discontinuity')),\n"
    "  window_start INTEGER NOT NULL, window_end INTEGER NOT NULL, epoch TEXT, first_no INTEGER, last_no "
    "INTEGER,\n"
    "  detail TEXT, found_at INTEGER NOT NULL) STRICT;\n"
    "CREATE INDEX instance_gaps_of ON instance_gaps (instance_id, kind, id);\n"

    "CREATE TABLE licences (\n"
    "  scope TEXT PRIMARY KEY, document TEXT NOT NULL, put_at INTEGER NOT NULL, actor TEXT) STRICT, WITHOUT "
    "ROWID;\n"
    "CREATE TABLE hub_events (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, instance_id TEXT, type TEXT NOT NULL, "
    "detail TEXT)\n"
    "  STRICT;\n"
    "CREATE INDEX hub_events_age ON hub_events (at);\n" USAGE_TABLE("usage_hourly") USAGE_TABLE("usage_daily")
        USAGE_TABLE("usage_monthly");
