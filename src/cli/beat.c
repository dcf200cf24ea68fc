/* beat.c -- `muster beat NAME -- CMD`: a heartbeat for any script or cron job. */
#include "base/clock.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "base/parse.h"
#include "cli/bus_url.h"
#include "cli/commands.h"
#include "core/beat.h"
#include "core/heartbeat.h"
#include "io/beater.h"
#include "io/config.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAST_WORD_US (2 * USEC_PER_SEC)
#define STOP_GRACE_MS 20000 /* after a stop request: TERM, and KILL for what has not ended by then */
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

struct session {
    const struct invocation *in;
    uv_loop_t loop;
    struct beater *beater;
    struct buf extra; /* the inside of a JSON object */
    uv_process_t process;
    bool running; /* CMD lives */
    int exit_code;
    uv_timer_t grace;
    uv_signal_t signals[4];
    bool ending, said_lost;
};

static const int watched_signals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};

/* -- the end -- */

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void on_beater_stopped(void *arg)
{
    struct session *s = arg;
    uv_walk(&s->loop, close_handle, NULL);
}

static void end(struct session *s)
{
    if (s->ending)
        return;
    s->ending = true;
    beater_stop(s->beater, LAST_WORD_US, on_beater_stopped, s);
}

static void on_command_ended(uv_process_t *process, int64_t status, int signal)
{
    struct session *s = process->data;
    s->running = false;
    s->exit_code = signal ? 128 + signal : (int)status;
    buf_printf(&s->extra, "%s\"exit_code\":%d", s->extra.n ? "," : "", s->exit_code);
    end(s);
}

static void on_grace_over(uv_timer_t *timer)
{
    struct session *s = timer->data;
    if (s->running)
        (void)uv_process_kill(&s->process, SIGKILL);
}

static void on_stop_request(void *arg)
{
    struct session *s = arg;
    (void)fprintf(stderr, "muster beat: asked to stop over the bus\n");
    if (!s->running) {
        end(s);
        return;
    }
    (void)uv_process_kill(&s->process, SIGTERM);
    (void)uv_timer_start(&s->grace, on_grace_over, STOP_GRACE_MS, 0);
}

