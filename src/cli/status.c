#include "cli/commands.h"
#include "cli/rows.h"

static const struct row_column columns[] = {
    {"version", "version"},
    {"uptime", "uptime_s", ROW_SECONDS},
    {"ready", "ready", ROW_YES_NO},
    {"paused", "paused", ROW_YES_NO},
    {"data_dir", "data_dir"},
    {"store", "store"},
    {"jobs queued", "jobs.queued", ROW_NUMBER},
    {"jobs running", "jobs.running", ROW_NUMBER},
    {"jobs done", "jobs.done", ROW_NUMBER},
    {"jobs failed", "jobs.failed", ROW_NUMBER},
    {"jobs cancelled", "jobs.cancelled", ROW_NUMBER},
    {"live runs", "live_runs", ROW_NUMBER},
    {"max concurrency", "max_concurrency", ROW_NUMBER},
    {"ended runs", "runs", ROW_NUMBER},
    {"cost USD", "cost_usd", ROW_COST},
    {0},
};

static int run(const struct invocation *in)
{
    return rows_call(in, "GET", "/api/v1/status", NULL, columns);
}

static const struct command_option options[] = {CLIENT_JSON_OPTION, CLIENT_URL_OPTION, {0}};

static const struct command_example examples[] = {
    {"muster status", "On the node of this host."},
    {"muster status --json", "The same for a program."},
    {"muster status --url http://127.0.0.1:6878", "Over TCP, with $MUSTER_TOKEN."},
    {0}};

const struct command command_status = {
    .name = "status",
    .args = "",
    .summary = "The node at a glance: jobs by state, live runs, cost",
    .options = options,
    .run = run,
    .examples = examples,
};
