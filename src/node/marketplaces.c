#include "node/marketplaces.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "io/file.h"
#include "store/scripts.h"

#include <signal.h>

#define STEP_TIMEOUT_MS (10 * 60 * 1000)
#define OUTPUT_BYTES_MAX 4096

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
    /* of the git under way */
    uv_process_t process;
    uv_pipe_t out, err;
    uv_timer_t timeout;
    struct buf out_text, err_text;
    int open, exit_status, signal;
    bool timed_out;
    char buffer[2048];
};

struct put_op {
    struct store_op op;
    char *name, *url, *commit, *error;
};

/* -- what became of one -- */

static int put_run(struct store_op *op, struct db *db, struct err *e)
{
    const struct put_op *p = CONTAINER_OF(op, struct put_op, op);
    const struct marketplace_row row = {.name = p->name, .url = p->url, .commit_id = p->commit, .error = p->error};
    return marketplace_put(db, &row, op->now_us, e);
}

static void put_done(struct store_op *op)
{
    struct put_op *p = CONTAINER_OF(op, struct put_op, op);
    if (op->rc != 0)
        log_error("marketplaces", "a sync could not be recorded", LOG_TEXT("marketplace", p->name),
                  LOG_TEXT("error", op->err.text));
    free(p->name);
    free(p->url);
    free(p->commit);
    free(p->error);
    free(p);
}

static void next_entry(struct marketplaces *m);

static void record(struct marketplaces *m, const char *commit, const char *error)
{
    const struct marketplace *entry = &m->config->marketplaces[m->at];
    struct put_op *p = xnew(struct put_op);
    struct json_writer w;
    *p = (struct put_op){.name = xstrdup(entry->name),
                         .url = xstrdup(entry->url),
                         .commit = commit ? xstrdup(commit) : NULL,
                         .error = error ? xstrdup(error) : NULL};
    p->op.run = put_run;
    p->op.done = put_done;
    store_write(m->store, &p->op);
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
    m->at++;
    next_entry(m);
}

/* The last line that git wrote, which is the one that says why. */
static void fail(struct marketplaces *m, const char *instead)
{
    struct str text = str_trim(buf_str(&m->err_text)), rest = text, line = text;
    struct buf error = BUF_INIT;
    while (str_split(&rest, '\n', &line))
        ;
    line = str_trim(line);
    if (instead)
        buf_add_text(&error, instead);
    else if (line.n)
        buf_printf(&error, "git: %.*s", (int)MIN(line.n, 300), line.p);
    else
        buf_printf(&error, "git ended with code %d, signal %d", m->exit_status, m->signal);
    record(m, NULL, error.p);
    buf_deinit(&error);
}

/* -- git -- */

static void run_step(struct marketplaces *m);

static void step_ended(struct marketplaces *m)
{
    if (m->stopping || m->timed_out) {
        fail(m, m->stopping ? "the node is stopping" : "git took longer than ten minutes and was ended");
        return;
    }
    if (m->exit_status != 0 || m->signal) {
        fail(m, NULL);
        return;
    }
    if (m->step + 1 < STEP_COUNT) {
        m->step++;
        run_step(m);
        return;
    }
    char *commit = str_dup(str_trim(buf_str(&m->out_text)));
    record(m, commit, NULL);
    free(commit);
}

static void closed(struct marketplaces *m)
{
    if (--m->open == 0)
        step_ended(m);
}

static void on_process_closed(uv_handle_t *handle)
{
    closed(CONTAINER_OF((uv_process_t *)handle, struct marketplaces, process));
}

static void on_out_closed(uv_handle_t *handle)
{
    closed(CONTAINER_OF((uv_pipe_t *)handle, struct marketplaces, out));
}

static void on_err_closed(uv_handle_t *handle)
{
    closed(CONTAINER_OF((uv_pipe_t *)handle, struct marketplaces, err));
}

