#include "transcripts/ccusage.h"

#include "base/clock.h"
#include "base/map.h"
#include "transcripts/line_reader.h"
#include "transcripts/usage_line.h"

struct request { /* of a rollout, with what names it */
    struct codex_request told;
    uint32_t model;
    bool fast, fallback;
};

struct rollout {
    struct codex_state state;
    struct request *requests; /* owned */
    size_t count, capacity;
};

/* What it takes the reviews of a model for that is never named, by day. */
static const struct {
    const char *from, *model;
} reviews[] = {{"2026-07-30T00:00:00Z", "gpt-5.6-luna"},  {"2026-03-05T00:00:00Z", "gpt-5.4"},
               {"2026-02-05T00:00:00Z", "gpt-5.3-codex"}, {"2025-12-11T00:00:00Z", "gpt-5.2-codex"},
               {"2025-11-13T00:00:00Z", "gpt-5.1-codex"}, {"2025-09-15T00:00:00Z", "gpt-5-codex"},
               {"1970-01-01T00:00:00Z", "gpt-5"}};

static struct str model_of(const struct codex_line *line, const struct codex_state *state, bool *ret_fallback)
{
    struct str model = str_empty(line->model) ? str_of(state->model) : line->model;
    *ret_fallback = str_empty(model) || str_equal(model, STR("codex-auto-review"));
    if (str_empty(model))
        return STR("gpt-5");
    for (size_t i = 0; *ret_fallback && i < COUNT_OF(reviews); i++) {
        int64_t from_us;
        if (clock_parse_rfc3339(str_of(reviews[i].from), &from_us) && line->at_us >= from_us)
            return str_of(reviews[i].model);
    }
    return model;
}

static void add_request(struct ccusage *c, struct rollout *r, const struct codex_line *line,
                        const struct codex_counts *counts)
{
    if (r->count == r->capacity) {
        r->capacity = MAX(64, r->capacity * 2);
        r->requests = xrealloc(r->requests, r->capacity * sizeof(r->requests[0]));
    }
    struct request q = {.told = {*counts, line->at_us}, .fast = r->state.tier == CODEX_FAST};
    q.model = ledger_string(&c->strings, model_of(line, &r->state, &q.fallback));
    r->requests[r->count++] = q;
}

static void apply(struct ccusage *c, struct rollout *r, const struct codex_line *line)
{
    struct codex_counts counts;
    size_t n = MIN(line->model.n, CODEX_MODEL_MAX - 1);
    if (line->kind == CODEX_META) {
        codex_meta(&r->state, line->id, line->parent, line->at_us);
    } else if (line->kind == CODEX_CONTEXT && n) {
        memset(r->state.model, 0, sizeof(r->state.model));
        memcpy(r->state.model, line->model.p, n);
    } else if (line->kind == CODEX_TIER) {
        r->state.tier = (uint8_t)line->tier;
    } else if (line->kind == CODEX_REPORT && codex_step(&r->state, &line->report, &counts)) {
        add_request(c, r, line, &counts);
    }
}

static void read_rollout(struct ccusage *c, const char *path, bool fast, struct rollout *ret)
{
    const enum codex_tier tier = fast ? CODEX_FAST : CODEX_STANDARD;
    *ret = (struct rollout){.state = {.tier = (uint8_t)tier}};
    struct line_reader *reader;
    struct line_run run;
    if (line_reader_open(path, 0, (size_t)1 << 30, &reader) != 0)
        return;
    while (line_reader_next(reader, &run) == 1) {
        struct str line;
        while (run.bytes.n > 0 && str_split(&run.bytes, '\n', &line)) {
            struct codex_line read;
            struct json_scan scan;
            if (codex_line_may_count(line) && json_scan_is_utf8(line) &&
                codex_line_read(line, &read, &scan) == JSON_WHOLE)
                apply(c, ret, &read);
        }
    }
    (void)line_reader_free(reader);
}

