/* test_price_list.c -- spec 60 U4: an operator's own prices go before the published ones. */
#include "core/price_list.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int64_t at(const char *rfc3339)
{
    int64_t epoch_us;
    assert_true(clock_parse_rfc3339(str_of(rfc3339), &epoch_us));
    return epoch_us;
}

#define NOW "2026-11-22T00:00:00Z"

/* A price that is known by its input rate. */
static void add_rate(struct price_list *l, const char *model, const char *from, int64_t input)
{
    struct price_row row = {.model = xstrdup(model),
                            .from_us = from ? at(from) : INT64_MIN,
                            .price = {.rates = {input, 2 * input, -1, -1, -1}}};
    price_list_add(l, &row);
}

static void add_share(struct price_list *l, const char *model, const char *same_as, int percent)
{
    struct price_row row = {.model = xstrdup(model),
                            .from_us = INT64_MIN,
                            .same_as = same_as ? xstrdup(same_as) : NULL,
                            .percent = percent};
    price_list_add(l, &row);
}

static int64_t input_of(const struct price_list *l, const char *model, const char *when)
{
    struct price price;
    return price_of(l, str_of(model), at(when), &price) ? price.rates.input : -7;
}

static void without_a_row_the_published_price_holds(void **state)
{
    (void)state;
    CLEANUP(price_list_freep) struct price_list *l = price_list_new();
    assert_int_equal(input_of(NULL, "claude-opus-4-5", NOW), 5000000);
    assert_int_equal(input_of(l, "claude-opus-4-5", NOW), 5000000);
    add_rate(l, "gpt-5", NULL, 1);
    assert_int_equal(input_of(l, "claude-opus-4-5", NOW), 5000000);
    assert_int_equal(input_of(l, "", NOW), -7);
}

static void a_row_holds_for_each_spelling_of_its_model(void **state)
{
    (void)state;
    CLEANUP(price_list_freep) struct price_list *l = price_list_new();
    add_rate(l, "Claude-Opus-4.5", NULL, 1);
    static const char *const same[] = {"claude-opus-4-5", "claude-opus-4-5-20251101", "claude-opus-4.5",
                                       "global.anthropic.claude-opus-4-5-20251101-v1:0", "CLAUDE-OPUS-4-5"};
    for (size_t i = 0; i < COUNT_OF(same); i++)
        assert_int_equal(input_of(l, same[i], NOW), 1);
    assert_int_equal(input_of(l, "claude-opus-4-6", NOW), 5000000);
    assert_int_equal(input_of(l, "claude-opus-4-5-turbo", NOW),
                     5000000); /* a beginning is written with a * */
}

static void a_row_with_a_date_or_a_provider_holds_for_that_alone(void **state)
{
    (void)state;
    CLEANUP(price_list_freep) struct price_list *l = price_list_new();
    add_rate(l, "claude-opus-4-5-20251101", NULL, 1);
    add_rate(l, "eu.anthropic.claude-sonnet-5", NULL, 2);
    add_rate(l, "openrouter/gpt-5", NULL, 3);
    assert_int_equal(input_of(l, "claude-opus-4-5-20251101", NOW), 1);
    assert_int_equal(input_of(l, "anthropic/claude-opus-4-5-20251101", NOW), 1);
    assert_int_equal(input_of(l, "claude-opus-4-5", NOW), 5000000);
    assert_int_equal(input_of(l, "claude-opus-4-5-20260101", NOW), 5000000);
    assert_int_equal(input_of(l, "eu.anthropic.claude-sonnet-5", NOW), 2);
    assert_int_equal(input_of(l, "claude-sonnet-5", NOW), 2000000);
    assert_int_equal(input_of(l, "us.anthropic.claude-sonnet-5", NOW), 2200000); /* published: 10 % more */
    assert_int_equal(input_of(l, "openrouter/gpt-5", NOW), 3);
    assert_int_equal(input_of(l, "gpt-5", NOW), 1250000);
}

static void the_closest_row_counts_in_whatever_order_they_stand(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        int64_t input;
    } rows[] = {{"*", 1},
                {"claude-*", 2},
                {"claude-opus-4*", 3},
                {"claude-opus-4-5", 4},
                {"claude-opus-4-5-20251101", 5}};
    for (int order = 0; order < 2; order++) {
        CLEANUP(price_list_freep) struct price_list *l = price_list_new();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            size_t k = order ? COUNT_OF(rows) - 1 - i : i;
            add_rate(l, rows[k].model, NULL, rows[k].input);
        }
        assert_int_equal(input_of(l, "anything", NOW), 1);
        assert_int_equal(input_of(l, "claude-sonnet-5", NOW), 2);
        assert_int_equal(input_of(l, "us.anthropic.claude-sonnet-5", NOW), 2);
        assert_int_equal(input_of(l, "claude-opus-4-1-20250805", NOW), 3);
        assert_int_equal(input_of(l, "claude-opus-4-5", NOW), 4);
        assert_int_equal(input_of(l, "claude-opus-4-5-20251101", NOW), 5);
    }
}

