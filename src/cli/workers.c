/* workers.c -- `muster workers`: the roll call of the background workers. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/rows.h"

#include <poll.h>
#include <unistd.h>

#define WATCH_MS 1000

static const struct row_column columns[] = {
    {"WORKER", "name"},
    {"STATUS", "status"},
    {"SINCE", "seconds_since", ROW_SECONDS},
    {"RESTARTS", "restarts", ROW_NUMBER},
    {"FLAPPING", "flapping", ROW_YES_NO},
    {"INSTANCE", "instance", .gives_way = true},
    {0},
};
static const struct row_column accepted[] = {
    {"worker", "worker"}, {"action", "action"}, {"accepted", "accepted", ROW_YES_NO}, {0}};

/* One look, shown.  Returns an exit code. */
static int show(const struct invocation *in, bool redraw)
{
    struct reply r;
    int rc = client_call(in, "GET", "/api/v1/workers", NULL, &r);
    if (rc != 0)
        return rc;
    if (redraw)
        (void)fputs("\033[H\033[J", stdout);
    if (rows_want_json(in)) {
        rows_print_raw(&r);
    } else {
        rows_print(json_object_get(r.json, "workers"), columns);
        if (!json_is_true(json_object_get(r.json, "bus_connected")))
            (void)fputs("\nThe bus is down: nothing is heard.\n", stdout);
    }
    reply_deinit(&r);
    return EXIT_DONE;
}

/* Until it is interrupted, or the reader of a pipe has gone. */
static int watch(const struct invocation *in)
{
    bool redraw = isatty(STDOUT_FILENO) && !rows_want_json(in);
    for (;;) {
        int rc = show(in, redraw);
        if (rc != EXIT_DONE)
            return rc;
        if (fflush(stdout) != 0)
            return EXIT_FAILED;
        (void)poll(NULL, 0, WATCH_MS);
        if (!redraw && !rows_want_json(in))
            (void)putchar('\n');
    }
}

static int list(const struct invocation *in)
{
    return command_option(in, "watch") ? watch(in) : show(in, false);
}

static int stop(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/workers/");
    client_add_escaped(&path, in->args[0]);
    buf_add_text(&path, "/stop");
    int rc = rows_call(in, "POST", path.p, json_object(), accepted);
    buf_deinit(&path);
    return rc;
}

static const struct command_verb verbs[] = {{"list", "", "The roll call, in the configuration's order", list},
                                            {"stop", "NAME", "Ask a worker to stop", stop},
                                            {0}};

static const struct command_option options[] = {
    {'w', "watch", NULL, "Look again every second; on a terminal in place."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};

const struct command command_workers = {
    .name = "workers",
    .summary = "The roll call of the background workers",
    .description =
        "STATUS is ok while the last heartbeat is younger than three of the worker's periods (90 s for one\n"
        "that announces none), stale after that, and unknown for a worker that was never heard. stopping\n"
        "and stopped follow a stop request or the worker's own last word. FLAPPING is yes for a worker with\n"
        "3 new instances within 10 minutes. SINCE is the age of the last heartbeat.\n"
        "\n"
        "Any NATS client reports that it lives by publishing on system.NAME.health; see muster beat.",
    .options = options,
    .verbs = verbs,
};
