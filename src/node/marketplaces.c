#include "node/marketplaces.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "io/child.h"
#include "io/file.h"
#include "store/scripts.h"

#define STEP_TIMEOUT_MS (10 * 60 * 1000)

enum step { STEP_FETCH, STEP_HEAD, STEP_COUNT }; /* clone or pull; then which commit that is */

struct marketplaces {
    uv_loop_t *loop;
    struct store *store;
    struct operations *operations;
    /* of the sync under way */
    const struct config *config;
    char operation[OPERATION_ID_MAX];
    size_t at; /* entry */
    enum step step;
    struct buf results; /* JSON objects with commas between */
    size_t failed;
    bool running, stopping;
    struct child *git; /* NULL: none */
    uv_timer_t timeout;
    bool timed_out;
};

struct put_op {
    struct store_op op;
    struct marketplaces *marketplaces;
    char *name, *url, *commit, *error;
};

/* -- what became of one -- */

static int put_run(struct store_op *op, struct db *db, struct err *e)
{
    const struct put_op *p = CONTAINER_OF(op, struct put_op, op);
    const struct marketplace_row row = {
        .name = p->name, .url = p->url, .commit_id = p->commit, .error = p->error};
    return marketplace_put(db, &row, op->now_us, e);
}

static void next_entry(struct marketplaces *m);

/* Only now the next one: whoever hears that a sync has ended finds what became of each. */
static void put_done(struct store_op *op)
{
    struct put_op *p = CONTAINER_OF(op, struct put_op, op);
    struct marketplaces *m = p->marketplaces;
    if (op->rc != 0)
        log_error("marketplaces", "a sync could not be recorded", LOG_TEXT("marketplace", p->name),
                  LOG_TEXT("error", op->err.text));
    free(p->name);
    free(p->url);
    free(p->commit);
    free(p->error);
    free(p);
    m->at++;
    next_entry(m);
}

static void record(struct marketplaces *m, const char *commit, const char *error)
{
    const struct marketplace *entry = &m->config->marketplaces[m->at];
    struct put_op *p = xnew(struct put_op);
    struct json_writer w;
    *p = (struct put_op){.marketplaces = m,
                         .name = xstrdup(entry->name),
                         .url = xstrdup(entry->url),
                         .commit = commit ? xstrdup(commit) : NULL,
                         .error = error ? xstrdup(error) : NULL};
    p->op.run = put_run;
    p->op.done = put_done;
    if (m->results.n)
        buf_add_char(&m->results, ',');
    json_init(&w, &m->results);
    json_object_begin(&w);
    json_kv_text(&w, "name", entry->name);
    json_kv_text(&w, "commit", commit);
    json_kv_text(&w, "error", error);
    json_object_end(&w);
    m->failed += error != NULL;
    if (error)
        log_warn("marketplaces", "a sync has failed", LOG_TEXT("marketplace", entry->name),
                 LOG_TEXT("error", error));
    store_write(m->store, &p->op);
}

/* The last line that git wrote, which is the one that says why. */
static void fail(struct marketplaces *m, const struct child_result *result)
{
    struct str rest = str_trim(result->err), line = rest;
    struct buf error = BUF_INIT;
    while (str_split(&rest, '\n', &line))
        ;
    line = str_trim(line);
    if (m->stopping)
        buf_add_text(&error, "the node is stopping");
    else if (m->timed_out)
        buf_add_text(&error, "git took longer than ten minutes and was ended");
    else if (line.n)
        buf_printf(&error, "git: %.*s", (int)MIN(line.n, 300), line.p);
    else
        buf_printf(&error, "git ended with code %d, signal %d", result->exit_code, result->signal);
    record(m, NULL, error.p);
    buf_deinit(&error);
}

/* -- git -- */

static void run_step(struct marketplaces *m);

static void step_ended(struct marketplaces *m, const struct child_result *result)
{
    if (m->stopping || m->timed_out || result->exit_code != 0) {
        fail(m, result);
        return;
    }
    if (m->step + 1 < STEP_COUNT) {
        m->step++;
        run_step(m);
        return;
    }
    char *commit = str_dup(str_trim(result->out));
    record(m, commit, NULL);
    free(commit);
}

static void on_exit_of_git(void *arg, const struct child_result *result)
{
    struct marketplaces *m = arg;
    m->git = NULL;
    (void)uv_timer_stop(&m->timeout);
    step_ended(m, result);
}

static void on_timeout(uv_timer_t *timer)
{
    struct marketplaces *m = CONTAINER_OF(timer, struct marketplaces, timeout);
    m->timed_out = true;
    child_kill(m->git);
}

