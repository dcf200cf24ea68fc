/* usage_compat.c -- reports with ccusage's rules, prices and JSON: the numbers of `ccusage claude …`, of
 * `ccusage codex …`, and, with all agents, those of `ccusage …` (spec 60 U5). */
#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "cli/usage.h"
#include "core/civil.h"
#include "io/file.h"
#include "transcripts/ccusage.h"

#include <math.h>

#define BLOCK_US (INT64_C(5) * 3600 * USEC_PER_SEC)
#define HOUR_US (INT64_C(3600) * USEC_PER_SEC)

struct amounts {
    struct ccusage_tokens t;
    int64_t reasoning, total;
    double cost_usd;
};
struct model_row {
    uint32_t model;
    struct amounts sum;
    bool is_unpriced, is_fallback;
};
struct row {
    char *key; /* owned */
    uint32_t project, session, agents;
    int64_t first_us, last_us;
    struct amounts sum;
    struct model_row *models; /* owned; in the order in which they came up */
    size_t model_count;
    int64_t start_us, end_us, entries;
    bool is_gap;
};
struct compat {
    struct usage_request q;
    struct ccusage claude, codex;
    struct row *rows; /* owned */
    size_t count, capacity;
    struct map by_key;
    struct json_writer w;
};

static void add(struct amounts *to, const struct amounts *more)
{
    to->t.input += more->t.input;
    to->t.output += more->t.output;
    to->t.cache_write += more->t.cache_write;
    to->t.cache_write_1h += more->t.cache_write_1h;
    to->t.cache_read += more->t.cache_read;
    to->reasoning += more->reasoning;
    to->total += more->total;
    to->cost_usd += more->cost_usd;
}

static struct amounts amounts_of(const struct ccusage_entry *e, bool codex)
{
    const struct ccusage_tokens *t = &e->tokens;
    int64_t total = t->input + t->output + t->cache_write + t->cache_write_1h + t->cache_read;
    return (struct amounts){*t, e->reasoning, codex ? e->total : total, e->cost_usd};
}

static struct row *new_row(struct compat *c, const char *key)
{
    if (c->count == c->capacity) {
        c->capacity = MAX(64, c->capacity * 2);
        c->rows = xrealloc(c->rows, c->capacity * sizeof(c->rows[0]));
    }
    struct row *row = &c->rows[c->count++];
    *row = (struct row){.key = xstrdup(key)};
    return row;
}

static struct row *row_for(struct compat *c, struct str map_key, const char *key)
{
    uintptr_t number = (uintptr_t)map_get(&c->by_key, map_key);
    if (number)
        return &c->rows[number - 1];
    struct row *row = new_row(c, key);
    (void)map_put(&c->by_key, map_key, (void *)(uintptr_t)c->count);
    return row;
}

static void add_model(struct row *row, const struct ccusage_entry *e, const struct amounts *a)
{
    if (!e->model)
        return;
    size_t i = 0;
    while (i < row->model_count && row->models[i].model != e->model)
        i++;
    if (i == row->model_count) {
        row->models = xrealloc(row->models, (i + 1) * sizeof(row->models[0]));
        row->models[row->model_count++] = (struct model_row){.model = e->model};
    }
    add(&row->models[i].sum, a);
    row->models[i].is_unpriced |= e->is_unpriced;
    row->models[i].is_fallback |= e->is_fallback;
}

static void add_entry(struct row *row, const struct ccusage_entry *e, bool codex)
{
    struct amounts a = amounts_of(e, codex);
    add(&row->sum, &a);
    add_model(row, e, &a);
    row->first_us = row->entries ? MIN(row->first_us, e->at_us) : e->at_us;
    row->last_us = row->entries ? MAX(row->last_us, e->at_us) : e->at_us;
    row->entries++;
}

/* -- grouping -- */

static int64_t day_of(const struct compat *c, int64_t at_us)
{
    return timezone_day(c->q.question.zone, at_us / USEC_PER_SEC);
}

