#include "transcripts/usage_report.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/parse.h"
#include "core/civil.h"
#include "core/price.h"
#include "transcripts/file_walk.h"

#include <stdio.h>

#define PRICES 512 /* a power of two */
#define BLOCK_US (INT64_C(5) * 3600 * USEC_PER_SEC)
#define HOUR_US (INT64_C(3600) * USEC_PER_SEC)

struct known_price {
    uint32_t model;
    int64_t day;
    bool is_filled, has_price;
    struct price price;
};

struct making {
    const struct ledger *ledger;
    const struct usage_question *question;
    struct usage_report *report;
    struct map by_key; /* row number + 1 */
    struct timezone_segment segment;
    struct known_price *prices;
    int64_t last_day; /* whose row is last_row - 1 */
    size_t last_row;  /* 0: none */
};

int64_t usage_sum_micro_usd(const struct usage_sum *s)
{
    return s->cost_pico_usd / 1000000 + (s->cost_pico_usd % 1000000 >= 500000);
}

/* -- days -- */

bool usage_day_parse(const char *text, int64_t *ret)
{
    char digits[9];
    size_t n = 0, length = strlen(text);
    for (const char *p = text; *p; p++) {
        bool dash = *p == '-' && length == 10 && (p - text == 4 || p - text == 7);
        if (dash)
            continue;
        if (*p < '0' || *p > '9' || n == 8)
            return false;
        digits[n++] = *p;
    }
    int64_t number;
    digits[n] = '\0';
    if (n != 8 || (length != 8 && length != 10) || !parse_i64(str_of(digits), &number))
        return false;
    int year = (int)(number / 10000), month = (int)(number / 100 % 100), day = (int)(number % 100);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > civil_month_days(year, month))
        return false;
    *ret = civil_to_days(year, month, day);
    return true;
}

static int64_t local_day(struct making *m, int64_t at_us)
{
    int64_t s = at_us / USEC_PER_SEC;
    if (s < m->segment.start_s || s >= m->segment.end_s)
        m->segment = timezone_segment_at(m->question->zone, s);
    return civil_floor_div(s + m->segment.offset_s, CIVIL_DAY_S);
}

static void date_text(int64_t day, size_t bytes, char *text)
{
    (void)civil_date(day, text);
    text[bytes] = '\0';
}

/* -- prices -- */

static const struct known_price *price_for(struct making *m, uint32_t model, int64_t at_us)
{
    int64_t day = at_us / (CIVIL_DAY_S * USEC_PER_SEC);
    struct known_price *p = &m->prices[((uint64_t)model * 2654435761U + (uint64_t)day) & (PRICES - 1)];
    if (!p->is_filled || p->model != model || p->day != day) {
        *p = (struct known_price){.model = model, .day = day, .is_filled = true};
        p->has_price = price_of(m->question->prices, ledger_text(m->ledger, model), at_us, &p->price);
    }
    return p;
}

static void add(struct usage_sum *to, const struct usage_sum *more)
{
    for (int k = 0; k < USAGE_COUNTS; k++)
        to->counts[k] += more->counts[k];
    to->events += more->events;
    to->cost_pico_usd += more->cost_pico_usd;
    to->is_unpriced |= more->is_unpriced;
}

static void note_unpriced(struct usage_report *r, uint32_t model)
{
    for (size_t i = 0; i < r->unpriced_count; i++)
        if (r->unpriced[i] == model)
            return;
    r->unpriced = xrealloc(r->unpriced, (r->unpriced_count + 1) * sizeof(r->unpriced[0]));
    r->unpriced[r->unpriced_count++] = model;
}

static struct usage_sum priced(struct making *m, const int64_t *counts, int64_t events, uint32_t model,
                               unsigned flags, int64_t at_us)
{
    struct usage_sum sum = {.events = events};
    memcpy(sum.counts, counts, sizeof(sum.counts));
    if (usage_event_tokens(counts) == 0 && counts[COUNT_WEB_SEARCHES] == 0)
        return sum;
    const struct known_price *p = price_for(m, model, at_us);
    sum.is_unpriced = !p->has_price || !price_counts_pico_usd(&p->price, counts, flags, &sum.cost_pico_usd);
    if (sum.is_unpriced)
        note_unpriced(m->report, model);
    return sum;
}

/* -- rows -- */

