/* test_price.c -- prices by model and date; the sums are worked out by hand. */
#include "core/price.h"

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

static int64_t micro_usd(const char *model, const struct usage *u, enum price_scope scope, const char *when)
{
    int64_t cost = -1;
    assert_true(price_cost_micro_usd(NULL, str_of(model), u, scope, at(when), &cost));
    return cost;
}

#define NOW "2026-11-22T00:00:00Z"

static void a_model_that_is_not_in_the_table_has_no_price_and_not_the_price_zero(void **state)
{
    (void)state;
    static const char *const unknown[] = {"",           "gpt",
                                          "claude-",    "claude-opus",
                                          "mock-model", "<synthetic>",
                                          "gpt-5.9",    "claude-opus-9",
                                          "o",          "/",
                                          "anthropic.", "gpt-5-extra",
                                          "-20250929",  "claude-opus-4-5-2025"};
    struct usage u = {0};
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        int64_t cost = -7;
        struct price price;
        if (price_of(NULL, str_of(unknown[i]), at(NOW), &price))
            fail_msg("%s has a price", unknown[i]);
        assert_false(price_cost_micro_usd(NULL, str_of(unknown[i]), &u, PRICE_REQUEST, at(NOW), &cost));
        assert_int_equal(cost, -7);
    }
}

static void each_kind_of_token_is_billed_at_its_own_rate(void **state)
{
    (void)state;
    struct usage u = {0};
    (void)usage_set(&u, USAGE_INPUT, 1000);
    (void)usage_set(&u, USAGE_OUTPUT, 100);
    (void)usage_set(&u, USAGE_REASONING, 60); /* inside the output */
    (void)usage_set(&u, USAGE_CACHE_READ, 10000);
    (void)usage_set(&u, USAGE_CACHE_CREATION, 700);
    (void)usage_set(&u, USAGE_CACHE_CREATION_5M, 200);
    (void)usage_set(&u, USAGE_CACHE_CREATION_1H, 400);
    /* USD per million: 5, 25, read 0.5, write 6.25 (200 and the 100 of unknown lifetime), 1 h 10.
     * 5000 + 2500 + 5000 + 1875 + 4000 */
    assert_int_equal(micro_usd("claude-opus-4-5", &u, PRICE_REQUEST, NOW), 18375);
}

static void cache_kinds_that_are_not_sold_are_billed_as_input(void **state)
{
    (void)state;
    struct usage u = {0};
    (void)usage_set(&u, USAGE_CACHE_READ, 1000);
    (void)usage_set(&u, USAGE_CACHE_CREATION, 1000);
    /* gpt-5.5: input 5, read 0.5, no price for writes */
    assert_int_equal(micro_usd("gpt-5.5", &u, PRICE_REQUEST, NOW), 500 + 5000);
}

static void a_request_beyond_the_threshold_is_billed_higher_as_a_whole(void **state)
{
    (void)state;
    struct usage u = {0};
    (void)usage_set(&u, USAGE_CACHE_READ, 250000);
    (void)usage_set(&u, USAGE_OUTPUT, 10000);
    /* Sonnet 4.5 above 200,000: 250,000 × 0.60 + 10,000 × 22.50; as a sum: 250,000 × 0.30 + 10,000 × 15 */
    assert_int_equal(micro_usd("claude-sonnet-4-5", &u, PRICE_REQUEST, NOW), 375000);
    assert_int_equal(micro_usd("claude-sonnet-4-5", &u, PRICE_SUM, NOW), 225000);
    (void)usage_set(&u, USAGE_CACHE_READ, 200000);
    assert_int_equal(micro_usd("claude-sonnet-4-5", &u, PRICE_REQUEST, NOW), 60000 + 150000);
    (void)usage_set(&u, USAGE_INPUT, 1);
    assert_int_equal(micro_usd("claude-sonnet-4-5", &u, PRICE_REQUEST, NOW), 6 + 120000 + 225000);
    /* What is written to the cache is read by the model too: 100,001 each for five minutes and for an hour.
     */
    u = (struct usage){0};
    (void)usage_set(&u, USAGE_CACHE_CREATION, 200002);
    (void)usage_set(&u, USAGE_CACHE_CREATION_1H, 100001);
    assert_int_equal(micro_usd("claude-sonnet-4-5", &u, PRICE_REQUEST, NOW),
                     1950020); /* 7.50 + 12: 19.5 × 100,001 */
}

