#include "node/command_processors.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "io/child.h"
#include "io/counters.h"
#include "io/worker.h"
#include "node/processor_lease.h"
#include "node/processor_report.h"
#include "store/processor_checkpoints.h"
#include "store/processor_lists.h"
#include "store/processors.h"
#include "transcripts/processor.h"
#include "transcripts/session_choice.h"
#include "transcripts/turn_json.h"
#include "transcripts/turn_reader.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdatomic.h>
#include <unistd.h>

#define SPOOL_PART ((size_t)256 * 1024) /* bytes that are gathered before they are written */

enum step { STEP_LOOK, STEP_SPOOL }; /* what the thread is to do next */

struct run {
    struct worker_job job;
    struct store_op op;
    struct slot *slot;
    struct processor_report report;
    struct arena arena;
    struct processor_state *states;
    size_t state_count;
    int64_t started_us, deadline_us; /* wall; monotonic */
    size_t sessions_max;
    enum step step;
    struct session_choice choice;
    size_t at; /* in it */
    /* of the one at `at` */
    int spool_fd; /* -1: none */
    int rc;       /* of its reading; -ECANCELED: the budget has ended it */
    char error[ERR_TEXT_MAX];
    struct turn_reader_facts facts;
    char *previous;        /* its last answer, of one that wants new turns; in the arena */
    struct buf checkpoint; /* to go on from; empty: it cannot, or need not */
    struct buf result;
    bool too_long, timed_out, cut_short; /* cut_short: by the run's budget, not by its own timeout */
    struct processor_state state;
};

struct slot { /* one processor */
    struct command_processors *owner;
    const struct session_processor *config;
    struct worker *worker;
    struct run *run;
    struct child *child;
    uv_timer_t timeout;
};

struct command_processors {
    uv_loop_t *loop;
    struct store *store;
    struct operations *operations;
    struct session_watch *files;
    const struct config *config;
    struct slot *slots;
    size_t count, open; /* open: timers that are not closed */
    atomic_bool stopping;
};

/* -- the thread: which sessions, and their turns -- */

static bool is_over(const struct run *run)
{
    return clock_monotonic_us() >= run->deadline_us || atomic_load(&run->slot->owner->stopping);
}

static void look(struct run *run)
{
    session_choose(run->slot->owner->files, run->states, run->state_count, run->slot->config->version,
                   run->started_us, &run->arena, &run->choice);
    run->report.scanned = run->choice.scanned;
    run->report.skipped = run->choice.scanned - (int64_t)run->choice.count;
}