/* It may not ask: there is nobody to answer. */
static void spawn(struct marketplaces *m, char *const *argv)
{
    static const char *const kept[] = {"PATH", "HOME", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME"};
    struct buf settings[COUNT_OF(kept)];
    char *environment[COUNT_OF(kept) + 3];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        buf_init(&settings[i]);
        if (!getenv(kept[i]))
            continue;
        buf_printf(&settings[i], "%s=%s", kept[i], getenv(kept[i]));
        environment[count++] = settings[i].p;
    }
    environment[count++] = (char *)(uintptr_t) "GIT_TERMINAL_PROMPT=0";
    environment[count++] = (char *)(uintptr_t) "GIT_SSH_COMMAND=ssh -oBatchMode=yes";
    environment[count] = NULL;
    m->timed_out = false;
    int rc = child_start(m->loop, argv, environment, on_exit_of_git, m, &m->git);
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        buf_deinit(&settings[i]);
    if (rc == 0) {
        (void)uv_timer_start(&m->timeout, on_timeout, STEP_TIMEOUT_MS, 0);
        return;
    }
    char why[160];
    (void)snprintf(why, sizeof(why), "git cannot be started: %s", strerror(-rc));
    record(m, NULL, why);
}

static char *directory_of(const struct marketplaces *m)
{
    const struct marketplace *entry = &m->config->marketplaces[m->at];
    struct buf path = BUF_INIT;
    if (entry->directory && entry->directory[0] == '/')
        buf_add_text(&path, entry->directory);
    else
        buf_printf(&path, "%s/marketplaces/%s", m->config->data_dir,
                   entry->directory ? entry->directory : entry->name);
    return buf_take(&path);
}

static void run_step(struct marketplaces *m)
{
    const struct marketplace *entry = &m->config->marketplaces[m->at];
    char *directory = directory_of(m);
    struct buf git = BUF_INIT;
    buf_printf(&git, "%s/.git", directory);
    char *clone[] = {"git", "clone", "--quiet", "--", entry->url, directory, NULL};
    char *pull[] = {"git", "-C", directory, "pull", "--quiet", "--ff-only", NULL};
    char *head[] = {"git", "-C", directory, "rev-parse", "HEAD", NULL};
    bool exists = file_exists(git.p);
    spawn(m, m->step == STEP_HEAD ? head : exists ? pull : clone);
    buf_deinit(&git);
    free(directory);
}

/* -- the sync -- */

static void finish(struct marketplaces *m)
{
    struct buf result = BUF_INIT;
    char error[64] = "";
    if (m->failed)
        (void)snprintf(error, sizeof(error), "%zu of %zu could not be synced", m->failed,
                       m->config->marketplace_count);
    buf_printf(&result, "[%.*s]", STR_ARG(buf_str(&m->results)));
    operation_end(m->operations, m->operation, m->failed ? error : NULL, buf_str(&result));
    buf_deinit(&result);
    buf_clear(&m->results);
    m->running = false;
}

static void next_entry(struct marketplaces *m)
{
    if (m->at == m->config->marketplace_count || m->stopping) {
        finish(m);
        return;
    }
    m->step = STEP_FETCH;
    run_step(m);
}

const char *marketplaces_sync(struct marketplaces *m, const struct config *config)
{
    const char *id = m->stopping ? NULL : operation_begin(m->operations, MARKETPLACES_KIND);
    if (!id)
        return NULL;
    (void)snprintf(m->operation, sizeof(m->operation), "%s", id);
    m->config = config;
    m->at = 0;
    m->failed = 0;
    m->running = true;
    next_entry(m);
    return id;
}

struct marketplaces *marketplaces_new(uv_loop_t *loop, struct store *store, struct operations *operations)
{
    struct marketplaces *m = xnew(struct marketplaces);
    m->loop = loop;
    m->store = store;
    m->operations = operations;
    buf_init(&m->results);
    (void)uv_timer_init(loop, &m->timeout);
    return m;
}

void marketplaces_stop(struct marketplaces *m)
{
    m->stopping = true;
    if (m->git)
        child_kill(m->git);
}

static void on_free(uv_handle_t *handle)
{
    struct marketplaces *m = CONTAINER_OF((uv_timer_t *)handle, struct marketplaces, timeout);
    buf_deinit(&m->results);
    free(m);
}

struct marketplaces *marketplaces_free(struct marketplaces *m)
{
    if (m)
        uv_close((uv_handle_t *)&m->timeout, on_free);
    return NULL;
}
