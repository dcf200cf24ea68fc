#include "transcripts/ccusage.h"

#include "base/buf.h"
#include "transcripts/json_scan.h"
#include "transcripts/ledger_answer.h"
#include "transcripts/line_reader.h"

#define LINE_MAX_BYTES ((size_t)1 << 30)

struct told;
struct reading {
    struct ccusage *c;
    const struct file_walk *files;
    enum ccusage_rules rules;
    struct map by_key;     /* entry + 1 */
    struct map by_session; /* of a message: the latest of `told` + 1 */
    struct told *told;     /* owned */
    size_t told_count, told_capacity;
    uint32_t project, session; /* of the file */
};

void ccusage_deinit(struct ccusage *c)
{
    free(c->entries);
    ledger_close(&c->strings);
    *c = (struct ccusage){.count = 0};
}

static size_t add_entry(struct ccusage *c, const struct ccusage_entry *e)
{
    if (c->count == c->capacity) {
        c->capacity = MAX(1024, c->capacity * 2);
        c->entries = xrealloc(c->entries, c->capacity * sizeof(c->entries[0]));
    }
    c->entries[c->count] = *e;
    return c->count++;
}

static uint32_t string_of(struct ccusage *c, struct str s)
{
    return ledger_string(&c->strings, s);
}

const struct ccusage_price *ccusage_model_price(struct ccusage *c, uint32_t model)
{
    if (model && model != c->priced_model) {
        c->priced_model = model;
        c->priced = ccusage_price_of(ledger_text(&c->strings, model));
    }
    return model ? c->priced : NULL;
}

/* -- which telling wins -- */

static uint64_t total_of(const struct ccusage_entry *e)
{
    const struct ccusage_tokens *t = &e->tokens;
    return t->input + t->output + t->cache_write + t->cache_write_1h + t->cache_read;
}

static bool beats(const struct reading *r, const struct ccusage_entry *fresh, const struct ccusage_entry *old)
{
    if (fresh->sidechain != old->sidechain)
        return !fresh->sidechain;
    if (total_of(fresh) != total_of(old))
        return total_of(fresh) > total_of(old);
    if (r->rules == CCUSAGE_DAILY && fresh->cost_usd != old->cost_usd)
        return fresh->cost_usd > old->cost_usd;
    return fresh->has_speed && !old->has_speed;
}

struct entry_key {
    uint32_t message, request, session, padding;
    int64_t at_us;
};

/* Its other reports do not look at the time. */
static struct entry_key key_of(const struct reading *r, const struct ccusage_entry *e)
{
    if (e->request)
        return (struct entry_key){.message = e->message, .request = e->request};
    return (struct entry_key){
        .message = e->message, .session = e->line_session, .at_us = r->rules == CCUSAGE_DAILY ? e->at_us : 0};
}

static struct str bytes_of(const void *p, size_t n)
{
    return (struct str){p, n};
}

/* A session in which an answer was told, and the entry that stands for it. */
struct told {
    uint32_t entry, next; /* + 1 */
};

static uint32_t told_in(const struct reading *r, const uint32_t session[2])
{
    return (uint32_t)(uintptr_t)map_get(&r->by_session, bytes_of(session, 2 * sizeof(session[0])));
}

/* The entry that tells the same answer in the main thread where this one is of a side chain, or the other way
 * round, + 1; or 0. */
static size_t find_replay(const struct reading *r, const struct ccusage_entry *e)
{
    const uint32_t session[2] = {e->message, e->line_session};
    for (uint32_t i = told_in(r, session); i; i = r->told[i - 1].next) {
        const struct ccusage_entry *other = &r->c->entries[r->told[i - 1].entry - 1];
        if ((e->sidechain || other->sidechain) && (r->rules == CCUSAGE_DAILY || e->at_us == other->at_us))
            return r->told[i - 1].entry;
    }
    return 0;
}

static void note_session(struct reading *r, const struct ccusage_entry *e, size_t entry)
{
    const uint32_t session[2] = {e->message, e->line_session};
    uint32_t first = told_in(r, session);
    for (uint32_t i = first; i; i = r->told[i - 1].next)
        if (r->told[i - 1].entry == entry)
            return;
    if (r->told_count == r->told_capacity) {
        r->told_capacity = MAX(1024, r->told_capacity * 2);
        r->told = xrealloc(r->told, r->told_capacity * sizeof(r->told[0]));
    }
    r->told[r->told_count++] = (struct told){(uint32_t)entry, first};
    (void)map_put(&r->by_session, bytes_of(session, sizeof(session)), (void *)(uintptr_t)r->told_count);
}

