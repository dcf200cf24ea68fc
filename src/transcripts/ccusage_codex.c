#include "transcripts/ccusage.h"

#include "base/buf.h"
#include "base/clock.h"
#include "transcripts/ccusage_rollout.h"
#include "transcripts/line_reader.h"

#include <sys/stat.h>

#define BURST_US INT64_C(1000000)

struct request { /* of a rollout, with what names it */
    struct codex_request told;
    uint32_t model, named; /* named: by the line itself, or 0 */
    uint32_t time;         /* string: as the line tells it, or 0 */
    enum ccusage_tier tier;
    bool fallback, is_output;
};

struct rollout {
    struct codex_state state;
    uint32_t model; /* the last one that was named, or taken for want of one */
    bool model_is_guess;
    enum ccusage_tier tier;
    int64_t changed_us;       /* the file */
    struct request *requests; /* owned */
    size_t count, capacity;
    int64_t report_us[2]; /* of the first token_count lines, whether they count or not */
    size_t report_count, line_count;
};

/* What it takes the reviews of a model for that is never named, by day. */
static const struct {
    const char *from, *model;
} reviews[] = {{"2026-07-30T00:00:00Z", "gpt-5.6-luna"},  {"2026-03-05T00:00:00Z", "gpt-5.4"},
               {"2026-02-05T00:00:00Z", "gpt-5.3-codex"}, {"2025-12-11T00:00:00Z", "gpt-5.2-codex"},
               {"2025-11-13T00:00:00Z", "gpt-5.1-codex"}, {"2025-09-15T00:00:00Z", "gpt-5-codex"},
               {"1970-01-01T00:00:00Z", "gpt-5"}};

static uint32_t review_model(struct ccusage *c, int64_t at_us)
{
    for (size_t i = 0; i < COUNT_OF(reviews); i++) {
        int64_t from_us;
        if (clock_parse_rfc3339(str_of(reviews[i].from), &from_us) && at_us >= from_us)
            return ledger_string(&c->strings, str_of(reviews[i].model));
    }
    return ledger_string(&c->strings, STR("gpt-5"));
}

static uint32_t model_of(struct ccusage *c, struct rollout *r, const struct ccusage_rollout_line *line,
                         bool *ret_fallback)
{
    if (line->model) {
        r->model = line->model;
        r->model_is_guess = false;
    } else if (!r->model) {
        r->model = ledger_string(&c->strings, STR("gpt-5"));
        r->model_is_guess = true;
    }
    bool review = str_equal(ledger_text(&c->strings, r->model), STR("codex-auto-review"));
    *ret_fallback = r->model_is_guess || review;
    return review ? review_model(c, line->at_us) : r->model;
}

static void add_request(struct ccusage *c, struct rollout *r, const struct ccusage_rollout_line *line,
                        const struct codex_counts *counts)
{
    if (r->count == r->capacity) {
        r->capacity = MAX(64, r->capacity * 2);
        r->requests = xrealloc(r->requests, r->capacity * sizeof(r->requests[0]));
    }
    struct request q = {.told = {*counts, line->at_us},
                        .named = line->model,
                        .time = line->time,
                        .tier = line->kind == ROLLOUT_OUTPUT ? TIER_NOT_TOLD : r->tier};
    struct codex_counts *t = &q.told.counts;
    t->cached = MIN(t->cached, t->input);
    t->cache_write = MIN(t->cache_write, t->input - t->cached);
    q.is_output = line->kind == ROLLOUT_OUTPUT;
    q.model = model_of(c, r, line, &q.fallback);
    r->requests[r->count++] = q;
}

static void note_report(struct rollout *r, int64_t at_us)
{
    if (r->report_count < COUNT_OF(r->report_us))
        r->report_us[r->report_count++] = at_us;
}

static void apply(struct ccusage *c, struct rollout *r, struct ccusage_rollout_line *line)
{
    struct codex_counts counts;
    if (line->kind == ROLLOUT_META && r->line_count == 0) {
        codex_meta(&r->state, ledger_text(&c->strings, line->id), ledger_text(&c->strings, line->parent),
                   line->at_us);
    } else if (line->kind == ROLLOUT_CONTEXT && line->model) {
        r->model = line->model;
        r->model_is_guess = false;
    } else if (line->kind == ROLLOUT_TIER) {
        r->tier = line->tier;
    } else if (line->kind == ROLLOUT_REPORT) {
        if (codex_step(&r->state, &line->report, &counts))
            add_request(c, r, line, &counts);
        if (line->report.has_last || line->report.has_total)
            note_report(r, line->at_us);
    } else if (line->kind == ROLLOUT_OUTPUT) {
        line->at_us = line->has_time ? line->at_us : r->changed_us;
        add_request(c, r, line, &line->report.last);
    }
}

