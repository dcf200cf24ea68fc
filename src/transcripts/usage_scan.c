#include "transcripts/usage_scan.h"

#include "base/clock.h"
#include "transcripts/line_objects.h"
#include "transcripts/line_reader.h"
#include "transcripts/session_file.h"
#include "transcripts/usage_line.h"

#define ADVISOR_MAX 64

struct scan {
    struct ledger *ledger;
    const struct file_walk *files;
    int64_t now_us, bytes_done, bytes_to_do;
    const struct usage_scan_progress *progress;
    struct usage_scan_result *result;
    /* the file that is being read */
    struct ledger_file_row row;
    struct ledger_place place;
    struct buf session, project, cwd, branch; /* of place */
    size_t events;                  /* of Claude Code and Gemini CLI, with the calls inside of them */
    bool is_tail;                   /* an unterminated line: what is wrong with it may still become right */
    struct codex_request *requests; /* owned; of a fork that may still be its parent */
    struct usage_event *held;       /* owned; the same as events */
    char (*held_models)[CODEX_MODEL_MAX]; /* owned */
    size_t held_count, held_capacity;
};

static void skip(struct scan *s, enum skip_reason why)
{
    if (!s->is_tail)
        s->row.skipped[why]++;
}

/* -- Claude Code -- */

/* Calls of another model inside one answer are entries of their own. */
static void add_advisors(struct scan *s, const struct usage_event *e, const struct json_value *v)
{
    static const struct json_path paths[] = {{"type", 0, NULL},
                                             {"model", 1, NULL},
                                             {"input_tokens", 2, NULL},
                                             {"output_tokens", 3, NULL},
                                             {"cache_creation_input_tokens", 4, NULL},
                                             {"cache_read_input_tokens", 5, NULL},
                                             {NULL, JSON_NO_SLOT, NULL}};
    struct str rest = v[CLAUDE_ITERATIONS].raw;
    struct json_value item;
    for (int n = 0;
         v[CLAUDE_ITERATIONS].kind == JSON_ARRAY && n < ADVISOR_MAX && json_scan_element(&rest, &item); n++) {
        struct json_value f[6] = {{0}};
        struct json_scan scan;
        if (item.kind != JSON_OBJECT || json_scan_object(item.raw, paths, f, &scan) != JSON_WHOLE ||
            !json_value_is(&f[0], STR("advisor_message")))
            continue;
        struct usage_event advisor = *e;
        static const enum usage_count kinds[] = {COUNT_INPUT, COUNT_OUTPUT, COUNT_CACHE_WRITE_5M,
                                                 COUNT_CACHE_READ};
        memset(advisor.counts, 0, sizeof(advisor.counts));
        for (int k = 0; k < 4; k++)
            (void)json_value_count(&f[2 + k], &advisor.counts[kinds[k]]);
        struct buf id = BUF_INIT;
        buf_printf(&id, "%.*s:advisor:%d", STR_ARG(e->message_id), n);
        advisor.message_id = buf_str(&id);
        advisor.model = f[1].kind == JSON_STRING ? f[1].raw : e->model;
        advisor.flags = (e->flags & ~(unsigned)(USAGE_OVER_200K | USAGE_OVER_272K)) |
                        usage_event_size_flags(advisor.counts);
        (void)ledger_add(s->ledger, &advisor, &s->place);
        s->events++;
        buf_deinit(&id);
    }
}

static void claude_object(struct scan *s, const struct json_value *v)
{
    struct usage_event e;
    switch (claude_usage(v, &e)) {
    case USAGE_LINE_NONE:
        break;
    case USAGE_LINE_BAD_TIME:
        skip(s, SKIP_BAD_TIME);
        break;
    case USAGE_LINE_BAD_COUNT:
        skip(s, SKIP_BAD_COUNT);
        break;
    case USAGE_LINE_EVENT:
        (void)ledger_add(s->ledger, &e, &s->place);
        s->events++;
        if (v[CLAUDE_ITERATIONS].kind == JSON_ARRAY)
            add_advisors(s, &e, v);
    }
}

