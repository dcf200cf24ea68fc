#include "cli/commands.h"

const struct command *const commands[] = {
    &command_up,           &command_serve,         &command_scheduler,    &command_run,
    &command_status,       &command_agents,        &command_sessions,     &command_tasks,
    &command_jobs,         &command_runs,          &command_workers,      &command_beat,
    &command_events,       &command_schedule,      &command_usage_report, &command_processors,
    &command_verification, &command_activity,      &command_knowledge,    &command_tokens,
    &command_doctor,       &command_configuration, &command_report,       &command_hook,
    &command_telemetry,    &command_hub,           &command_manual,       NULL,
};

int main(int argc, char **argv)
{
    return command_main(argc, argv);
}
