/* migrations_internal.h -- the texts of the schema's steps, one file per group of tables, for migrations.c.
 */
#pragma once

extern const char migration_audit[];
extern const char migration_fleet[];
extern const char migration_knowledge[];
extern const char migration_plans[];
extern const char migration_reports[];
extern const char migration_results[];
extern const char migration_events[];
extern const char migration_checkpoints[];
extern const char migration_run_sessions[];
extern const char migration_sessions[];
extern const char migration_nodes[];
extern const char migration_telemetry[];
extern const char migration_turns[];
extern const char migration_hub[];
