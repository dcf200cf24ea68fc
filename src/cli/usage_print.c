#include "cli/usage.h"

#include "base/buf.h"
#include "cli/table.h"
#include "transcripts/usage_json.h"

/* 1234567 as "1,234,567". */
static char *grouped(int64_t n, char text[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%lld", (long long)n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

/* "12.34"; ">12.34" when some of it has no price, "-" when nothing has. */
static const char *cost_text(const struct usage_sum *s, char text[32])
{
    int64_t micros = usage_sum_micro_usd(s);
    if (s->is_unpriced && micros == 0)
        return NULL;
    (void)snprintf(text, 32, "%s%.2f", s->is_unpriced ? ">" : "", (double)micros / 1e6);
    return text;
}

static void add_sum(struct table *t, const char *name, const struct usage_sum *s)
{
    char text[7][32];
    const int64_t *c = s->counts;
    const char *const cells[] = {name,
                                 grouped(c[COUNT_INPUT], text[0]),
                                 grouped(c[COUNT_OUTPUT], text[1]),
                                 grouped(c[COUNT_CACHE_WRITE_5M] + c[COUNT_CACHE_WRITE_1H], text[2]),
                                 grouped(c[COUNT_CACHE_READ], text[3]),
                                 grouped(usage_event_tokens(c), text[4]),
                                 cost_text(s, text[5])};
    table_add(t, cells);
}

static void add_models(struct table *t, const struct usage_report *r, const struct usage_report_row *row)
{
    for (size_t i = 0; i < row->model_count; i++) {
        struct str model = ledger_text(r->ledger, row->models[i].model);
        char name[160];
        (void)snprintf(name, sizeof(name), ". %.*s%s", STR_ARG(str_empty(model) ? STR("(not told)") : model),
                       row->models[i].is_fast ? " fast" : "");
        add_sum(t, name, &row->models[i].sum);
    }
}

static void print_notes(const struct usage_report *r, const struct usage_scan_result *scan)
{
    int64_t skipped = 0;
    for (int k = 0; k < SKIP_REASONS; k++)
        skipped += scan->skipped[k];
    for (size_t i = 0; i < r->unpriced_count; i++) {
        struct str name = ledger_text(r->ledger, r->unpriced[i]);
        (void)printf("%s%.*s%s", i ? ", " : "no price is known for ",
                     STR_ARG(str_empty(name) ? STR("a model that is not told") : name),
                     i + 1 == r->unpriced_count ? "\n" : "");
    }
    if (skipped)
        (void)printf("%lld lines could not be used; --json says why\n", (long long)skipped);
    if (scan->unreadable)
        (void)printf("%lld files could not be read\n", (long long)scan->unreadable);
}

void usage_print_table(const struct usage_request *q, const struct usage_report *r,
                       const struct usage_scan_result *scan)
{
    const struct table_column columns[] = {{usage_group_words[r->group].title, false, true},
                                           {"INPUT", true, false},
                                           {"OUTPUT", true, false},
                                           {"CACHE WRITE", true, false},
                                           {"CACHE READ", true, false},
                                           {"TOTAL", true, false},
                                           {"USD", true, false}};
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (size_t i = 0; i < r->row_count; i++) {
        const struct usage_report_row *row = &r->rows[i];
        if (row->is_gap)
            continue;
        struct str project = r->group == USAGE_BY_BRANCH ? ledger_text(r->ledger, row->project) : STR("");
        struct buf name = BUF_INIT;
        buf_printf(&name, "%s%s%.*s", row->key[0] ? row->key : "(not told)", project.n ? " of " : "",
                   STR_ARG(project));
        add_sum(t, name.p, &row->sum);
        buf_deinit(&name);
        if (q->breakdown)
            add_models(t, r, row);
    }
    if (r->row_count)
        add_sum(t, "total", &r->total);
    table_show(t, stdout);
    (void)table_free(t);
    if (r->row_count == 0)
        (void)printf("no usage was found\n");
    print_notes(r, scan);
}
