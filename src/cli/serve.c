#include "cli/commands.h"
#include "node/node.h"

static int run(const struct invocation *in)
{
    return node_main(in->config_path);
}

static const struct command_example examples[] = {
    {"muster serve --config ./muster.conf", "The node alone, as a service manager runs it."}, {0}};

const struct command command_serve = {
    .name = "serve",
    .args = "",
    .summary = "The node: API, queue, launcher, /metrics; the only writer of the store",
    .description =
        "Serves until SIGTERM or SIGINT and leaves running agents alone: the next node takes them up.\n"
        "SIGHUP reloads the configuration; what cannot be reloaded is named in the log.\n"
        "When all of it serves, one line is logged: ready listen=ADDRESS bus=ADDRESS.",
    .run = run,
    .examples = examples,
};