static void usage_has_the_price_of_its_day(void **state)
{
    (void)state;
    struct usage u = {0};
    (void)usage_set(&u, USAGE_INPUT, 1000000);
    assert_int_equal(micro_usd("gpt-5.6-luna", &u, PRICE_SUM, "2026-07-29T23:59:59Z"), 1000000);
    assert_int_equal(micro_usd("gpt-5.6-luna", &u, PRICE_SUM, "2026-07-30T00:00:00Z"), 200000);
    assert_int_equal(micro_usd("gpt-5.6-sol", &u, PRICE_SUM, "2026-08-20T12:00:00Z"), 5000000);
    assert_int_equal(micro_usd("gpt-5.6-sol", &u, PRICE_SUM, "2026-08-21T12:00:00Z"), 4000000);
    (void)usage_set(&u, USAGE_INPUT, 300000);
    assert_int_equal(micro_usd("claude-opus-4-6", &u, PRICE_REQUEST, "2026-03-12T12:00:00Z"), 3000000);
    assert_int_equal(micro_usd("claude-opus-4-6", &u, PRICE_REQUEST, "2026-03-13T12:00:00Z"), 1500000);
}

static void a_model_is_known_by_each_of_its_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *spelling, *model;
    } rows[] = {{"claude-opus-4-5-20251101", "claude-opus-4-5"},
                {"claude-opus-4-5@20251101", "claude-opus-4-5"},
                {"anthropic/claude-opus-4.5", "claude-opus-4-5"},
                {"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"},
                {"anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1"},
                {"claude-sonnet-4-5-20250929[1m]", "claude-sonnet-4-5"},
                {"claude-sonnet-4-20250514", "claude-sonnet-4"},
                {"claude-opus-4-0", "claude-opus-4"},
                {"claude-3-5-haiku-latest", "claude-3-5-haiku"},
                {"openai/gpt-5-2025-08-07", "gpt-5"},
                {"gpt-5.1-codex-max", "gpt-5.1-codex-max"},
                {"models/gemini-2.5-pro", "gemini-2.5-pro"},
                {"gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"},
                {"gemini-3.1-pro-preview-customtools", "gemini-3.1-pro-preview"},
                {"gemini-2.0-flash-001", "gemini-2.0-flash"},
                {"claude-4.5-opus-high", "claude-4-5-opus"},
                {"gpt-4o-2024-05-13", "gpt-4o-2024-05-13"}, /* a snapshot with a price of its own */
                {"gpt-4o-2024-08-06", "gpt-4o"},
                {"GLM-5.2", "glm-5.2"},
                {"codex-mini-latest", "codex-mini-latest"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct price price;
        if (!price_of(NULL, str_of(rows[i].spelling), at(NOW), &price))
            fail_msg("%s has no price", rows[i].spelling);
        assert_string_equal(price.model, rows[i].model);
    }
}

/* What the next model of a line will cost is not known from the one before. */
static void a_name_with_another_number_behind_it_is_another_model(void **state)
{
    (void)state;
    static const char *const unknown[] = {"claude-sonnet-5-5", "claude-opus-4-9",   "claude-haiku-4-6",
                                          "gemini-2.6-pro",    "claude-opus-4-5.1", "claude-sonnet-50"};
    struct price price;
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        if (price_of(NULL, str_of(unknown[i]), at(NOW), &price))
            fail_msg("%s has the price of %s", unknown[i], price.model);
}