static struct usage_report_row *new_row(struct usage_report *r, const char *key)
{
    if (r->row_count == r->row_capacity) {
        r->row_capacity = MAX(64, r->row_capacity * 2);
        r->rows = xrealloc(r->rows, r->row_capacity * sizeof(r->rows[0]));
    }
    struct usage_report_row *row = &r->rows[r->row_count++];
    *row = (struct usage_report_row){.key = xstrdup(key)};
    return row;
}

static struct usage_report_row *row_for(struct making *m, struct str map_key, struct str shown)
{
    uintptr_t number = (uintptr_t)map_get(&m->by_key, map_key);
    if (number)
        return &m->report->rows[number - 1];
    CLEANUP(freep) char *key = str_dup(shown);
    struct usage_report_row *row = new_row(m->report, key);
    (void)map_put(&m->by_key, map_key, (void *)(uintptr_t)m->report->row_count);
    return row;
}

static void add_model(struct usage_report_row *row, uint32_t model, bool fast, const struct usage_sum *sum)
{
    for (size_t i = 0; i < row->model_count; i++)
        if (row->models[i].model == model && row->models[i].is_fast == fast) {
            add(&row->models[i].sum, sum);
            return;
        }
    size_t n = row->model_count;
    if ((n & (n - 1)) == 0) /* 0, 1, 2, 4, …: as many again */
        row->models = xrealloc(row->models, (n ? 2 * n : 1) * sizeof(row->models[0]));
    row->models[row->model_count++] = (struct usage_model_sum){model, fast, *sum};
}

static int64_t first_of_bucket(enum usage_group bucket, int64_t day)
{
    struct civil c = civil_of_days(day);
    if (bucket == USAGE_BY_WEEK)
        return day - (civil_weekday(day) + 6) % 7;
    return bucket == USAGE_BY_MONTH ? day - (c.day - 1) : day;
}

bool usage_group_is_named(enum usage_group g)
{
    return g == USAGE_BY_SESSION || (g >= USAGE_BY_MODEL && g <= USAGE_BY_CHAIN);
}

struct row_name {
    uint32_t key[2];
    struct str shown;
};

/* Of the row that a row of the ledger belongs to, where rows go by a name. */
static struct row_name name_of(const struct making *m, const struct ledger_row *from,
                               const struct ledger_context *c)
{
    bool beside = from->flags & USAGE_SIDECHAIN;
    switch (m->question->group) {
    case USAGE_BY_SESSION:
        return (struct row_name){{c->source, c->session}, ledger_text(m->ledger, c->session)};
    case USAGE_BY_PROJECT:
        return (struct row_name){{c->project, 0}, ledger_text(m->ledger, c->project)};
    case USAGE_BY_BRANCH:
        return (struct row_name){{c->branch, c->project}, ledger_text(m->ledger, c->branch)};
    case USAGE_BY_AGENT:
        return (struct row_name){{c->source, 0}, str_of(transcript_format_names[c->source])};
    case USAGE_BY_CHAIN:
        return (struct row_name){{beside, 0}, beside ? STR("subagents") : STR("main")};
    default:
        return (struct row_name){{from->model, 0}, ledger_text(m->ledger, from->model)};
    }
}

static struct usage_report_row *named_row(struct making *m, const struct ledger_row *from, int64_t day)
{
    enum usage_group bucket = m->question->bucket, group = m->question->group;
    struct ledger_context c = ledger_context_at(m->ledger, from->context);
    struct row_name name = name_of(m, from, &c);
    struct {
        uint32_t name[2];
        int64_t day;
    } key = {{name.key[0], name.key[1]}, bucket == group ? 0 : first_of_bucket(bucket, day)};
    size_t bytes = bucket == group ? sizeof(key.name) : sizeof(key);
    struct usage_report_row *row = row_for(m, (struct str){(const char *)&key, bytes}, name.shown);
    if (bucket != group)
        date_text(key.day, bucket == USAGE_BY_MONTH ? 7 : 10, row->bucket);
    if (group == USAGE_BY_SESSION || group == USAGE_BY_BRANCH)
        row->project = c.project;
    if (group == USAGE_BY_SESSION && bucket == group)
        row->branch = c.branch ? c.branch : row->branch;
    return row;
}

/* Of the day, or the first day of the week or month.  Most often it is that of the row before. */
static struct usage_report_row *day_row(struct making *m, int64_t day)
{
    char text[16];
    if (m->last_row && m->last_day == day)
        return &m->report->rows[m->last_row - 1];
    date_text(day, m->question->group == USAGE_BY_MONTH ? 7 : 10, text);
    struct usage_report_row *row = row_for(m, str_of(text), str_of(text));
    m->last_day = day;
    m->last_row = (size_t)(row - m->report->rows) + 1;
    return row;
}