static int write_all(int fd, struct buf *part)
{
    for (size_t done = 0; done < part->n;) {
        ssize_t n = write(fd, part->p + done, part->n - done);
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    buf_clear(part);
    return 0;
}

static int write_turns(struct run *run, struct turn_reader *r)
{
    const struct turn *turns;
    size_t count;
    struct buf part = BUF_INIT;
    int rc;
    while ((rc = turn_reader_next(r, &turns, &count)) == 1) {
        for (size_t i = 0; i < count; i++)
            turn_json(&turns[i], &part);
        rc = is_over(run) ? -ECANCELED : part.n >= SPOOL_PART ? write_all(run->spool_fd, &part) : 0;
        if (rc != 0)
            break;
    }
    if (rc == 0)
        rc = write_all(run->spool_fd, &part);
    buf_deinit(&part);
    return rc;
}

/* A file without a name: whatever becomes of this process, nothing is left. */
static int open_spool(const struct config *config)
{
    int fd = open(config->data_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/.tmp-turns-XXXXXX", config->data_dir);
    fd = mkostemp(path.p, O_CLOEXEC);
    int rc = fd < 0 ? -errno : fd;
    if (fd >= 0)
        (void)unlink(path.p);
    buf_deinit(&path);
    return rc;
}

/* Behind the turns that its last answer was about, or at the start. */
static int open_reader(struct run *run, const struct chosen_session *s, struct turn_reader **ret)
{
    struct unpack u = {.rest = s->checkpoint};
    if (s->checkpoint.n && run->previous && turn_reader_resume(s->path, &u, ret) == 0) {
        turn_reader_facts(*ret, &run->facts);
        if (unpack_is_whole(&u) && run->facts.offset == s->before->read_bytes)
            return 0;
        *ret = turn_reader_free(*ret);
    }
    run->previous = NULL;
    return turn_reader_open(s->path, s->format, ret);
}

/* The answer as one line. */
static int write_previous(struct run *run)
{
    json_t *root = run->previous ? json_loads(run->previous, 0, NULL) : NULL;
    CLEANUP(freep) char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    struct buf line = BUF_INIT;
    buf_printf(&line, "{\"previous\":%s}\n", text ? text : "null");
    int rc = write_all(run->spool_fd, &line);
    buf_deinit(&line);
    json_decref(root);
    return rc;
}

static int spool_turns(struct run *run, const struct chosen_session *s)
{
    struct turn_reader *r;
    struct turn_reader_facts begun_at;
    bool wants_new = run->slot->config->wants_new_turns;
    run->spool_fd = open_spool(run->slot->owner->config);
    if (run->spool_fd < 0)
        return run->spool_fd;
    int rc = open_reader(run, s, &r);
    if (rc != 0)
        return rc;
    turn_reader_facts(r, &begun_at);
    rc = wants_new ? write_previous(run) : 0;
    if (rc == 0)
        rc = write_turns(run, r);
    turn_reader_facts(r, &run->facts);
    counter_add(COUNTER_TRANSCRIPT_BYTES, run->facts.offset - begun_at.offset);
    if (rc == 0 && wants_new && turn_reader_save(r, &run->checkpoint))
        processor_checkpoint_check(&run->checkpoint);
    (void)turn_reader_free(r);
    return rc ? rc : lseek(run->spool_fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static void spool(struct run *run)
{
    run->error[0] = '\0';
    buf_clear(&run->checkpoint);
    run->rc = spool_turns(run, &run->choice.sessions[run->at]);
    if (run->rc == -ECANCELED)
        (void)snprintf(run->error, sizeof(run->error), "takes longer to read than a whole run may");
    else if (run->rc != 0)
        (void)snprintf(run->error, sizeof(run->error), "cannot be read: %s", turn_reader_error(run->rc));
}

static void work_batch(void *context, struct worker_job *job)
{
    (void)context;
    for (; job; job = job->next) {
        struct run *run = CONTAINER_OF(job, struct run, job);
        if (run->step == STEP_LOOK)
            look(run);
        else
            spool(run);
    }
}

/* -- the end of a run -- */

static void free_run(struct run *run)
{
    run->slot->run = NULL;
    closep(&run->spool_fd);
    processor_report_deinit(&run->report);
    arena_reset(&run->arena);
    buf_deinit(&run->result);
    buf_deinit(&run->checkpoint);
    free(run);
}

static void fail(struct run *run, const struct err *e)
{
    processor_report_fail(&run->report, e);
    free_run(run);
}

static void answer(struct run *run)
{
    processor_report_answer(&run->report);
    free_run(run);
}

static int end_work(struct store_op *op, struct db *db, struct err *e)
{
    const struct run *run = CONTAINER_OF(op, struct run, op);
    const struct processor_run row = processor_report_row(&run->report, op->now_us);
    return processor_run_put(db, run->slot->config->name, &row, e);
}

static void end_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc != 0)
        fail(run, &op->err);
    else
        answer(run);
}

static void end_run(struct run *run)
{
    run->report.capped = (int64_t)(run->choice.count - run->at);
    run->op = (struct store_op){.run = end_work, .done = end_done};
    store_write(run->slot->owner->store, &run->op);
}

/* -- one session -- */

static void next_session(struct run *run);

static int put_work(struct store_op *op, struct db *db, struct err *e)
{
    const struct run *run = CONTAINER_OF(op, struct run, op);
    const char *name = run->slot->config->name;
    int rc = 0;
    bool done = run->state.status == PROCESSOR_DONE;
    if (done)
        rc = processor_result_put(db, name, run->state.session_file, str_trim(buf_str(&run->result)),
                                  op->now_us, e);
    if (rc == 0 && done && run->slot->config->wants_new_turns)
        rc = processor_checkpoint_put(db, name, run->state.session_file, buf_str(&run->checkpoint),
                                      run->started_us, e);
    return rc ? rc : processor_state_put(db, name, &run->state, e);
}

static void put_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc != 0) {
        fail(run, &op->err);
        return;
    }
    processor_report_session(&run->report, &run->state);
    run->at++;
    next_session(run);
}

