#include "transcripts/ccusage.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/parse.h"
#include "transcripts/line_reader.h"
#include "transcripts/usage_line.h"

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

/* -- which lines count -- */

static bool is_reader_null(struct str key)
{
    static const char *const keys[] = {"id",
                                       "cwd",
                                       "model",
                                       "speed",
                                       "costUSD",
                                       "version",
                                       "sessionId",
                                       "requestId",
                                       "isApiErrorMessage",
                                       "cache_read_input_tokens",
                                       "cache_creation_input_tokens"};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (str_equal(key, str_of(keys[i])))
            return true;
    return false;
}

/* "K":null for one of its keys, wherever in the line. */
static bool has_null(struct str line)
{
    struct str rest = line;
    for (ptrdiff_t at; (at = json_scan_find(rest, STR("\":null"))) >= 0;) {
        const char *end = rest.p + at,
                   *start = end > line.p ? memrchr(line.p, '"', (size_t)(end - line.p)) : NULL;
        if (start && is_reader_null((struct str){start + 1, (size_t)(end - start - 1)}))
            return true;
        rest = (struct str){end + 1, (size_t)(line.p + line.n - end - 1)};
    }
    return false;
}

static bool digits_at(struct str s, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++)
        if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

/* YYYY-MM-DDTHH:MM:SS[.mmm], and Z or an offset: nothing else. */
static bool parse_time(const struct json_value *v, int64_t *ret)
{
    struct str s = v->raw;
    if (v->kind != JSON_STRING || (s.n != 20 && s.n != 24 && s.n != 25 && s.n != 29))
        return false;
    bool zulu = s.p[s.n - 1] == 'Z';
    size_t base = zulu ? s.n - 1 : s.n - 6;
    if ((base != 19 && base != 23) || s.p[10] != 'T' ||
        (base == 23 && (s.p[19] != '.' || !digits_at(s, 20, 3))) || (digits_at(s, 17, 2) && s.p[17] >= '6'))
        return false;
    return clock_parse_rfc3339(s, ret);
}

static bool is_absent_or(const struct json_value *v, enum json_kind kind)
{
    return v->kind == JSON_ABSENT || v->kind == kind;
}

static bool is_absent_or_text(const struct json_value *v)
{
    return v->kind == JSON_ABSENT || (v->kind == JSON_STRING && v->raw.n > 0);
}

static bool is_version(const struct json_value *v)
{
    if (v->kind == JSON_ABSENT)
        return true;
    if (v->kind != JSON_STRING)
        return false;
    struct str rest = v->raw, part;
    for (int i = 0; i < 2; i++)
        if (!str_split(&rest, '.', &part) || part.n == 0 || !digits_at(part, 0, part.n) || !rest.p)
            return false;
    return digits_at(rest, 0, 1);
}

static bool count_or_zero(const struct json_value *v, int64_t *ret)
{
    *ret = 0;
    return v->kind == JSON_ABSENT || json_value_i64(v, ret);
}

static bool read_tokens(const struct json_value *v, struct ccusage_tokens *t)
{
    int64_t flat, five_minutes, hour;
    if (!json_value_i64(&v[CLAUDE_INPUT], &t->input) || !json_value_i64(&v[CLAUDE_OUTPUT], &t->output) ||
        !count_or_zero(&v[CLAUDE_CACHE_WRITE], &flat) ||
        !count_or_zero(&v[CLAUDE_CACHE_READ], &t->cache_read) ||
        !count_or_zero(&v[CLAUDE_WRITE_5M], &five_minutes) || !count_or_zero(&v[CLAUDE_WRITE_1H], &hour))
        return false;
    bool detailed = v[CLAUDE_WRITE_DETAIL].kind == JSON_OBJECT;
    t->cache_write = detailed ? five_minutes : flat;
    t->cache_write_1h = detailed ? hour : 0;
    return true;
}