/* "2026-11-22T03:00+05:45": the offset tells the two hours apart that a zone has when its clocks go back. */
static struct usage_report_row *hour_row(struct making *m, int64_t at_us, int64_t day)
{
    int64_t offset_min = m->segment.offset_s / 60, ahead = offset_min < 0 ? -offset_min : offset_min;
    int64_t hour = (at_us / USEC_PER_SEC + m->segment.offset_s - day * CIVIL_DAY_S) / 3600;
    char date[16], text[32];
    date_text(day, 10, date);
    (void)snprintf(text, sizeof(text), "%sT%02d:00%c%02d:%02d", date, (int)hour, offset_min < 0 ? '-' : '+',
                   (int)(ahead / 60), (int)(ahead % 60));
    return row_for(m, str_of(text), str_of(text));
}

static struct usage_report_row *group_row(struct making *m, const struct ledger_row *from, int64_t at_us,
                                          int64_t day)
{
    enum usage_group group = m->question->group;
    if (usage_group_is_named(group))
        return named_row(m, from, day);
    return group == USAGE_BY_HOUR  ? hour_row(m, at_us, day)
           : group == USAGE_BY_DAY ? day_row(m, day)
                                   : day_row(m, first_of_bucket(group, day));
}

static bool is_asked_for(struct making *m, uint32_t source, int64_t at_us, int64_t *ret_day)
{
    if (m->question->sources && !(m->question->sources & (1U << source)))
        return false;
    *ret_day = local_day(m, at_us);
    return *ret_day >= m->question->since_day && *ret_day <= m->question->until_day;
}

static void add_to(struct making *m, struct usage_report_row *row, uint32_t source, uint32_t model,
                   unsigned flags, const struct usage_sum *sum)
{
    row->source_bits |= 1U << source;
    add(&row->sum, sum);
    add(&m->report->total, sum);
    add_model(row, model, flags & USAGE_FAST, sum);
}

static void group_rows(struct making *m)
{
    for (size_t i = 0; i < ledger_count(&m->ledger->file, LEDGER_ROWS); i++) {
        const struct ledger_row *from = ledger_item(&m->ledger->file, LEDGER_ROWS, i);
        uint32_t source = ledger_context_at(m->ledger, from->context).source;
        int64_t at_us = from->quarter * LEDGER_QUARTER_US, day;
        if (from->events == 0 || !is_asked_for(m, source, at_us, &day))
            continue;
        struct usage_sum sum = priced(m, from->counts, from->events, from->model, from->flags, at_us);
        add_to(m, group_row(m, from, at_us, day), source, from->model, from->flags, &sum);
    }
}

/* -- when a session was, from the entries -- */

static void note_times(struct making *m)
{
    for (size_t i = 0; i < ledger_count(&m->ledger->file, LEDGER_ENTRIES); i++) {
        const struct ledger_entry *e = ledger_item(&m->ledger->file, LEDGER_ENTRIES, i);
        struct ledger_context c = ledger_context_at(m->ledger, e->context);
        int64_t day;
        if (!e->is_counted || !is_asked_for(m, c.source, e->at_us, &day))
            continue;
        uint32_t key[2] = {c.source, c.session};
        uintptr_t number = (uintptr_t)map_get(&m->by_key, (struct str){(const char *)key, sizeof(key)});
        struct usage_report_row *row = &m->report->rows[number - 1];
        row->first_us = row->first_us ? MIN(row->first_us, e->at_us) : e->at_us;
        row->last_us = MAX(row->last_us, e->at_us);
    }
}

/* -- blocks of five hours, as Claude's limits have them -- */

static int by_time(const void *a, const void *b)
{
    const struct ledger_entry *const *x = a, *const *y = b;
    if ((*x)->at_us != (*y)->at_us)
        return (*x)->at_us < (*y)->at_us ? -1 : 1;
    return (*x)->key < (*y)->key ? -1 : (*x)->key > (*y)->key;
}

static struct usage_report_row *new_block(struct making *m, int64_t start_us, int64_t end_us, bool gap)
{
    char text[CLOCK_TEXT_MAX];
    struct usage_report_row *row = new_row(m->report, clock_format_seconds(start_us, text));
    row->start_us = start_us;
    row->end_us = end_us;
    row->is_gap = gap;
    return row;
}

