/* fuzz_price_file.c -- any bytes as a file of prices: refused with a reason, or rows within bounds that are
 * found by their own names. */
#include "base/clock.h"
#include "core/price_name.h"
#include "io/price_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_rates(const struct price_rates *r)
{
    const int64_t all[] = {r->input, r->output, r->cache_read, r->cache_write_5m, r->cache_write_1h};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        must(all[i] >= (i < 2 ? 0 : -1) && all[i] <= INT64_C(1000000000000));
}

static void check_row(const struct price_list *l, size_t i)
{
    const struct price_row *row = &l->rows[i];
    const struct price *p = &row->price;
    struct price found;
    must(strlen(row->model) <= USAGE_MODEL_MAX && !strchr(row->model, '*'));
    must(row->percent >= 0 && row->percent <= PRICE_PERCENT_MAX && (row->percent || !row->same_as));
    must(p->fast_percent >= 0 && p->batch_percent >= 0 && p->us_only_percent >= 0);
    must(p->long_above_tokens == 0 || p->long_above_tokens == PRICE_LONG_200K ||
         p->long_above_tokens == PRICE_LONG_272K);
    must(price_list_twin(l, i) == i);
    check_rates(&p->rates);
    check_rates(&p->long_rates);
    if (row->is_prefix || row->percent)
        return;
    must(price_list_find(l, str_of(row->model), INT64_MAX, &found));
    int64_t cost, counts[USAGE_COUNTS] = {[COUNT_INPUT] = 1000, [COUNT_CACHE_WRITE_1H] = 7};
    must(price_counts_pico_usd(&found, counts, USAGE_FAST | USAGE_OVER_200K, &cost));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct price_list *l = NULL;
    struct err e = {.code = ERR_NONE};
    struct str text = {(const char *)data, size};
    struct price_name name;
    price_name_read(text, &name);
    must(name.bare.n <= USAGE_MODEL_MAX && name.plain.n <= name.bare.n);
    if (price_file_parse(text, &l, &e) != 0) {
        must(e.code != ERR_NONE && e.text[0] && !l);
        return 0;
    }
    for (size_t i = 0; i < l->count; i++)
        check_row(l, i);
    (void)price_list_free(l);
    return 0;
}