static bool is_usable(const struct json_value *v, int64_t *ret_at_us)
{
    bool speed = v[CLAUDE_SPEED].kind == JSON_ABSENT || json_value_is(&v[CLAUDE_SPEED], STR("standard")) ||
                 json_value_is(&v[CLAUDE_SPEED], STR("fast"));
    bool flag = is_absent_or(&v[CLAUDE_SIDECHAIN], JSON_TRUE) || v[CLAUDE_SIDECHAIN].kind == JSON_FALSE ||
                v[CLAUDE_SIDECHAIN].kind == JSON_NULL;
    return v[CLAUDE_USAGE].kind == JSON_OBJECT && parse_time(&v[CLAUDE_TIMESTAMP], ret_at_us) && speed &&
           flag && is_version(&v[CLAUDE_VERSION]) && is_absent_or_text(&v[CLAUDE_SESSION_ID]) &&
           is_absent_or_text(&v[CLAUDE_REQUEST_ID]) && is_absent_or_text(&v[CLAUDE_MESSAGE_ID]) &&
           is_absent_or_text(&v[CLAUDE_MODEL]) && is_absent_or(&v[CLAUDE_CWD], JSON_STRING) &&
           is_absent_or(&v[CLAUDE_COST], JSON_NUMBER);
}

/* -- which telling wins -- */

static int64_t total_of(const struct ccusage_entry *e)
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

