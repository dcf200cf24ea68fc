#include "base/clock.h"
#include "base/parse.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/nearest.h"
#include "cli/when.h"
#include "io/config.h"
#include "io/file.h"
#include "run/cgroup.h"
#include "run/launch.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_NOT_RUN 125 /* muster's own failure, as with env, nohup and timeout */
#define ASK_TIMEOUT_US (2 * USEC_PER_SEC)
#define GRACE_US (10 * USEC_PER_SEC)
#define OUTPUT_MAX_BYTES (INT64_C(64) << 20)

static int fail(const struct invocation *in, const struct err *e)
{
    (void)command_fail(in, "%s", e->text);
    return EXIT_NOT_RUN;
}

/* -- the agent profile -- */

static const char *next_agent(const void *arg, size_t i)
{
    const struct config *config = arg;
    return i < config->agent_count ? config->agents[i].name : NULL;
}

/* *ret is NULL without --agent. */
static int find_profile(const struct invocation *in, const struct config *config,
                        const struct agent_profile **ret)
{
    const char *name = command_option(in, "agent");
    *ret = name ? config_agent(config, str_of(name)) : NULL;
    if (!name || *ret)
        return 0;
    const char *nearest = nearest_name(name, next_agent, config);
    if (nearest)
        return command_usage(in, "the configuration has no agent \"%s\"; did you mean \"%s\"?", name,
                             nearest);
    return command_usage(in, "the configuration has no agent \"%s\"", name);
}

/* -- the task -- */

/* Its id, or else its work item, which the node looks up when it books the run.  A node that serves says at
 * once that an id is wrong; without one it is found out later. */
static int set_task(const struct invocation *in, const struct config *config, struct run_spec *spec)
{
    const char *task = command_option(in, "task");
    if (!task)
        return 0;
    if (task[0] == '\0')
        return command_usage(in, "--task needs the id of a task or its work item");
    if (!parse_i64_in(str_of(task), 1, INT64_MAX, &spec->task_id)) {
        spec->task = xstrdup(task);
        return 0;
    }
    struct buf path = BUF_INIT;
    buf_printf(&path, "/api/v1/tasks/%lld", (long long)spec->task_id);
    int status = client_ask(config->socket, "GET", path.p, ASK_TIMEOUT_US);
    buf_deinit(&path);
    return status == 404 ? command_usage(in, "there is no task %s", task) : 0;
}

/* -- what is run -- */

static char **copy_list(char *const *from, bool settings_only)
{
    size_t count = 0;
    while (from[count])
        count++;
    char **list = xcalloc(count + 1, sizeof(*list));
    for (size_t i = 0, to = 0; i < count; i++)
        if (!settings_only || strchr(from[i], '='))
            list[to++] = xstrdup(from[i]);
    return list;
}