static int64_t changed_us(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return 0;
    return (int64_t)st.st_mtim.tv_sec * USEC_PER_SEC + st.st_mtim.tv_nsec / 1000000 * 1000;
}

static void read_rollout(struct ccusage *c, const char *path, struct rollout *ret)
{
    *ret = (struct rollout){.changed_us = changed_us(path)};
    struct line_reader *reader;
    struct line_run run;
    if (line_reader_open(path, 0, (size_t)1 << 30, &reader) != 0)
        return;
    while (line_reader_next(reader, &run) == 1) {
        struct str line;
        while (run.bytes.n > 0 && str_split(&run.bytes, '\n', &line)) {
            struct ccusage_rollout_line read;
            ccusage_rollout_read(&c->strings, line, &read);
            if (c->witness)
                c->witness->codex(c->witness->context, line, &read);
            apply(c, ret, &read);
            ret->line_count++;
        }
    }
    (void)line_reader_free(reader);
}

/* -- forks -- */

/* The thread that a rollout names in its first line; 0: none. */
static uint32_t thread_of(struct ccusage *c, const char *path)
{
    struct ccusage_rollout_line read = {.kind = ROLLOUT_OTHER};
    struct line_reader *reader;
    struct line_run run;
    struct str line;
    if (line_reader_open(path, 0, (size_t)1 << 30, &reader) != 0)
        return 0;
    if (line_reader_next(reader, &run) == 1 && str_split(&run.bytes, '\n', &line))
        ccusage_rollout_read(&c->strings, line, &read);
    (void)line_reader_free(reader);
    return read.kind == ROLLOUT_META ? read.id : 0;
}

struct threads { /* by id: the first rollout of it; listed when the first fork asks */
    struct map paths;
    bool is_listed;
};

static const char *path_of(struct ccusage *c, const struct file_walk *files, struct threads *t,
                           const char *thread)
{
    for (size_t i = 0; !t->is_listed && i < files->count; i++) {
        const struct file_walk_entry *f = &files->files[i];
        uint32_t id = f->format == TRANSCRIPT_CODEX ? thread_of(c, f->path) : 0;
        if (id && !map_get(&t->paths, ledger_text(&c->strings, id)))
            (void)map_put(&t->paths, ledger_text(&c->strings, id), (void *)(uintptr_t)f->path);
    }
    t->is_listed = true;
    return map_get(&t->paths, str_of(thread));
}

static bool is_named_otherwise(const struct request *a, const struct request *b)
{
    return a->named && b->named && a->named != b->named;
}

/* Of the fork's requests, those that go like its parent's up to the fork. */
static size_t same_as(const struct rollout *parent, const struct rollout *fork)
{
    size_t n = 0;
    while (n < fork->count && n < parent->count &&
           parent->requests[n].told.at_us <= fork->state.started_at_us &&
           !is_named_otherwise(&fork->requests[n], &parent->requests[n]) &&
           codex_counts_equal(&fork->requests[n].told.counts, &parent->requests[n].told.counts))
        n++;
    return n;
}

static bool is_soon(int64_t at_us, int64_t after_us)
{
    return at_us >= after_us && at_us - after_us <= BURST_US;
}

/* Else what it was told in one burst, if its first two reports, whether they count or not, are of one. */
static size_t burst_of(const struct rollout *r)
{
    if (r->report_count < 2 || !is_soon(r->report_us[1], r->report_us[0]))
        return 0;
    int64_t last_us = r->report_us[0];
    size_t n = 0;
    for (; n < r->count && is_soon(r->requests[n].told.at_us, last_us); n++)
        last_us = r->requests[n].told.at_us;
    return n;
}

static size_t replayed(struct ccusage *c, const struct file_walk *files, struct threads *threads,
                       const struct rollout *fork)
{
    if (fork->state.fork == CODEX_NO_FORK)
        return 0;
    const char *path = path_of(c, files, threads, fork->state.parent);
    struct rollout parent = {.count = 0};
    if (path)
        read_rollout(c, path, &parent);
    size_t n = same_as(&parent, fork);
    free(parent.requests);
    return n > 0 ? n : burst_of(fork);
}

/* -- entries -- */

struct copy_key {
    int64_t at_ms;
    struct codex_counts counts;
    uint32_t model, session;
};

struct copies {
    struct map seen;          /* copy_key -> number of the entry, and one */
    enum ccusage_tier *tiers; /* owned; of each entry */
    size_t capacity;
    bool sessions, fast; /* as asked for */
};

