#include "io/config.h"
#include "cli/client.h"
#include "cli/commands.h"

static int check(const struct invocation *in)
{
    struct config *config;
    int rc = command_config(in, &config);
    if (rc != 0)
        return rc;
    (void)printf("%s: ok, %zu agents, %zu workflows\n", config->path ? config->path : "no file, defaults",
                 config->agent_count, config->workflow_count);
    (void)config_free(config);
    return EXIT_DONE;
}

static int show(const struct invocation *in)
{
    struct config *config;
    int rc = command_config(in, &config);
    if (rc != 0)
        return rc;
    struct buf out = BUF_INIT;
    config_show(config, command_option(in, "json") != NULL, &out);
    (void)fwrite(out.p, 1, out.n, stdout);
    buf_deinit(&out);
    (void)config_free(config);
    return EXIT_DONE;
}

static const struct command_option options[] = {{'j', "json", NULL, "show: print JSON."}, {0}};
static const struct command_verb verbs[] = {
    {"check", "", "Read the configuration and say all that is wrong with it", check},
    {"show", "", "Print the effective values and where each comes from; secrets are masked", show},
    {0}};

static const struct command_example examples[] = {
    {"muster config check --config ./muster.conf", "Before a restart or a SIGHUP."},
    {"muster config show", "What counts, and where it comes from."},
    {0}};

const struct command command_configuration = {
    .name = "config",
    .summary = "The configuration: muster.conf, then the environment",
    .description = "Searched in --config, $MUSTER_CONFIG, ~/.config/muster/muster.conf, "
                   "/etc/muster/muster.conf.  What show\n"
                   "prints has the syntax of the file.  See muster.conf(5).",
    .options = options,
    .verbs = verbs,
    .examples = examples,
};