static char *copy_or_null(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

/* "" where the working directory has gone: the command stays in it all the same. */
static char *working_directory(void)
{
    char *dir = getcwd(NULL, 0);
    return dir ? dir : xstrdup("");
}

static int fill(const struct invocation *in, const struct config *config, struct run_spec *spec)
{
    const struct agent_profile *profile;
    int64_t timeout_s = 0;
    int rc = find_profile(in, config, &profile);
    if (rc == 0 && command_option(in, "timeout"))
        rc = when_seconds(in, "timeout", &timeout_s);
    if (rc == 0)
        rc = set_task(in, config, spec);
    if (rc != 0)
        return rc;
    const char *model = command_option(in, "model");
    rundir_new_key(spec->key);
    spec->agent = xstrdup(profile ? profile->name : "");
    spec->origin = xstrdup("cli");
    spec->args = copy_list(in->args, false);
    spec->env = copy_list(environ, true);
    spec->workdir = working_directory();
    spec->stdin_path = xstrdup("inherit");
    spec->terminal = !command_option(in, "record");
    spec->timeout_ms = timeout_s * 1000;
    spec->grace_ms = (profile ? profile->grace_us : GRACE_US) / USEC_PER_MSEC;
    spec->output_max_bytes = profile ? profile->output_max_bytes : OUTPUT_MAX_BYTES;
    spec->created_at_us = clock_wall_us();
    spec->stop_signal = profile ? profile->stop_signal : SIGTERM;
    char cgroup[CGROUP_PATH_MAX];
    cgroup_find_parent(cgroup);
    spec->cgroup = cgroup[0] ? xstrdup(cgroup) : NULL;
    spec->repo = copy_or_null(command_option(in, "repo"));
    spec->model = copy_or_null(model || !profile ? model : profile->model);
    return 0;
}

/* -- where it is recorded -- */

/* A directory of another owner would hold a run that its node can't read. */
static int check_owner(const char *runs_dir, struct err *e)
{
    struct stat st;
    if (stat(runs_dir, &st) != 0)
        return err_set(e, ERR_INTERNAL, -errno, "%s: %s", runs_dir, strerror(errno));
    if (st.st_uid == geteuid())
        return 0;
    return err_set(e, ERR_FORBIDDEN, -EPERM,
                   "%s belongs to another user, whose node could not read this run; run this as that user, "
                   "or set MUSTER_DATA_DIR",
                   runs_dir);
}

static int prepare(const char *runs_dir, const struct run_spec *spec, struct err *e)
{
    int rc = file_mkdirs(runs_dir, 0700);
    if (rc != 0)
        return err_set(e, ERR_INTERNAL, rc,
                       "%s cannot be made: %s; set MUSTER_DATA_DIR to a place that can be written", runs_dir,
                       strerror(-rc));
    rc = check_owner(runs_dir, e);
    return rc ? rc : rundir_create(runs_dir, spec, e);
}

/* In place of this process, so that the caller's shell has the same job in the same group.  Returns when that
 * fails. */
static int become_shim(const struct invocation *in, const char *shim, const char *dir)
{
    char *argv[] = {(char *)(uintptr_t) "muster-shim", (char *)(uintptr_t) "--foreground",
                    (char *)(uintptr_t)dir, NULL};
    char *envp[] = {NULL};
    (void)execve(shim, argv, envp);
    (void)command_fail(in, "%s could not be started: %s", shim, strerror(errno));
    return EXIT_NOT_RUN;
}

static int run_spec_in_foreground(const struct invocation *in, const char *data_dir,
                                  const struct run_spec *spec)
{
    struct err e = {0};
    CLEANUP(freep) char *shim = launch_find_shim();
    if (!shim) {
        (void)err_set(&e, ERR_UNAVAILABLE, -ENOENT, "muster-shim is neither beside muster nor in PATH");
        return fail(in, &e);
    }
    CLEANUP(buf_deinit) struct buf runs_dir = BUF_INIT;
    CLEANUP(buf_deinit) struct buf dir = BUF_INIT;
    buf_printf(&runs_dir, "%s/runs", data_dir);
    buf_printf(&dir, "%s/%s", runs_dir.p, spec->key);
    if (prepare(runs_dir.p, spec, &e) != 0)
        return fail(in, &e);
    int rc = become_shim(in, shim, dir.p);
    (void)!rundir_remove(runs_dir.p, spec->key);
    return rc;
}

static int run(const struct invocation *in)
{
    struct config *config;
    struct run_spec spec = {0};
    int rc = command_config(in, &config);
    if (rc != 0)
        return rc;
    rc = fill(in, config, &spec);
    if (rc == 0)
        rc = run_spec_in_foreground(in, config->data_dir, &spec);
    run_spec_deinit(&spec);
    (void)config_free(config);
    return rc;
}

static const struct command_option options[] = {
    {'t', "task", "TASK", "The task that it is for: its id, or its work item."},
    {'a', "agent", "NAME", "Read what it prints as this profile's: tokens and cost are booked."},
    {'R', "repo", "REPO", "The repo that it works on, for the record."},
    {'m', "model", "NAME", "The model that it uses, instead of the profile's, for the record."},
    {0, "timeout", "DURATION", "End it after so long, such as 30m."},
    {'r', "record", NULL, "Record what it prints on a terminal too; it then writes to pipes."},
    {0}};

const struct command command_run = {
    .name = "run",
    .args = "COMMAND…",
    .summary = "Run any command as a run that muster knows",
    .description =
        "The command has this terminal, these pipes, this environment and this directory, as if it had been "
        "typed\n"
        "without muster.  What it prints into a pipe or a file is recorded as well; a terminal is the "
        "command's "
        "own,\n"
        "and nothing is recorded of it unless --record is given.\n\n"
        "No node need run.  One that does shows the run while it lives (muster runs --live), and the next "
        "one "
        "books\n"
        "what ended meanwhile.\n\n"
        "The exit code is the command's, 128 + N when signal N ended it, 127 when it was not found, 126 when "
        "it could\n"
        "not be started, 125 when muster could not record it and so did not start it.",
    .options = options,
    .takes_command = true,
    .run = run,
};
