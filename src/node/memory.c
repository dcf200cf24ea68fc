#include "node/memory.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "io/counters.h"
#include "io/http_client.h"
#include "io/worker.h"
#include "node/operations.h"
#include "store/knowledge.h"
#include "store/processors.h"
#include "transcripts/knowledge_model.h"
#include "transcripts/knowledge_source.h"
#include "transcripts/session_file.h"

#include <pwd.h>
#include <unistd.h>

#define VERSION 1
#define KNOWN_TOLD_MAX 100
#define OUTAGES_MAX 2
#define ERRORS_TOLD_MAX 20
#define BUDGET_US (150 * USEC_PER_SEC)
#define ANSWER_BYTES_MAX ((size_t)1 << 20)
#define MARK_BYTES 12

struct memory {
    struct store *store;
    struct operations *operations;
    struct session_watch *files;
    uv_loop_t *loop;
    struct http_client *client; /* NULL until a model's endpoint is configured */
    struct worker *worker;
    struct run *run; /* NULL: none */
    bool stopping;
};

struct source { /* a session or a file of notes that is to be looked at */
    const char *path, *name, *user;
    enum transcript_format format;
    struct file_look look;
    const struct processor_state *before; /* NULL: never seen */
    bool is_notes, is_own;
};

struct run {
    struct worker_job job; /* one thing at a time is under way: a job, an operation, or a request */
    struct store_op op;
    struct memory *memory;
    const struct config *config;
    struct http_request *request; /* NULL: answered already */
    char operation[OPERATION_ID_MAX];
    int64_t started_us, deadline_us; /* wall; monotonic */
    struct arena arena;              /* the run's */
    struct processor_state *states;
    size_t state_count;
    struct map by_name, seen; /* states; sources */
    struct source *sources;
    size_t source_count, source_capacity, at;
    /* of the one that is looked at */
    struct arena its_arena;
    struct knowledge_source text;
    int text_rc;
    struct knowledge_fact *facts;
    size_t fact_count;
    struct knowledge_item *known;
    size_t known_count;
    struct processor_state state;
    /* sums */
    int64_t scanned, processed, parked, items, asked;
    struct knowledge_found found;
    int outages;
    struct buf errors; /* JSON objects with commas between */
    int errors_told;
};

const char *memory_lacks(const struct config *c)
{
    if (!c->memory_endpoint[0])
        return "no endpoint of a model is configured: set memory.endpoint and memory.model, and "
               "memory.api_key_file where it asks for a key";
    return c->memory_model[0] ? NULL : "no model is configured: set memory.model";
}

static enum knowledge_api api_of(const struct config *c)
{
    return strcmp(c->memory_api, "openai") == 0 ? KNOWLEDGE_API_OPENAI : KNOWLEDGE_API_ANTHROPIC;
}

/* -- the worker's thread: which sources there are -- */

static const char *user_of(struct run *run, uid_t uid)
{
    struct passwd entry, *found = NULL;
    char text[1024];
    if (getpwuid_r(uid, &entry, text, sizeof(text), &found) == 0 && found)
        return arena_strdup(&run->arena, str_of(found->pw_name));
    return arena_printf(&run->arena, "uid:%ld", (long)uid);
}

