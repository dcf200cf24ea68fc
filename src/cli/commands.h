/* commands.h -- the commands, one per file of this folder. */
#pragma once
#include "cli/command.h"

extern const struct command command_up, command_serve, command_scheduler, command_run, command_status,
    command_agents, command_sessions, command_tasks, command_jobs, command_runs, command_workers,
    command_beat, command_events, command_schedule, command_usage_report, command_knowledge, command_tokens,
    command_processors, command_verification, command_activity, command_doctor, command_configuration,
    command_report, command_hook, command_manual, command_telemetry, command_hub;