static void enter(struct reading *r, const struct entry_key *key, size_t entry)
{
    (void)map_put(&r->by_key, bytes_of(key, sizeof(*key)), (void *)(uintptr_t)entry);
}

/* An entry that gave way to its replay has the key of that one. */
static bool has_key(const struct reading *r, const struct ccusage_entry *e, const struct entry_key *key)
{
    struct entry_key own = key_of(r, e);
    return memcmp(&own, key, sizeof(own)) == 0;
}

static void take(struct reading *r, const struct ccusage_entry *e)
{
    if (!e->message) {
        (void)add_entry(r->c, e);
        return;
    }
    struct entry_key key = key_of(r, e);
    size_t same = (size_t)(uintptr_t)map_get(&r->by_key, bytes_of(&key, sizeof(key)));
    if (!same || !has_key(r, &r->c->entries[same - 1], &key))
        same = find_replay(r, e);
    if (!same) {
        r->c->no_request += !e->request;
        same = add_entry(r->c, e) + 1;
        enter(r, &key, same);
    } else if (beats(r, e, &r->c->entries[same - 1])) {
        r->c->entries[same - 1] = *e;
        enter(r, &key, same);
    }
    note_session(r, e, same);
}

/* -- an entry from a line -- */

static uint32_t shown_model(struct ccusage *c, struct str model, bool fast)
{
    if (str_empty(model) || str_equal(model, STR("<synthetic>")))
        return 0;
    if (!fast)
        return string_of(c, model);
    struct buf name = BUF_INIT;
    buf_add_str(&name, model);
    buf_add_text(&name, "-fast");
    uint32_t number = string_of(c, buf_str(&name));
    buf_deinit(&name);
    return number;
}

static void set_price(struct reading *r, struct ccusage_entry *e, const struct ccusage_line *l)
{
    struct str model = l->model ? ledger_text(&r->c->strings, l->model) : (struct str){NULL, 0};
    const struct ccusage_price *p = ccusage_model_price(r->c, l->model);
    e->model = l->is_advisor ? l->model : shown_model(r->c, model, l->fast);
    e->is_unpriced = e->model && !p && !l->has_cost && total_of(e) > 0;
    e->priced_usd = e->model ? ccusage_cost_usd(p, &e->tokens, l->fast, false) : 0;
    e->cost_usd = l->has_cost ? l->cost_usd : e->priced_usd;
}

/* A call of another model inside an answer is numbered among those that it tells of, by muster. */
static void set_key(struct reading *r, struct ccusage_entry *e, int advisor)
{
    const struct ledger *strings = &r->c->strings;
    struct buf id = BUF_INIT;
    if (!e->message || !r->c->witness)
        return;
    buf_add_str(&id, ledger_text(strings, e->message));
    if (advisor >= 0) {
        const char *mark = strrchr(id.p, ':');
        id.n = mark ? (size_t)(mark + 1 - id.p) : id.n;
        buf_printf(&id, "%d", advisor);
    }
    struct str request = e->request ? ledger_text(strings, e->request) : (struct str){NULL, 0};
    e->key = ledger_answer_key(USAGE_CLAUDE, buf_str(&id), request);
    e->answer = ledger_answer_hash(buf_str(&id));
    buf_deinit(&id);
}

static struct ccusage_entry entry_of(struct reading *r, const struct ccusage_line *l)
{
    struct ccusage_entry e = {.at_us = l->at_us,
                              .reset_us = l->reset_us,
                              .tokens = l->tokens,
                              .project = r->project,
                              .session = r->session,
                              .message = l->message,
                              .request = l->request,
                              .line_session = l->session ? l->session : r->session,
                              .sidechain = l->sidechain,
                              .has_speed = l->has_speed,
                              .is_fast = l->fast};
    set_price(r, &e, l);
    set_key(r, &e, l->is_advisor ? l->advisor - 1 : -1);
    return e;
}

