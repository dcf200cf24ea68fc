/* usage_compat.c -- reports with ccusage's rules and prices: the numbers of `ccusage claude …`, of
 * `ccusage codex …`, and, with all agents, those of `ccusage …` (spec 60 U5). */
#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "cli/usage_compat.h"
#include "core/ccusage_time.h"
#include "core/civil.h"
#include "io/file.h"
#include "transcripts/ccusage.h"

#define HOUR_US (INT64_C(3600) * USEC_PER_SEC)

void amounts_add(struct amounts *to, const struct amounts *more)
{
    to->t.input = amounts_sum(to->t.input, more->t.input);
    to->t.output = amounts_sum(to->t.output, more->t.output);
    to->t.cache_write = amounts_sum(to->t.cache_write, more->t.cache_write);
    to->t.cache_write_1h = amounts_sum(to->t.cache_write_1h, more->t.cache_write_1h);
    to->t.cache_read = amounts_sum(to->t.cache_read, more->t.cache_read);
    to->reasoning = amounts_sum(to->reasoning, more->reasoning);
    to->total = amounts_sum(to->total, more->total);
    to->cost_usd += more->cost_usd;
}

static uint64_t total_of(const struct ccusage_tokens *t)
{
    return amounts_sum(
        amounts_sum(amounts_sum(t->input, t->output), amounts_sum(t->cache_write, t->cache_write_1h)),
        t->cache_read);
}

static struct amounts amounts_of(const struct ccusage_entry *e, bool codex)
{
    const struct ccusage_tokens *t = &e->tokens;
    return (struct amounts){*t, e->reasoning, codex ? e->total : total_of(t), e->cost_usd};
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

static struct model_row *model_of(struct row *row, uint32_t model)
{
    for (size_t i = 0; i < row->model_count; i++)
        if (row->models[i].model == model)
            return &row->models[i];
    size_t n = row->model_count++;
    row->models = xrealloc(row->models, row->model_count * sizeof(row->models[0]));
    row->models[n] = (struct model_row){.model = model};
    return &row->models[n];
}

static void note_used(struct row *row, uint32_t model)
{
    for (size_t i = 0; i < row->used_count; i++)
        if (row->used[i] == model)
            return;
    row->used = xrealloc(row->used, (row->used_count + 1) * sizeof(row->used[0]));
    row->used[row->used_count++] = model;
}

static void add_model(struct row *row, const struct ccusage_entry *e, const struct amounts *a)
{
    if (!e->model)
        return;
    note_used(row, e->model);
    struct model_row *m = model_of(row, e->model);
    amounts_add(&m->sum, a);
    m->is_unpriced |= e->is_unpriced;
    m->is_fallback |= e->is_fallback;
}

/* The dearest first; those that cost the same stay in order. */
static void sort_models(struct row *row)
{
    for (size_t i = 1; i < row->model_count; i++) {
        struct model_row m = row->models[i];
        size_t k = i;
        for (; k > 0 && row->models[k - 1].sum.cost_usd < m.sum.cost_usd; k--)
            row->models[k] = row->models[k - 1];
        row->models[k] = m;
    }
}

static void note_time(const struct compat *c, struct row *row, const struct ccusage_entry *e)
{
    char text[CCUSAGE_TIME_MAX];
    struct str told = ledger_text(&c->claude.strings, e->time);
    if (e->time)
        (void)snprintf(text, sizeof(text), "%.*s", (int)told.n, told.p);
    else
        (void)ccusage_time_print(e->at_us, text);
    if (strcmp(text, row->last_text) > 0)
        memcpy(row->last_text, text, sizeof(text));
}

static void add_entry(const struct compat *c, struct row *row, const struct ccusage_entry *e, bool codex)
{
    struct amounts a = amounts_of(e, codex);
    amounts_add(&row->sum, &a);
    add_model(row, e, &a);
    row->first_us = row->entries ? MIN(row->first_us, e->at_us) : e->at_us;
    row->last_us = row->entries ? MAX(row->last_us, e->at_us) : e->at_us;
    if (codex)
        note_time(c, row, e);
    row->reset_us = row->reset_us ? row->reset_us : e->reset_us;
    row->entries++;
}

/* -- grouping -- */

static int64_t day_of(const struct compat *c, int64_t at_us)
{
    return timezone_day(c->q.question.zone, civil_floor_div(at_us, USEC_PER_SEC));
}

static bool is_in_range(const struct compat *c, int64_t day)
{
    return day >= c->q.question.since_day && day <= c->q.question.until_day;
}

static void group_by_day(struct compat *c, const struct ccusage *from, bool codex)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct ccusage_entry *e = &from->entries[i];
        int64_t day = day_of(c, e->at_us);
        if (!is_in_range(c, day))
            continue;
        char key[CCUSAGE_TIME_MAX], map_key[CCUSAGE_TIME_MAX + 2];
        (void)snprintf(map_key, sizeof(map_key), "%d%s", codex, ccusage_date_print(day, key));
        struct row *row = row_for(c, str_of(map_key), key);
        row->agents = codex ? 2 : 1;
        row->day = day;
        add_entry(c, row, e, codex);
    }
}