/* Amazon's list: 10 % more for regional endpoints from Claude 4.5 on, and not for older models. */
static void a_regional_endpoint_of_bedrock_costs_more(void **state)
{
    (void)state;
    struct usage u = {0};
    (void)usage_set(&u, USAGE_OUTPUT, 1000);
    assert_int_equal(micro_usd("global.anthropic.claude-opus-4-5-v1:0", &u, PRICE_REQUEST, NOW), 25000);
    assert_int_equal(micro_usd("us.anthropic.claude-opus-4-5-v1:0", &u, PRICE_REQUEST, NOW), 27500);
    assert_int_equal(micro_usd("anthropic.claude-opus-4-5-v1:0", &u, PRICE_REQUEST, NOW), 27500);
    assert_int_equal(micro_usd("eu.anthropic.claude-opus-4-1-20250805-v1:0", &u, PRICE_REQUEST, NOW), 75000);
    (void)usage_set(&u, USAGE_OUTPUT, 0);
    (void)usage_set(&u, USAGE_CACHE_READ, 200001); /* long context: 0.60 × 1.1 */
    assert_int_equal(micro_usd("jp.anthropic.claude-sonnet-4-5-20250929-v1:0", &u, PRICE_REQUEST, NOW),
                     132001); /* 200,001 × 0.66 = 132,000.66 */
}

static int64_t pico_usd(const char *model, const int64_t counts[USAGE_COUNTS], unsigned flags)
{
    struct price price;
    int64_t cost = -1;
    assert_true(price_of(NULL, str_of(model), at(NOW), &price));
    assert_true(price_counts_pico_usd(&price, counts, flags, &cost));
    return cost;
}

/* Each 1000 tokens of output; USD per million from the vendors' pages. */
static void a_tier_is_billed_at_its_part_or_multiple(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        unsigned flags;
        int64_t micro_usd;
    } rows[] = {
        {"claude-opus-4-6", USAGE_FAST, 150000},                 /* 150 */
        {"claude-opus-4-7", USAGE_FAST, 150000},                 /* 150 */
        {"claude-opus-4-8", USAGE_FAST, 50000},                  /* 50 */
        {"claude-opus-5", USAGE_FAST, 50000},                    /* 50 */
        {"claude-haiku-4-5", USAGE_FAST, 5000},                  /* there is no fast mode */
        {"gpt-5.5", USAGE_FAST, 75000},                          /* 75 */
        {"gpt-5.4", USAGE_FAST, 30000},                          /* 30 */
        {"gpt-5.4-mini", USAGE_FAST, 9000},                      /* 9 */
        {"gpt-5.2", USAGE_FAST, 28000},                          /* 28 */
        {"gpt-5.1-codex", USAGE_FAST, 20000},                    /* 20 */
        {"gpt-5-codex", USAGE_FAST, 20000},                      /* 20 */
        {"gpt-5-mini", USAGE_FAST, 3600},                        /* 3.60 */
        {"gpt-4.1", USAGE_FAST, 14000},                          /* 14 */
        {"claude-opus-4-5", USAGE_BATCH, 12500},                 /* half of 25 */
        {"gpt-5.5", USAGE_BATCH, 15000},                         /* half of 30 */
        {"claude-opus-4-6", USAGE_US_ONLY, 27500},               /* 25 × 1.1 */
        {"claude-opus-4-6", USAGE_US_ONLY | USAGE_BATCH, 13750}, /* and half of it */
        {"gpt-5.5", USAGE_FAST | USAGE_OVER_272K, 112500},       /* 45 × 2.5 */
        {"gpt-5.5", USAGE_OVER_200K, 30000},                     /* its long context begins at 272,000 */
        {"claude-sonnet-4-5", USAGE_OVER_200K, 22500},           /* 22.50 */
    };
    const int64_t counts[USAGE_COUNTS] = {[COUNT_OUTPUT] = 1000};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (pico_usd(rows[i].model, counts, rows[i].flags) != rows[i].micro_usd * 1000000)
            fail_msg("%s, %u: %lld", rows[i].model, rows[i].flags,
                     (long long)pico_usd(rows[i].model, counts, rows[i].flags));
    const int64_t searches[USAGE_COUNTS] = {[COUNT_WEB_SEARCHES] = 3};
    assert_int_equal(pico_usd("claude-opus-4-6", searches, USAGE_FAST | USAGE_US_ONLY), INT64_C(30000000000));
}

