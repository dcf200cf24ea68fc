#include "cli/commands.h"
#include "cli/job_add.h"
#include "cli/rows.h"
#include "cli/run_output.h"

static const struct row_column columns[] = {
    {"ID", "id", ROW_NUMBER},
    {"AGENT", "agent"},
    {"STATE", "state"},
    {"TRIES", "attempts", ROW_NUMBER},
    {"OF", "max_attempts", ROW_NUMBER},
    {"TASK", "task_id", ROW_NUMBER},
    {"CREATED", "created_at", ROW_AGE},
    {"STARTED", "started_at", ROW_AGE},
    {"ENDED", "finished_at", ROW_AGE},
    {"REPO", "repo", .gives_way = true},
    {"CAUSE", "cause", .gives_way = true},
    {0},
};
static const struct row_column details[] = {
    {"id", "id", ROW_NUMBER},
    {"agent", "agent"},
    {"state", "state"},
    {"cause", "cause"},
    {"last error", "last_error"},
    {"attempts", "attempts", ROW_NUMBER},
    {"of", "max_attempts", ROW_NUMBER},
    {"task", "task_id", ROW_NUMBER},
    {"stage", "stage"},
    {"repo", "repo"},
    {"model", "model"},
    {"effort", "effort"},
    {"priority", "priority", ROW_NUMBER},
    {"not before", "run_after", ROW_AGE},
    {"created", "created_at", ROW_AGE},
    {"started", "started_at", ROW_AGE},
    {"ended", "finished_at", ROW_AGE},
    {"worker", "worker"},
    {"prompt", "prompt"},
    {0},
};
static const struct row_column runs[] = {
    {"RUN", "id", ROW_NUMBER},
    {"TRY", "attempt", ROW_NUMBER},
    {"STATE", "state"},
    {"OUTCOME", "outcome"},
    {"EXIT", "exit_code", ROW_NUMBER},
    {"SIGNAL", "signal", ROW_NUMBER},
    {"STARTED", "started_at", ROW_AGE},
    {"ENDED", "ended_at", ROW_AGE},
    {"INPUT", "input_tokens", ROW_NUMBER},
    {"OUTPUT", "output_tokens", ROW_NUMBER},
    {"USD", "cost_usd", ROW_COST},
    {"CAUSE", "cause", .gives_way = true},
    {0},
};
static const struct row_column pauses[] = {{"agent", "agent"}, {"paused", "paused", ROW_YES_NO}, {0}};

static int list(const struct invocation *in)
{
    static const char *const filters[] = {"state", "agent", "repo", "limit", "after"};
    struct buf path = BUF_INIT;
    buf_add_text(&path, command_option(in, "after") ? "/api/v1/jobs" : "/api/v1/jobs?order=newest");
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        client_add_query(&path, in, filters[i]);
    if (command_option(in, "task")) {
        buf_printf(&path, "%ctask_id=", strchr(path.p, '?') ? '&' : '?');
        client_add_escaped(&path, command_option(in, "task"));
    }
    int rc = rows_list(in, path.p, "jobs", columns);
    buf_deinit(&path);
    return rc;
}

static int job_path(const struct invocation *in, const char *suffix, struct buf *ret)
{
    int64_t id;
    int rc = command_id(in, in->args[0], &id);
    if (rc == 0)
        buf_printf(ret, "/api/v1/jobs/%lld%s", (long long)id, suffix);
    return rc;
}

static int get_job(const struct invocation *in, struct reply *ret)
{
    struct buf path = BUF_INIT;
    int rc = job_path(in, "", &path);
    if (rc == 0)
        rc = client_call(in, "GET", path.p, NULL, ret);
    buf_deinit(&path);
    return rc;
}

static int show(const struct invocation *in)
{
    struct reply r;
    int rc = get_job(in, &r);
    if (rc != 0)
        return rc;
    if (rows_want_json(in)) {
        rows_print_raw(&r);
    } else {
        rows_print_object(r.json, details);
        (void)putchar('\n');
        rows_print(json_object_get(r.json, "runs"), runs);
    }
    reply_deinit(&r);
    return EXIT_DONE;
}