static struct file_look look_of(const struct stat *st)
{
    return (struct file_look){(int64_t)st->st_dev, (int64_t)st->st_ino, st->st_size,
                              (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                              (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec};
}

static bool is_needed(const struct run *run, const struct source *s, enum processor_need *ret)
{
    *ret = processor_need(s->before, &s->look, VERSION, run->started_us);
    return processor_need_is_due(*ret);
}

static void add_source(struct run *run, struct source s)
{
    enum processor_need need;
    if (map_put(&run->seen, str_of(s.name), run))
        return;
    run->scanned++;
    s.before = map_get(&run->by_name, str_of(s.name));
    if (!is_needed(run, &s, &need))
        return;
    if (run->source_count == run->source_capacity) {
        run->source_capacity = MAX(64, 2 * run->source_capacity);
        run->sources = xrealloc(run->sources, run->source_capacity * sizeof(*run->sources));
    }
    run->sources[run->source_count++] = s;
}

static bool is_below_root(const struct run *run, const char *path)
{
    char **roots = run->config->sessions_roots;
    for (size_t i = 0; roots && roots[i]; i++) {
        size_t n = strlen(roots[i]);
        if (n && strncmp(path, roots[i], n) == 0 && (path[n] == '/' || path[n - 1] == '/'))
            return true;
    }
    return false;
}

static void add_session(struct run *run, const struct file_walk_entry *f, const char *self)
{
    struct buf name = BUF_INIT;
    bool is_own = !is_below_root(run, f->path);
    session_file_name(str_of(f->path), &name);
    add_source(run, (struct source){.path = arena_strdup(&run->arena, str_of(f->path)),
                                    .name = arena_strdup(&run->arena, buf_str(&name)),
                                    .user = is_own ? self : arena_strdup(&run->arena, session_file_user(f)),
                                    .format = f->format,
                                    .look = session_file_look(f),
                                    .is_own = is_own});
    buf_deinit(&name);
}

/* What root may read is no reason to read it for everybody. */
static bool may_read_notes(const struct stat *st, bool is_own)
{
    return S_ISREG(st->st_mode) &&
           (is_own || st->st_mode & S_IROTH || (st->st_uid == geteuid() && geteuid() != 0));
}

static void add_notes(struct run *run, const char *path, bool is_own)
{
    struct stat st;
    if (lstat(path, &st) != 0 || !may_read_notes(&st, is_own))
        return;
    const char *name = arena_strdup(&run->arena, str_of(path));
    add_source(run, (struct source){.path = name,
                                    .name = name,
                                    .user = user_of(run, st.st_uid),
                                    .look = look_of(&st),
                                    .is_notes = true,
                                    .is_own = is_own || !(st.st_mode & S_IROTH)});
}

/* Those that wait longest first, users in turn. */
static void put_in_order(struct run *run)
{
    struct processor_candidate *order = xcalloc(run->source_count + 1, sizeof(*order));
    struct source *sorted = xcalloc(run->source_count + 1, sizeof(*sorted));
    for (size_t i = 0; i < run->source_count; i++) {
        const struct source *s = &run->sources[i];
        order[i] = (struct processor_candidate){
            .user = str_of(s->user), .waiting_since_us = s->look.mtime_ns / 1000, .index = i};
        (void)is_needed(run, s, &order[i].need);
    }
    processor_order(order, run->source_count);
    for (size_t i = 0; i < run->source_count; i++)
        sorted[i] = run->sources[order[i].index];
    free(order);
    free(run->sources);
    run->sources = sorted;
    run->source_capacity = run->source_count + 1;
}

static void list_sources(struct run *run)
{
    struct file_walk walk;
    const char *self = user_of(run, geteuid());
    session_watch_files(run->memory->files, &walk);
    for (size_t i = 0; i < run->state_count; i++)
        (void)map_put(&run->by_name, str_of(run->states[i].session_file), &run->states[i]);
    for (size_t i = 0; i < walk.count; i++)
        add_session(run, &walk.files[i], self);
    for (size_t i = 0; i < run->state_count; i++)
        if (knowledge_is_notes(run->states[i].session_file))
            add_notes(run, run->states[i].session_file, false);
    put_in_order(run);
    file_walk_deinit(&walk);
}

static void read_source(struct run *run)
{
    const struct source s = run->sources[run->at];
    struct buf path = BUF_INIT;
    run->text_rc = s.is_notes ? knowledge_source_notes(&run->text, s.path, s.is_own)
                              : knowledge_source_session(&run->text, s.path, s.format,
                                                         (size_t)run->config->memory_max_input);
    for (size_t i = 0; i < KNOWLEDGE_DIRECTORIES_MAX && run->text.directories[i]; i++)
        for (size_t k = 0; knowledge_notes_names[k]; k++) {
            buf_clear(&path);
            buf_printf(&path, "%s/%s", run->text.directories[i], knowledge_notes_names[k]);
            add_notes(run, path.p, s.is_own);
        }
    buf_deinit(&path);
}

static void work(void *context, struct worker_job *job)
{
    (void)context;
    for (; job; job = job->next) {
        struct run *run = CONTAINER_OF(job, struct run, job);
        if (run->sources)
            read_source(run);
        else
            list_sources(run);
    }
}

/* -- the end -- */

static void put_counts(const struct run *run, struct json_writer *w)
{
    json_kv_i64(w, "scanned", run->scanned);
    json_kv_i64(w, "processed", run->processed);
    json_kv_i64(w, "skipped", run->scanned - (int64_t)run->source_count);
    json_kv_i64(w, "capped", (int64_t)run->source_count - run->processed - run->parked);
    json_kv_i64(w, "errors", run->parked);
    json_kv_i64(w, "asked", run->asked);
    json_kv_i64(w, "items_extracted", run->items);
    json_kv_i64(w, "items_created", run->found.created);
    json_kv_i64(w, "items_merged", run->found.merged);
    json_kv_i64(w, "evidence_added", run->found.evidence);
    json_kv_i64(w, "contradictions", run->found.contradictions);
}

/* For the audit log. */
static void note_counts(struct run *run)
{
    struct buf counts = BUF_INIT;
    struct json_writer w;
    json_init(&w, &counts);
    json_object_begin(&w);
    put_counts(run, &w);
    json_object_end(&w);
    operation_note(run->memory->operations, run->operation, buf_str(&counts));
    if (run->request)
        http_note_details(run->request, buf_str(&counts));
    buf_deinit(&counts);
}

static void put_details(const struct run *run, struct buf *out)
{
    struct buf list = BUF_INIT;
    struct json_writer w;
    buf_printf(&list, "[%.*s]", STR_ARG(buf_str(&run->errors)));
    json_init(&w, out);
    json_object_begin(&w);
    put_counts(run, &w);
    json_key(&w, "errors_detail");
    json_raw(&w, buf_str(&list));
    json_object_end(&w);
    buf_deinit(&list);
}

static void free_run(struct run *run)
{
    run->memory->run = NULL;
    arena_reset(&run->arena);
    arena_reset(&run->its_arena);
    knowledge_source_deinit(&run->text);
    map_deinit(&run->by_name);
    map_deinit(&run->seen);
    free(run->sources);
    buf_deinit(&run->errors);
    free(run);
}

static void finish(struct run *run, const struct err *e)
{
    struct buf details = BUF_INIT, body = BUF_INIT;
    note_counts(run);
    put_details(run, &details);
    operation_end(run->memory->operations, run->operation, e ? e->text : NULL, buf_str(&details));
    buf_printf(&body, "{\"ok\":%s,\"details\":%s}", run->parked ? "false" : "true", details.p);
    if (run->request && e)
        http_reply_err(run->request, e);
    else if (run->request)
        http_reply_json(run->request, 200, &body);
    if (e)
        log_error("memory", "a run has failed", LOG_TEXT("error", e->text));
    else
        log_info("memory", "a run has ended", LOG_INT("processed", run->processed),
                 LOG_INT("parked", run->parked), LOG_INT("created", run->found.created));
    buf_deinit(&body);
    buf_deinit(&details);
    free_run(run);
}

/* -- one source after the other -- */

static void next_source(struct run *run);

static int save_run(struct store_op *op, struct db *db, struct err *e)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    const struct source *s = &run->sources[run->at];
    const char *session = run->text.session_id[0] ? run->text.session_id : s->name;
    int rc = run->fact_count ? knowledge_add(db, run->facts, run->fact_count, s->user, session, op->now_us,
                                             &run->found, e)
                             : 0;
    return rc ? rc : processor_state_put(db, MEMORY_PROCESSOR, &run->state, e);
}

static void save_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc != 0) {
        finish(run, &op->err);
        return;
    }
    bool done = run->state.status == PROCESSOR_DONE;
    run->processed += done;
    run->parked += !done;
    run->items += done ? run->state.items : 0;
    run->at++;
    next_source(run);
}

