#include "cli/commands.h"
#include "cli/rows.h"

static const struct row_column profiles[] = {
    {"AGENT", "name"},
    {"SERVED BY", "served_by"},
    {"RUNNING", "running", ROW_NUMBER},
    {"SLOTS", "max_concurrency", ROW_NUMBER},
    {"PAUSED", "paused", ROW_YES_NO},
    {"BREAKER", "breaker.state"},
    {"FAILURES", "breaker.consecutive_failures", ROW_NUMBER},
    {"RETRY", "breaker.retry_at", ROW_AGE},
    {"MODEL", "model", .gives_way = true},
    {0},
};
static const struct row_column runs[] = {
    {"RUN", "id", ROW_NUMBER},
    {"JOB", "job_id", ROW_NUMBER},
    {"AGENT", "agent"},
    {"ORIGIN", "origin"},
    {"PID", "pid", ROW_NUMBER},
    {"STARTED", "started_at", ROW_AGE},
    {"INPUT", "input_tokens", ROW_NUMBER},
    {"OUTPUT", "output_tokens", ROW_NUMBER},
    {"USD", "cost_usd", ROW_COST},
    {"MODEL", "model", .gives_way = true},
    {"REPO", "repo", .gives_way = true},
    {0},
};

static int run(const struct invocation *in)
{
    struct reply r;
    int rc = client_call(in, "GET", "/api/v1/agents", NULL, &r);
    if (rc != 0)
        return rc;
    const json_t *live = json_object_get(r.json, "runs");
    bool only_runs = command_option(in, "runs") != NULL;
    if (rows_want_json(in)) {
        rows_print_raw(&r);
    } else if (only_runs) {
        rows_print(live, runs);
    } else {
        rows_print(json_object_get(r.json, "agents"), profiles);
        if (json_array_size(live) > 0) {
            (void)putchar('\n');
            rows_print(live, runs);
        }
    }
    reply_deinit(&r);
    return EXIT_DONE;
}

static const struct command_option options[] = {
    {'r', "runs", NULL, "Only the runs that are alive, for a pipe that wants one table."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};

static const struct command_example examples[] = {
    {"muster agents", "Profiles, and what runs."}, {"muster agents --runs", "The live runs alone."}, {0}};

const struct command command_agents = {
    .name = "agents",
    .args = "",
    .summary = "Agent profiles with their breaker and slots, and the runs that are alive",
    .description = "A profile comes from an agent block of muster.conf.  SLOTS is its own limit, \"-\" when "
                   "it has none.",
    .options = options,
    .run = run,
    .examples = examples,
};