static void gemini_object(struct scan *s, const struct json_value *v)
{
    struct usage_event e;
    switch (gemini_usage(v, &e)) {
    case USAGE_LINE_NONE:
        break;
    case USAGE_LINE_BAD_TIME:
        skip(s, SKIP_BAD_TIME);
        break;
    case USAGE_LINE_BAD_COUNT:
        skip(s, SKIP_BAD_COUNT);
        break;
    case USAGE_LINE_EVENT:
        (void)ledger_add(s->ledger, &e, &s->place);
    }
}

/* Returns what is behind the object, or NULL when there is none at this place. */
static const char *keyed_object(struct scan *s, struct str text, enum skip_reason *why)
{
    struct json_value v[CLAUDE_SLOTS] = {{0}};
    struct json_scan scan;
    bool claude = s->row.format == TRANSCRIPT_CLAUDE;
    enum json_outcome rc = json_scan_object(text, claude ? claude_paths : gemini_paths, v, &scan);
    if (rc != JSON_WHOLE) {
        *why = skip_reason_of(rc);
        return NULL;
    }
    struct str inner;
    if (!json_scan_is_utf8((struct str){text.p, (size_t)(scan.end - text.p)}))
        skip(s, SKIP_NOT_UTF8);
    else if (!claude)
        gemini_object(s, v);
    else if (claude_inner_line(v, &inner)) {
        struct json_value w[CLAUDE_SLOTS] = {{0}};
        struct json_scan ignored;
        if (json_scan_object(inner, claude_paths, w, &ignored) == JSON_WHOLE)
            claude_object(s, w);
    } else
        claude_object(s, v);
    return scan.end;
}

/* One object, as a rule; what a torn write has glued together is taken apart again. */
static void keyed_line(struct scan *s, struct str line)
{
    struct line_objects objects = line_objects_of(line);
    struct str text;
    while (line_objects_next(&objects, &text)) {
        enum skip_reason why = SKIP_TORN;
        const char *behind = keyed_object(s, text, &why);
        if (behind)
            line_objects_took(&objects, behind);
        else if (line_objects_failed(&objects))
            skip(s, why);
    }
}

static void keyed_run(struct scan *s, struct str run)
{
    struct str mark = s->row.format == TRANSCRIPT_CLAUDE ? STR("\"usage\"") : STR("\"tokens\"");
    while (run.n > 0) {
        ptrdiff_t hit = json_scan_find(run, mark);
        if (hit < 0)
            return;
        const char *feed = hit ? memrchr(run.p, '\n', (size_t)hit) : NULL;
        const char *start = feed ? feed + 1 : run.p, *end = run.p + run.n;
        const char *stop = memchr(run.p + hit, '\n', run.n - (size_t)hit);
        keyed_line(s, (struct str){start, (size_t)((stop ? stop : end) - start)});
        run = (struct str){stop ? stop + 1 : end, stop ? (size_t)(end - stop - 1) : 0};
    }
}

size_t usage_scan_claude_line(struct ledger *l, struct str line)
{
    struct scan s = {.ledger = l, .row = {.format = TRANSCRIPT_CLAUDE}};
    if (line.n <= LINE_READER_LINE_MAX)
        keyed_line(&s, line);
    return s.events;
}

/* -- Codex -- */

/* As Claude Code names the folder of a project. */
static void slug(struct buf *to, struct str cwd)
{
    for (size_t i = 0; i < cwd.n; i++) {
        char c = cwd.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        buf_add_char(to, plain ? c : '-');
    }
}

static void set_place(struct scan *s, struct str project, struct str session)
{
    buf_clear(&s->project);
    buf_add_str(&s->project, project);
    buf_clear(&s->session);
    buf_add_str(&s->session, session);
    s->place.project = buf_str(&s->project);
    s->place.session = buf_str(&s->session);
    buf_clear(&s->cwd);
    buf_add_str(&s->cwd, ledger_text(s->ledger, s->row.codex_cwd));
    buf_clear(&s->branch);
    buf_add_str(&s->branch, ledger_text(s->ledger, s->row.codex_branch));
    s->place.cwd = buf_str(&s->cwd);
    s->place.branch = buf_str(&s->branch);
}

