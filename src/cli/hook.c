#include "base/clock.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/hook_payload.h"
#include "cli/hook_settings.h"
#include "core/hook_event.h"
#include "io/config.h"

#include <poll.h>
#include <unistd.h>

#define READ_MS 2000
#define TELL_US (USEC_PER_SEC / 2)

/* -- an event: whatever happens, the agent is not held up and never sees a failure -- */

static bool read_payload(struct buf *ret)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (ret->n <= HOOK_PAYLOAD_MAX) {
        if (poll(&input, 1, READ_MS) <= 0)
            return false;
        buf_reserve(ret, 65536);
        ssize_t n = read(STDIN_FILENO, ret->p + ret->n, 65536);
        if (n <= 0)
            return n == 0;
        ret->n += (size_t)n;
        ret->p[ret->n] = '\0';
    }
    return false;
}

static void tell_node(const struct invocation *in, const char *body)
{
    struct config *config = NULL;
    const char *token = getenv("MUSTER_TOKEN");
    struct err e;
    if (config_load(in->config_path, &config, NULL, &e) != 0)
        return;
    if (config->socket[0])
        (void)client_tell(config->socket, token && token[0] ? token : NULL, "/api/v1/hooks", body, TELL_US);
    (void)config_free(config);
}

static int event(const struct invocation *in)
{
    struct buf payload = BUF_INIT, body = BUF_INIT;
    if (in->args[0])
        buf_add_text(&payload, in->args[0]);
    bool read_all = in->args[0] || read_payload(&payload);
    if (read_all && hook_payload_reduce(buf_str(&payload), getppid(), &body))
        tell_node(in, body.p);
    buf_deinit(&payload);
    buf_deinit(&body);
    return EXIT_DONE;
}

/* -- install, remove, status -- */

static const char *const vendors[] = {"claude", "codex", "gemini"};

/* The program that runs now, by its path: the CLI may have another PATH. */
static void own_command(const char *vendor, struct buf *ret)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n > 0)
        buf_printf(ret, "%.*s hook %s", (int)n, path, vendor);
    else
        buf_printf(ret, "muster hook %s", vendor);
}

static void edit(const char *vendor, bool install, json_t *settings, size_t *ret_changed)
{
    struct buf command = BUF_INIT;
    own_command(vendor, &command);
    *ret_changed = install ? hook_settings_add(settings, vendor, command.p) : hook_settings_remove(settings);
    buf_deinit(&command);
}

static int change(const struct invocation *in, const char *vendor, bool install)
{
    struct err e = {0};
    json_t *settings = NULL;
    size_t changed = 0;
    char *path = hook_settings_path(vendor);
    int rc = hook_settings_load(path, &settings, &e);
    if (rc == 0) {
        edit(vendor, install, settings, &changed);
        rc = changed ? hook_settings_save(path, settings, &e) : 0;
    }
    if (rc != 0)
        rc = command_fail(in, "%s", e.text);
    else
        (void)printf("%s: %zu hooks %s in %s\n", vendor, changed, install ? "added" : "removed", path);
    json_decref(settings);
    free(path);
    return rc;
}

static bool is_vendor(const char *word)
{
    return hook_event_names(word) != NULL;
}

static int change_those_named(const struct invocation *in, bool install)
{
    int worst = EXIT_DONE;
    if (in->args[0] && !is_vendor(in->args[0]))
        return command_usage(in, "\"%s\" is none of claude, codex, gemini", in->args[0]);
    for (size_t i = 0; i < COUNT_OF(vendors); i++) {
        if (in->args[0] && strcmp(in->args[0], vendors[i]) != 0)
            continue;
        int rc = change(in, vendors[i], install);
        worst = rc ? rc : worst;
    }
    return worst;
}

static int install_hooks(const struct invocation *in)
{
    return change_those_named(in, true);
}

static int remove_hooks(const struct invocation *in)
{
    return change_those_named(in, false);
}

static int show(const struct invocation *in)
{
    int worst = EXIT_DONE;
    for (size_t i = 0; i < COUNT_OF(vendors); i++) {
        struct err e = {0};
        json_t *settings = NULL;
        char *path = hook_settings_path(vendors[i]);
        if (hook_settings_load(path, &settings, &e) == 0)
            (void)printf("%s: %zu hooks in %s\n", vendors[i], hook_settings_count(settings), path);
        else
            worst = command_fail(in, "%s", e.text);
        json_decref(settings);
        free(path);
    }
    return worst;
}

static const struct command_option options[] = {{0}};
static const struct command_verb verbs[] = {
    {"status", "", "Where muster's hooks are installed", show},
    {"install", "[CLI]", "Add them to the settings of claude, codex or gemini; all three without a name",
     install_hooks},
    {"remove", "[CLI]", "Take out what was added, and nothing else", remove_hooks},
    {"claude", "", "An event of Claude Code on standard input; what its settings call", event},
    {"codex", "[NOTIFICATION]", "An event of Codex on standard input, or its older notification", event},
    {"gemini", "", "An event of Gemini CLI on standard input", event},
    {0}};

const struct command command_hook = {
    .name = "hook",
    .summary = "Let agent CLIs tell the node what they are at, by their own hooks",
    .description =
        "With hooks, a verdict knows at once that a turn has begun, that a tool runs, that a permission is "
        "asked for.\n\n"
        "The events take milliseconds, end with exit code 0 whatever happens, and print nothing, so that an "
        "agent "
        "is never held up or woken by them.  Of an event its name, its kind, the session and the path of the "
        "transcript are told; no prompt, answer or command.",
    .options = options,
    .verbs = verbs,
};
