#include "cli/commands.h"
#include "cli/rows.h"

static const struct row_column sessions[] = {
    {"SESSION", "id"},
    {"NAME", "name", .gives_way = true},
    {"HEALTH", "session_health"},
    {"SCORE", "health_score"},
    {"AGENTS", "total_agents", ROW_NUMBER},
    {"ACTIVE", "active_agents", ROW_NUMBER},
    {"DEGRADED", "degraded_agents", ROW_NUMBER},
    {"FAILED", "failed_agents", ROW_NUMBER},
    {"OFFLINE", "offline_agents", ROW_NUMBER},
    {"ACTIVITY", "last_activity", ROW_AGE},
    {0},
};
static const struct row_column document[] = {
    {"session", "session_id"},
    {"name", "session_name"},
    {"health", "session_health"},
    {"score", "metrics.health_score"},
    {"agents", "metrics.total_agents", ROW_NUMBER},
    {"CPU %", "metrics.total_cpu_percent"},
    {"memory (MiB)", "metrics.total_memory_mb"},
    {"of the limit (%)", "metrics.resource_utilization_percent"},
    {"open files", "metrics.total_file_descriptors", ROW_NUMBER},
    {"threads", "metrics.total_threads", ROW_NUMBER},
    {"partial", "partial_results", ROW_YES_NO},
    {"collected", "collection_timestamp", ROW_AGE},
    {0},
};
static const struct row_column agents[] = {
    {"AGENT", "agent_id"},
    {"NAME", "agent_name"},
    {"STATUS", "status"},
    {"HEALTH", "health_status"},
    {"PID", "process_id", ROW_NUMBER},
    {"CPU %", "cpu_percent", ROW_NUMBER},
    {"MIB", "memory_mb", ROW_NUMBER},
    {"FILES", "file_descriptors", ROW_NUMBER},
    {"THREADS", "thread_count", ROW_NUMBER},
    {"ERROR", "error_message", .gives_way = true},
    {0},
};

static int list(const struct invocation *in)
{
    return rows_list(in, "/api/v1/sessions", "sessions", sessions);
}

static void print_lines(const json_t *texts, const char *what)
{
    size_t i;
    const json_t *line;
    json_array_foreach(texts, i, line)(void)
        printf("%s%s: %s\n", i == 0 ? "\n" : "", what, json_string_value(line));
}

static int show(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    struct reply r;
    buf_add_text(&path, "/api/v1/sessions/");
    client_add_escaped(&path, in->args[0]);
    buf_add_text(&path, "/status");
    client_add_query(&path, in, "strategy");
    int rc = client_call(in, "GET", path.p, NULL, &r);
    buf_deinit(&path);
    if (rc != 0)
        return rc;
    if (rows_want_json(in)) {
        rows_print_raw(&r);
    } else {
        rows_print_object(r.json, document);
        (void)putchar('\n');
        rows_print(json_object_get(r.json, "agents"), agents);
        print_lines(json_object_get(r.json, "warnings"), "warning");
        print_lines(json_object_get(r.json, "errors"), "error");
    }
    reply_deinit(&r);
    return EXIT_DONE;
}

static const struct command_option options[] = {
    {'s', "strategy", "STRATEGY", "fast, detailed or comprehensive; detailed unless it is given."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};
static const struct command_verb verbs[] = {
    {"list", "", "List the sessions with health and score", list},
    {"status", "ID", "One session: health, resources, agents, warnings", show},
    {0}};

const struct command command_sessions = {
    .name = "sessions",
    .summary = "Groups of agents that work together, with health and score",
    .options = options,
    .verbs = verbs,
};
