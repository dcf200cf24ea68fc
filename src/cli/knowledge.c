/* knowledge.c -- `muster knowledge`: the corporate memory. */
#include "cli/commands.h"
#include "cli/rows.h"

static const struct row_column columns[] = {
    {"ID", "id", ROW_NUMBER},
    {"STATUS", "status"},
    {"KIND", "kind"},
    {"CONFIDENCE", "confidence", ROW_NUMBER},
    {"SEEN", "evidence_count", ROW_NUMBER},
    {"TITLE", "title", .gives_way = true},
    {"CONTENT", "content", .gives_way = true},
    {0},
};
static const struct row_column details[] = {
    {"id", "id", ROW_NUMBER},
    {"status", "status"},
    {"kind", "kind"},
    {"confidence", "confidence", ROW_NUMBER},
    {"title", "title"},
    {"content", "content"},
    {"decided by", "decided_by"},
    {"updated", "updated_at", ROW_AGE},
    {0},
};
static const struct row_column outcome[] = {
    {"looked at", "details.scanned", ROW_NUMBER},
    {"processed", "details.processed", ROW_NUMBER},
    {"left for later", "details.capped", ROW_NUMBER},
    {"parked", "details.errors", ROW_NUMBER},
    {"new items", "details.items_created", ROW_NUMBER},
    {"new evidence", "details.evidence_added", ROW_NUMBER},
    {"contradictions", "details.contradictions", ROW_NUMBER},
    {0},
};

static int list(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/knowledge");
    client_add_query(&path, in, "status");
    client_add_query(&path, in, "limit");
    client_add_query(&path, in, "after");
    int rc = rows_list(in, path.p, "items", columns);
    buf_deinit(&path);
    return rc;
}

static int call(const struct invocation *in, const char *method, const char *suffix, json_t *body)
{
    struct buf path = BUF_INIT;
    int64_t id;
    int rc = command_id(in, in->args[0], &id);
    if (rc == 0) {
        buf_printf(&path, "/api/v1/knowledge/%lld%s", (long long)id, suffix);
        rc = rows_call(in, method, path.p, body, details);
    } else {
        json_decref(body);
    }
    buf_deinit(&path);
    return rc;
}

static int approve(const struct invocation *in)
{
    return call(in, "POST", "/approve", json_object());
}

static int reject(const struct invocation *in)
{
    return call(in, "POST", "/reject", json_object());
}

static int edit(const struct invocation *in)
{
    if (!command_option(in, "title") && !command_option(in, "content"))
        return command_usage(in, "edit: --title or --content is expected");
    json_t *body = json_pack("{s:s* s:s*}", "title", command_option(in, "title"), "content",
                             command_option(in, "content"));
    return body ? call(in, "PATCH", "", body) : command_usage(in, "the words must be UTF-8");
}

static int run(const struct invocation *in)
{
    return rows_call(in, "POST", "/api/admin/run-corporate-memory", json_object(), outcome);
}

static const struct command_verb verbs[] = {
    {"list", "", "List the facts with what they rest on", list},   {"approve", "ID", "Approve one", approve},
    {"reject", "ID", "Reject one; it does not come back", reject}, {"edit", "ID", "Change its words", edit},
    {"run", "", "Look for facts in what is new now", run},         {0}};

static const struct command_option options[] = {
    {'s', "status", "STATUS", "list: those alone.", .choices = "pending|approved|rejected"},
    {'n', "limit", "COUNT", "list: at most so many."},
    {0, "after", "ID", "list: those with ids above this one."},
    {'t', "title", "TEXT", "edit: what it is about."},
    {'c', "content", "TEXT", "edit: the statement."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};

static const struct command_example examples[] = {
    {"muster knowledge list --status pending", "What waits for a decision."},
    {"muster knowledge approve 3", "Item 3 holds."},
    {"muster knowledge edit 3 --content 'The staging database is db-2.'", "Say it better."},
    {0}};

const struct command command_knowledge = {
    .name = "knowledge",
    .summary = "Durable facts from what people and agents said",
    .description =
        "The corporate memory: statements about how things are done here that people corrected, defined or\n"
        "confirmed in sessions with agents, and that their notes hold (CLAUDE.local.md, AGENTS.md).  They "
        "are\n"
        "found by the model of the configuration's memory block and wait for a person's decision.\n"
        "\n"
        "CONFIDENCE follows from the kind alone: 0.9 for a correction or definition, 0.6 for a "
        "confirmation.\n"
        "SEEN is in how many sessions a fact was found.",
    .options = options,
    .verbs = verbs,
    .examples = examples,
};
