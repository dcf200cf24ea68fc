#include "cli/commands.h"
#include "cli/rows.h"
#include "io/file.h"

static const struct row_column status_columns[] = {{"State", "state"},
                                                   {"Reason", "reason"},
                                                   {"Hub", "hub_url"},
                                                   {"Instance", "instance_id"},
                                                   {"Epoch", "epoch"},
                                                   {"Interval", "interval_seconds", ROW_SECONDS},
                                                   {"Lag", "lag_seconds", ROW_SECONDS},
                                                   {"Waiting", "pending", ROW_NUMBER},
                                                   {"Set aside", "rejected", ROW_NUMBER},
                                                   {0}};
static const struct row_column window_columns[] = {{"WINDOW", "window_no", ROW_NUMBER},
                                                   {"FROM", "window_start"},
                                                   {"TO", "window_end"},
                                                   {"STATE", "state"},
                                                   {"TRIES", "tries", ROW_NUMBER},
                                                   {"STATUS", "status", ROW_NUMBER},
                                                   {"ERROR", "error", .gives_way = true},
                                                   {0}};

static int status(const struct invocation *in)
{
    struct reply r;
    int rc = client_call(in, "GET", "/api/v1/telemetry", NULL, &r);
    if (rc)
        return rc;
    const json_t *windows = json_object_get(r.json, "windows");
    if (rows_want_json(in)) {
        rows_print_raw(&r);
    } else {
        rows_print_object(r.json, status_columns);
        if (json_array_size(windows))
            rows_print(windows, window_columns);
    }
    reply_deinit(&r);
    return EXIT_DONE;
}

static int show(const struct invocation *in)
{
    struct reply r;
    int rc = client_call(in, "GET", "/api/v1/telemetry/next", NULL, &r);
    if (rc)
        return rc;
    rows_print_raw(&r);
    reply_deinit(&r);
    return EXIT_DONE;
}

static int export_reports(const struct invocation *in)
{
    struct buf lines = BUF_INIT;
    int rc = client_fetch(in, "POST", "/api/v1/telemetry/export", &lines);
    if (rc == 0) {
        int failed = file_write_atomic(in->args[0], buf_str(&lines), 0600, true);
        if (failed)
            rc = command_fail(in, "%s cannot be written: %s", in->args[0], strerror(-failed));
    }
    buf_deinit(&lines);
    return rc;
}

static const struct command_option options[] = {CLIENT_JSON_OPTION, CLIENT_URL_OPTION, {0}};
static const struct command_verb verbs[] = {
    {"status", "", "Whether this node reports, how far the hub is behind, and what waits", status},
    {"show", "", "The next report, byte for byte", show},
    {"export", "FILE", "Write the reports that wait into a signed file, for muster hub import",
     export_reports},
    {0}};
static const struct command_example examples[] = {
    {"muster telemetry show", "See all that would be sent."},
    {"muster telemetry export reports.ndjson", "For a hub that cannot be reached from here."},
    {0}};

const struct command command_telemetry = {
    .name = "telemetry",
    .summary = "What this node reports to a hub",
    .description =
        "Nothing is reported unless the block telemetry of muster.conf names a hub and a key. A report has "
        "counts\n"
        "of agents, tasks, runs, tokens and cost, and never a prompt, a path or the name of a person.",
    .options = options,
    .verbs = verbs,
    .examples = examples,
};