/* A terminal has sent its signal to the whole group already. */
static bool terminal_told_all(int signal)
{
    return (signal == SIGINT || signal == SIGQUIT) && isatty(STDIN_FILENO) &&
           tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void on_signal(uv_signal_t *handle, int signal)
{
    struct session *s = handle->data;
    if (!s->running)
        end(s);
    else if (!terminal_told_all(signal))
        (void)uv_process_kill(&s->process, signal);
}

/* -- the beats -- */

static bool works(void *arg, struct buf *extra)
{
    const struct session *s = arg;
    buf_add_str(extra, buf_str(&s->extra));
    return true;
}

/* The command is what matters: without a bus it runs on, and that is said once per loss. */
static void on_bus(void *arg, bool connected, const char *why)
{
    struct session *s = arg;
    if (!connected && !s->ending)
        (void)fprintf(stderr, "muster beat: no heartbeat is sent: %s; trying again\n", why);
    else if (connected && s->said_lost)
        (void)fprintf(stderr, "muster beat: heartbeats are sent again\n");
    s->said_lost |= !connected;
}

static bool add_number_or_word(struct buf *out, struct str value)
{
    struct json_scan scan = {value};
    struct json_scanned is;
    struct buf print = BUF_INIT;
    bool good = json_scan_value(&scan, 0, &print, &is) == 0 && json_scan_at_end(&scan) &&
                (is.type == JSON_SCAN_NUMBER || is.type == JSON_SCAN_BOOL);
    if (good)
        buf_add_str(out, buf_str(&print));
    buf_deinit(&print);
    return good;
}

/* "k=v": a value that is a JSON number or word goes as such, any other as text. */
static bool add_extra(struct buf *out, const char *pair)
{
    static const char *const reserved[] = {"worker",   "ts",       "instance", "seq",
                                           "period_s", "uptime_s", "state",    "exit_code"};
    const char *equals = strchr(pair, '=');
    if (!equals || equals == pair)
        return false;
    struct str key = {pair, (size_t)(equals - pair)}, value = str_of(equals + 1);
    for (size_t i = 0; i < COUNT_OF(reserved); i++)
        if (str_equal(key, str_of(reserved[i])))
            return false;
    if (out->n)
        buf_add_char(out, ',');
    json_escape(out, key);
    buf_add_char(out, ':');
    if (!add_number_or_word(out, value))
        json_escape(out, value);
    return true;
}

/* -- the start -- */

static int spawn(struct session *s)
{
    uv_stdio_container_t stdio[] = {{.flags = UV_INHERIT_FD, .data.fd = STDIN_FILENO},
                                    {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
                                    {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
    uv_process_options_t options = {.exit_cb = on_command_ended,
                                    .file = s->in->args[1],
                                    .args = s->in->args + 1,
                                    .stdio = stdio,
                                    .stdio_count = COUNT_OF(stdio)};
    s->process.data = s;
    int rc = uv_spawn(&s->loop, &s->process, &options);
    s->running = rc == 0;
    return rc;
}

static void watch_signals(struct session *s)
{
    for (size_t i = 0; i < COUNT_OF(watched_signals); i++) {
        (void)uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        (void)uv_signal_start(&s->signals[i], on_signal, watched_signals[i]);
    }
    (void)uv_timer_init(&s->loop, &s->grace);
    s->grace.data = s;
    (void)signal(SIGPIPE, SIG_IGN);
}

static int run_session(struct session *s)
{
    (void)uv_loop_init(&s->loop);
    const struct invocation *in = s->in;
    int64_t period_us = BEAT_PERIOD_US;
    const char *period = command_option(in, "period");
    if (period && (!parse_duration(str_of(period), &period_us) || period_us < HEARTBEAT_PERIOD_MIN_US ||
                   period_us > HEARTBEAT_PERIOD_MAX_US))
        return command_usage(in, "--period %s: a duration such as 30s is expected", period);
    char *url, *token;
    int rc = bus_url(in, &url, &token);
    if (rc)
        return rc;
    struct beater_config config = {.worker = in->args[0],
                                   .bus_url = url,
                                   .bus_token = token,
                                   .period_us = period_us,
                                   .works = works,
                                   .on_stop = on_stop_request,
                                   .on_bus = on_bus,
                                   .arg = s};
    rc = beater_new(&s->loop, &config, &s->beater);
    free(url);
    free(token);
    if (rc)
        return command_fail(in, "the bus's address cannot be used: %s", strerror(-rc));
    watch_signals(s);
    rc = in->arg_count > 1 ? spawn(s) : 0;
    if (rc) {
        (void)command_fail(in, "%s cannot be started: %s", in->args[1], uv_strerror(rc));
        s->exit_code = rc == UV_ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
        end(s);
    } else {
        beater_start(s->beater);
    }
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    return s->exit_code;
}

static int run(const struct invocation *in)
{
    struct session s = {.in = in, .extra = BUF_INIT};
    const char *pair;
    if (!beat_worker_valid(str_of(in->args[0])))
        return command_usage(in, "\"%s\" is no worker's name: one word without dots, * and >", in->args[0]);
    for (int at = 0; (pair = command_option_next(in, "extra", &at));)
        if (!add_extra(&s.extra, pair)) {
            buf_deinit(&s.extra);
            return command_usage(in, "--extra %s: KEY=VALUE is expected, and no key that every beat has",
                                 pair);
        }
    int rc = run_session(&s);
    s.beater = beater_free(s.beater);
    (void)uv_loop_close(&s.loop);
    buf_deinit(&s.extra);
    return rc;
}

static const struct command_option options[] = {
    {'p', "period", "TIME", "Time between two heartbeats; 30s without it.  Silence of three is \"stale\"."},
    {'x', "extra", "KEY=VALUE", "Something to show beside the worker; may come more than once."},
    BUS_URL_OPTION,
    {0}};

const struct command command_beat = {
    .name = "beat",
    .args = "NAME [COMMAND]…",
    .summary = "Send heartbeats for a script, a cron job or any command",
    .description =
        "muster beat NAME -- COMMAND… runs the command in the foreground, beats while it runs, and ends\n"
        "with its exit code. Without a command it beats until it is interrupted. The last heartbeat says\n"
        "\"stopping\", and the command's exit_code. NAME has a row in muster workers when the node's "
        "configuration lists it in workers.\n"
        "\n"
        "muster workers stop NAME sends the command SIGTERM, and SIGKILL after 20 s. Without a bus the\n"
        "command runs all the same; heartbeats go on when the bus is back.\n"
        "\n"
        "Exit code: the command's; 128 + N when signal N ended it; 127 when it does not exist, 126 when it\n"
        "cannot be executed.",
    .options = options,
    .run = run,
};