static const char *path_of(const struct file_walk *files, const char *id)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->files[i].format == TRANSCRIPT_CODEX && strstr(files->files[i].path, id))
            return files->files[i].path;
    return NULL;
}

/* Rollouts name their thread in their first line; the file's name tells it too, as a rule. */
static const char *parent_of(struct ccusage *c, const struct file_walk *files, const struct rollout *fork)
{
    const char *path = path_of(files, fork->state.parent);
    for (size_t i = 0; !path && i < files->count; i++) {
        struct rollout r;
        if (files->files[i].format != TRANSCRIPT_CODEX)
            continue;
        read_rollout(c, files->files[i].path, false, &r);
        if (strcmp(r.state.id, fork->state.parent) == 0)
            path = files->files[i].path;
        free(r.requests);
    }
    return path;
}

static struct codex_request *told(const struct rollout *r)
{
    struct codex_request *list = xcalloc(r->count + 1, sizeof(*list));
    for (size_t i = 0; i < r->count; i++)
        list[i] = r->requests[i].told;
    return list;
}

static size_t replayed(struct ccusage *c, const struct file_walk *files, const struct rollout *fork)
{
    if (fork->state.fork == CODEX_NO_FORK)
        return 0;
    const char *path = parent_of(c, files, fork);
    struct rollout parent = {.count = 0};
    if (path)
        read_rollout(c, path, false, &parent);
    struct codex_request *own = told(fork), *its = told(&parent);
    size_t n = codex_replayed(own, fork->count, fork->state.started_at_us, its, parent.count);
    free(own);
    free(its);
    free(parent.requests);
    return n;
}

struct copy_key {
    int64_t at_ms;
    struct codex_counts counts;
    uint32_t model, session;
};

static void add(struct ccusage *c, struct map *seen, const struct request *q, uint32_t session, bool sessions)
{
    const struct codex_counts *t = &q->told.counts;
    struct copy_key key = {q->told.at_us / 1000, *t, q->model, sessions ? session : 0};
    if (map_put(seen, (struct str){(const char *)&key, sizeof(key)}, c))
        return;
    int64_t write = MIN(t->cache_write, t->input - t->cached);
    struct ccusage_entry e = {.at_us = q->told.at_us,
                              .tokens = {(uint64_t)(t->input - t->cached - write), (uint64_t)t->output,
                                         (uint64_t)write, 0, (uint64_t)t->cached},
                              .reasoning = (uint64_t)t->reasoning,
                              .total = (uint64_t)t->total,
                              .model = q->model,
                              .session = session,
                              .is_fallback = q->fallback};
    const struct ccusage_price *p = ccusage_price_of(ledger_text(&c->strings, q->model));
    e.is_unpriced = !p;
    e.cost_usd = ccusage_cost_usd(p, &e.tokens, q->fast, true);
    if (c->count == c->capacity) {
        c->capacity = MAX(1024, c->capacity * 2);
        c->entries = xrealloc(c->entries, c->capacity * sizeof(c->entries[0]));
    }
    c->entries[c->count++] = e;
}

void ccusage_codex(struct ccusage *c, const struct file_walk *files, bool sessions, bool fast)
{
    struct map seen, names;
    map_init(&seen);
    map_init(&names);
    for (int archived = 0; archived < 2; archived++) {
        for (size_t i = 0; i < files->count; i++) {
            const struct file_walk_entry *f = &files->files[i];
            struct str name = str_of(f->path + f->name_offset);
            bool is_archived =
                str_ends_with((struct str){f->path, f->name_offset - 1}, STR("/archived_sessions"));
            if (f->format != TRANSCRIPT_CODEX || is_archived != archived || map_put(&names, name, c))
                continue;
            struct rollout r;
            read_rollout(c, f->path, fast, &r);
            name.n -= 6;
            uint32_t session = ledger_string(&c->strings, name);
            for (size_t k = replayed(c, files, &r); k < r.count; k++)
                add(c, &seen, &r.requests[k], session, sessions);
            free(r.requests);
        }
    }
    map_deinit(&seen);
    map_deinit(&names);
}
