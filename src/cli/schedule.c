/* schedule.c -- `muster schedule`: when jobs run, and why they did not (spec 50). */
#include "cli/commands.h"
#include "cli/rows.h"
#include "cli/schedule_next.h"

static const struct row_column columns[] = {{"NAME", "name"},
                                            {"WHEN", "when"},
                                            {"ZONE", "zone"},
                                            {"STATE", "state"},
                                            {"NEXT DUE", "next_due"},
                                            {"LAST RUN", "last_run", ROW_AGE},
                                            {"LAST", "last_status"},
                                            {"FAILURES", "consecutive_failures", ROW_NUMBER},
                                            {"ERROR", "last_error", .gives_way = true},
                                            {0}};
static const struct row_column run_columns[] = {{"DUE", "due"},
                                                {"OUTCOME", "outcome"},
                                                {"TRIGGER", "trigger"},
                                                {"COUNT", "count", ROW_NUMBER},
                                                {"OK", "ok", ROW_YES_NO},
                                                {"STATUS", "status", ROW_NUMBER},
                                                {"LATE US", "lateness_us", ROW_NUMBER},
                                                {"TOOK US", "duration_us", ROW_NUMBER},
                                                {"ERROR", "error", .gives_way = true},
                                                {0}};
static const struct row_column asked_columns[] = {{"NAME", "name"}, {"DUE", "due"}, {"STATE", "state"}, {0}};

static char *path_of(const struct invocation *in, const char *rest)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/schedules/");
    client_add_escaped(&path, in->args[0]);
    buf_add_text(&path, rest);
    return buf_take(&path);
}

static int list(const struct invocation *in)
{
    return rows_list(in, "/api/v1/schedules?limit=1000", "schedules", columns);
}

static int history(const struct invocation *in)
{
    const char *limit = command_option(in, "limit");
    char *base = path_of(in, "/runs?limit=");
    struct buf path = BUF_INIT;
    buf_add_text(&path, base);
    client_add_escaped(&path, limit ? limit : "50");
    int rc = rows_list(in, path.p, "runs", run_columns);
    buf_deinit(&path);
    free(base);
    return rc;
}

static int ask(const struct invocation *in, const char *what, const struct row_column *shown)
{
    char *path = path_of(in, what);
    int rc = rows_call(in, "POST", path, json_object(), shown);
    free(path);
    return rc;
}

static int run_now(const struct invocation *in)
{
    return ask(in, "/run", asked_columns);
}

static int pause_one(const struct invocation *in)
{
    return ask(in, "/pause", columns);
}

static int resume_one(const struct invocation *in)
{
    return ask(in, "/resume", columns);
}

static const struct command_option options[] = {
    {0, "when", "SPEC", "next: of this schedule instead of a job's."},
    {0, "zone", "ZONE", "next: its time zone, by IANA name; default UTC, or the job's."},
    {0, "from", "TIME", "next: as if it were then; default: now."},
    {0, "last", "TIME", "next: as if it had last run then; default: never."},
    {'n', "limit", "COUNT", "next: so many instants; default 10. history: at most so many rows."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};
static const struct command_verb verbs[] = {
    {"list", "", "List the scheduler's jobs and how they are", list},
    {"history", "NAME", "Show what became of each due instant of a job, the newest first", history},
    {"run", "NAME", "Fire a job now, beside its schedule", run_now},
    {"pause", "NAME", "Let a job's instants pass, until it is resumed", pause_one},
    {"resume", "NAME", "Fire a paused job again, from its next instant on", resume_one},
    {"next", "[NAME]",
     "Show the coming instants of a job or of --when SPEC, and whether it is due; needs no node",
     schedule_next_command},
    {"check", "FILE", "Read a configuration's schedules and say all that is wrong; needs no node",
     schedule_check_command},
    {0}};

const struct command command_schedule = {
    .name = "schedule",
    .summary = "Jobs that run at their time",
    .description =
        "A schedule is every N(s|m|h|d), daily HH:MM[,HH:MM…], cron M H DOM MON DOW, @hourly, @daily,\n"
        "@weekly, @monthly, or at RFC3339; one space, no more. A local time that the clock skips fires at\n"
        "the jump (dst-gap), one that it shows twice fires the first time (dst-fold).",
    .options = options,
    .verbs = verbs,
};