static void hold(struct scan *s, const struct usage_event *e, const struct codex_request *request)
{
    if (s->held_count == s->held_capacity) {
        s->held_capacity = MAX(64, s->held_capacity * 2);
        s->held = xrealloc(s->held, s->held_capacity * sizeof(*s->held));
        s->held_models = xrealloc(s->held_models, s->held_capacity * sizeof(*s->held_models));
        s->requests = xrealloc(s->requests, s->held_capacity * sizeof(*s->requests));
    }
    size_t n = MIN(e->model.n, CODEX_MODEL_MAX);
    if (n)
        memcpy(s->held_models[s->held_count], e->model.p, n);
    s->requests[s->held_count] = *request;
    s->held[s->held_count] = *e;
    s->held[s->held_count++].model.n = n;
}

static void codex_report(struct scan *s, struct codex_state *state, const struct codex_line *line)
{
    struct codex_request request = {.at_us = line->at_us};
    if (!codex_step(state, &line->report, &request.counts))
        return;
    struct usage_event e = {.source = USAGE_CODEX, .at_us = line->at_us};
    codex_event_counts(&request.counts, e.counts);
    e.model = str_empty(line->model) ? str_of(state->model) : line->model;
    static const unsigned tiers[] = {[CODEX_FAST] = USAGE_FAST, [CODEX_FLEX] = USAGE_BATCH};
    e.flags = (state->tier < COUNT_OF(tiers) ? tiers[state->tier] : 0U) | usage_event_size_flags(e.counts);
    if (state->fork == CODEX_FORK_OPEN)
        hold(s, &e, &request);
    else
        (void)ledger_add(s->ledger, &e, &s->place);
}

static void codex_first_line(struct scan *s, struct codex_state *state, const struct codex_line *line)
{
    if (state->has_meta)
        return;
    codex_meta(state, line->id, line->parent, line->at_us);
    struct buf project = BUF_INIT, session = BUF_INIT;
    slug(&project, line->cwd);
    buf_add_str(&session, str_empty(line->id) ? s->place.session : str_of(state->id));
    s->row.codex_project = ledger_string(s->ledger, buf_str(&project));
    s->row.codex_cwd = ledger_string(s->ledger, line->cwd);
    s->row.codex_branch = ledger_string(s->ledger, line->branch);
    set_place(s, buf_str(&project), buf_str(&session));
    buf_deinit(&project);
    buf_deinit(&session);
}

static void codex_apply(struct scan *s, struct codex_state *state, const struct codex_line *line)
{
    switch (line->kind) {
    case CODEX_OTHER:
        break;
    case CODEX_BAD_TIME:
        skip(s, SKIP_BAD_TIME);
        break;
    case CODEX_BAD_COUNT:
        skip(s, SKIP_BAD_COUNT);
        break;
    case CODEX_META:
        codex_first_line(s, state, line);
        break;
    case CODEX_CONTEXT: {
        size_t n = MIN(line->model.n, CODEX_MODEL_MAX - 1);
        if (n) {
            memset(state->model, 0, sizeof(state->model));
            memcpy(state->model, line->model.p, n);
        }
        break;
    }
    case CODEX_TIER:
        state->tier = (uint8_t)line->tier;
        break;
    case CODEX_REPORT:
        codex_report(s, state, line);
        break;
    }
}

static void codex_one(struct scan *s, struct codex_state *state, struct str text)
{
    struct line_objects objects = line_objects_of(text);
    struct str rest;
    while (line_objects_next(&objects, &rest)) {
        struct codex_line line;
        struct json_scan scan;
        enum json_outcome rc = codex_line_read(rest, &line, &scan);
        if (rc != JSON_WHOLE) {
            if (line_objects_failed(&objects))
                skip(s, skip_reason_of(rc));
            continue;
        }
        if (json_scan_is_utf8((struct str){rest.p, (size_t)(scan.end - rest.p)}))
            codex_apply(s, state, &line);
        else
            skip(s, SKIP_NOT_UTF8);
        line_objects_took(&objects, scan.end);
    }
}

static void codex_run(struct scan *s, struct codex_state *state, struct str run)
{
    struct str line;
    while (run.n > 0 && str_split(&run, '\n', &line))
        if (codex_line_may_count(line))
            codex_one(s, state, line);
}