static void an_hours_write_where_none_is_sold_is_billed_as_one_of_five_minutes(void **state)
{
    (void)state;
    const int64_t counts[USAGE_COUNTS] = {[COUNT_CACHE_WRITE_1H] = 1000};
    assert_int_equal(pico_usd("gpt-6-astra", counts, 0), 1000 * INT64_C(12500000)); /* 12.50 */
    assert_int_equal(pico_usd("gpt-5.5", counts, 0), 1000 * INT64_C(5000000));      /* input: 5 */
}

/* The figures of the study that the table was checked against, USD per million: in, out, read, write 5 m,
 * write 1 h. */
static void current_models_cost_what_their_vendors_publish(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        double in, out, read, write_5m, write_1h;
    } rows[] = {
        {"claude-opus-5-5", 4, 20, .20, 5, 8},
        {"claude-opus-5", 5, 25, .5, 6.25, 10},
        {"claude-opus-4-8", 5, 25, .5, 6.25, 10},
        {"claude-opus-4-7", 5, 25, .5, 6.25, 10},
        {"claude-opus-4-6", 5, 25, .5, 6.25, 10},
        {"claude-opus-4-5", 5, 25, .5, 6.25, 10},
        {"claude-opus-4-1", 15, 75, 1.5, 18.75, 30},
        {"claude-opus-4", 15, 75, 1.5, 18.75, 30},
        {"claude-fable-5", 10, 50, 1, 12.5, 20},
        {"claude-mythos-5", 10, 50, 1, 12.5, 20},
        {"claude-fable-5-1", 10, 50, .25, 12.5, 20},
        {"claude-mythos-5-1", 10, 50, .25, 12.5, 20},
        {"claude-sonnet-5", 2, 10, .2, 2.5, 4},
        {"claude-sonnet-4-6", 3, 15, .3, 3.75, 6},
        {"claude-3-7-sonnet", 3, 15, .3, 3.75, 6},
        {"claude-sonnet-4-5", 3, 15, .3, 3.75, 6},
        {"claude-sonnet-4", 3, 15, .3, 3.75, 6},
        {"claude-haiku-4-5", 1, 5, .1, 1.25, 2},
        {"claude-3-5-haiku", .8, 4, .08, 1, 1.6},
        {"gpt-6-astra", 10, 50, 1, 12.5, -1},
        {"gpt-5.6-sol", 4, 20, .4, 5, -1},
        {"gpt-5.6-terra", 2, 12, .2, 2.5, -1},
        {"gpt-5.6-luna", .2, 1.2, .02, .25, -1},
        {"gpt-5.5", 5, 30, .5, -1, -1},
        {"gpt-5.4", 2.5, 15, .25, -1, -1},
        {"gpt-5.4-mini", .75, 4.5, .075, -1, -1},
        {"gpt-5.4-nano", .2, 1.25, .02, -1, -1},
        {"gpt-5.3-codex", 1.75, 14, .175, -1, -1},
        {"gpt-5.2", 1.75, 14, .175, -1, -1},
        {"gpt-5.2-codex", 1.75, 14, .175, -1, -1},
        {"gpt-5.1", 1.25, 10, .125, -1, -1},
        {"gpt-5.1-codex", 1.25, 10, .125, -1, -1},
        {"gpt-5", 1.25, 10, .125, -1, -1},
        {"gpt-5-codex", 1.25, 10, .125, -1, -1},
        {"gpt-5.1-codex-mini", .25, 2, .025, -1, -1},
        {"gpt-5-mini", .25, 2, .025, -1, -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct price p;
        assert_true(price_of(NULL, str_of(rows[i].model), at(NOW), &p));
        const double wanted[] = {rows[i].in, rows[i].out, rows[i].read, rows[i].write_5m, rows[i].write_1h};
        const int64_t got[] = {p.rates.input, p.rates.output, p.rates.cache_read, p.rates.cache_write_5m,
                               p.rates.cache_write_1h};
        for (size_t k = 0; k < COUNT_OF(wanted); k++)
            if (got[k] != (wanted[k] < 0 ? -1 : (int64_t)(wanted[k] * 1e6 + 0.5)))
                fail_msg("%s, column %zu: %lld", rows[i].model, k, (long long)got[k]);
    }
}

