/* processors.c -- `muster processors`: what the processors of transcripts have done, and what they could not.
 */
#include "cli/commands.h"
#include "cli/rows.h"

static const struct row_column processors[] = {
    {"PROCESSOR", "name"},
    {"DONE", "done", ROW_NUMBER},
    {"FAILED", "failed", ROW_NUMBER},
    {"QUARANTINED", "quarantined", ROW_NUMBER},
    {"ITEMS", "items_extracted", ROW_NUMBER},
    {"LAST-RUN", "last_run.ended_at", ROW_AGE},
    {"LEFT-OVER", "last_run.capped", ROW_NUMBER},
    {"WAITING", "waiting", ROW_NUMBER},
    {"SINCE", "oldest_waiting.since", ROW_AGE},
    {"OLDEST", "oldest_waiting.path", .gives_way = true},
    {0},
};
static const struct row_column files_columns[] = {
    {"STATUS", "status"},
    {"ITEMS", "items_extracted", ROW_NUMBER},
    {"ATTEMPTS", "attempts", ROW_NUMBER},
    {"PROCESSED", "processed_at", ROW_AGE},
    {"FILE", "session_file"},
    {"ERROR", "last_error", .gives_way = true},
    {0},
};
static const struct row_column requeued[] = {
    {"processor", "processor"}, {"requeued", "requeued", ROW_NUMBER}, {0}};
static const struct row_column ran[] = {{"processor", "details.processor"},
                                        {"scanned", "details.scanned", ROW_NUMBER},
                                        {"processed", "details.processed", ROW_NUMBER},
                                        {"skipped", "details.skipped", ROW_NUMBER},
                                        {"left over", "details.capped", ROW_NUMBER},
                                        {"errors", "details.errors", ROW_NUMBER},
                                        {"items", "details.items_extracted", ROW_NUMBER},
                                        {0}};

static int list(const struct invocation *in)
{
    return rows_list(in, "/api/v1/processors", "processors", processors);
}

static int list_files(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/processors/");
    client_add_escaped(&path, in->args[0]);
    buf_add_text(&path, "/files");
    client_add_query(&path, in, "status");
    client_add_query(&path, in, "limit");
    client_add_query(&path, in, "after");
    int rc = rows_list(in, path.p, "files", files_columns);
    buf_deinit(&path);
    return rc;
}

static int requeue(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/processors/");
    client_add_escaped(&path, in->args[0]);
    buf_add_text(&path, "/requeue");
    json_t *body = in->arg_count > 1 ? json_pack("{s:s}", "path", in->args[1]) : json_object();
    int rc = rows_call(in, "POST", path.p, body, requeued);
    buf_deinit(&path);
    return rc;
}

static int run(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/admin/run-session-processor?processor=");
    client_add_escaped(&path, in->args[0]);
    int rc = rows_call(in, "POST", path.p, json_object(), ran);
    buf_deinit(&path);
    return rc;
}

static const struct command_verb verbs[] = {
    {"list", "", "Each processor, its files by status, and its last run", list},
    {"files", "NAME", "What it has made of each session's file, and why not", list_files},
    {"requeue", "NAME [FILE]", "Give what failed or was set apart another chance at the next run", requeue},
    {"run", "NAME", "Run it now, as the scheduler does at its cadence", run},
    {0}};

static const struct command_option options[] = {
    {0, "status", "STATUS", "Files of this status alone.", "done|failed|quarantined"},
    {0, "limit", "N", "At most this many files."},
    {0, "after", "FILE", "Files from behind this one on."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};

const struct command command_processors = {
    .name = "processors",
    .summary = "What is read from transcripts, and what could not be",
    .description =
        "A processor reads the transcripts of agents: usage counts tokens, verification holds claims "
        "against\n"
        "what was run, and a processor block of the configuration is a command of your own. A file is done\n"
        "until it or the processor's version changes. One that cannot be processed is tried again after a\n"
        "while, and is set apart (quarantined) after five times; the others go on. WAITING are files that\n"
        "were written and not read yet, SINCE and OLDEST the one that has waited longest.",
    .options = options,
    .verbs = verbs,
};