static bool is_in_range(const struct compat *c, int64_t day)
{
    return day >= c->q.question.since_day && day <= c->q.question.until_day;
}

static void group_by_date(struct compat *c, const struct ccusage *from, bool codex, bool monday)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct ccusage_entry *e = &from->entries[i];
        int64_t day = day_of(c, e->at_us);
        if (!is_in_range(c, day))
            continue;
        if (c->q.question.group == USAGE_BY_WEEK)
            day -= monday ? (civil_weekday(day) + 6) % 7 : civil_weekday(day);
        char key[CIVIL_DATE_MAX];
        (void)civil_date(day, key);
        key[c->q.question.group == USAGE_BY_MONTH ? 7 : 10] = '\0';
        struct row *row = row_for(c, str_of(key), key);
        row->agents |= codex ? 2U : 1U;
        add_entry(row, e, codex);
    }
}

static void group_by_session(struct compat *c, const struct ccusage *from, bool codex)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct ccusage_entry *e = &from->entries[i];
        uint32_t key[3] = {e->project, e->session, codex};
        CLEANUP(freep) char *name = str_dup(ledger_text(&from->strings, e->session));
        struct row *row = row_for(c, (struct str){(const char *)key, sizeof(key)}, name);
        row->project = e->project;
        row->agents = codex ? 2 : 1;
        add_entry(row, e, codex);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct ccusage_entry *const *x = a, *const *y = b;
    if ((*x)->at_us != (*y)->at_us)
        return (*x)->at_us < (*y)->at_us ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

static void new_block(struct compat *c, int64_t start_us, int64_t end_us, bool gap)
{
    struct row *row = new_row(c, "");
    row->start_us = start_us;
    row->end_us = end_us;
    row->is_gap = gap;
}

static void group_blocks(struct compat *c)
{
    const struct ccusage_entry **order = xcalloc(c->claude.count + 1, sizeof(*order));
    for (size_t i = 0; i < c->claude.count; i++)
        order[i] = &c->claude.entries[i];
    qsort(order, c->claude.count, sizeof(*order), by_time);
    int64_t last_us = 0, start_us = 0;
    for (size_t i = 0; i < c->claude.count; i++) {
        int64_t at_us = order[i]->at_us;
        bool idle = i > 0 && at_us - last_us > BLOCK_US;
        if (idle)
            new_block(c, last_us + BLOCK_US, at_us, true);
        if (i == 0 || idle || at_us - start_us > BLOCK_US) {
            start_us = at_us - at_us % HOUR_US;
            new_block(c, start_us, start_us + BLOCK_US, false);
        }
        add_entry(&c->rows[c->count - 1], order[i], false);
        last_us = at_us;
    }
    free(order);
}

/* -- order -- */