/* What git started, such as ssh, may hold the pipes open for longer: they are closed with it. */
static void on_exit_of_git(uv_process_t *process, int64_t status, int signal)
{
    struct marketplaces *m = CONTAINER_OF(process, struct marketplaces, process);
    m->exit_status = (int)status;
    m->signal = signal;
    (void)uv_timer_stop(&m->timeout);
    uv_close((uv_handle_t *)process, on_process_closed);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct marketplaces *m = handle->data;
    (void)suggested;
    *ret = uv_buf_init(m->buffer, sizeof(m->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct marketplaces *m = stream->data;
    bool is_out = (uv_pipe_t *)stream == &m->out;
    struct buf *to = is_out ? &m->out_text : &m->err_text;
    if (n > 0 && to->n < OUTPUT_BYTES_MAX)
        buf_add(to, bytes->base, MIN((size_t)n, OUTPUT_BYTES_MAX - to->n));
    else if (n < 0 && !uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, is_out ? on_out_closed : on_err_closed);
}

static void on_timeout(uv_timer_t *timer)
{
    struct marketplaces *m = CONTAINER_OF(timer, struct marketplaces, timeout);
    m->timed_out = true;
    (void)kill(-m->process.pid, SIGKILL); /* its own session: all that it started */
}

static void open_pipe(struct marketplaces *m, uv_pipe_t *pipe)
{
    (void)uv_pipe_init(m->loop, pipe, 0);
    pipe->data = m;
}

static void spawn(struct marketplaces *m, char **argv)
{
    static char *environment[8];
    size_t count = 0;
    static const char *const kept[] = {"PATH", "HOME", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME"};
    char settings[COUNT_OF(kept)][4096];
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        if (getenv(kept[i]) &&
            snprintf(settings[i], sizeof(settings[i]), "%s=%s", kept[i], getenv(kept[i])) < (int)sizeof(settings[i]))
            environment[count++] = settings[i];
    environment[count++] = (char *)(uintptr_t)"GIT_TERMINAL_PROMPT=0";
    environment[count++] = (char *)(uintptr_t)"GIT_SSH_COMMAND=ssh -oBatchMode=yes";
    environment[count] = NULL;
    uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE},
                                    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&m->out},
                                    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&m->err}};
    uv_process_options_t options = {.file = "git",
                                    .args = argv,
                                    .env = environment,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio = stdio,
                                    .stdio_count = COUNT_OF(stdio),
                                    .exit_cb = on_exit_of_git};
    buf_clear(&m->out_text);
    buf_clear(&m->err_text);
    open_pipe(m, &m->out);
    open_pipe(m, &m->err);
    m->open = 3;
    m->timed_out = false;
    int rc = uv_spawn(m->loop, &m->process, &options);
    if (rc != 0) {
        m->exit_status = 127;
        buf_printf(&m->err_text, "it cannot be started: %s", uv_strerror(rc));
        uv_close((uv_handle_t *)&m->process, on_process_closed);
        uv_close((uv_handle_t *)&m->out, on_out_closed);
        uv_close((uv_handle_t *)&m->err, on_err_closed);
        return;
    }
    (void)uv_read_start((uv_stream_t *)&m->out, on_allocate, on_read);
    (void)uv_read_start((uv_stream_t *)&m->err, on_allocate, on_read);
    (void)uv_timer_start(&m->timeout, on_timeout, STEP_TIMEOUT_MS, 0);
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
    buf_init(&m->out_text);
    buf_init(&m->err_text);
    (void)uv_timer_init(loop, &m->timeout);
    return m;
}

void marketplaces_stop(struct marketplaces *m)
{
    m->stopping = true;
    if (m->running && m->open > 0)
        (void)kill(-m->process.pid, SIGKILL);
}

static void on_free(uv_handle_t *handle)
{
    struct marketplaces *m = CONTAINER_OF((uv_timer_t *)handle, struct marketplaces, timeout);
    buf_deinit(&m->results);
    buf_deinit(&m->out_text);
    buf_deinit(&m->err_text);
    free(m);
}

struct marketplaces *marketplaces_free(struct marketplaces *m)
{
    if (m)
        uv_close((uv_handle_t *)&m->timeout, on_free);
    return NULL;
}
