#include "transcripts/usage_report.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/parse.h"
#include "core/civil.h"
#include "core/price.h"

#define PRICES 512 /* a power of two */
#define MODELS_STEP 8
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

static void date_text(int64_t day, size_t bytes, char text[16])
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
    if (row->model_count % MODELS_STEP == 0)
        row->models = xrealloc(row->models, (row->model_count + MODELS_STEP) * sizeof(row->models[0]));
    row->models[row->model_count++] = (struct usage_model_sum){model, fast, *sum};
}

static int64_t first_of_bucket(enum usage_group bucket, int64_t day)
{
    struct civil c = civil_of_days(day);
    if (bucket == USAGE_BY_WEEK)
        return day - (civil_weekday(day) + 6) % 7;
    return bucket == USAGE_BY_MONTH ? day - (c.day - 1) : day;
}

/* A row per model, project or session and day, week or month. */
static struct usage_report_row *bucket_row(struct making *m, const struct ledger_row *from,
                                           struct ledger_context c, int64_t day)
{
    enum usage_group bucket = m->question->bucket, group = m->question->group;
    uint32_t name = group == USAGE_BY_MODEL ? from->model : group == USAGE_BY_PROJECT ? c.project : c.session;
    int64_t key[2] = {first_of_bucket(bucket, day), name};
    struct usage_report_row *row =
        row_for(m, (struct str){(const char *)key, sizeof(key)}, ledger_text(m->ledger, name));
    date_text(key[0], bucket == USAGE_BY_MONTH ? 7 : 10, row->bucket);
    if (group == USAGE_BY_SESSION)
        row->project = c.project;
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

/* The row of the report that a row of the ledger belongs to. */
static struct usage_report_row *group_row(struct making *m, const struct ledger_row *from, int64_t day)
{
    struct ledger_context c = ledger_context_at(m->ledger, from->context);
    uint32_t key[2] = {c.source, 0};
    struct str shown;
    struct usage_report_row *row;
    if (m->question->bucket != m->question->group)
        return bucket_row(m, from, c, day);
    switch (m->question->group) {
    case USAGE_BY_SESSION:
        key[1] = c.session;
        row = row_for(m, (struct str){(const char *)key, sizeof(key)}, ledger_text(m->ledger, c.session));
        row->project = c.project;
        row->branch = c.branch ? c.branch : row->branch;
        return row;
    case USAGE_BY_MODEL:
        shown = ledger_text(m->ledger, from->model);
        return row_for(m, shown, shown);
    case USAGE_BY_PROJECT:
        shown = ledger_text(m->ledger, c.project);
        return row_for(m, shown, shown);
    case USAGE_BY_DAY:
    case USAGE_BY_WEEK:
    case USAGE_BY_MONTH:
    case USAGE_BY_BLOCK:
        break;
    }
    return day_row(m, m->question->group == USAGE_BY_DAY ? day : first_of_bucket(m->question->group, day));
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
        add_to(m, group_row(m, from, day), source, from->model, from->flags, &sum);
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
    return p != q ? (p > q ? -1 : 1) : strcmp(x->key, y->key);
}

static int by_tokens(const void *a, const void *b)
{
    const struct usage_model_sum *x = a, *y = b;
    int64_t p = usage_event_tokens(x->sum.counts), q = usage_event_tokens(y->sum.counts);
    if (p != q)
        return p > q ? -1 : 1;
    return x->model != y->model ? (x->model < y->model ? -1 : 1) : (int)x->is_fast - (int)y->is_fast;
}

static int by_name(const void *a, const void *b, void *ledger)
{
    return str_compare(ledger_text(ledger, *(const uint32_t *)a), ledger_text(ledger, *(const uint32_t *)b));
}

static void sort(struct usage_report *r)
{
    bool by_sum = r->group == USAGE_BY_SESSION || r->group == USAGE_BY_MODEL || r->group == USAGE_BY_PROJECT;
    if (r->row_count && r->group != USAGE_BY_BLOCK)
        qsort(r->rows, r->row_count, sizeof(r->rows[0]), by_sum ? by_cost : by_row_key);
    for (size_t i = 0; i < r->row_count; i++)
        if (r->rows[i].model_count)
            qsort(r->rows[i].models, r->rows[i].model_count, sizeof(struct usage_model_sum), by_tokens);
    if (r->unpriced_count) {
        struct ledger ledger = *r->ledger;
        qsort_r(r->unpriced, r->unpriced_count, sizeof(r->unpriced[0]), by_name, &ledger);
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
