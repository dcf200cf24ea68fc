#include "io/git_status.h"

#include "base/buf.h"
#include "io/child.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct git_status {
    uv_loop_t *loop;
    char *worktree;
    void (*done)(void *arg, const struct git_counts *counts); /* NULL: cancelled */
    void *arg;
    struct child *child;
    uv_timer_t timer;
    bool timed_out;
    struct git_entries entries;
    struct git_counts counts;
};

/* -- what git writes -- */

static void count_entry(struct git_entries *e)
{
    if (e->bare || e->at <= 3) {
        e->bare = false;
        return;
    }
    bool is_untracked = e->code[0] == '?';
    e->untracked += is_untracked;
    e->modified += !is_untracked && e->code[0] != '!';
    e->bare = e->code[0] == 'R' || e->code[0] == 'C' || e->code[1] == 'R' || e->code[1] == 'C';
}

void git_entries_add(struct git_entries *e, struct str part)
{
    for (size_t i = 0; i < part.n; i++) {
        if (part.p[i] == '\0') {
            count_entry(e);
            e->at = 0;
            continue;
        }
        if (e->at < 2)
            e->code[e->at] = part.p[i];
        e->at += e->at <= 3;
    }
}

/* -- its end -- */

static void on_closed(uv_handle_t *handle)
{
    struct git_status *g = CONTAINER_OF((uv_timer_t *)handle, struct git_status, timer);
    free(g->worktree);
    free(g);
}

static void finish(struct git_status *g)
{
    if (g->done)
        g->done(g->arg, &g->counts);
    uv_close((uv_handle_t *)&g->timer, on_closed);
}

/* The first line that was written, which is the one that says why; hints follow it. */
static void say_failure(struct git_status *g, const struct child_result *result)
{
    struct str rest = str_trim(result->err), line = rest;
    char *cause = g->counts.cause;
    size_t size = sizeof(g->counts.cause);
    if (g->timed_out) {
        (void)snprintf(cause, size, "git took longer than %d s and was ended", GIT_STATUS_TIMEOUT_MS / 1000);
        return;
    }
    (void)str_split(&rest, '\n', &line);
    if (line.n > 0)
        (void)snprintf(cause, size, "git: %.*s", (int)MIN(line.n, size - 8), line.p);
    else
        (void)snprintf(cause, size, "git ended with code %d, signal %d", result->exit_code, result->signal);
}

static void on_counted(void *arg, const struct child_result *result)
{
    struct git_status *g = arg;
    g->child = NULL;
    if (result->exit_code == 0 && !g->timed_out) {
        g->counts.modified = g->entries.modified;
        g->counts.untracked = g->entries.untracked;
    } else {
        say_failure(g, result);
    }
    finish(g);
}

static void on_output(void *arg, struct str part)
{
    struct git_status *g = arg;
    git_entries_add(&g->entries, part);
}

/* -- its start -- */

struct words { /* of an argument list or an environment; ends with NULL */
    char **at;
    size_t count, capacity;
};

static void add_word(struct words *w, struct buf *text)
{
    if (w->count + 2 > w->capacity) {
        w->capacity = w->capacity ? 2 * w->capacity : 32;
        w->at = xrealloc(w->at, w->capacity * sizeof(char *));
    }
    w->at[w->count++] = buf_take(text);
    w->at[w->count] = NULL;
}

static void add_text(struct words *w, const char *text)
{
    struct buf word = BUF_INIT;
    buf_add_text(&word, text);
    add_word(w, &word);
}

static void words_free(struct words *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->at[i]);
    free(w->at);
}

/* Overrides of the configuration, as the environment carries them. */
struct overrides {
    struct words *environment;
    size_t count;
};

static void override(struct overrides *o, struct str key, const char *value)
{
    struct buf word = BUF_INIT;
    buf_printf(&word, "GIT_CONFIG_KEY_%zu=%.*s", o->count, STR_ARG(key));
    add_word(o->environment, &word);
    buf_printf(&word, "GIT_CONFIG_VALUE_%zu=%s", o->count, value);
    add_word(o->environment, &word);
    o->count++;
}

/* An empty filter is none; one that is required would fail by that. */
static void override_filter(struct overrides *o, struct str key)
{
    if (str_ends_with(key, STR(".clean")) || str_ends_with(key, STR(".process")) ||
        str_ends_with(key, STR(".smudge")))
        override(o, key, "");
    else if (str_ends_with(key, STR(".required")))
        override(o, key, "false");
}