static void a_cost_that_does_not_fit_is_unknown(void **state)
{
    (void)state;
    struct usage u = {0};
    int64_t cost;
    u.tokens[USAGE_OUTPUT] = INT64_MAX;
    assert_false(price_cost_micro_usd(NULL, STR("claude-opus-4-5"), &u, PRICE_SUM, 0, &cost));
    u.tokens[USAGE_OUTPUT] = USAGE_TOKENS_MAX;
    assert_false(price_cost_pico_usd(NULL, STR("claude-opus-4-5"), &u, PRICE_SUM, 0, &cost));
    u.tokens[USAGE_OUTPUT] = -1;
    assert_false(price_cost_micro_usd(NULL, STR("claude-opus-4-5"), &u, PRICE_SUM, 0, &cost));
}

static void micro_usd_are_rounded_half_up(void **state)
{
    (void)state;
    struct usage u = {0};
    static const struct {
        int64_t tokens, micro_usd;
    } rows[] = {{1, 0}, {4, 0}, {5, 1}, {14, 1}, {15, 2}}; /* 0.1 micro-USD each */
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        (void)usage_set(&u, USAGE_CACHE_READ, rows[i].tokens);
        assert_int_equal(micro_usd("claude-haiku-4-5", &u, PRICE_SUM, NOW), rows[i].micro_usd);
    }
}

static void the_table_is_sorted_and_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < price_count(); i++) {
        const struct price *p = price_at(i), *before = i ? price_at(i - 1) : NULL;
        int order = before ? strcmp(before->model, p->model) : -1;
        assert_true(order < 0 || (order == 0 && before->from_us < p->from_us));
        assert_true(order == 0 || p->from_us == 0);
        assert_true(p->rates.input > 0 && p->rates.output > 0);
        assert_true(p->long_above_tokens == 0 || p->long_above_tokens == PRICE_LONG_200K ||
                    p->long_above_tokens == PRICE_LONG_272K);
        assert_int_equal(p->long_above_tokens > 0, p->long_rates.input > 0);
        assert_true(p->long_above_tokens == 0 || p->long_rates.output > p->rates.output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_that_is_not_in_the_table_has_no_price_and_not_the_price_zero),
        cmocka_unit_test(each_kind_of_token_is_billed_at_its_own_rate),
        cmocka_unit_test(cache_kinds_that_are_not_sold_are_billed_as_input),
        cmocka_unit_test(a_request_beyond_the_threshold_is_billed_higher_as_a_whole),
        cmocka_unit_test(usage_has_the_price_of_its_day),
        cmocka_unit_test(a_model_is_known_by_each_of_its_spellings),
        cmocka_unit_test(a_name_with_another_number_behind_it_is_another_model),
        cmocka_unit_test(a_regional_endpoint_of_bedrock_costs_more),
        cmocka_unit_test(a_tier_is_billed_at_its_part_or_multiple),
        cmocka_unit_test(an_hours_write_where_none_is_sold_is_billed_as_one_of_five_minutes),
        cmocka_unit_test(current_models_cost_what_their_vendors_publish),
        cmocka_unit_test(a_cost_that_does_not_fit_is_unknown),
        cmocka_unit_test(micro_usd_are_rounded_half_up),
        cmocka_unit_test(the_table_is_sorted_and_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
