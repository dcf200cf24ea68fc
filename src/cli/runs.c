#include "cli/commands.h"
#include "cli/rows.h"
#include "cli/run_output.h"

static const struct row_column columns[] = {
    {"ID", "id", ROW_NUMBER},
    {"AGENT", "agent"},
    {"ORIGIN", "origin"},
    {"STATE", "state"},
    {"OUTCOME", "outcome"},
    {"EXIT", "exit_code", ROW_NUMBER},
    {"SIGNAL", "signal", ROW_NUMBER},
    {"JOB", "job_id", ROW_NUMBER},
    {"TASK", "task_id", ROW_NUMBER},
    {"STARTED", "started_at", ROW_AGE},
    {"ENDED", "ended_at", ROW_AGE},
    {"USD", "cost_usd", ROW_COST},
    {"REPO", "repo", .gives_way = true},
    {"CAUSE", "cause", .gives_way = true},
    {0},
};
static const struct row_column details[] = {
    {"id", "id", ROW_NUMBER},
    {"agent", "agent"},
    {"origin", "origin"},
    {"state", "state"},
    {"outcome", "outcome"},
    {"exit code", "exit_code", ROW_NUMBER},
    {"signal", "signal", ROW_NUMBER},
    {"cause", "cause"},
    {"error", "error"},
    {"job", "job_id", ROW_NUMBER},
    {"attempt", "attempt", ROW_NUMBER},
    {"task", "task_id", ROW_NUMBER},
    {"repo", "repo"},
    {"model", "model"},
    {"effort", "effort"},
    {"pid", "pid", ROW_NUMBER},
    {"created", "created_at", ROW_AGE},
    {"started", "started_at", ROW_AGE},
    {"ended", "ended_at", ROW_AGE},
    {"cost in USD", "cost_usd", ROW_COST},
    {"input tokens", "input_tokens", ROW_NUMBER},
    {"output tokens", "output_tokens", ROW_NUMBER},
    {"cache read tokens", "cache_read_tokens", ROW_NUMBER},
    {"cache creation tokens", "cache_creation_tokens", ROW_NUMBER},
    {"memory", "max_rss_bytes", ROW_BYTES},
    {"output", "output_bytes", ROW_BYTES},
    {"output not kept", "output_dropped_bytes", ROW_BYTES},
    {0},
};

static int list(const struct invocation *in)
{
    static const struct {
        const char *option, *query;
    } filters[] = {
        {"agent", "agent"}, {"job", "job_id"}, {"task", "task_id"}, {"limit", "limit"}, {"after", "after"}};
    struct buf path = BUF_INIT;
    buf_add_text(&path,
                 command_option(in, "after") ? "/api/v1/runs?order=oldest" : "/api/v1/runs?order=newest");
    if (command_option(in, "live"))
        buf_add_text(&path, "&live=true");
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        const char *value = command_option(in, filters[i].option);
        if (!value)
            continue;
        buf_printf(&path, "&%s=", filters[i].query);
        client_add_escaped(&path, value);
    }
    int rc = rows_list(in, path.p, "runs", columns);
    buf_deinit(&path);
    return rc;
}

static int show(const struct invocation *in)
{
    int64_t id;
    struct buf path = BUF_INIT;
    int rc = command_id(in, in->args[0], &id);
    if (rc == 0) {
        buf_printf(&path, "/api/v1/runs/%lld", (long long)id);
        rc = rows_call(in, "GET", path.p, NULL, details);
    }
    buf_deinit(&path);
    return rc;
}

static const struct row_column cost_columns[] = {
    {"WHAT", "name"},           {"PRINTED", "output"}, {"TRANSCRIPT", "transcript"},
    {"TELEMETRY", "telemetry"}, {"DRIFT", "drift"},    {0},
};

static int cost(const struct invocation *in)
{
    int64_t id;
    struct buf path = BUF_INIT;
    int rc = command_id(in, in->args[0], &id);
    if (rc == 0) {
        buf_printf(&path, "/api/v1/runs/%lld/cost", (long long)id);
        rc = rows_list(in, path.p, "rows", cost_columns);
    }
    buf_deinit(&path);
    return rc;
}

static int output(const struct invocation *in)
{
    int64_t id;
    int rc = command_id(in, in->args[0], &id);
    return rc ? rc : run_output_show(in, id);
}

static const struct command_option options[] = {
    {'l', "live", NULL, "list: only those that run."},
    {'a', "agent", "NAME", "list: of this profile."},
    {0, "job", "ID", "list: of this job."},
    {'t', "task", "ID", "list: of this task."},
    {'n', "limit", "COUNT", "list: at most so many, the newest first."},
    {0, "after", "ID", "list: those with ids above this one, the oldest first."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};
static const struct command_verb verbs[] = {
    {"list", "", "List runs, the newest first", list},
    {"show", "ID", "Show one with its tokens, cost and resources", show},
    {"cost", "ID", "What it printed of tokens and cost, beside what its transcript says", cost},
    {"output", "ID", "Print the end of what it has printed", output},
    {0}};

const struct command command_runs = {
    .name = "runs",
    .summary = "Executions of jobs and of muster run",
    .description =
        "A run is one process tree from its start to its end: one attempt of a job, or a command that "
        "muster\n"
        "run has wrapped.",
    .options = options,
    .verbs = verbs,
};
