/* activity.c -- `muster activity`: what happened in sessions (spec 60 U7). */
#include "cli/commands.h"
#include "cli/rows.h"

static const struct row_column names[] = {
    {"KIND", "kind"},
    {"NAME", "name"},
    {"USES", "uses", ROW_NUMBER},
    {"ERRORS", "errors", ROW_NUMBER},
    {"SESSIONS", "sessions", ROW_NUMBER},
    {0},
};
static const struct row_column sessions[] = {
    {"SESSION", "session_id"},
    {"AGENT", "agent"},
    {"PROMPTS", "prompts", ROW_NUMBER},
    {"ANSWERS", "answers", ROW_NUMBER},
    {"TOOLS", "tools", ROW_NUMBER},
    {"MCP", "mcp_calls", ROW_NUMBER},
    {"SUBAGENTS", "subagents", ROW_NUMBER},
    {"ERRORS", "errors", ROW_NUMBER},
    {"ACTIVE", "active_s", ROW_SECONDS},
    {"WALL", "wall_s", ROW_SECONDS},
    {"LAST", "last_at", ROW_AGE},
    {"PROJECT", "project", .gives_way = true},
    {0},
};
static const struct row_column days[] = {
    {"DAY", "day"},
    {"BEGUN", "sessions_begun", ROW_NUMBER},
    {"PROMPTS", "prompts", ROW_NUMBER},
    {"ANSWERS", "answers", ROW_NUMBER},
    {"USES", "uses", ROW_NUMBER},
    {"ERRORS", "errors", ROW_NUMBER},
    {"ACTIVE", "active_s", ROW_SECONDS},
    {0},
};

static int ask(const struct invocation *in, const char *group, const char *key,
               const struct row_column *columns)
{
    static const char *const parameters[] = {"kind", "from", "to", "zone", "limit", "after"};
    struct buf path = BUF_INIT;
    buf_printf(&path, "/api/v1/usage/events?group=%s", group);
    for (size_t i = 0; i < COUNT_OF(parameters); i++)
        client_add_query(&path, in, parameters[i]);
    int rc = rows_list(in, path.p, key, columns);
    buf_deinit(&path);
    return rc;
}

static int by_name(const struct invocation *in)
{
    return ask(in, "name", "events", names);
}

static int by_session(const struct invocation *in)
{
    return ask(in, "session", "sessions", sessions);
}

static int by_day(const struct invocation *in)
{
    return ask(in, "day", "daily", days);
}

static const struct command_verb verbs[] = {
    {"names", "", "Tools, MCP calls, subagents, skills and slash commands, and how often each failed",
     by_name},
    {"sessions", "", "Each session: prompts, answers, tools, errors, active time", by_session},
    {"days", "", "The same by day", by_day},
    {0}};

static const struct command_option options[] = {
    {0, "kind", "KIND", "Names of this kind alone.", "tool|mcp|subagent|skill|command"},
    {0, "from", "DAY", "From this day on."},
    {0, "to", "DAY", "Up to this day, and with it."},
    {0, "zone", "ZONE", "Days of this time zone; UTC by default."},
    {0, "limit", "N", "At most this many rows."},
    {0, "after", "FILE", "Sessions from behind this file on."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};

const struct command command_activity = {
    .name = "activity",
    .summary = "What happened in sessions: tools, errors, prompts, active time",
    .description =
        "What the processor usage has counted in the transcripts of agents, as of its last run. A prompt is\n"
        "what a person wrote; an error is a tool's result that says so; active time leaves out gaps of more\n"
        "than ten minutes. A result that comes late corrects what was counted.",
    .options = options,
    .verbs = verbs,
};