static void group_blocks(struct making *m)
{
    size_t all = ledger_count(&m->ledger->file, LEDGER_ENTRIES), count = 0;
    const struct ledger_entry **entries = xcalloc(all + 1, sizeof(*entries));
    for (size_t i = 0; i < all; i++) {
        const struct ledger_entry *e = ledger_item(&m->ledger->file, LEDGER_ENTRIES, i);
        int64_t day;
        if (e->is_counted && is_asked_for(m, ledger_context_at(m->ledger, e->context).source, e->at_us, &day))
            entries[count++] = e;
    }
    qsort(entries, count, sizeof(*entries), by_time);
    struct usage_report_row *block = NULL;
    int64_t last_us = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ledger_entry *e = entries[i];
        if (block && e->at_us - last_us > BLOCK_US)
            (void)new_block(m, last_us + BLOCK_US, e->at_us, true);
        if (!block || e->at_us - last_us > BLOCK_US || e->at_us - block->start_us > BLOCK_US) {
            int64_t start_us = e->at_us - e->at_us % HOUR_US;
            (void)new_block(m, start_us, start_us + BLOCK_US, false);
        }
        block = &m->report->rows[m->report->row_count - 1];
        struct usage_sum sum = priced(m, e->counts, 1, e->model, e->flags, e->at_us);
        add_to(m, block, ledger_context_at(m->ledger, e->context).source, e->model, e->flags, &sum);
        block->first_us = block->first_us ? block->first_us : e->at_us;
        last_us = block->last_us = e->at_us;
    }
    if (block)
        block->is_active = m->question->now_us - last_us < BLOCK_US && m->question->now_us < block->end_us;
    free(entries);
}

/* -- order -- */

static int by_row_key(const void *a, const void *b)
{
    const struct usage_report_row *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static int by_cost(const void *a, const void *b)
{
    const struct usage_report_row *x = a, *y = b;
    int bucket = strcmp(x->bucket, y->bucket);
    if (bucket != 0)
        return bucket;
    if (x->sum.cost_pico_usd != y->sum.cost_pico_usd)
        return x->sum.cost_pico_usd > y->sum.cost_pico_usd ? -1 : 1;
    int64_t p = usage_event_tokens(x->sum.counts), q = usage_event_tokens(y->sum.counts);
    if (p != q)
        return p > q ? -1 : 1;
    int key = strcmp(x->key, y->key);
    return key != 0 ? key : x->project < y->project ? -1 : x->project > y->project;
}

static int by_tokens(const void *a, const void *b)
{
    const struct usage_model_sum *x = a, *y = b;
    int64_t p = usage_event_tokens(x->sum.counts), q = usage_event_tokens(y->sum.counts);
    if (p != q)
        return p > q ? -1 : 1;
    return x->model != y->model ? (x->model < y->model ? -1 : 1) : (int)x->is_fast - (int)y->is_fast;
}

static void sort(struct usage_report *r)
{
    bool by_sum = usage_group_is_named(r->group);
    if (r->row_count && r->group != USAGE_BY_BLOCK)
        qsort(r->rows, r->row_count, sizeof(r->rows[0]), by_sum ? by_cost : by_row_key);
    for (size_t i = 0; i < r->row_count; i++)
        if (r->rows[i].model_count)
            qsort(r->rows[i].models, r->rows[i].model_count, sizeof(struct usage_model_sum), by_tokens);
    if (r->unpriced_count) {
        struct ledger ledger = *r->ledger;
        qsort_r(r->unpriced, r->unpriced_count, sizeof(r->unpriced[0]), ledger_compare_strings, &ledger);
    }
}

void usage_report_make(const struct ledger *l, const struct usage_question *q, struct usage_report *ret)
{
    *ret = (struct usage_report){.ledger = l, .group = q->group};
    struct making m = {
        .ledger = l, .question = q, .report = ret, .prices = xcalloc(PRICES, sizeof(*m.prices))};
    map_init(&m.by_key);
    m.segment = timezone_segment_at(q->zone, 0);
    if (q->group == USAGE_BY_BLOCK)
        group_blocks(&m);
    else
        group_rows(&m);
    if (q->group == USAGE_BY_SESSION && q->bucket == q->group)
        note_times(&m);
    sort(ret);
    map_deinit(&m.by_key);
    free(m.prices);
}

void usage_report_deinit(struct usage_report *r)
{
    for (size_t i = 0; i < r->row_count; i++) {
        free(r->rows[i].key);
        free(r->rows[i].models);
    }
    free(r->rows);
    free(r->unpriced);
    *r = (struct usage_report){0};
}
