#include "run/launch.h"

#include "base/parse.h"
#include "core/placeholder.h"
#include "io/json_place.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGS_PLACEHOLDER "{args}"

/* -- what an API caller may ask for -- */

static bool takes_args(const struct agent_profile *profile)
{
    for (size_t i = 0; profile->command && profile->command[i]; i++)
        if (strcmp(profile->command[i], ARGS_PLACEHOLDER) == 0)
            return true;
    return false;
}

static bool passes(const struct agent_profile *profile, struct str name)
{
    for (size_t i = 0; profile->env_pass && profile->env_pass[i]; i++)
        if (str_equal(name, str_of(profile->env_pass[i])))
            return true;
    return false;
}

/* A repo is a name below repo_root, or an absolute path; either way without "..", so that it stays where it
 * points. */
static bool repo_stays_inside(const char *repo)
{
    struct str rest = str_of(repo), part;
    while (str_split(&rest, '/', &part))
        if (str_equal(part, STR("..")))
            return false;
    return repo[0] != '\0';
}

static int check_env(const struct agent_profile *profile, const char *env, struct err *e)
{
    json_t *list = json_loads(env, 0, NULL);
    int rc = 0;
    CLEANUP(buf_deinit) struct buf pointer = BUF_INIT;
    for (size_t i = 0; i < json_array_size(list) && rc == 0; i++) {
        struct str rest = str_of(json_string_value(json_array_get(list, i))), name = STR("");
        if (str_split(&rest, '=', &name) && rest.p && passes(profile, name))
            continue;
        buf_add_text(&pointer, "/env");
        json_pointer_add(&pointer, name);
        rc = err_set_at(e, ERR_INVALID, -EINVAL, pointer.p,
                        "agent \"%s\" does not pass this variable; name it in its env_pass", profile->name);
    }
    json_decref(list);
    return rc;
}

int launch_check(const struct agent_profile *profile, const char *args, const char *env, const char *repo,
                 struct err *e)
{
    if (args && profile->command && !takes_args(profile))
        return err_set_at(e, ERR_INVALID, -EINVAL, "/args",
                          "agent \"%s\" has no " ARGS_PLACEHOLDER " in its command", profile->name);
    if (repo && !repo_stays_inside(repo))
        return err_set_at(e, ERR_INVALID, -EINVAL, "/repo", "a repo must not be empty or hold \"..\"");
    return env && profile->command ? check_env(profile, env, e) : 0;
}

/* -- the spec -- */

struct list { /* a growing NULL-terminated array of owned strings */
    char **items;
    size_t count;
};

static void list_add(struct list *l, char *owned)
{
    l->items = xrealloc(l->items, (l->count + 2) * sizeof(*l->items));
    l->items[l->count++] = owned;
    l->items[l->count] = NULL;
}

/* Later settings of a name replace earlier ones, so that the job's value wins over the profile's. */
static void list_set_env(struct list *l, const char *setting)
{
    size_t name_n = strcspn(setting, "=") + 1;
    for (size_t i = 0; i < l->count; i++) {
        if (strncmp(l->items[i], setting, name_n) == 0) {
            free(l->items[i]);
            l->items[i] = xstrdup(setting);
            return;
        }
    }
    list_add(l, xstrdup(setting));
}

static void add_json_strings(struct list *l, const char *json, void (*add)(struct list *, const char *))
{
    json_t *list = json_loads(json, 0, NULL);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_is_string(json_array_get(list, i)))
            add(l, json_string_value(json_array_get(list, i)));
    json_decref(list);
}

static void list_add_copy(struct list *l, const char *text)
{
    list_add(l, xstrdup(text));
}

static char **environment(const struct launch_request *r)
{
    struct list env = {0};
    struct buf setting = BUF_INIT;
    for (size_t i = 0; r->profile->env_pass && r->profile->env_pass[i]; i++) {
        const char *name = r->profile->env_pass[i], *value = getenv(name);
        if (!value)
            continue;
        buf_clear(&setting);
        buf_printf(&setting, "%s=%s", name, value);
        list_set_env(&env, setting.p);
    }
    for (size_t i = 0; r->profile->env && r->profile->env[i]; i++)
        list_set_env(&env, r->profile->env[i]);
    if (r->env)
        add_json_strings(&env, r->env, list_set_env);
    buf_clear(&setting);
    buf_printf(&setting, RUN_ENV_MARK "=%s", r->key);
    list_set_env(&env, setting.p);
    buf_deinit(&setting);
    return env.items;
}

/* NULL without a repo. */
static char *repo_path(const struct launch_request *r)
{
    if (!r->repo)
        return NULL;
    struct buf path = BUF_INIT;
    if (r->repo[0] != '/')
        buf_printf(&path, "%s/", r->repo_root);
    buf_add_text(&path, r->repo);
    return buf_take(&path);
}

/* Whether the template has no place to stand for without a repo: "{repo_path}/src" alone would be "/src". */
static bool needs_repo(const char *template)
{
    return strstr(template, "{repo}") || strstr(template, "{repo_path}");
}

/* A profile without a workdir, or one whose workdir needs a repo that the job does not name, works in
 * data_dir/work. */