static int by_key(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static int by_cost(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return (x->sum.cost_usd < y->sum.cost_usd) - (x->sum.cost_usd > y->sum.cost_usd);
}

/* Stable: qsort of the C library merges. */
static int models_by_cost(const void *a, const void *b)
{
    const struct model_row *x = a, *y = b;
    return (x->sum.cost_usd < y->sum.cost_usd) - (x->sum.cost_usd > y->sum.cost_usd);
}

/* -- JSON -- */

static void key_i64(struct compat *c, const char *key, int64_t v)
{
    json_kv_i64(&c->w, key, v);
}

static void print_time(struct compat *c, const char *key, int64_t at_us)
{
    char text[CLOCK_TEXT_MAX], whole[CLOCK_TEXT_MAX + 8];
    (void)clock_format_seconds(at_us, text);
    (void)snprintf(whole, sizeof(whole), "%.19s.%03dZ", text, (int)(at_us / 1000 % 1000));
    json_kv_text(&c->w, key, whole);
}

static void print_tokens(struct compat *c, const struct amounts *a)
{
    key_i64(c, "inputTokens", a->t.input);
    key_i64(c, "outputTokens", a->t.output);
    key_i64(c, "cacheCreationTokens", a->t.cache_write + a->t.cache_write_1h);
    key_i64(c, "cacheReadTokens", a->t.cache_read);
}

static void print_model_names(struct compat *c, const struct row *row, const char *key)
{
    json_key(&c->w, key);
    json_array_begin(&c->w);
    for (size_t i = 0; i < row->model_count; i++)
        json_str(&c->w, ledger_text(&c->claude.strings, row->models[i].model));
    json_array_end(&c->w);
}

static void print_breakdown(struct compat *c, struct row *row)
{
    print_model_names(c, row, "modelsUsed");
    if (row->model_count)
        qsort(row->models, row->model_count, sizeof(row->models[0]), models_by_cost);
    json_key(&c->w, "modelBreakdowns");
    json_array_begin(&c->w);
    for (size_t i = 0; i < row->model_count; i++) {
        const struct model_row *m = &row->models[i];
        json_object_begin(&c->w);
        json_kv_str(&c->w, "modelName", ledger_text(&c->claude.strings, m->model));
        print_tokens(c, &m->sum);
        json_kv_double(&c->w, "cost", m->sum.cost_usd);
        if (m->is_unpriced)
            json_kv_bool(&c->w, "missingPricing", true);
        json_object_end(&c->w);
    }
    json_array_end(&c->w);
}

static void print_codex_models(struct compat *c, const struct row *row)
{
    json_key(&c->w, "models");
    json_object_begin(&c->w);
    for (size_t i = 0; i < row->model_count; i++) {
        const struct model_row *m = &row->models[i];
        json_key_str(&c->w, ledger_text(&c->codex.strings, m->model));
        json_object_begin(&c->w);
        print_tokens(c, &m->sum);
        key_i64(c, "reasoningOutputTokens", m->sum.reasoning);
        key_i64(c, "totalTokens", m->sum.total);
        json_kv_bool(&c->w, "isFallback", m->is_fallback);
        if (m->is_unpriced)
            json_kv_bool(&c->w, "missingPricing", true);
        json_object_end(&c->w);
    }
    json_object_end(&c->w);
}

static void print_claude_row(struct compat *c, struct row *row)
{
    static const char *const keys[USAGE_GROUPS] = {"date", "week", "month", "sessionId"};
    json_object_begin(&c->w);
    json_kv_text(&c->w, keys[c->q.question.group], row->key);
    if (c->q.question.group == USAGE_BY_SESSION) {
        json_kv_str(&c->w, "projectPath", ledger_text(&c->claude.strings, row->project));
        print_time(c, "firstActivity", row->first_us);
        print_time(c, "lastActivity", row->last_us);
    }
    print_tokens(c, &row->sum);
    key_i64(c, "totalTokens", row->sum.total);
    json_kv_double(&c->w, "totalCost", row->sum.cost_usd);
    print_breakdown(c, row);
    json_object_end(&c->w);
}

static void print_codex_row(struct compat *c, struct row *row)
{
    static const char *const keys[USAGE_GROUPS] = {"date", "week", "month", "sessionId"};
    json_object_begin(&c->w);
    json_kv_text(&c->w, keys[c->q.question.group], row->key);
    if (c->q.question.group == USAGE_BY_SESSION) {
        const char *slash = strrchr(row->key, '/');
        json_kv_str(&c->w, "directory", (struct str){row->key, slash ? (size_t)(slash - row->key) : 0});
        json_kv_text(&c->w, "sessionFile", slash ? slash + 1 : row->key);
        print_time(c, "lastActivity", row->last_us);
    }
    print_tokens(c, &row->sum);
    key_i64(c, "reasoningOutputTokens", row->sum.reasoning);
    key_i64(c, "totalTokens", row->sum.total);
    json_kv_double(&c->w, "costUSD", row->sum.cost_usd);
    print_codex_models(c, row);
    json_object_end(&c->w);
}

/* Per minute and per hour, from the block's first entry to its last. */
static void print_rate(struct compat *c, const struct row *row)
{
    double minutes = (double)(row->last_us - row->first_us) / 60e6;
    int64_t now_us = c->q.question.now_us, left_us = row->end_us - now_us;
    bool active = now_us - row->last_us < BLOCK_US && now_us < row->end_us;
    json_kv_bool(&c->w, "isActive", active && !row->is_gap);
    if (!active || row->is_gap || minutes <= 0) {
        json_kv_null(&c->w, "burnRate");
        json_kv_null(&c->w, "projection");
        return;
    }
    double tokens = (double)row->sum.total / minutes, dollars = row->sum.cost_usd / minutes * 60;
    double left = floor((double)left_us / 60e6 + 0.5);
    json_key(&c->w, "burnRate");
    json_object_begin(&c->w);
    json_kv_double(&c->w, "tokensPerMinute", tokens);
    json_kv_double(&c->w, "tokensPerMinuteForIndicator",
                   (double)(row->sum.t.input + row->sum.t.output) / minutes);
    json_kv_double(&c->w, "costPerHour", dollars);
    json_object_end(&c->w);
    json_key(&c->w, "projection");
    json_object_begin(&c->w);
    key_i64(c, "totalTokens", (int64_t)floor((double)row->sum.total + tokens * left + 0.5));
    json_kv_double(&c->w, "totalCost", floor((row->sum.cost_usd + dollars / 60 * left) * 100 + 0.5) / 100);
    key_i64(c, "remainingMinutes", (int64_t)left);
    json_object_end(&c->w);
}

static void print_block(struct compat *c, const struct row *row)
{
    char text[CLOCK_TEXT_MAX], id[CLOCK_TEXT_MAX + 16];
    (void)clock_format_seconds(row->start_us, text);
    (void)snprintf(id, sizeof(id), "%s%.19s.%03dZ", row->is_gap ? "gap-" : "", text,
                   (int)(row->start_us / 1000 % 1000));
    json_object_begin(&c->w);
    json_kv_text(&c->w, "id", id);
    print_time(c, "startTime", row->start_us);
    print_time(c, "endTime", row->end_us);
    if (row->is_gap)
        json_kv_null(&c->w, "actualEndTime");
    else
        print_time(c, "actualEndTime", row->last_us);
    json_kv_bool(&c->w, "isGap", row->is_gap);
    key_i64(c, "entries", row->entries);
    json_key(&c->w, "tokenCounts");
    json_object_begin(&c->w);
    key_i64(c, "inputTokens", row->sum.t.input);
    key_i64(c, "outputTokens", row->sum.t.output);
    key_i64(c, "cacheCreationInputTokens", row->sum.t.cache_write + row->sum.t.cache_write_1h);
    key_i64(c, "cacheReadInputTokens", row->sum.t.cache_read);
    json_object_end(&c->w);
    key_i64(c, "totalTokens", row->sum.total);
    json_kv_double(&c->w, "costUSD", row->sum.cost_usd);
    print_model_names(c, row, "models");
    print_rate(c, row);
    json_object_end(&c->w);
}

/* All agents together. */
static void print_unified_row(struct compat *c, struct row *row)
{
    static const char *const agents[] = {"", "claude", "codex", "all"};
    bool session = c->q.question.group == USAGE_BY_SESSION;
    json_object_begin(&c->w);
    json_kv_text(&c->w, "period", row->key);
    json_kv_text(&c->w, "agent", session ? agents[row->agents] : "all");
    print_tokens(c, &row->sum);
    key_i64(c, "totalTokens", row->sum.total);
    json_kv_double(&c->w, "totalCost", row->sum.cost_usd);
    json_key(&c->w, "metadata");
    json_object_begin(&c->w);
    if (session) {
        print_time(c, "lastActivity", row->last_us);
        if (row->agents == 2)
            key_i64(c, "reasoningOutputTokens", row->sum.reasoning);
    } else {
        json_key(&c->w, "agents");
        json_array_begin(&c->w);
        for (unsigned a = 1; a <= 2; a++)
            if (row->agents & a)
                json_text(&c->w, agents[a]);
        json_array_end(&c->w);
    }
    json_object_end(&c->w);
    print_breakdown(c, row);
    json_object_end(&c->w);
}

static int by_text(const void *a, const void *b, void *strings)
{
    return str_compare(ledger_text(strings, *(const uint32_t *)a),
                       ledger_text(strings, *(const uint32_t *)b));
}

static void print_unpriced(struct compat *c)
{
    uint32_t *names = NULL;
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < c->rows[i].model_count; k++) {
            const struct model_row *m = &c->rows[i].models[k];
            bool known = !m->is_unpriced;
            for (size_t n = 0; n < count; n++)
                known |= names[n] == m->model;
            if (known)
                continue;
            names = xrealloc(names, (count + 1) * sizeof(*names));
            names[count++] = m->model;
        }
    if (count) {
        qsort_r(names, count, sizeof(*names), by_text, &c->claude.strings);
        json_key(&c->w, "unpricedModels");
        json_array_begin(&c->w);
        for (size_t i = 0; i < count; i++)
            json_str(&c->w, ledger_text(&c->claude.strings, names[i]));
        json_array_end(&c->w);
    }
    free(names);
}

