#include "cli/commands.h"
#include "cli/rows.h"

#include "base/clock.h"

#include <poll.h>
#include <unistd.h>

#define WATCH_MS 2000

static const struct row_column agents[] = {
    {"AGENT", "id"},
    {"NAME", "name"},
    {"ORIGIN", "origin"},
    {"STATUS", "status"},
    {"VERDICT", "liveness.verdict"},
    {"SINCE", "liveness.since", ROW_AGE},
    {"SESSION", "session_id", .gives_way = true},
    {"PID", "pid", ROW_NUMBER},
    {"TERMINAL", "terminal"},
    {"CAUSE", "liveness.cause", .gives_way = true},
    {"FOLDER", "cwd", .gives_way = true},
    {0},
};
static const struct row_column profiles[] = {
    {"PROFILE", "name"},
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
static const struct row_column one[] = {
    {"agent", "id"},
    {"name", "name"},
    {"origin", "origin"},
    {"CLI", "vendor"},
    {"status", "status"},
    {"error", "error_message"},
    {"verdict", "liveness.verdict"},
    {"since", "liveness.since", ROW_AGE},
    {"until", "liveness.until", ROW_AGE},
    {"cause", "liveness.cause"},
    {"session", "session_id"},
    {"its own session", "agent_session"},
    {"run", "run_id", ROW_NUMBER},
    {"task", "task_id", ROW_NUMBER},
    {"pid", "pid", ROW_NUMBER},
    {"terminal", "terminal"},
    {"folder", "cwd"},
    {"repo", "repo"},
    {"transcript", "transcript"},
    {"created", "created_at", ROW_AGE},
    {"last activity", "last_activity", ROW_AGE},
    {"process state", "evidence.process_state"},
    {"CPU ticks", "evidence.cpu_ticks", ROW_NUMBER},
    {"CPU quiet (s)", "evidence.cpu_quiet_s"},
    {"tools below it", "evidence.tools", ROW_NUMBER},
    {"tool", "evidence.tool"},
    {"connections", "evidence.connections_established", ROW_NUMBER},
    {"half closed", "evidence.connections_close_wait", ROW_NUMBER},
    {"received", "evidence.received_bytes", ROW_BYTES},
    {"last received (s)", "evidence.last_received_s"},
    {"standard input", "evidence.stdin"},
    {"held open", "evidence.stdin_held_open", ROW_YES_NO},
    {"reads it", "evidence.reads_stdin", ROW_YES_NO},
    {"in foreground", "evidence.foreground", ROW_YES_NO},
    {"orphaned", "evidence.orphaned", ROW_YES_NO},
    {"turn", "evidence.turn"},
    {"transcript size", "evidence.transcript_bytes", ROW_BYTES},
    {"transcript quiet (s)", "evidence.transcript_quiet_s"},
    {"same tool calls", "evidence.same_tool_calls", ROW_NUMBER},
    {"retries", "evidence.retries", ROW_YES_NO},
    {"limit reached", "evidence.limit_reached", ROW_YES_NO},
    {"reported", "evidence.reported"},
    {"reason", "evidence.reported_reason"},
    {"branch", "evidence.git.branch"},
    {"commit", "evidence.git.head"},
    {"modified files", "evidence.git.modified_files", ROW_NUMBER},
    {"untracked files", "evidence.git.untracked_files", ROW_NUMBER},
    {"not counted", "evidence.git.cause"},
    {0},
};
static const struct row_column verdicts[] = {
    {"BEFORE", "verdict"}, {"SINCE", "since", ROW_AGE}, {"CAUSE", "cause", .gives_way = true}, {0}};

static int list_once(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/agents");
    client_add_query(&path, in, "origin");
    client_add_query(&path, in, "status");
    int rc = rows_list(in, path.p, "agents", agents);
    buf_deinit(&path);
    return rc;
}

/* Redrawn in place on a terminal, one list after the other in a pipe; ends with the node or with ^C. */
static int list(const struct invocation *in)
{
    if (command_option(in, "runs"))
        return rows_list(in, "/api/v1/runs?live=true&limit=1000", "runs", runs);
    if (!command_option(in, "watch"))
        return list_once(in);
    for (;;) {
        if (isatty(STDOUT_FILENO))
            (void)fputs("\033[H\033[2J", stdout);
        int rc = list_once(in);
        if (rc != EXIT_DONE || fflush(stdout) != 0)
            return rc;
        (void)poll(NULL, 0, WATCH_MS);
    }
}

static int explain(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    struct reply r;
    buf_add_text(&path, "/api/v1/agents/");
    client_add_escaped(&path, in->args[0]);
    int rc = client_call(in, "GET", path.p, NULL, &r);
    buf_deinit(&path);
    if (rc != 0)
        return rc;
    const json_t *history = json_object_get(r.json, "history");
    if (rows_want_json(in)) {
        rows_print_raw(&r);
    } else {
        rows_print_object(r.json, one);
        if (json_array_size(history) > 0) {
            (void)putchar('\n');
            rows_print(history, verdicts);
        }
    }
    reply_deinit(&r);
    return EXIT_DONE;
}

static int list_profiles(const struct invocation *in)
{
    return rows_list(in, "/api/v1/profiles", "profiles", profiles);
}

static int forget(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/agents/");
    client_add_escaped(&path, in->args[0]);
    int rc = rows_call(in, "DELETE", path.p, NULL, one);
    buf_deinit(&path);
    return rc;
}

static const struct command_option options[] = {
    {'w', "watch", NULL, "Show the list again every two seconds."},
    {'o', "origin", "ORIGIN", "Only run, discovered or registered."},
    {'s', "status", "STATUS", "Only with this status."},
    {'r', "runs", NULL, "The runs that are alive, with tokens and cost, instead of the agents."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};
static const struct command_verb verbs[] = {
    {"list", "", "List all agents with status, verdict and cause", list},
    {"explain", "ID", "One agent: the evidence, the verdict, and the verdicts before it", explain},
    {"profiles", "", "The profiles of the configuration, with breaker and slots", list_profiles},
    {"forget", "ID", "Forget an agent that had registered itself", forget},
    {0}};

static const struct command_example examples[] = {
    {"muster agents", "Who works, who waits, who is stuck and why."},
    {"muster agents explain run-88", "How that verdict came about."},
    {"muster agents --runs", "The live runs, with tokens and cost."},
    {0}};

const struct command command_agents = {
    .name = "agents",
    .summary = "All agents on this host: who works, who waits, who is stuck and why",
    .description =
        "An agent is a run of the queue, an agent CLI that muster found running, or one that registered "
        "itself.\n\n"
        "The verdict is worked out from what can be seen of the process and its connections, its transcript, "
        "its hooks and its own reports; \"explain\" shows all of it.",
    .options = options,
    .verbs = verbs,
    .examples = examples,
};
