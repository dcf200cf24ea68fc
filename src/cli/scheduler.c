#include "cli/commands.h"
#include "scheduler/scheduler.h"

static int run(const struct invocation *in)
{
    return scheduler_main(in->config_path);
}

const struct command command_scheduler = {
    .name = "scheduler",
    .args = "",
    .summary = "A clock: fires jobs over HTTP against a node, at their time and once",
    .description = "Fires the schedule blocks of the configuration and the built-in jobs until SIGTERM or "
                   "SIGINT; SIGHUP\n"
                   "reloads, and an invalid file is refused and the running one kept. It opens no database: "
                   "what it has\n"
                   "done is in data_dir/scheduler, and in the node's ledger (muster schedule history NAME).\n"
                   "SCHEDULER_API_TOKEN is sent to the node. See also muster schedule.",
    .run = run,
};