static void print_totals(struct compat *c, bool codex)
{
    struct amounts all = {.cost_usd = 0};
    for (size_t i = 0; i < c->count; i++)
        add(&all, &c->rows[i].sum);
    json_key(&c->w, "totals");
    json_object_begin(&c->w);
    print_tokens(c, &all);
    if (codex)
        key_i64(c, "reasoningOutputTokens", all.reasoning);
    key_i64(c, "totalTokens", all.total);
    json_kv_double(&c->w, codex ? "costUSD" : "totalCost", all.cost_usd);
    print_unpriced(c);
    json_object_end(&c->w);
}

/* -- the report -- */

enum { FOR_ALL, FOR_CLAUDE, FOR_CODEX };

static bool is_left_out(const struct compat *c, const struct row *row)
{
    if (c->q.question.group == USAGE_BY_SESSION)
        return row->sum.total == 0 || !is_in_range(c, day_of(c, row->last_us));
    return c->q.question.group == USAGE_BY_BLOCK && !is_in_range(c, day_of(c, row->start_us));
}

static void drop_rows(struct compat *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (is_left_out(c, &c->rows[i])) {
            free(c->rows[i].key);
            free(c->rows[i].models);
        } else {
            c->rows[kept++] = c->rows[i];
        }
    }
    c->count = kept;
}