/* `error` "": it went well, and has extracted `items`. */
static void end_session(struct run *run, const char *error, int64_t items)
{
    const struct chosen_session *s = &run->choice.sessions[run->at];
    closep(&run->spool_fd);
    run->state = processor_state_begin(s->name, &s->look, run->slot->config->version, s->before);
    run->state.read_bytes = run->facts.offset;
    run->state.tail_hash = (int64_t)run->facts.tail_hash;
    if (error[0] == '\0') {
        processor_state_done(&run->state, items, run->started_us);
    } else {
        processor_state_fail(&run->state, run->started_us);
        run->state.last_error = arena_strdup(&run->arena, str_of(error));
    }
    run->op = (struct store_op){.run = put_work, .done = put_done};
    store_write(run->slot->owner->store, &run->op);
}

/* One JSON object.  "items": a number, or a list that is counted. */
static bool read_result(struct run *run, int64_t *ret_items)
{
    json_error_t e;
    json_t *root = json_loadb(run->result.p, run->result.n, JSON_REJECT_DUPLICATES, &e);
    bool ok = json_is_object(root);
    const json_t *items = json_object_get(root, "items");
    *ret_items =
        json_is_integer(items) ? MAX((int64_t)json_integer_value(items), 0) : (int64_t)json_array_size(items);
    json_decref(root);
    return ok;
}

static void say_failure(struct run *run, const struct child_result *r, char *text, size_t size)
{
    struct str rest = str_trim(r->err), line = rest;
    while (str_split(&rest, '\n', &line))
        ;
    line = str_trim(line);
    char timeout[PARSE_DURATION_MAX];
    if (run->timed_out && run->cut_short)
        (void)snprintf(text, size, "took longer than a whole run may and was ended");
    else if (run->timed_out)
        (void)snprintf(text, size, "took longer than %s and was ended",
                       format_duration(run->slot->config->timeout_us, timeout));
    else if (r->signal)
        (void)snprintf(text, size, "was ended by signal %d", r->signal);
    else if (r->exit_code)
        (void)snprintf(text, size, "ended with code %d%s%.*s", r->exit_code, line.n ? ": " : "",
                       (int)MIN(line.n, 200), line.n ? line.p : "");
    else if (run->too_long)
        (void)snprintf(text, size, "said more than %zu KiB", COMMAND_RESULT_MAX >> 10);
    else
        (void)snprintf(text, size, "did not say one JSON object on its standard output");
}

/* What the budget has ended comes first next time; but when it had the whole of it, it never would get done.
 */
static bool is_left_over(const struct run *run)
{
    return atomic_load(&run->slot->owner->stopping) || run->at > 0;
}

static void on_exit_of_command(void *arg, const struct child_result *r)
{
    struct run *run = arg;
    char text[320] = "";
    int64_t items = 0;
    run->slot->child = NULL;
    (void)uv_timer_stop(&run->slot->timeout);
    bool ended_early = (run->timed_out && run->cut_short) || atomic_load(&run->slot->owner->stopping);
    if (ended_early && is_left_over(run)) {
        end_run(run);
        return;
    }
    if (run->timed_out || r->signal || r->exit_code || run->too_long || !read_result(run, &items))
        say_failure(run, r, text, sizeof(text));
    end_session(run, text, items);
}