static int add(const struct invocation *in)
{
    json_t *body;
    int rc = job_add_body(in, &body);
    return rc ? rc : rows_call(in, "POST", "/api/v1/jobs", body, details);
}

static int post(const struct invocation *in, const char *suffix)
{
    struct buf path = BUF_INIT;
    int rc = job_path(in, suffix, &path);
    if (rc == 0)
        rc = rows_call(in, "POST", path.p, NULL, details);
    buf_deinit(&path);
    return rc;
}

static int cancel(const struct invocation *in)
{
    return post(in, "/cancel");
}

static int retry(const struct invocation *in)
{
    return post(in, "/retry");
}

static int set_paused(const struct invocation *in, const char *path)
{
    const char *agent = in->arg_count ? in->args[0] : NULL;
    json_t *body = json_pack("{s:s* s:s*}", "agent", agent, "reason", command_option(in, "reason"));
    return body ? rows_call(in, "POST", path, body, pauses) : command_usage(in, "the words must be UTF-8");
}

static int pause_queue(const struct invocation *in)
{
    return set_paused(in, "/api/v1/queue/pause");
}

static int resume(const struct invocation *in)
{
    return set_paused(in, "/api/v1/queue/resume");
}

/* Of the job's last run. */
static int output(const struct invocation *in)
{
    struct reply r;
    int rc = get_job(in, &r);
    if (rc != 0)
        return rc;
    const json_t *all = json_object_get(r.json, "runs");
    int64_t last = 0;
    size_t i;
    const json_t *run;
    json_array_foreach(all, i, run) last = MAX(last, json_integer_value(json_object_get(run, "id")));
    reply_deinit(&r);
    if (last == 0)
        return command_fail(in, "job %s has no run yet", in->args[0]);
    return run_output_show(in, last);
}

static const struct command_option options[] = {
    {'s', "state", "STATE", "list: queued, running, done, failed or cancelled.",
     "queued|running|done|failed|cancelled"},
    {'a', "agent", "NAME", "list: of this profile."},
    {'n', "limit", "COUNT", "list: at most so many, the newest first."},
    {0, "after", "ID", "list: those with ids above this one, the oldest first."},
    {'R', "repo", "REPO", "list: of this repo; add: name below repo_root, or an absolute path."},
    {'t', "task", "ID", "list: of this task; add: the task that it is for."},
    JOB_ADD_OPTIONS,
    {0, "reason", "TEXT", "pause: why, for people."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};
static const struct command_verb verbs[] = {
    {"list", "", "List jobs, the newest first", list},
    {"show", "ID", "Show one with its runs", show},
    {"add", "AGENT [ARG]…", "Queue a job; ARGs are for a profile with {args}", add},
    {"cancel", "ID", "Cancel a job; a running one is asked to end", cancel},
    {"retry", "ID", "Revive a failed or cancelled job", retry},
    {"pause", "[AGENT]", "Start no further jobs, of one profile or of all", pause_queue},
    {"resume", "[AGENT]", "Start jobs again", resume},
    {"output", "ID", "Print the end of what its last run has printed", output},
    {0}};

static const struct command_example examples[] = {
    {"muster jobs add codex --repo demo --prompt \"make the tests pass\"",
     "Queue a job for the profile codex."},
    {"git diff | muster jobs add review --prompt -", "The prompt from standard input."},
    {"muster jobs --state running", "What runs."},
    {"muster jobs output 7", "The end of what the agent of job 7 printed."},
    {"muster jobs pause codex --reason \"quota is used up\"", "Start no more of it."},
    {0}};

const struct command command_jobs = {
    .name = "jobs",
    .summary = "Queued invocations of agents",
    .description = "A job names a profile of the configuration and fills its placeholders; it never brings a "
                   "command line.",
    .options = options,
    .verbs = verbs,
    .examples = examples,
};