/* They are entries of their own, numbered. */
static size_t take_advisors(struct reading *r, struct ccusage_line *l)
{
    struct str rest = l->advisors;
    uint32_t message = l->message;
    int n = 0;
    for (; rest.p && ccusage_line_advisor(&r->c->strings, &rest, l); n++) {
        struct buf id = BUF_INIT;
        if (message) {
            buf_add_str(&id, ledger_text(&r->c->strings, message));
            buf_printf(&id, ":advisor:%d", n);
            l->message = string_of(r->c, buf_str(&id));
        }
        buf_deinit(&id);
        struct ccusage_entry e = entry_of(r, l);
        take(r, &e);
    }
    return (size_t)n;
}

static void bear_witness(const struct reading *r, struct str line, enum ccusage_drop drop, size_t entries)
{
    if (r->c->witness)
        r->c->witness->claude(r->c->witness->context, line, drop, entries);
}

static void read_line(struct reading *r, struct str line)
{
    struct ccusage_line l;
    enum ccusage_drop drop = ccusage_line_read(&r->c->strings, line, r->rules, &l);
    if (drop != CCUSAGE_TAKEN) {
        if (drop < CCUSAGE_DROPS)
            r->c->dropped[drop]++;
        bear_witness(r, line, drop, 0);
        return;
    }
    struct ccusage_entry e = entry_of(r, &l);
    take(r, &e);
    bear_witness(r, line, drop, 1 + take_advisors(r, &l));
}

static void read_run(struct reading *r, struct str run)
{
    while (run.n > 0) {
        ptrdiff_t hit = json_scan_find(run, STR("\"usage\""));
        if (hit < 0)
            return;
        const char *feed = hit ? memrchr(run.p, '\n', (size_t)hit) : NULL;
        const char *start = feed ? feed + 1 : run.p, *end = run.p + run.n;
        const char *stop = memchr(run.p + hit, '\n', run.n - (size_t)hit);
        read_line(r, (struct str){start, (size_t)((stop ? stop : end) - start)});
        run = (struct str){stop ? stop + 1 : end, stop ? (size_t)(end - stop - 1) : 0};
    }
}

static uint32_t joined(struct ccusage *c, const struct str *part, size_t n)
{
    if (n == 0)
        return string_of(c, STR("Unknown Project"));
    return string_of(c, (struct str){part[0].p, (size_t)(part[n - 1].p + part[n - 1].n - part[0].p)});
}

/* The session and project that it makes of a path: what comes behind the first "projects" in it. */
static void place_of(struct reading *r, struct str path)
{
    struct str *part = xcalloc(path.n + 1, sizeof(*part)), *all = part, rest = path;
    size_t n = 0, first = 0;
    while (str_split(&rest, '/', &part[n]))
        n += part[n].n > 0 && !str_equal(part[n], STR("."));
    while (first < n && !str_equal(part[first], STR("projects")))
        first++;
    part += first < n ? first + 1 : 0;
    n -= first < n ? first + 1 : 0;
    struct str stem = {part[n - 1].p, part[n - 1].n - strlen(".jsonl")};
    bool subagents = n > 3 && str_equal(part[n - 2], STR("subagents"));
    size_t above = n == 2 ? 1 : subagents ? n - 3 : n > 2 ? n - 2 : 0; /* parts that make the project */
    r->session = string_of(r->c, n == 2 ? stem : part[above]);
    r->project = joined(r->c, part, above);
    free(all);
}

void ccusage_claude(struct ccusage *c, const struct file_walk *files, enum ccusage_rules rules)
{
    struct reading r = {.c = c, .files = files, .rules = rules};
    map_init(&r.by_key);
    map_init(&r.by_session);
    for (size_t i = 0; i < files->count; i++) {
        struct line_reader *reader;
        struct line_run run;
        const struct file_walk_entry *f = &files->files[i];
        if (f->format != TRANSCRIPT_CLAUDE || line_reader_open(f->path, 0, LINE_MAX_BYTES, &reader) != 0)
            continue;
        place_of(&r, str_of(f->path));
        while (line_reader_next(reader, &run) == 1)
            read_run(&r, run.bytes);
        (void)line_reader_free(reader);
    }
    map_deinit(&r.by_key);
    map_deinit(&r.by_session);
    free(r.told);
}
