/* The schema, as numbered steps that are never changed once released (spec 10 D3): their checksums are
 * recorded in each store.  Times are epoch µs, money micro-USD, unknown is NULL (D4).  AUTOINCREMENT stands
 * where an id must never be used twice, whatever retention has deleted.  Partial indexes keep the cost of a
 * hot query with what is alive, never with history; tests/unit/test_store_plans.c holds every statement to
 * that. */
#include "store/db_driver.h"
#include "store/migrations_internal.h"

static const char initial[] =
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE counters (name TEXT NOT NULL, label TEXT NOT NULL, value INTEGER NOT NULL,\n"
    "  PRIMARY KEY (name, label)) STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE tasks (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, work_item TEXT, repo TEXT, type TEXT, title TEXT, workflow "
    "TEXT,\n"
    "  stage TEXT NOT NULL, stage_entered_at INTEGER NOT NULL,\n"
    "  terminal INTEGER NOT NULL CHECK (terminal = (stage IN ('done', 'cancelled'))),\n"
    "  blocked INTEGER NOT NULL DEFAULT 0 CHECK (blocked IN (0, 1)), blocked_reason TEXT,\n"
    "  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;\n"
    "CREATE INDEX tasks_open ON tasks (id) WHERE terminal = 0;\n"
    "CREATE INDEX tasks_stage ON tasks (stage, id);\n"
    "CREATE INDEX tasks_repo ON tasks (repo, id) WHERE repo IS NOT NULL;\n"
    "CREATE INDEX tasks_work_item ON tasks (work_item, id) WHERE work_item IS NOT NULL;\n"

    "CREATE TABLE task_events (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE "
    "CASCADE,\n"
    "  at INTEGER NOT NULL, from_stage TEXT, to_stage TEXT NOT NULL, actor TEXT, reason TEXT, job_id "
    "INTEGER) STRICT;\n"
    "CREATE INDEX task_events_task ON task_events (task_id, id);\n"

    /* ready: was due when last looked at; a queued job with ready = 0 waits for its run_after.  claims,
     * retried and scheduled are there for the counters to be recounted from (totals.h). */
    "CREATE TABLE jobs (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, task_id INTEGER REFERENCES tasks (id), agent TEXT NOT NULL,\n"
    "  repo TEXT, model TEXT, effort TEXT, stage TEXT, unique_key TEXT,\n"
    "  priority INTEGER NOT NULL, max_attempts INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,\n"
    "  timeout_us INTEGER, run_after INTEGER NOT NULL, ready INTEGER NOT NULL CHECK (ready IN (0, 1)),\n"
    "  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),\n"
    "  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER,\n"
    "  worker TEXT, lease_token TEXT, lease_expires_at INTEGER, run_id INTEGER, pid INTEGER, start_ticks "
    "INTEGER,\n"
    "  cancel_requested INTEGER NOT NULL DEFAULT 0, cause TEXT, last_error TEXT,\n"
    "  claims INTEGER NOT NULL DEFAULT 0, retried INTEGER NOT NULL DEFAULT 0,\n"
    "  scheduled INTEGER NOT NULL DEFAULT 0) STRICT;\n"
    "CREATE INDEX jobs_claim ON jobs (agent, priority DESC, run_after, id, repo)\n"
    "  WHERE state = 'queued' AND ready = 1;\n"
    "CREATE INDEX jobs_waiting ON jobs (run_after) WHERE state = 'queued' AND ready = 0;\n"
    "CREATE INDEX jobs_queued ON jobs (id, run_after, created_at) WHERE state = 'queued';\n"
    "CREATE INDEX jobs_running ON jobs (id) WHERE state = 'running';\n"
    "CREATE INDEX jobs_ended_badly ON jobs (state, id) WHERE state IN ('failed', 'cancelled');\n"
    "CREATE INDEX jobs_lease ON jobs (lease_expires_at) WHERE lease_expires_at IS NOT NULL;\n"
    "CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key)\n"
    "  WHERE unique_key IS NOT NULL AND state IN ('queued', 'running');\n"
    "CREATE INDEX jobs_task ON jobs (task_id, id) WHERE task_id IS NOT NULL;\n"
    "CREATE INDEX jobs_agent ON jobs (agent, id);\n"
    "CREATE INDEX jobs_repo ON jobs (repo, id) WHERE repo IS NOT NULL;\n"

    /* Apart from jobs, since a prompt is long and never changes: a heartbeat would write it again each time.
     */
    "CREATE TABLE job_inputs (\n"
    "  job_id INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE, prompt TEXT, args TEXT, env TEXT) "
    "STRICT;\n"

    "CREATE TABLE runs (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, job_id INTEGER, task_id INTEGER,\n"
    "  agent TEXT, origin TEXT NOT NULL, repo TEXT, model TEXT, effort TEXT, workdir TEXT, attempt INTEGER "
    "NOT NULL,\n"
    "  pid INTEGER, start_ticks INTEGER, shim_pid INTEGER, shim_start_ticks INTEGER,\n"
    "  created_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER,\n"
    "  outcome TEXT CHECK ((outcome IS NULL) = (ended_at IS NULL)), exit_code INTEGER, signal INTEGER, cause "
    "TEXT,\n"
    "  error TEXT, usage_model TEXT, cost_micro_usd INTEGER, input_tokens INTEGER, output_tokens INTEGER,\n"
    "  cache_read_tokens INTEGER, cache_creation_tokens INTEGER, cache_creation_5m_tokens INTEGER,\n"
    "  cache_creation_1h_tokens INTEGER, reasoning_tokens INTEGER, user_us INTEGER, system_us INTEGER,\n"
    "  max_rss_bytes INTEGER, output_bytes INTEGER, output_dropped_bytes INTEGER) STRICT;\n"
    "CREATE INDEX runs_live ON runs (id) WHERE ended_at IS NULL;\n"
    "CREATE INDEX runs_job ON runs (job_id, id) WHERE job_id IS NOT NULL;\n"
    "CREATE INDEX runs_task ON runs (task_id, id) WHERE task_id IS NOT NULL;\n"
    "CREATE INDEX runs_agent ON runs (agent, id) WHERE agent IS NOT NULL;\n"

    "CREATE TABLE agent_states (\n"
    "  agent TEXT PRIMARY KEY, breaker TEXT NOT NULL, consecutive_failures INTEGER NOT NULL,\n"
    "  failure_times TEXT NOT NULL, opened_at INTEGER, retry_at INTEGER, trips INTEGER NOT NULL,\n"
    "  probing INTEGER NOT NULL, probe_run_id INTEGER) STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE pauses (\n"
    "  scope TEXT PRIMARY KEY, actor TEXT, reason TEXT, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE tokens (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, role TEXT NOT NULL, scope TEXT,\n"
    "  hash TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER,\n"
    "  revoked_at INTEGER) STRICT;\n"

    /* audit_chain is one row: where the chain begins (what retention has cut off before it) and where it
       ends. */
    "CREATE TABLE audit_log (\n"
    "  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT, action TEXT NOT NULL, resource TEXT, params "
    "TEXT,\n"
    "  result TEXT NOT NULL CHECK (result IN ('success', 'error', 'denied', 'busy')), error TEXT,\n"
    "  duration_us INTEGER, correlation_id TEXT, hash TEXT NOT NULL) STRICT;\n"
    "CREATE TABLE audit_chain (\n"
    "  id INTEGER PRIMARY KEY CHECK (id = 1), anchor_id INTEGER NOT NULL, anchor_hash TEXT NOT NULL,\n"
    "  head_id INTEGER NOT NULL, head_hash TEXT NOT NULL) STRICT;\n"
    "INSERT INTO audit_chain VALUES (1, 0, '', 0, '');\n"

    "CREATE TABLE idempotency (\n"
    "  key TEXT NOT NULL, scope TEXT NOT NULL, hash TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT "
    "NULL,\n"
    "  created_at INTEGER NOT NULL, PRIMARY KEY (key, scope)) STRICT;\n"
    "CREATE INDEX idempotency_age ON idempotency (created_at);\n";

static const struct migration rows[] = {
    {.version = 1, .name = "initial", .sql = initial},
    {.version = 2, .name = "workers", .sql = migration_workers},
    {.version = 3, .name = "schedules", .sql = migration_schedules},
    {.version = 4, .name = "processors of transcripts", .sql = migration_sessions},
    {.version = 5, .name = "agents and sessions", .sql = migration_fleet},
    {.version = 6, .name = "telemetry", .sql = migration_telemetry},
    {.version = 7, .name = "knowledge", .sql = migration_knowledge},
    {.version = 8, .name = "hub", .sql = migration_hub},
    {.version = 9, .name = "several nodes", .sql = migration_nodes},
    {.version = 10, .name = "results of processors", .sql = migration_results},
    {.version = 11, .name = "events of sessions", .sql = migration_events},
    {.version = 12, .name = "reports of an instance", .sql = migration_reports},
    {.version = 13, .name = "checkpoints of processors", .sql = migration_checkpoints},
    {.version = 14, .name = "details of the audit log", .sql = migration_audit},
    {.version = 15, .name = "sessions of runs", .sql = migration_run_sessions},
    {.version = 16, .name = "facts and events by time", .sql = migration_plans},
    {.version = 17, .name = "turns of sessions", .sql = migration_turns},
};

const struct migration_list migrations_sqlite = {.rows = rows, .count = COUNT_OF(rows)};