static struct entry_key key_of(const struct ccusage_entry *e)
{
    if (e->request)
        return (struct entry_key){.message = e->message, .request = e->request};
    return (struct entry_key){.message = e->message, .session = e->line_session, .at_us = e->at_us};
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

static void take(struct reading *r, const struct ccusage_entry *e)
{
    if (!e->message) {
        (void)add_entry(r->c, e);
        return;
    }
    struct entry_key key = key_of(e);
    size_t same = (size_t)(uintptr_t)map_get(&r->by_key, bytes_of(&key, sizeof(key)));
    if (!same)
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

static double number_of(const struct json_value *v)
{
    char text[64];
    size_t n = MIN(v->raw.n, sizeof(text) - 1);
    memcpy(text, v->raw.p, n);
    text[n] = '\0';
    return strtod(text, NULL);
}

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

static void set_price(struct reading *r, struct ccusage_entry *e, struct str model, bool fast,
                      const struct json_value *told)
{
    const struct ccusage_price *p = ccusage_price_of(model);
    e->model = shown_model(r->c, model, fast);
    e->is_unpriced = e->model && !p && told->kind != JSON_NUMBER && total_of(e) > 0;
    e->cost_usd = told->kind == JSON_NUMBER ? number_of(told)
                  : e->model                ? ccusage_cost_usd(p, &e->tokens, fast, false)
                                            : 0;
}

static uint32_t text_or_none(struct ccusage *c, const struct json_value *v)
{
    return v->kind == JSON_STRING ? string_of(c, v->raw) : 0;
}

static void take_advisors(struct reading *r, const struct ccusage_entry *main, const struct json_value *v)
{
    static const struct json_path paths[] = {{"type", 0, NULL},
                                             {"model", 1, NULL},
                                             {"input_tokens", 2, NULL},
                                             {"output_tokens", 3, NULL},
                                             {"cache_creation_input_tokens", 4, NULL},
                                             {"cache_read_input_tokens", 5, NULL},
                                             {NULL, JSON_NO_SLOT, NULL}};
    static const struct json_value untold;
    struct str rest = v[CLAUDE_ITERATIONS].raw;
    struct json_value item;
    for (int n = 0; v[CLAUDE_ITERATIONS].kind == JSON_ARRAY && json_scan_element(&rest, &item); n++) {
        struct json_value f[6] = {{0}};
        struct json_scan scan;
        struct ccusage_entry e = *main;
        if (item.kind != JSON_OBJECT || json_scan_object(item.raw, paths, f, &scan) != JSON_WHOLE ||
            !json_value_is(&f[0], STR("advisor_message")) || f[1].kind != JSON_STRING)
            continue;
        e.tokens = (struct ccusage_tokens){0};
        (void)(json_value_i64(&f[2], &e.tokens.input) && json_value_i64(&f[3], &e.tokens.output));
        (void)(count_or_zero(&f[4], &e.tokens.cache_write) && count_or_zero(&f[5], &e.tokens.cache_read));
        struct buf id = BUF_INIT;
        buf_printf(&id, "%.*s:advisor:%d", STR_ARG(v[CLAUDE_MESSAGE_ID].raw), n);
        e.message = main->message ? string_of(r->c, buf_str(&id)) : 0;
        buf_deinit(&id);
        set_price(r, &e, f[1].raw, false, &untold);
        take(r, &e);
    }
}

static void take_line(struct reading *r, const struct json_value *v)
{
    struct ccusage_entry e = {.project = r->project, .session = r->session};
    if (v[CLAUDE_USAGE].kind != JSON_OBJECT)
        return;
    if (!is_usable(v, &e.at_us) || !read_tokens(v, &e.tokens)) {
        r->c->dropped[CCUSAGE_FIELD]++;
        return;
    }
    bool fast = json_value_is(&v[CLAUDE_SPEED], STR("fast"));
    e.message = text_or_none(r->c, &v[CLAUDE_MESSAGE_ID]);
    e.request = text_or_none(r->c, &v[CLAUDE_REQUEST_ID]);
    e.line_session =
        v[CLAUDE_SESSION_ID].kind == JSON_STRING ? string_of(r->c, v[CLAUDE_SESSION_ID].raw) : r->session;
    e.sidechain = v[CLAUDE_SIDECHAIN].kind == JSON_TRUE;
    e.has_speed = v[CLAUDE_SPEED].kind == JSON_STRING;
    set_price(r, &e, v[CLAUDE_MODEL].kind == JSON_STRING ? v[CLAUDE_MODEL].raw : (struct str){NULL, 0}, fast,
              &v[CLAUDE_COST]);
    take(r, &e);
    take_advisors(r, &e, v);
}

/* CCUSAGE_DROPS: it is not dropped. */
static enum ccusage_drop scan_line(struct str line, struct json_value *v)
{
    struct json_scan scan;
    if (json_scan_find(line, STR("\"usage\":{")) < 0)
        return CCUSAGE_SPACE;
    if (has_null(line))
        return CCUSAGE_NULL;
    if (!json_scan_is_utf8(line))
        return CCUSAGE_NOT_UTF8;
    if (json_scan_object(line, claude_paths, v, &scan) != JSON_WHOLE || scan.has_lone_surrogate ||
        scan.has_duplicate)
        return CCUSAGE_BROKEN;
    bool glued = !str_empty(str_trim((struct str){scan.end, (size_t)(line.p + line.n - scan.end)}));
    return glued ? CCUSAGE_BROKEN : CCUSAGE_DROPS;
}

static void read_line(struct reading *r, struct str line)
{
    struct json_value v[CLAUDE_SLOTS] = {{0}}, w[CLAUDE_SLOTS] = {{0}};
    struct json_scan scan;
    struct str inner;
    enum ccusage_drop drop = scan_line(line, v);
    if (drop != CCUSAGE_DROPS) {
        r->c->dropped[drop]++;
        return;
    }
    if (!claude_inner_line(v, &inner))
        take_line(r, v);
    else if (r->rules == CCUSAGE_DAILY && json_scan_object(inner, claude_paths, w, &scan) == JSON_WHOLE)
        take_line(r, w);
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

/* The session and project that it makes of a path below projects/. */
static void place_of(struct reading *r, struct str name)
{
    struct str part[64];
    size_t n = 0;
    struct str rest = name;
    while (n < COUNT_OF(part) && str_split(&rest, '/', &part[n]))
        n++;
    struct str stem = part[n - 1], project = STR("Unknown Project");
    stem.n -= str_ends_with(stem, STR(".jsonl")) ? 6 : 0;
    struct str session = n == 1 ? part[0] : stem;
    size_t above = n >= 2 ? n - 1 : 0; /* parts that make the project */
    if (n == 2) {
        project = part[0];
    } else if (n > 2) {
        bool subagents = n > 3 && str_equal(part[n - 2], STR("subagents"));
        above = subagents ? n - 3 : n - 2;
        session = part[above];
        project = (struct str){name.p, (size_t)(part[above].p - name.p - 1)};
    }
    r->session = string_of(r->c, session);
    r->project = string_of(r->c, project);
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
        place_of(&r, str_of(f->path + f->name_offset));
        while (line_reader_next(reader, &run) == 1)
            read_run(&r, run.bytes);
        (void)line_reader_free(reader);
    }
    map_deinit(&r.by_key);
    map_deinit(&r.by_session);
    free(r.told);
}
