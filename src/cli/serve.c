#include "cli/commands.h"
#include "node/node.h"

static int run(const struct invocation *in)
{
    if (in->arg_count > 0)
        return command_usage(in, "takes no arguments, got \"%s\"", in->args[0]);
    return node_main(in->config_path);
}

const struct command command_serve = {
    .name = "serve",
    .synopsis = "[--config FILE]",
    .summary = "The node: API, queue, launcher, /metrics; the only writer of the store",
    .description =
        "Serves until SIGTERM or SIGINT and leaves running agents alone: the next node takes them up.\n"
        "SIGHUP reloads the configuration; what cannot be reloaded is named in the log.\n"
        "When all of it serves, one line is logged: ready listen=ADDRESS bus=ADDRESS.",
    .run = run,
};