static void group(struct compat *c, int agents)
{
    map_init(&c->by_key);
    if (c->q.question.group == USAGE_BY_BLOCK) {
        group_blocks(c);
    } else if (c->q.question.group == USAGE_BY_SESSION) {
        group_by_session(c, &c->claude, false);
        group_by_session(c, &c->codex, true);
    } else {
        group_by_date(c, &c->claude, false, agents != FOR_CLAUDE);
        group_by_date(c, &c->codex, true, true);
    }
    map_deinit(&c->by_key);
    drop_rows(c);
    bool dearest_first = c->q.question.group == USAGE_BY_SESSION && agents == FOR_CLAUDE;
    if (c->count && c->q.question.group != USAGE_BY_BLOCK)
        qsort(c->rows, c->count, sizeof(c->rows[0]), dearest_first ? by_cost : by_key);
}

static void print(struct compat *c, int agents)
{
    static const char *const lists[USAGE_GROUPS] = {"daily", "weekly", "monthly", "sessions", "blocks"};
    enum usage_group by = c->q.question.group;
    json_object_begin(&c->w);
    json_key(&c->w, agents == FOR_ALL && by == USAGE_BY_SESSION ? "session" : lists[by]);
    json_array_begin(&c->w);
    for (size_t i = 0; i < c->count; i++) {
        if (by == USAGE_BY_BLOCK)
            print_block(c, &c->rows[i]);
        else if (agents == FOR_CODEX)
            print_codex_row(c, &c->rows[i]);
        else if (agents == FOR_CLAUDE)
            print_claude_row(c, &c->rows[i]);
        else
            print_unified_row(c, &c->rows[i]);
    }
    json_array_end(&c->w);
    if (by != USAGE_BY_BLOCK)
        print_totals(c, agents == FOR_CODEX);
    json_object_end(&c->w);
}