static int workdir(const struct launch_request *r, const struct placeholder_values *values, char **ret,
                   struct err *e)
{
    const char *template = r->profile->workdir;
    CLEANUP(freep) char *dir = NULL;
    if (template && (r->repo || !needs_repo(template))) {
        int rc = placeholder_expand(template, values, &dir, e);
        if (rc != 0)
            return rc;
    }
    if (!dir || dir[0] == '\0') {
        struct buf path = BUF_INIT;
        buf_printf(&path, "%s/work", r->data_dir);
        free(dir);
        dir = buf_take(&path);
        if (mkdir(dir, 0700) != 0 && errno != EEXIST)
            return err_set(e, ERR_INTERNAL, -errno, "%s cannot be made: %s", dir, strerror(errno));
    }
    *ret = TAKE(dir);
    return 0;
}

static char *copy_or_null(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

/* Rounded up: a limit that is there stays one, since 0 means none. */
static int64_t milliseconds(int64_t us)
{
    return us / 1000 + (us % 1000 > 0);
}

#define ID_TEXT_MAX 24
static const char *id_text(int64_t id, char text[ID_TEXT_MAX])
{
    (void)snprintf(text, ID_TEXT_MAX, "%lld", (long long)id);
    return text;
}

/* The argv and the working directory: what placeholders go into. */
static int fill(const struct launch_request *r, struct run_spec *spec, struct err *e)
{
    char job_id[ID_TEXT_MAX], run_id[ID_TEXT_MAX], task_id[ID_TEXT_MAX];
    CLEANUP(freep) char *path = repo_path(r);
    struct list args = {0};
    if (r->args)
        add_json_strings(&args, r->args, list_add_copy);
    struct placeholder_values values = {
        .prompt = r->prompt,
        .model = spec->model,
        .effort = spec->effort,
        .repo = r->repo,
        .repo_path = path,
        .task = r->task_id ? id_text(r->task_id, task_id) : NULL,
        .job_id = id_text(r->job_id, job_id),
        .run_id = id_text(r->run_id, run_id),
        .work_item = r->work_item,
        .stage = r->stage,
        .data_dir = r->data_dir,
        .args = args.items,
    };
    int rc = placeholder_expand_argv(r->profile->command, &values, &spec->args, e);
    for (size_t i = 0; i < args.count; i++)
        free(args.items[i]);
    free(args.items);
    return rc ? rc : workdir(r, &values, &spec->workdir, e);
}

int launch_spec(const struct launch_request *r, struct run_spec *ret, struct err *e)
{
    const struct agent_profile *p = r->profile;
    if (!p || !p->command)
        return err_set(e, ERR_INVALID, -EINVAL, "the agent's profile has no command (any more)");
    int rc =
        launch_check(p, r->args, r->env, r->repo, e); /* the profile may have changed since the job came */
    if (rc != 0)
        return rc;
    CLEANUP(run_spec_deinit)
    struct run_spec spec = {
        .run_id = r->run_id,
        .job_id = r->job_id,
        .task_id = r->task_id,
        .agent = xstrdup(p->name),
        .origin = xstrdup("queue"),
        .env = environment(r),
        .stdin_path = xstrdup(p->stdin_path ? p->stdin_path : "null"),
        .timeout_ms = milliseconds(r->timeout_us ? r->timeout_us : p->timeout_us),
        .grace_ms = milliseconds(p->grace_us),
        .output_max_bytes = p->output_max_bytes,
        .created_at_us = r->now_us,
        .stop_signal = p->stop_signal,
        .cgroup = copy_or_null(r->cgroup),
        .repo = copy_or_null(r->repo),
        .model = copy_or_null(r->model ? r->model : p->model),
        .effort = copy_or_null(r->effort ? r->effort : p->effort),
    };
    memcpy(spec.key, r->key, RUNDIR_KEY_LEN + 1);
    rc = fill(r, &spec, e);
    if (rc != 0)
        return rc;
    *ret = spec;
    spec = (struct run_spec){0};
    return 0;
}

/* -- the shim -- */

char *launch_find_shim(void)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    struct buf path = BUF_INIT;
    if (n > 0) {
        self[n] = '\0';
        char *slash = strrchr(self, '/');
        buf_add(&path, self, (size_t)(slash - self + 1));
        buf_add_text(&path, "muster-shim");
        if (access(path.p, X_OK) == 0)
            return buf_take(&path);
    }
    const char *env = getenv("PATH");
    struct str rest = str_of(env ? env : "/usr/local/bin:/usr/bin"), dir;
    while (str_split(&rest, ':', &dir)) {
        buf_clear(&path);
        buf_printf(&path, "%.*s/muster-shim", STR_ARG(dir));
        if (dir.n && access(path.p, X_OK) == 0)
            return buf_take(&path);
    }
    buf_deinit(&path);
    return NULL;
}

/* posix_spawn and not fork: this process has threads.  The shim makes its own session and closes what it
 * inherits. */
int launch_spawn(const char *shim_path, const char *runs_dir, const char *key, int64_t *ret_pid,
                 struct err *e)
{
    if (!shim_path)
        return err_set(e, ERR_UNAVAILABLE, -ENOENT, "muster-shim is neither beside muster nor in PATH");
    struct buf dir = BUF_INIT;
    buf_printf(&dir, "%s/%s", runs_dir, key);
    char *argv[] = {(char *)(uintptr_t) "muster-shim", dir.p, NULL};
    char *envp[] = {NULL};
    posix_spawnattr_t attributes;
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes,
                                   POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    pid_t pid;
    int rc = posix_spawn(&pid, shim_path, NULL, &attributes, argv, envp);
    (void)posix_spawnattr_destroy(&attributes);
    buf_deinit(&dir);
    if (rc != 0)
        return err_set(e, ERR_UNAVAILABLE, -rc, "%s could not be started: %s", shim_path, strerror(rc));
    *ret_pid = pid;
    return 0;
}
