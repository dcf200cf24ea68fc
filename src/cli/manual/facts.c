/* facts.c -- what the manual says that no table of the program holds. */
#include "cli/manual/manual.h"

const char manual_introduction[] =
    "muster takes the roll call of AI agents: one small program per host that starts coding agents, watches "
    "them, books how they ended and what they cost, and says so at any moment.\n\n"
    "The node, `muster serve`, is the only writer of the store. Each run of an agent has a process of its "
    "own, `muster-shim`, and outlives the node. The other commands ask the node over its Unix socket, which "
    "knows its caller by uid: the user that the node runs as, and root, may do everything and need no "
    "token.\n\n"
    "What a command prints is a table on a terminal, the same table unabridged in a pipe, and the node's "
    "answer as it came with --json.";

const struct manual_fact manual_environment[] = {
    {"MUSTER_CONFIG", "The configuration file, where --config names none."},
    {"MUSTER_KEY, MUSTER_BLOCK_KEY",
     "Any single value of muster.conf(5), such as MUSTER_LISTEN or MUSTER_METRICS_ENABLED; it wins over the "
     "file."},
    {"MUSTER_TOKEN", "To the node: a token with the role admin. To a command with --url: the token to send."},
    {"SCHEDULER_API_TOKEN",
     "To the node: a token with the role scheduler. One of fewer than 32 characters is ignored."},
    {"XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR",
     "Where the configuration, the data and the socket of a user other than root lie."},
    {"NO_COLOR", "Set and not empty: nothing is printed in bold."},
    {NULL, NULL}};

const struct manual_fact manual_files[] = {
    {"~/.config/muster/muster.conf, /etc/muster/muster.conf", "The configuration; the first one found."},
    {"/var/lib/muster, ~/.local/state/muster", "The data directory, `data_dir`, of root and of others."},
    {"/run/muster/node.sock, $XDG_RUNTIME_DIR/muster/node.sock, data_dir/node.sock",
     "The node's socket: of root, of a user with a runtime directory, of one without."},
    {"data_dir/muster.db", "The store."},
    {"data_dir/runs/KEY", "A run that lives or whose end is not booked: see muster-shim(8)."},
    {"data_dir/ended/KEY", "A run that is booked, with its output; kept as `retention.runs` says."},
    {"data_dir/work", "Where runs of profiles without a `workdir` work."},
    {NULL, NULL}};

const char manual_conf_introduction[] =
    "muster reads one file: the one that --config names, else $MUSTER_CONFIG, else "
    "~/.config/muster/muster.conf, else /etc/muster/muster.conf. None at all is fine.\n\n"
    "A line is `key = value`. Values of several words stand in double quotes, lists in braces: "
    "`{ \"a\", \"b\" }`. Blocks group keys; a block with a title in quotes may stand several times. A "
    "comment begins with # and ends with the line. Durations are texts such as \"90s\", \"15m\", \"24h\" or "
    "\"7d\", sizes such as \"64K\" or \"16M\".\n\n"
    "Every single value can also come from the environment, as MUSTER_KEY or MUSTER_BLOCK_KEY in capitals, "
    "and "
    "then wins over the file; a list is parted by colons there, and a colon within an item is written \\:. "
    "Unknown keys, bad values and unreadable secrets are errors with file and line. `muster config check` "
    "says all of them, `muster config show` prints the effective values and where each comes from. SIGHUP "
    "reads the file again: what is marked as reloaded changes at once, the rest needs a restart and the log "
    "names it. Agents and workflows are reloaded.";

const char manual_conf_example[] =
    "listen          = \"127.0.0.1:6878\"\n"
    "max_concurrency = 4\n"
    "repo_root       = \"/srv/repos\"\n"
    "\n"
    "retention { jobs = \"90d\" runs = \"7d\" }\n"
    "\n"
    "agent \"codex\" {\n"
    "    command  = { \"codex\", \"exec\", \"--json\", \"--\", \"{prompt}\" }\n"
    "    output   = \"codex-jsonl\"\n"
    "    workdir  = \"{repo_path}\"\n"
    "    env_pass = { \"HOME\", \"PATH\" }\n"
    "    timeout  = \"30m\"\n"
    "    stop { signal = \"INT\" grace = \"20s\" }\n"
    "}\n"
    "\n"
    "workflow \"fix\" {\n"
    "    stage \"write\"  { agent = \"codex\" prompt = \"fix {work_item}\" }\n"
    "    stage \"review\" { agent = \"codex\" prompt = \"review {work_item}\" }\n"
    "}";

const char *manual_block_doc(const char *block)
{
    static const struct manual_fact docs[] = {
        {"agent", "A profile: a named way to start an agent. A job names it and fills its placeholders."},
        {"agent.stop", "How a run of it is asked to end."},
        {"agent.breaker", "When the profile is left alone for a while, because it keeps failing."},
        {"agent.backoff", "The delays between attempts."},
        {"agent.exit", "What exit codes mean; 0 is always success."},
        {"workflow", "Stages through which a task moves in order."},
        {"workflow.stage", "One of them."},
        {NULL, NULL}};
    for (const struct manual_fact *d = docs; d->name; d++)
        if (strcmp(d->name, block) == 0)
            return d->doc;
    return NULL;
}