static void save(struct run *run)
{
    run->op = (struct store_op){.run = save_run, .done = save_done};
    store_write(run->memory->store, &run->op);
}

static void begin_state(struct run *run)
{
    const struct source *s = &run->sources[run->at];
    run->fact_count = 0;
    run->state = processor_state_begin(s->name, &s->look, VERSION, s->before);
}

static void settle(struct run *run, size_t items)
{
    processor_state_done(&run->state, (int64_t)items, clock_wall_us());
    save(run);
}

/* Where the endpoint is at fault, and not what this session holds, it is tried again however often. */
static void park(struct run *run, const char *why, bool is_outage)
{
    int64_t now_us = clock_wall_us();
    processor_state_fail(&run->state, now_us);
    if (is_outage && run->state.status == PROCESSOR_QUARANTINED) {
        run->state.status = PROCESSOR_FAILED;
        run->state.next_retry_us = now_us + PROCESSOR_RETRY_CAP_US;
    }
    run->outages = is_outage ? run->outages + 1 : 0;
    run->state.last_error = arena_strdup(&run->its_arena, str_of(why));
    counter_add(COUNTER_MEMORY_PARKED, 1);
    if (run->errors_told++ < ERRORS_TOLD_MAX) {
        struct json_writer w;
        if (run->errors.n)
            buf_add_char(&run->errors, ',');
        json_init(&w, &run->errors);
        json_object_begin(&w);
        json_kv_text(&w, "session", run->state.session_file);
        json_kv_text(&w, "error", why);
        json_kv_i64(&w, "attempts", run->state.attempts);
        json_object_end(&w);
    }
    save(run);
}