/* service_tier of config.toml, outside of any table. */
static bool codex_is_fast(void)
{
    const char *configured = getenv("CODEX_HOME"), *home = getenv("HOME");
    struct buf path = BUF_INIT, text = BUF_INIT;
    buf_printf(&path, "%s%s/config.toml",
               configured && configured[0] ? configured
               : home                      ? home
                                           : "",
               configured && configured[0] ? "" : "/.codex");
    bool fast = false;
    if (file_read_small(path.p, (size_t)1 << 20, &text) == 0) {
        struct str rest = buf_str(&text), line;
        while (str_split(&rest, '\n', &line) && !str_starts_with(str_trim(line), STR("["))) {
            struct str s = str_trim(line);
            if (str_starts_with(s, STR("service_tier")))
                fast = str_find(s, STR("\"priority\"")) >= 0 || str_find(s, STR("\"fast\"")) >= 0;
        }
    }
    buf_deinit(&path);
    buf_deinit(&text);
    return fast;
}

static const char *environment(const char *name)
{
    return getenv(name);
}

static void read_all(struct compat *c, int agents)
{
    struct file_walk files = {.ignores_links = true, .ignores_packed = true};
    enum usage_group by = c->q.question.group;
    file_walk_homes(&files, environment, (1U << TRANSCRIPT_CLAUDE) | (1U << TRANSCRIPT_CODEX));
    file_walk_finish(&files);
    ledger_open(&c->claude.strings, NULL);
    if (agents != FOR_CODEX)
        ccusage_claude(&c->claude, &files,
                       by == USAGE_BY_DAY || (agents == FOR_ALL && by < USAGE_BY_SESSION) ? CCUSAGE_DAILY
                                                                                          : CCUSAGE_OTHERS);
    c->codex.strings = c->claude.strings; /* one table of names */
    if (agents != FOR_CLAUDE && by != USAGE_BY_BLOCK)
        ccusage_codex(&c->codex, &files, by == USAGE_BY_SESSION, codex_is_fast());
    c->claude.strings = c->codex.strings;
    file_walk_deinit(&files);
}

static void clear(struct compat *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->rows[i].key);
        free(c->rows[i].models);
    }
    free(c->rows);
    free(c->codex.entries);
    ccusage_deinit(&c->claude);
}

int usage_compat_run(const struct invocation *in, enum usage_group by)
{
    if (by == USAGE_BY_MODEL || by == USAGE_BY_PROJECT)
        return command_usage(in, "--compat=ccusage: that tool has no such report");
    struct compat c = {.count = 0};
    int rc = usage_request_read(in, by, &c.q);
    if (rc != 0)
        return rc;
    if (c.q.question.sources & (1U << TRANSCRIPT_GEMINI))
        return command_usage(in, "--compat=ccusage is there for claude, codex and both");
    int agents = c.q.question.sources == 0                         ? FOR_ALL
                 : c.q.question.sources == 1U << TRANSCRIPT_CLAUDE ? FOR_CLAUDE
                                                                   : FOR_CODEX;
    struct buf out = BUF_INIT;
    json_init(&c.w, &out);
    read_all(&c, agents);
    group(&c, agents);
    print(&c, agents);
    buf_add_char(&out, '\n');
    (void)fwrite(out.p, 1, out.n, stdout);
    buf_deinit(&out);
    clear(&c);
    return EXIT_DONE;
}