static void add_row(struct row *to, const struct row *more)
{
    for (size_t i = 0; i < more->used_count; i++)
        note_used(to, more->used[i]);
    for (size_t i = 0; i < more->model_count; i++) {
        struct model_row *m = model_of(to, more->models[i].model);
        amounts_add(&m->sum, &more->models[i].sum);
        m->is_unpriced |= more->models[i].is_unpriced;
        m->is_fallback |= more->models[i].is_fallback;
    }
    amounts_add(&to->sum, &more->sum);
    to->agents |= more->agents;
    to->day = more->day;
    sort_models(to);
}

static void free_rows(struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(rows[i].key);
        free(rows[i].models);
        free(rows[i].used);
    }
    free(rows);
}

static int models_by_name(const void *a, const void *b, void *strings)
{
    return ledger_compare_strings(&((const struct model_row *)a)->model,
                                  &((const struct model_row *)b)->model, strings);
}

/* Of Codex, and of all agents, models come by name. */
static void order_by_name(struct compat *c, struct row *row)
{
    if (row->used_count)
        qsort_r(row->used, row->used_count, sizeof(row->used[0]), ledger_compare_strings, &c->claude.strings);
    if (row->model_count)
        qsort_r(row->models, row->model_count, sizeof(row->models[0]), models_by_name, &c->claude.strings);
}

/* The tool makes weeks and months of the rows of days, and rows of all agents of the rows of each. */
static void fold(struct compat *c, bool monday, bool over_agents)
{
    struct row *rows = c->rows;
    size_t count = c->count;
    c->rows = NULL;
    c->count = c->capacity = 0;
    map_deinit(&c->by_key);
    map_init(&c->by_key);
    for (size_t i = 0; i < count; i++) {
        int64_t day = rows[i].day;
        if (c->q.question.group == USAGE_BY_WEEK)
            day -= monday ? (civil_weekday(day) + 6) % 7 : civil_weekday(day);
        char key[CCUSAGE_TIME_MAX], map_key[CCUSAGE_TIME_MAX + 2];
        (void)ccusage_date_print(day, key);
        key[c->q.question.group == USAGE_BY_MONTH ? 7 : strlen(key)] = '\0';
        (void)snprintf(map_key, sizeof(map_key), "%u%s", over_agents ? 0 : rows[i].agents, key);
        add_row(row_for(c, str_of(map_key), key), &rows[i]);
    }
    free_rows(rows, count);
}

/* Of one agent, it takes the requests of the days that are asked for; of all, the sessions that ended in
 * them. */