static void a_row_holds_from_its_day_on(void **state)
{
    (void)state;
    CLEANUP(price_list_freep) struct price_list *l = price_list_new();
    add_rate(l, "claude-opus-4-5", "2026-10-01T00:00:00Z", 2);
    add_rate(l, "claude-opus-4-5", "2026-09-01T00:00:00Z", 1);
    add_rate(l, "claude-*", "2026-08-01T00:00:00Z", 9);
    assert_int_equal(input_of(l, "claude-opus-4-5", "2026-07-31T23:59:59Z"), 5000000);
    assert_int_equal(input_of(l, "claude-opus-4-5", "2026-08-31T23:59:59Z"), 9);
    assert_int_equal(input_of(l, "claude-opus-4-5", "2026-09-01T00:00:00Z"), 1);
    assert_int_equal(input_of(l, "claude-opus-4-5", "2026-10-01T00:00:00Z"), 2);
}

static void a_share_is_of_the_price_of_that_day(void **state)
{
    (void)state;
    CLEANUP(price_list_freep) struct price_list *l = price_list_new();
    add_share(l, "gpt-*", NULL, 85);
    add_share(l, "acme-large", "gpt-5.6-luna", 100);
    /* 85 % of 1 USD, and from 2026-07-30 on of 0.20 */
    assert_int_equal(input_of(l, "gpt-5.6-luna", "2026-07-29T00:00:00Z"), 850000);
    assert_int_equal(input_of(l, "gpt-5.6-luna", "2026-07-30T00:00:00Z"), 170000);
    assert_int_equal(input_of(l, "acme-large", "2026-07-29T00:00:00Z"), 1000000);
    assert_int_equal(input_of(l, "acme-large", "2026-07-30T00:00:00Z"), 200000);
    assert_int_equal(input_of(l, "gpt-nothing", NOW), -7); /* a share of no price is no price */
    struct price price;
    assert_true(price_of(l, STR("gpt-5.6-luna"), at("2026-07-29T00:00:00Z"), &price));
    assert_int_equal(price.rates.cache_read, 85000);    /* of 0.10 */
    assert_int_equal(price.rates.cache_write_1h, -1);   /* is not sold */
    assert_int_equal(price.long_rates.output, 7650000); /* of 9 */
    assert_int_equal(price.long_above_tokens, PRICE_LONG_272K);
    assert_int_equal(price.fast_percent, 200);
}

static void what_a_fast_answer_costs_is_the_vendors_unless_it_is_said(void **state)
{
    (void)state;
    CLEANUP(price_list_freep) struct price_list *l = price_list_new();
    struct price price;
    add_rate(l, "claude-opus-4-6", NULL, 1000000);
    assert_true(price_of(l, STR("claude-opus-4-6"), at(NOW), &price));
    assert_int_equal(price.fast_percent, 600);
    int64_t counts[USAGE_COUNTS] = {[COUNT_OUTPUT] = 10}, cost; /* at 2 USD per million */
    assert_true(price_counts_pico_usd(&price, counts, USAGE_FAST, &cost));
    assert_int_equal(cost, 10 * 2000000 * 6);
    l->rows[0].price.fast_percent = 300;
    assert_true(price_of(l, STR("claude-opus-4-6"), at(NOW), &price));
    assert_true(price_counts_pico_usd(&price, counts, USAGE_FAST, &cost));
    assert_int_equal(cost, 10 * 2000000 * 3);
}

static void two_rows_of_one_model_and_day_are_twins(void **state)
{
    (void)state;
    CLEANUP(price_list_freep) struct price_list *l = price_list_new();
    add_rate(l, "a", NULL, 1);
    add_rate(l, "A*", NULL, 1);
    add_rate(l, "a", "2026-01-01T00:00:00Z", 1);
    add_rate(l, "A", NULL, 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(price_list_twin(l, i), i);
    assert_int_equal(price_list_twin(l, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_row_the_published_price_holds),
        cmocka_unit_test(a_row_holds_for_each_spelling_of_its_model),
        cmocka_unit_test(a_row_with_a_date_or_a_provider_holds_for_that_alone),
        cmocka_unit_test(the_closest_row_counts_in_whatever_order_they_stand),
        cmocka_unit_test(a_row_holds_from_its_day_on),
        cmocka_unit_test(a_share_is_of_the_price_of_that_day),
        cmocka_unit_test(what_a_fast_answer_costs_is_the_vendors_unless_it_is_said),
        cmocka_unit_test(two_rows_of_one_model_and_day_are_twins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