static void on_output_of_command(void *arg, struct str part)
{
    struct run *run = arg;
    if (run->result.n + part.n > COMMAND_RESULT_MAX)
        run->too_long = true;
    else
        buf_add_str(&run->result, part);
}

static void on_timeout(uv_timer_t *timer)
{
    struct slot *slot = CONTAINER_OF(timer, struct slot, timeout);
    slot->run->timed_out = true;
    child_kill(slot->child);
}

static int start_command(struct run *run)
{
    static const char *const kept[] = {"PATH", "HOME", "LANG", "TZ"};
    char *settings[COUNT_OF(kept) + 2];
    size_t count = 0;
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        if (!getenv(kept[i]))
            continue;
        buf_clear(&text);
        buf_printf(&text, "%s=%s", kept[i], getenv(kept[i]));
        settings[count++] = str_dup(buf_str(&text));
    }
    buf_clear(&text);
    buf_printf(&text, "MUSTER_SESSION_FILE=%s", run->choice.sessions[run->at].name);
    settings[count++] = str_dup(buf_str(&text));
    settings[count] = NULL;
    int rc = child_start_reading(run->slot->owner->loop, run->spool_fd, run->slot->config->command, settings,
                                 on_exit_of_command, run, &run->slot->child);
    for (size_t i = 0; i < count; i++)
        free(settings[i]);
    buf_deinit(&text);
    return rc;
}

static void on_spooled(struct run *run)
{
    if (run->rc == -ECANCELED && is_left_over(run)) {
        end_run(run);
        return;
    }
    if (run->rc != 0) {
        end_session(run, run->error, 0);
        return;
    }
    buf_clear(&run->result);
    run->too_long = run->timed_out = false;
    int rc = start_command(run);
    if (rc != 0) {
        char text[200];
        (void)snprintf(text, sizeof(text), "%s cannot be started: %s", run->slot->config->command[0],
                       strerror(-rc));
        end_session(run, text, 0);
        return;
    }
    child_on_output(run->slot->child, on_output_of_command);
    int64_t left_us = MAX(run->deadline_us - clock_monotonic_us(), USEC_PER_MSEC);
    run->cut_short = left_us < run->slot->config->timeout_us;
    (void)uv_timer_start(&run->slot->timeout, on_timeout,
                         (uint64_t)(MIN(left_us, run->slot->config->timeout_us) / USEC_PER_MSEC), 0);
}

static void on_worked(struct worker_job *job)
{
    struct run *run = CONTAINER_OF(job, struct run, job);
    if (run->step == STEP_LOOK)
        next_session(run);
    else
        on_spooled(run);
}

static void post(struct run *run, enum step step)
{
    run->step = step;
    run->job.done = on_worked;
    worker_post(run->slot->worker, &run->job);
}

static int get_work(struct store_op *op, struct db *db, struct err *e)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    const char *name = run->slot->config->name;
    struct chosen_session *s = &run->choice.sessions[run->at];
    int rc = processor_checkpoint_get(db, name, s->name, &run->arena, &s->checkpoint, e);
    return rc ? rc : processor_result_get(db, name, s->name, &run->arena, &run->previous, e);
}

static void get_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc != 0)
        fail(run, &op->err);
    else if (is_over(run))
        end_run(run);
    else
        post(run, STEP_SPOOL);
}

static void next_session(struct run *run)
{
    run->previous = NULL;
    if (run->at == MIN(run->choice.count, run->sessions_max) || is_over(run)) {
        end_run(run);
    } else if (run->slot->config->wants_new_turns && run->choice.sessions[run->at].may_have_grown) {
        run->op = (struct store_op){.run = get_work, .done = get_done};
        store_read(run->slot->owner->store, &run->op);
    } else {
        post(run, STEP_SPOOL);
    }
}