static void group_by_session(struct compat *c, const struct ccusage *from, bool codex, bool all)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct ccusage_entry *e = &from->entries[i];
        if ((codex || !all) && !is_in_range(c, day_of(c, e->at_us)))
            continue;
        uint32_t key[3] = {e->project, e->session, codex};
        CLEANUP(freep) char *name = str_dup(ledger_text(&from->strings, e->session));
        struct row *row = row_for(c, (struct str){(const char *)key, sizeof(key)}, name);
        row->project = e->project;
        row->agents = codex ? 2 : 1;
        add_entry(c, row, e, codex);
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
        bool idle = i > 0 && at_us - last_us > CCUSAGE_BLOCK_US;
        if (idle)
            new_block(c, last_us + CCUSAGE_BLOCK_US, at_us, true);
        if (i == 0 || idle || at_us - start_us > CCUSAGE_BLOCK_US) {
            start_us = civil_floor_div(at_us, HOUR_US) * HOUR_US;
            new_block(c, start_us, start_us + CCUSAGE_BLOCK_US, false);
        }
        add_entry(c, &c->rows[c->count - 1], order[i], false);
        last_us = at_us;
    }
    free(order);
}

/* -- order -- */

static int by_place(const struct row *x, const struct row *y)
{
    return (x->place > y->place) - (x->place < y->place);
}

static int by_key(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : by_place(x, y);
}

static int by_start(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return x->start_us == y->start_us ? by_place(x, y) : x->start_us < y->start_us ? -1 : 1;
}

static int dearest_first(const struct row *x, const struct row *y)
{
    return (x->sum.cost_usd < y->sum.cost_usd) - (x->sum.cost_usd > y->sum.cost_usd);
}

static int by_cost(const void *a, const void *b)
{
    int order = dearest_first(a, b);
    return order ? order : by_place(a, b);
}

/* All agents' at the same cost go by their names. */
static int by_cost_and_key(const void *a, const void *b)
{
    int order = dearest_first(a, b);
    return order ? order : by_key(a, b);
}

static void sort_rows(struct compat *c, int (*order)(const void *, const void *))
{
    for (size_t i = 0; i < c->count; i++)
        c->rows[i].place = i;
    if (c->count)
        qsort(c->rows, c->count, sizeof(c->rows[0]), order);
}

/* Claude's come first. */
static int by_agent(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return x->agents == y->agents ? by_place(x, y) : x->agents < y->agents ? -1 : 1;
}

/* A model of Codex that has used nothing but reasoning lacks no price. */
static void forgive_reasoning(struct row *row)
{
    for (size_t i = 0; i < row->model_count; i++) {
        const struct ccusage_tokens *t = &row->models[i].sum.t;
        row->models[i].is_unpriced &= (t->input | t->output | t->cache_write | t->cache_read) != 0;
    }
}

static void fold_agents(struct compat *c)
{
    sort_rows(c, by_agent);
    for (size_t i = 0; i < c->count; i++) {
        if (c->rows[i].agents != 2)
            continue;
        order_by_name(c, &c->rows[i]);
        forgive_reasoning(&c->rows[i]);
    }
    fold(c, true, true);
}

/* -- the report -- */

/* It compares texts of UTC: "20261101T10:00:00.000Z" comes after "20261101". */
static bool ended_in_range(const struct compat *c, const struct row *row)
{
    int64_t day = civil_floor_div(row->last_us, CIVIL_DAY_S * USEC_PER_SEC);
    const struct usage_question *q = &c->q.question;
    return day >= q->since_day && (q->until_day == INT64_MAX || day < q->until_day);
}

static bool is_left_out(const struct compat *c, const struct row *row, bool all)
{
    if (c->q.question.group == USAGE_BY_SESSION)
        return row->agents != 2 && (row->sum.total == 0 || (all && !ended_in_range(c, row)));
    if (all && row->agents == 1 && row->sum.total == 0)
        return true;
    return c->q.question.group == USAGE_BY_BLOCK && !is_in_range(c, day_of(c, row->start_us));
}

static void drop_rows(struct compat *c, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (is_left_out(c, &c->rows[i], all)) {
            free(c->rows[i].key);
            free(c->rows[i].models);
            free(c->rows[i].used);
        } else {
            c->rows[kept++] = c->rows[i];
        }
    }
    c->count = kept;
}

static void finish_row(struct compat *c, struct row *row, int agents)
{
    if (row->agents == 2) {
        order_by_name(c, row);
        forgive_reasoning(row);
    }
    if (agents != FOR_CODEX)
        sort_models(row);
    if (agents == FOR_ALL && c->q.question.group != USAGE_BY_SESSION && row->used_count)
        qsort_r(row->used, row->used_count, sizeof(row->used[0]), ledger_compare_strings, &c->claude.strings);
}