/* What a fork's parent used.  Only its counts are wanted, so it is read without a ledger. */
static size_t read_parent(const struct scan *s, const char *path, struct codex_request **ret)
{
    struct line_reader *reader;
    size_t count = 0, capacity = 0;
    *ret = NULL;
    if (line_reader_open(path, 0, 0, &reader) != 0)
        return 0;
    struct codex_state state = {0};
    struct line_run run;
    while (line_reader_next(reader, &run) == 1) {
        struct str line;
        while (run.bytes.n > 0 && str_split(&run.bytes, '\n', &line)) {
            struct codex_line read;
            struct json_scan scan;
            struct codex_request request;
            if (!codex_line_may_count(line) || codex_line_read(line, &read, &scan) != JSON_WHOLE ||
                read.kind != CODEX_REPORT || !codex_step(&state, &read.report, &request.counts))
                continue;
            if (count == capacity) {
                capacity = MAX(64, capacity * 2);
                *ret = xrealloc(*ret, capacity * sizeof(**ret));
            }
            request.at_us = read.at_us;
            (*ret)[count++] = request;
        }
    }
    s->result->bytes_read += line_reader_offset(reader);
    (void)line_reader_free(reader);
    return count;
}

static const char *path_of_parent(const struct scan *s, const char *parent)
{
    for (size_t i = 0; i < s->files->count; i++) {
        const struct file_walk_entry *f = &s->files->files[i];
        const char *name = strrchr(f->path, '/');
        bool may_be = f->format == TRANSCRIPT_CODEX || f->format == TRANSCRIPT_UNKNOWN;
        if (may_be && name && strstr(name, parent))
            return f->path;
    }
    return NULL;
}

/* Counts what a fork has used itself.  While all of it could be the parent's the question stays open, and the
 * file is read from its start again when it has grown. */
static void settle_fork(struct scan *s, struct codex_state *state)
{
    if (state->fork != CODEX_FORK_OPEN)
        return;
    struct codex_request *parent = NULL;
    const char *path = path_of_parent(s, state->parent);
    size_t parent_count = path ? read_parent(s, path, &parent) : 0;
    size_t replayed = codex_replayed(s->requests, s->held_count, state->started_at_us, parent, parent_count);
    free(parent);
    bool may_go_on = s->held_count > 0 && s->now_us - s->requests[s->held_count - 1].at_us <= USEC_PER_SEC;
    bool is_open = replayed == s->held_count || (s->held_count == 1 && may_go_on);
    for (size_t i = replayed; i < s->held_count && !is_open; i++) {
        s->held[i].model.p = s->held_models[i];
        (void)ledger_add(s->ledger, &s->held[i], &s->place);
    }
    state->fork = is_open ? CODEX_FORK_OPEN : CODEX_FORK_DONE;
    s->held_count = 0;
}

/* -- files -- */

/* "PROJECT/SESSION.jsonl", "PROJECT/SESSION/subagents/agent-1.jsonl". */
static void place_of(struct scan *s, const struct file_walk_entry *f)
{
    struct str name = str_of(f->path + f->name_offset), part, project = {0}, session = {0};
    struct str rest = name;
    for (int i = 0; str_split(&rest, '/', &part); i++) {
        if (i == 0)
            project = part;
        session = i == 1 || s->row.format != TRANSCRIPT_CLAUDE ? part : session;
    }
    if (session.p == NULL)
        session = project;
    static const struct str endings[] = {{".zst", 4}, {".jsonl", 6}};
    for (size_t i = 0; i < COUNT_OF(endings); i++)
        if (str_ends_with(session, endings[i]))
            session.n -= endings[i].n;
    if (s->row.format == TRANSCRIPT_CODEX)
        project = ledger_text(s->ledger, s->row.codex_project);
    if (s->row.format == TRANSCRIPT_CODEX && s->row.codex.id[0])
        session = str_of(s->row.codex.id);
    set_place(s, project, session);
}