static void take_answer(struct run *run, struct str body)
{
    struct err e = {0};
    int rc =
        knowledge_model_answer(api_of(run->config), body, &run->its_arena, &run->facts, &run->fact_count, &e);
    if (rc != 0) {
        run->fact_count = 0;
        park(run, e.text, false);
        return;
    }
    run->outages = 0;
    settle(run, run->fact_count);
}

static void on_answer(void *arg, const struct http_client_response *response)
{
    struct run *run = arg;
    char why[200];
    if (run->memory->stopping) {
        finish(run, NULL);
        return;
    }
    if (response->curl_code == 0 && response->status == 200) {
        take_answer(run, response->body);
        return;
    }
    if (response->curl_code != 0)
        (void)snprintf(why, sizeof(why), "the endpoint did not answer: %.150s", response->error);
    else
        (void)snprintf(why, sizeof(why), "the endpoint answered with status %d%s", response->status,
                       response->status == 401 || response->status == 403 ? ": is the key right?" : "");
    park(run, why, true);
}

static void write_question(struct run *run, struct buf *ret)
{
    char mark[2 * MARK_BYTES + 1];
    struct knowledge_known *known = arena_alloc(&run->its_arena, (run->known_count + 1) * sizeof(*known));
    for (size_t i = 0; i < run->known_count; i++)
        known[i] = (struct knowledge_known){run->known[i].id, run->known[i].content};
    hash_random_hex(MARK_BYTES, mark);
    const struct knowledge_question q = {.model = run->config->memory_model,
                                         .mark = mark,
                                         .text = buf_str(&run->text.text),
                                         .known = known,
                                         .known_count = run->known_count};
    knowledge_model_question(api_of(run->config), &q, ret);
}

static void ask(struct run *run)
{
    struct buf body = BUF_INIT, url = BUF_INIT, key = BUF_INIT;
    const struct config *c = run->config;
    bool anthropic = api_of(c) == KNOWLEDGE_API_ANTHROPIC;
    write_question(run, &body);
    knowledge_model_url(api_of(c), str_of(c->memory_endpoint), &url);
    if (c->memory_key)
        buf_printf(&key, anthropic ? "x-api-key: %s" : "Authorization: Bearer %s", c->memory_key);
    const char *headers[] = {"Content-Type: application/json",
                             anthropic ? "anthropic-version: 2023-06-01" : "Accept: application/json",
                             key.n ? key.p : NULL, NULL};
    const struct http_client_request request = {.method = "POST",
                                                .url = url.p,
                                                .headers = headers,
                                                .body = buf_str(&body),
                                                .timeout_us = c->memory_timeout_us,
                                                .max_body_bytes = ANSWER_BYTES_MAX};
    run->asked++;
    counter_add(COUNTER_MEMORY_ASKED, 1);
    http_client_send(run->memory->client, &request, on_answer, run);
    buf_deinit(&body);
    buf_deinit(&url);
    buf_deinit(&key);
}

static int known_run(struct store_op *op, struct db *db, struct err *e)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    return knowledge_known(db, KNOWN_TOLD_MAX, &run->its_arena, &run->known, &run->known_count, e);
}