static void group(struct compat *c, int agents)
{
    map_init(&c->by_key);
    if (c->q.question.group == USAGE_BY_BLOCK) {
        group_blocks(c);
    } else if (c->q.question.group == USAGE_BY_SESSION) {
        group_by_session(c, &c->claude, false, agents == FOR_ALL);
        group_by_session(c, &c->codex, true, agents == FOR_ALL);
    } else {
        group_by_day(c, &c->claude, false);
        group_by_day(c, &c->codex, true);
        drop_rows(c, agents == FOR_ALL);
        sort_rows(c, by_key);
        fold(c, agents != FOR_CLAUDE, false);
        if (agents == FOR_ALL)
            fold_agents(c);
    }
    map_deinit(&c->by_key);
    drop_rows(c, agents == FOR_ALL);
    for (size_t i = 0; i < c->count; i++)
        finish_row(c, &c->rows[i], agents);
    bool by_name = c->q.question.group != USAGE_BY_SESSION || agents == FOR_CODEX;
    sort_rows(c, c->q.question.group == USAGE_BY_BLOCK ? by_start
                 : by_name                             ? by_key
                 : agents == FOR_ALL                   ? by_cost_and_key
                                                       : by_cost);
}

/* "service_tier" of a line of config.toml, whatever its table. */
static bool is_fast_setting(struct str line)
{
    struct str setting, key, value;
    if (!str_split(&line, '#', &setting) || !str_split(&setting, '=', &key) || !setting.p ||
        !str_equal(str_trim(key), STR("service_tier")))
        return false;
    value = str_trim(setting);
    while (value.n && strchr("\"'", value.p[0]))
        value = (struct str){value.p + 1, value.n - 1};
    while (value.n && strchr("\"'", value.p[value.n - 1]))
        value.n--;
    return str_equal(value, STR("fast")) || str_equal(value, STR("priority"));
}

bool usage_codex_is_fast(void)
{
    const char *configured = getenv("CODEX_HOME"), *home = getenv("HOME");
    bool is_set = configured && configured[0];
    struct buf path = BUF_INIT, text = BUF_INIT;
    buf_printf(&path, "%s%s/config.toml", is_set ? configured : home ? home : "", is_set ? "" : "/.codex");
    bool fast = false;
    if (file_read_small(path.p, (size_t)1 << 20, &text) == 0) {
        struct str rest = buf_str(&text), line;
        while (!fast && rest.n > 0 && str_split(&rest, '\n', &line))
            fast = is_fast_setting(line);
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
    const struct usage_question *q = &c->q.question;
    bool ranged = q->since_day != INT64_MIN || q->until_day != INT64_MAX;
    file_walk_homes(&files, environment, (1U << TRANSCRIPT_CLAUDE) | (1U << TRANSCRIPT_CODEX));
    file_walk_finish(&files);
    ledger_open(&c->claude.strings, NULL);
    if (agents != FOR_CODEX)
        ccusage_claude(&c->claude, &files,
                       by == USAGE_BY_DAY || (agents == FOR_ALL && by < USAGE_BY_SESSION) ? CCUSAGE_DAILY
                                                                                          : CCUSAGE_OTHERS);
    c->codex.strings = c->claude.strings; /* one table of names */
    if (agents != FOR_CLAUDE && by != USAGE_BY_BLOCK)
        ccusage_codex(&c->codex, &files, by == USAGE_BY_SESSION && !(ranged && agents == FOR_ALL),
                      usage_codex_is_fast());
    c->claude.strings = c->codex.strings;
    file_walk_deinit(&files);
}

static void clear(struct compat *c)
{
    free_rows(c->rows, c->count);
    free(c->codex.entries);
    ccusage_deinit(&c->claude);
}

int usage_compat_run(const struct invocation *in, enum usage_group by)
{
    if (by >= USAGE_BY_MODEL)
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
    usage_compat_print(&c, agents);
    buf_add_char(&out, '\n');
    (void)fwrite(out.p, 1, out.n, stdout);
    buf_deinit(&out);
    clear(&c);
    return EXIT_DONE;
}
