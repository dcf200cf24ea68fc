/* Schema step 3: schedules, their ledger, scripts and marketplaces (spec 50 S13, S15; spec 20). */
#include "store/db_driver.h"

const char migration_schedules[] =
    /* What the scheduler last said of each job.  The pause is the node's own: it is what people asked for. */
    "CREATE TABLE schedules (\n"
    "  name TEXT PRIMARY KEY, when_text TEXT NOT NULL, zone TEXT NOT NULL, method TEXT, path TEXT,\n"
    "  builtin INTEGER NOT NULL, instance TEXT, last_run INTEGER, last_status TEXT, last_error TEXT,\n"
    "  last_end INTEGER, last_duration_us INTEGER, consecutive_failures INTEGER NOT NULL, next_due INTEGER,\n"
    "  in_flight INTEGER, reported_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE schedule_pauses (\n"
    "  name TEXT PRIMARY KEY, actor TEXT, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE schedule_runs (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, schedule TEXT NOT NULL, due INTEGER NOT NULL, until INTEGER NOT "
    "NULL,\n"
    "  count INTEGER NOT NULL, outcome TEXT NOT NULL, trigger TEXT NOT NULL, started INTEGER, lateness_us "
    "INTEGER,\n"
    "  duration_us INTEGER, attempts INTEGER, status INTEGER, ok INTEGER, run_id TEXT, error TEXT,\n"
    "  instance TEXT, reported_at INTEGER NOT NULL, UNIQUE (schedule, due)) STRICT;\n"
    "CREATE INDEX schedule_runs_age ON schedule_runs (reported_at);\n"
    "CREATE TABLE schedule_commands (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, action TEXT NOT NULL, at INTEGER NOT NULL,\n"
    "  actor TEXT) STRICT;\n"
    "CREATE INDEX schedule_commands_age ON schedule_commands (at);\n"
    "CREATE TABLE scripts (\n"
    "  name TEXT PRIMARY KEY, last_run INTEGER NOT NULL, job_id INTEGER) STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE marketplaces (\n"
    "  name TEXT PRIMARY KEY, url TEXT NOT NULL, commit_id TEXT, error TEXT, synced_at INTEGER,\n"
    "  tried_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;\n";
