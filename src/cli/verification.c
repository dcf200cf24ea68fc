/* verification.c -- `muster verification`: what sessions claimed, held against what they ran (spec 60 V1). */
#include "cli/commands.h"
#include "cli/rows.h"

static const struct row_column sessions[] = {
    {"VERDICT", "verdict"},
    {"CLAIMS", "claims_success", ROW_YES_NO},
    {"CHECKS", "checks", ROW_NUMBER},
    {"FAILED", "checks_failed", ROW_NUMBER},
    {"EDITS", "edits", ROW_NUMBER},
    {"EDITED-SINCE", "edited_since", ROW_YES_NO},
    {"LAST", "last_at", ROW_AGE},
    {"AGENT", "agent"},
    {"SESSION", "session_id"},
    {"FILE", "session_file", .gives_way = true},
    {0},
};
static const struct row_column evidence[] = {
    {"OUTCOME", "outcome"},
    {"KIND", "kind"},
    {"PASSED", "passed", ROW_NUMBER},
    {"FAILED", "failed", ROW_NUMBER},
    {"AT", "at", ROW_AGE},
    {"LINE", "use_line", ROW_NUMBER},
    {"COMMAND", "command", .gives_way = true},
    {0},
};

static int list(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/verification");
    client_add_query(&path, in, "verdict");
    client_add_query(&path, in, "limit");
    client_add_query(&path, in, "after");
    int rc = rows_list(in, path.p, "sessions", sessions);
    buf_deinit(&path);
    return rc;
}

static int show(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/verification/");
    client_add_escaped(&path, in->args[0]);
    int rc = rows_list(in, path.p, "evidence", evidence);
    buf_deinit(&path);
    return rc;
}

static const struct command_verb verbs[] = {
    {"list", "", "Sessions, with what their claims are worth", list},
    {"show", "SESSION", "The checks that a session ran, and how each ended", show},
    {0}};

static const struct command_option options[] = {
    {0, "verdict", "VERDICT", "Sessions of this verdict alone.", "verified|unverified|contradicted"},
    {0, "limit", "N", "At most this many sessions."},
    {0, "after", "FILE", "Sessions from behind this file on."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};

const struct command command_verification = {
    .name = "verification",
    .summary = "What sessions claimed, held against what they ran",
    .description =
        "From the transcripts alone: which tests, linters, type checks and builds a session ran, how each\n"
        "ended, what was edited after the last one that was green, and whether the closing message claims\n"
        "success. verified: the last check of every kind passed and nothing was edited since; contradicted: "
        "it\n"
        "claims success, and the last check failed or none was ever run; unverified: what is left.",
    .options = options,
    .verbs = verbs,
};