static void known_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc != 0 || run->memory->stopping)
        finish(run, op->rc ? &op->err : NULL);
    else
        ask(run);
}

static void source_read(struct worker_job *job)
{
    struct run *run = CONTAINER_OF(job, struct run, job);
    char why[200];
    if (run->memory->stopping) {
        finish(run, NULL);
        return;
    }
    begin_state(run);
    counter_add(COUNTER_MEMORY_CUT, run->text.is_cut);
    if (run->text_rc != 0) {
        (void)snprintf(why, sizeof(why), "it cannot be read: %s", strerror(-run->text_rc));
        park(run, why, false);
    } else if (str_trim(buf_str(&run->text.text)).n == 0) {
        settle(run, 0);
    } else {
        run->op = (struct store_op){.run = known_run, .done = known_done};
        store_read(run->memory->store, &run->op);
    }
}

static void next_source(struct run *run)
{
    struct memory *m = run->memory;
    bool over = run->outages >= OUTAGES_MAX || clock_monotonic_us() > run->deadline_us ||
                (int64_t)run->at >= run->config->memory_max_sessions;
    knowledge_source_deinit(&run->text);
    arena_reset(&run->its_arena);
    run->known_count = 0;
    if (m->stopping || over || run->at == run->source_count) {
        finish(run, NULL);
        return;
    }
    run->job = (struct worker_job){.done = source_read};
    worker_post(m->worker, &run->job);
}

static void sources_listed(struct worker_job *job)
{
    next_source(CONTAINER_OF(job, struct run, job));
}

/* -- the beginning -- */

static int load_run(struct store_op *op, struct db *db, struct err *e)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    return processor_states(db, MEMORY_PROCESSOR, &run->arena, &run->states, &run->state_count, e);
}

static void load_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc != 0 || run->memory->stopping) {
        finish(run, op->rc ? &op->err : NULL);
        return;
    }
    run->job = (struct worker_job){.done = sources_listed};
    worker_post(run->memory->worker, &run->job);
}

static struct run *new_run(struct memory *m, const struct config *config, const char *operation)
{
    struct run *run = xnew(struct run);
    run->memory = m;
    run->config = config;
    run->started_us = clock_wall_us();
    run->deadline_us = clock_monotonic_us() + BUDGET_US;
    (void)snprintf(run->operation, sizeof(run->operation), "%s", operation);
    arena_init(&run->arena);
    arena_init(&run->its_arena);
    map_init(&run->by_name);
    map_init(&run->seen);
    buf_init(&run->text.text);
    buf_init(&run->errors);
    run->op = (struct store_op){.run = load_run, .done = load_done};
    return run;
}

/* A node that asks no model starts without libcurl. */
static void have_client(struct memory *m)
{
    if (!m->client)
        m->client = http_client_new(m->loop);
}

void memory_run(struct memory *m, struct http_request *r, const struct config *config)
{
    const char *lacks = memory_lacks(config),
               *id = lacks || m->stopping ? NULL : operation_begin(m->operations, MEMORY_KIND);
    if (lacks || m->stopping) {
        http_reply_problem(r, 503, NULL, "%s", lacks ? lacks : "the node is stopping");
        return;
    }
    if (!id) {
        operation_reply_busy(m->operations, r, MEMORY_KIND);
        return;
    }
    have_client(m);
    m->run = new_run(m, config, id);
    if (operation_wants_async(r))
        operation_reply_accepted(m->operations, r, id);
    else
        m->run->request = r;
    store_read(m->store, &m->run->op);
}

struct memory *memory_new(uv_loop_t *loop, struct store *store, struct operations *operations,
                          struct session_watch *files, const struct config *config)
{
    struct memory *m = xnew(struct memory);
    m->loop = loop;
    m->store = store;
    m->operations = operations;
    m->files = files;
    if (!memory_lacks(config))
        have_client(m);
    m->worker = worker_new(loop, "memory", work, m);
    return m;
}

void memory_stop(struct memory *m)
{
    m->stopping = true;
    m->client = http_client_free(m->client);
}

void memory_join(struct memory *m)
{
    memory_stop(m);
    m->worker = worker_free(m->worker);
}

struct memory *memory_free(struct memory *m)
{
    assert(!m || !m->run);
    free(m);
    return NULL;
}