static void set_cost(struct ccusage *c, const struct copies *copies, struct ccusage_entry *e,
                     enum ccusage_tier tier)
{
    const struct ccusage_price *p = ccusage_model_price(c, e->model);
    e->is_unpriced = !p;
    e->is_fast = tier == TIER_NOT_TOLD ? copies->fast : tier == TIER_FAST;
    e->cost_usd = e->priced_usd = ccusage_cost_usd(p, &e->tokens, e->is_fast, true);
    copies->tiers[e - c->entries] = tier;
}

static struct ccusage_entry *add_entry(struct ccusage *c, struct copies *copies, const struct request *q)
{
    const struct codex_counts *t = &q->told.counts;
    int64_t write = MIN(t->cache_write, t->input - t->cached);
    if (c->count == c->capacity) {
        c->capacity = MAX(1024, c->capacity * 2);
        c->entries = xrealloc(c->entries, c->capacity * sizeof(c->entries[0]));
    }
    if (copies->capacity < c->capacity) {
        copies->capacity = c->capacity;
        copies->tiers = xrealloc(copies->tiers, copies->capacity * sizeof(copies->tiers[0]));
    }
    struct ccusage_entry *e = &c->entries[c->count++];
    *e = (struct ccusage_entry){.at_us = q->told.at_us,
                                .tokens = {(uint64_t)(t->input - t->cached - write), (uint64_t)t->output,
                                           (uint64_t)write, 0, (uint64_t)t->cached},
                                .reasoning = (uint64_t)t->reasoning,
                                .total = (uint64_t)t->total,
                                .model = q->model,
                                .time = q->time,
                                .is_fallback = q->fallback,
                                .is_output = q->is_output};
    return e;
}

static void add(struct ccusage *c, struct copies *copies, const struct request *q, uint32_t session,
                bool is_fork)
{
    struct copy_key key = {q->told.at_us / 1000, q->told.counts, q->model, copies->sessions ? session : 0};
    struct str bytes = {(const char *)&key, sizeof(key)};
    size_t same = (size_t)(uintptr_t)map_get(&copies->seen, bytes);
    if (same && copies->tiers[same - 1] < q->tier)
        set_cost(c, copies, &c->entries[same - 1], q->tier);
    if (same)
        return;
    struct ccusage_entry *e = add_entry(c, copies, q);
    e->session = session;
    e->is_fork = is_fork;
    set_cost(c, copies, e, q->tier);
    (void)map_put(&copies->seen, bytes, (void *)(uintptr_t)c->count);
}

/* Below sessions and archived_sessions of one home, the same name is the same rollout. */
bool ccusage_codex_is_known(struct map *names, const struct file_walk_entry *f)
{
    struct str root = {f->path, f->name_offset - 1};
    size_t home = root.n;
    if (str_ends_with(root, STR("/sessions")) || str_ends_with(root, STR("/archived_sessions")))
        while (home > 0 && f->path[home - 1] != '/')
            home--;
    struct buf key = BUF_INIT;
    buf_add(&key, f->path, home);
    buf_add_char(&key, '\n');
    buf_add_text(&key, f->path + f->name_offset);
    bool known = map_put(names, buf_str(&key), names) != NULL;
    buf_deinit(&key);
    return known;
}

bool ccusage_codex_is_archived(const struct file_walk_entry *f)
{
    return str_ends_with((struct str){f->path, f->name_offset - 1}, STR("/archived_sessions"));
}

void ccusage_codex(struct ccusage *c, const struct file_walk *files, bool sessions, bool fast)
{
    struct copies copies = {.sessions = sessions, .fast = fast};
    struct threads threads = {.is_listed = false};
    struct map names;
    map_init(&threads.paths);
    map_init(&copies.seen);
    map_init(&names);
    for (int archived = 0; archived < 2; archived++) {
        for (size_t i = 0; i < files->count; i++) {
            const struct file_walk_entry *f = &files->files[i];
            struct str name = str_of(f->path + f->name_offset);
            if (f->format != TRANSCRIPT_CODEX || ccusage_codex_is_archived(f) != archived ||
                ccusage_codex_is_known(&names, f))
                continue;
            struct rollout r;
            read_rollout(c, f->path, &r);
            name.n -= 6;
            uint32_t session = ledger_string(&c->strings, name);
            for (size_t k = replayed(c, files, &threads, &r); k < r.count; k++)
                add(c, &copies, &r.requests[k], session, r.state.fork != CODEX_NO_FORK);
            free(r.requests);
        }
    }
    map_deinit(&threads.paths);
    map_deinit(&copies.seen);
    free(copies.tiers);
    map_deinit(&names);
}