static bool is_as_it_was(const struct ledger_file_row *row, const struct file_walk_entry *f)
{
    return row->device == f->device && row->inode == f->inode && row->size == f->size &&
           row->mtime_ns == f->mtime_ns && row->ctime_ns == f->ctime_ns;
}

static bool has_grown(const struct ledger_file_row *row, const struct file_walk_entry *f)
{
    return row->device == f->device && row->inode == f->inode && f->size > row->size && row->offset > 0 &&
           row->codex.fork != CODEX_FORK_OPEN && !line_reader_is_compressed(f->path) &&
           line_reader_tail_matches(f->path, row->offset, row->tail_hash);
}

static void tell(struct scan *s, int64_t bytes)
{
    s->bytes_done += bytes;
    s->result->bytes_read += bytes;
    if (s->progress)
        s->progress->tell(s->progress->context, s->bytes_done, s->bytes_to_do);
}

static int read_runs(struct scan *s, struct line_reader *reader)
{
    struct line_run run;
    int rc;
    while ((rc = line_reader_next(reader, &run)) == 1) {
        struct codex_state peek = s->row.codex;
        s->is_tail = run.is_unterminated;
        if (s->row.format == TRANSCRIPT_CODEX)
            codex_run(s, s->is_tail ? &peek : &s->row.codex, run.bytes);
        else
            keyed_run(s, run.bytes);
        s->is_tail = false;
        tell(s, (int64_t)run.bytes.n);
    }
    if (s->row.format == TRANSCRIPT_CODEX)
        settle_fork(s, &s->row.codex);
    s->row.skipped[SKIP_TOO_LONG] += (uint32_t)line_reader_skipped(reader);
    return rc;
}

static int read_file(struct scan *s, const struct file_walk_entry *f)
{
    bool appended = has_grown(&s->row, f);
    if (!appended) {
        enum transcript_format format = f->format;
        if (format == TRANSCRIPT_UNKNOWN && !session_file_format(f->path, &format))
            return 0; /* of nobody who is known */
        struct ledger_file_row fresh = {.path = s->row.path, .format = format};
        s->row = fresh;
    }
    place_of(s, f);
    struct line_reader *reader;
    int rc = line_reader_open(f->path, s->row.offset, 0, &reader);
    if (rc != 0)
        return rc;
    s->held_count = 0;
    line_reader_expect_end(reader, f->size);
    rc = read_runs(s, reader);
    s->row.offset = line_reader_offset(reader);
    s->row.tail_hash = line_reader_tail_hash(reader);
    (void)line_reader_free(reader);
    return rc;
}

static void scan_file(struct scan *s, const struct file_walk_entry *f)
{
    uint32_t number = ledger_file_find(s->ledger, str_of(f->path), &s->row);
    if (!is_as_it_was(&s->row, f)) {
        s->result->changed++;
        int rc = read_file(s, f);
        s->result->unreadable += rc != 0;
        s->row.device = f->device;
        s->row.inode = rc == 0 ? f->inode : -1; /* to be tried again */
        s->row.size = f->size;
        s->row.mtime_ns = f->mtime_ns;
        s->row.ctime_ns = f->ctime_ns;
        ledger_file_put(s->ledger, number, &s->row);
    }
    for (int k = 0; k < SKIP_REASONS; k++)
        s->result->skipped[k] += s->row.skipped[k];
}

void usage_scan(struct ledger *l, const struct file_walk *files, int64_t now_us,
                const struct usage_scan_progress *progress, struct usage_scan_result *ret)
{
    *ret = (struct usage_scan_result){.files = (int64_t)files->count};
    struct scan s = {.ledger = l, .files = files, .now_us = now_us, .progress = progress, .result = ret};
    buf_init(&s.session);
    buf_init(&s.project);
    buf_init(&s.cwd);
    buf_init(&s.branch);
    for (size_t i = 0; i < files->count; i++)
        s.bytes_to_do += files->files[i].size;
    for (size_t i = 0; i < files->count; i++)
        scan_file(&s, &files->files[i]);
    buf_deinit(&s.session);
    buf_deinit(&s.project);
    buf_deinit(&s.cwd);
    buf_deinit(&s.branch);
    free(s.requests);
    free(s.held);
    free(s.held_models);
}