static void make_environment(struct words *w, struct str filters)
{
    static const char *const fixed[] = {
        "HOME=/",
        "LC_ALL=C",
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null",
        "GIT_OPTIONAL_LOCKS=0",
        "GIT_TERMINAL_PROMPT=0",
        "GIT_ASKPASS=/bin/false",
        "GIT_SSH_COMMAND=/bin/false",
        "GIT_ALLOW_PROTOCOL=",
        "GIT_NO_LAZY_FETCH=1",
    };
    static const struct {
        struct str key;
        const char *value;
    } settings[] = {
        {STR("core.fsmonitor"), "false"},
        {STR("core.hooksPath"), "/dev/null"},
        {STR("core.sshCommand"), "/bin/false"},
        {STR("status.submoduleSummary"), "false"},
    };
    struct overrides o = {w, 0};
    struct buf word = BUF_INIT;
    struct str key;
    for (size_t i = 0; i < COUNT_OF(fixed); i++)
        add_text(w, fixed[i]);
    buf_printf(&word, "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    add_word(w, &word);
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        override(&o, settings[i].key, settings[i].value);
    while (filters.n > 0 && str_split(&filters, '\0', &key))
        override_filter(&o, key);
    buf_printf(&word, "GIT_CONFIG_COUNT=%zu", o.count);
    add_word(w, &word);
}

/* Root looks with the rights of the repository's owner. */
static void add_owner(struct words *w, const char *worktree)
{
    char path[PATH_MAX];
    struct stat st;
    struct buf word = BUF_INIT;
    int n = snprintf(path, sizeof(path), "%s/.git", worktree);
    if (geteuid() != 0 || n < 0 || (size_t)n >= sizeof(path) || lstat(path, &st) != 0 || st.st_uid == 0)
        return;
    add_text(w, "setpriv");
    buf_printf(&word, "--reuid=%ld", (long)st.st_uid);
    add_word(w, &word);
    buf_printf(&word, "--regid=%ld", (long)st.st_gid);
    add_word(w, &word);
    add_text(w, "--clear-groups");
    add_text(w, "--");
}

static int start_git(struct git_status *g, const char *const *command, struct str filters,
                     void (*on_exit)(void *arg, const struct child_result *result))
{
    struct words arguments = {0}, environment = {0};
    add_owner(&arguments, g->worktree);
    add_text(&arguments, "git");
    add_text(&arguments, "-C");
    add_text(&arguments, g->worktree);
    for (; *command; command++)
        add_text(&arguments, *command);
    make_environment(&environment, filters);
    int rc = child_start(g->loop, arguments.at, environment.at, on_exit, g, &g->child);
    if (rc == -ENOENT)
        (void)snprintf(g->counts.cause, sizeof(g->counts.cause), "%s is not installed", arguments.at[0]);
    else if (rc < 0)
        (void)snprintf(g->counts.cause, sizeof(g->counts.cause), "git cannot be started: %s", strerror(-rc));
    words_free(&arguments);
    words_free(&environment);
    return rc;
}

static void count(struct git_status *g, struct str filters)
{
    static const char *const command[] = {"status",
                                          "--porcelain=v1",
                                          "-z",
                                          "--untracked-files=normal",
                                          "--ignore-submodules=dirty",
                                          "--no-renames",
                                          NULL};
    if (start_git(g, command, filters, on_counted) < 0) {
        finish(g);
        return;
    }
    child_on_output(g->child, on_output);
}

/* The names of all filters, 1 for none.  Git tells them, since it alone knows what a configuration includes.
 */
static void on_filters(void *arg, const struct child_result *result)
{
    struct git_status *g = arg;
    size_t filters = 0;
    g->child = NULL;
    for (size_t i = 0; i < result->out.n; i++)
        filters += result->out.p[i] == '\0';
    if (g->timed_out || !g->done || (result->exit_code != 0 && result->exit_code != 1)) {
        say_failure(g, result);
    } else if (filters > GIT_STATUS_FILTERS_MAX || result->out.n >= CHILD_OUTPUT_MAX) {
        (void)snprintf(g->counts.cause, sizeof(g->counts.cause),
                       "the repository has more than %d settings of filters", GIT_STATUS_FILTERS_MAX);
    } else {
        count(g, result->out);
        return;
    }
    finish(g);
}

static void on_timeout(uv_timer_t *timer)
{
    struct git_status *g = CONTAINER_OF(timer, struct git_status, timer);
    g->timed_out = true;
    if (g->child)
        child_kill(g->child);
    else
        finish(g); /* it could not be started */
}

struct git_status *git_status_start(uv_loop_t *loop, const char *worktree,
                                    void (*done)(void *arg, const struct git_counts *counts), void *arg)
{
    static const char *const command[] = {"config", "-z", "--name-only", "--get-regexp", "^filter\\.", NULL};
    struct git_status *g = xnew(struct git_status);
    g->loop = loop;
    g->worktree = xstrdup(worktree);
    g->done = done;
    g->arg = arg;
    g->counts.modified = g->counts.untracked = -1;
    (void)uv_timer_init(loop, &g->timer);
    int rc = start_git(g, command, STR(""), on_filters);
    (void)uv_timer_start(&g->timer, on_timeout, rc < 0 ? 0 : GIT_STATUS_TIMEOUT_MS, 0);
    return g;
}

void git_status_cancel(struct git_status *g)
{
    g->done = NULL;
    if (g->child)
        child_kill(g->child);
}
