#include "cli/commands.h"
#include "cli/rows.h"

static const struct row_column columns[] = {
    {"ID", "id", ROW_NUMBER},
    {"WORK ITEM", "work_item"},
    {"STAGE", "stage"},
    {"IN STAGE", "stage_entered_at", ROW_AGE},
    {"BLOCKED", "blocked", ROW_YES_NO},
    {"WORKFLOW", "workflow"},
    {"REPO", "repo", .gives_way = true},
    {"TITLE", "title", .gives_way = true},
    {0},
};
static const struct row_column details[] = {
    {"id", "id", ROW_NUMBER},
    {"work item", "work_item"},
    {"title", "title"},
    {"repo", "repo"},
    {"type", "type"},
    {"workflow", "workflow"},
    {"stage", "stage"},
    {"in stage since", "stage_entered_at", ROW_AGE},
    {"blocked", "blocked", ROW_YES_NO},
    {"blocked because", "blocked_reason"},
    {"created", "created_at", ROW_AGE},
    {0},
};
static const struct row_column events[] = {
    {"AT", "at", ROW_AGE},
    {"FROM", "from_stage"},
    {"TO", "to_stage"},
    {"BY", "actor"},
    {"REASON", "reason", .gives_way = true},
    {0},
};

static int list(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, command_option(in, "all") ? "/api/v1/tasks" : "/api/v1/tasks?open=true");
    client_add_query(&path, in, "limit");
    client_add_query(&path, in, "after");
    int rc = rows_list(in, path.p, "tasks", columns);
    buf_deinit(&path);
    return rc;
}

static int task_path(const struct invocation *in, const char *suffix, struct buf *ret)
{
    int64_t id;
    int rc = command_id(in, in->args[0], &id);
    if (rc == 0)
        buf_printf(ret, "/api/v1/tasks/%lld%s", (long long)id, suffix);
    return rc;
}

static int show(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    struct reply r;
    int rc = task_path(in, "", &path);
    if (rc == 0)
        rc = client_call(in, "GET", path.p, NULL, &r);
    buf_deinit(&path);
    if (rc != 0)
        return rc;
    if (rows_want_json(in)) {
        rows_print_raw(&r);
    } else {
        rows_print_object(r.json, details);
        (void)putchar('\n');
        rows_print(json_object_get(r.json, "events"), events);
    }
    reply_deinit(&r);
    return EXIT_DONE;
}

static int add(const struct invocation *in)
{
    json_t *body = json_pack("{s:s s:s* s:s* s:s* s:s* s:s*}", "work_item", in->args[0], "title",
                             command_option(in, "title"), "repo", command_option(in, "repo"), "type",
                             command_option(in, "type"), "workflow", command_option(in, "workflow"), "stage",
                             command_option(in, "stage"));
    if (!body)
        return command_usage(in, "the words must be UTF-8");
    return rows_call(in, "POST", "/api/v1/tasks", body, details);
}

static int stage(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    int rc = task_path(in, "/stage", &path);
    json_t *body =
        rc ? NULL : json_pack("{s:s s:s*}", "stage", in->args[1], "reason", command_option(in, "reason"));
    if (rc == 0 && !body)
        rc = command_usage(in, "the words must be UTF-8");
    if (rc == 0)
        rc = rows_call(in, "POST", path.p, body, details);
    buf_deinit(&path);
    return rc;
}

static const struct command_option options[] = {
    {'a', "all", NULL, "list: also those that are done or cancelled."},
    {'n', "limit", "COUNT", "list: at most so many."},
    {0, "after", "ID", "list: those with ids above this one."},
    {'t', "title", "TEXT", "add: one line about it."},
    {'R', "repo", "REPO", "add: where the work is done."},
    {'T', "type", "WORD", "add: kind of work, for statistics."},
    {'w', "workflow", "NAME", "add: a workflow of the configuration; its first stage is entered."},
    {'s', "stage", "STAGE", "add: first stage, instead of the workflow's."},
    {'m', "reason", "TEXT", "stage: why, for the history."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};
static const struct command_verb verbs[] = {
    {"list", "", "List the tasks that are not at their end", list},
    {"show", "ID", "Show one with its history", show},
    {"add", "WORK_ITEM", "Create a task: a ticket, an issue, a branch", add},
    {"stage", "ID STAGE", "Move a task to a stage; done and cancelled end it", stage},
    {0}};

static const struct command_example examples[] = {
    {"muster tasks add ISSUE-42 --repo demo --workflow fix",
     "A task that enters the first stage of the workflow."},
    {"muster tasks show 1", "Where it is and how it got there."},
    {"muster tasks stage 1 cancelled --reason duplicate", "End it."},
    {0}};

const struct command command_tasks = {
    .name = "tasks",
    .summary = "Pieces of work that move through stages",
    .description =
        "A task with a workflow whose stages have agents drives itself: the job of a stage succeeds, the "
        "task\n"
        "moves on and the next job is queued.  Without one, tasks move by this command or the API alone.",
    .options = options,
    .verbs = verbs,
    .examples = examples,
};