/* -- the start of a run -- */

static int take_work(struct store_op *op, struct db *db, struct err *e)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    const char *name = run->slot->config->name;
    int rc = processor_lease_take(db, name, op->now_us, &run->arena, e);
    run->started_us = op->now_us;
    if (rc == PROCESSOR_E_BUSY)
        return err_set(e, ERR_CONFLICT, rc, "busy: another node runs this processor");
    return rc ? rc : processor_states(db, name, &run->arena, &run->states, &run->state_count, e);
}

static void take_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc != 0) {
        fail(run, &op->err);
        return;
    }
    processor_report_leased(&run->report);
    run->deadline_us = clock_monotonic_us() + PROCESSOR_TIME_BUDGET_US;
    if (is_over(run))
        end_run(run);
    else
        post(run, STEP_LOOK);
}

static void start_run(struct slot *slot, struct http_request *r)
{
    struct run *run = slot->run = xnew(struct run);
    *run = (struct run){.slot = slot, .spool_fd = -1, .sessions_max = (size_t)processor_sessions_max()};
    processor_report_init(&run->report, slot->config->name, slot->owner->operations, r);
    arena_init(&run->arena);
    buf_init(&run->result);
    buf_init(&run->checkpoint);
    run->op = (struct store_op){.run = take_work, .done = take_done};
    store_write(slot->owner->store, &run->op);
}

bool command_processors_run(struct command_processors *p, struct str name, struct http_request *r)
{
    for (size_t i = 0; i < p->count; i++) {
        struct slot *slot = &p->slots[i];
        if (!str_equal(name, str_of(slot->config->name)))
            continue;
        if (slot->run || atomic_load(&p->stopping))
            http_reply_problem(r, 409, NULL, "busy: the processor %s is running", slot->config->name);
        else
            start_run(slot, r);
        return true;
    }
    return false;
}

/* -- life -- */

struct command_processors *command_processors_new(uv_loop_t *loop, struct store *store,
                                                  struct operations *operations, struct session_watch *files,
                                                  const struct config *config)
{
    struct command_processors *p = xnew(struct command_processors);
    p->loop = loop;
    p->store = store;
    p->operations = operations;
    p->files = files;
    p->config = config;
    p->count = config->processor_count;
    p->slots = xcalloc(p->count + 1, sizeof(*p->slots));
    atomic_init(&p->stopping, false);
    for (size_t i = 0; i < p->count; i++) {
        struct slot *slot = &p->slots[i];
        *slot = (struct slot){.owner = p, .config = &config->processors[i]};
        slot->worker = worker_new(loop, "processor", work_batch, slot);
        (void)uv_timer_init(loop, &slot->timeout);
    }
    p->open = p->count;
    return p;
}

void command_processors_stop(struct command_processors *p)
{
    atomic_store(&p->stopping, true);
    for (size_t i = 0; i < p->count; i++)
        if (p->slots[i].child)
            child_kill(p->slots[i].child);
}

void command_processors_join(struct command_processors *p)
{
    command_processors_stop(p);
    for (size_t i = 0; i < p->count; i++)
        p->slots[i].worker = worker_free(p->slots[i].worker);
}

static void free_all(struct command_processors *p)
{
    free(p->slots);
    free(p);
}

static void on_closed(uv_handle_t *handle)
{
    struct slot *slot = CONTAINER_OF((uv_timer_t *)handle, struct slot, timeout);
    if (--slot->owner->open == 0)
        free_all(slot->owner);
}

struct command_processors *command_processors_free(struct command_processors *p)
{
    if (!p)
        return NULL;
    bool none = p->count == 0;
    for (size_t i = 0; i < p->count; i++)
        uv_close((uv_handle_t *)&p->slots[i].timeout, on_closed);
    if (none)
        free_all(p);
    return NULL;
}
