/* test_usage_account.c -- spec 60 U5: the causes add up to the difference, and each step goes to its own. */
#include "core/usage_account.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* USD per million: input 3, output 15, read 0.3, write 3.75, an hour's write 6; twice that above 200 k. */
static const struct price list = {
    .model = "m",
    .rates = {3000000, 15000000, 300000, 3750000, 6000000},
    .long_above_tokens = PRICE_LONG_200K,
    .long_rates = {6000000, 22500000, 600000, 7500000, 12000000},
    .fast_percent = 600,
};
static const struct ccusage_price theirs = {
    .name = "m",
    .rates = {3000000, 15000000, 3750000, 300000},
    .mode = CCUSAGE_MARGINAL,
    .threshold = 200000,
    .above = {6000000, 22500000, 7500000, 600000},
    .fast_percent = 600,
    .read_is_told = true,
};

static struct usage_counted counted(const int64_t *counts, unsigned flags)
{
    return (struct usage_counted){.counts = counts,
                                  .flags = flags | usage_event_size_flags(counts),
                                  .there = &theirs,
                                  .published_now = &list,
                                  .published = &list,
                                  .price = &list};
}

/* What that tool says of the same answer. */
static struct usage_told told(const struct usage_counted *m)
{
    const int64_t *c = m->counts;
    struct ccusage_tokens t = {(uint64_t)c[COUNT_INPUT], (uint64_t)c[COUNT_OUTPUT],
                               (uint64_t)c[COUNT_CACHE_WRITE_5M], (uint64_t)c[COUNT_CACHE_WRITE_1H],
                               (uint64_t)c[COUNT_CACHE_READ]};
    bool fast = m->flags & USAGE_FAST;
    double usd = ccusage_cost_usd(m->there, &t, fast, m->is_codex);
    return (struct usage_told){usage_event_tokens(c), usd, usd, false, fast};
}

static struct usage_booked all_of(const struct usage_account *a)
{
    struct usage_booked sum = {0};
    for (int i = 0; i < USAGE_CAUSES; i++) {
        sum.tokens += a->causes[i].tokens;
        sum.usd += a->causes[i].usd;
    }
    return sum;
}

/* Nothing but this cause is booked. */
static void assert_alone(const struct usage_account *a, enum usage_cause cause, int64_t tokens, double usd)
{
    for (int i = 0; i < USAGE_CAUSES; i++)
        if (i != (int)cause && (a->causes[i].answers || a->causes[i].tokens))
            fail_msg("%s is booked", usage_cause_texts[i].name);
    assert_int_equal(a->causes[cause].answers, 1);
    assert_int_equal(a->causes[cause].tokens, tokens);
    if (fabs(a->causes[cause].usd - usd) > 1e-9)
        fail_msg("%.12f instead of %.12f", a->causes[cause].usd, usd);
}

static void every_cause_has_a_name_and_a_text(void **state)
{
    (void)state;
    for (int i = 0; i < USAGE_CAUSES; i++) {
        assert_non_null(usage_cause_texts[i].name);
        assert_non_null(usage_cause_texts[i].text);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(usage_cause_texts[i].name, usage_cause_texts[k].name);
    }
}

static void an_answer_that_both_count_alike_is_no_cause(void **state)
{
    (void)state;
    static const int64_t counts[USAGE_COUNTS] = {1000, 100, 10, 20, 5000};
    struct usage_counted m = counted(counts, USAGE_FAST);
    struct usage_told t = told(&m);
    struct usage_account a = {0};
    usage_account_book(&a, &t, &m, CAUSE_TELLING);
    for (int i = 0; i < USAGE_CAUSES; i++)
        assert_int_equal(a.causes[i].answers, 0);
}

static void what_one_side_alone_counts_goes_whole_to_its_cause(void **state)
{
    (void)state;
    static const int64_t counts[USAGE_COUNTS] = {1000000};
    struct usage_counted m = counted(counts, 0);
    struct usage_told t = {.tokens = 7, .usd = 0.5, .priced = 0.5};
    struct usage_account here = {0}, there = {0};
    usage_account_book(&here, NULL, &m, CAUSE_NULL);
    assert_alone(&here, CAUSE_NULL, 1000000, 6); /* above 200 k: 6 USD per million */
    usage_account_book(&there, &t, NULL, CAUSE_NO_REQUEST);
    assert_alone(&there, CAUSE_NO_REQUEST, -7, -0.5);
}

/* Each: what it costs here, less what it costs there. */
static void each_step_of_the_price_goes_to_its_own_cause(void **state)
{
    (void)state;
    static const struct price half = {.model = "m", .rates = {1500000, 7500000, 150000, 1875000, 3000000}};
    static const struct {
        enum usage_cause cause;
        int64_t counts[USAGE_COUNTS];
        unsigned flags;
        double usd;
    } steps[] = {
        /* 250 k read: 0.15 here; there 200 k * 0.3 + 50 k * 0.6 = 0.09; 10 k output: 0.225 and 0.15 */
        {CAUSE_LONG_CONTEXT, {0, 10000, 0, 0, 250000}, 0, 0.15 + 0.225 - 0.09 - 0.15},
        {CAUSE_BATCH, {100000}, USAGE_BATCH, -0.15},
        {CAUSE_US_ONLY, {100000}, USAGE_US_ONLY, 0.03},
        {CAUSE_WEB_SEARCH, {100000, 0, 0, 0, 0, 0, 3}, 0, 0.03},
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct usage_counted m = counted(steps[i].counts, steps[i].flags);
        struct usage_told t = told(&m);
        struct usage_account a = {0};
        usage_account_book(&a, &t, &m, CAUSE_TELLING);
        assert_alone(&a, steps[i].cause, 0, steps[i].usd);
    }
    static const int64_t plain[USAGE_COUNTS] = {100000};
    struct usage_counted m = counted(plain, 0);
    struct usage_told t = told(&m);
    struct usage_account dated = {0}, own = {0}, listed = {0}, here = {0}, there = {0}, cost = {0};
    m.price = m.published = &half; /* then half of now */
    usage_account_book(&dated, &t, &m, CAUSE_TELLING);
    assert_alone(&dated, CAUSE_DATED_PRICE, 0, -0.15);
    m.published = &list;
    usage_account_book(&own, &t, &m, CAUSE_TELLING);
    assert_alone(&own, CAUSE_OWN_PRICE, 0, -0.15);
    m.published = m.published_now = &half;
    usage_account_book(&listed, &t, &m, CAUSE_TELLING);
    assert_alone(&listed, CAUSE_LIST_PRICE, 0, -0.15);
    m.price = NULL;
    usage_account_book(&here, &t, &m, CAUSE_TELLING);
    assert_alone(&here, CAUSE_UNKNOWN_HERE, 0, -0.3);
    m = counted(plain, 0);
    m.there = NULL;
    t = told(&m);
    usage_account_book(&there, &t, &m, CAUSE_TELLING);
    assert_alone(&there, CAUSE_UNKNOWN_THERE, 0, 0.3);
    m = counted(plain, 0);
    t = told(&m);
    t.usd = 2;
    usage_account_book(&cost, &t, &m, CAUSE_TELLING);
    assert_alone(&cost, CAUSE_TOLD_COST, 0, 0.3 - 2);
}

static void another_telling_takes_its_tokens_at_that_tools_prices(void **state)
{
    (void)state;
    static const int64_t small[USAGE_COUNTS] = {100000}, large[USAGE_COUNTS] = {100000, 10000};
    struct usage_counted of_small = counted(small, 0), m = counted(large, 0);
    struct usage_told t = told(&of_small);
    struct usage_account a = {0};
    usage_account_book(&a, &t, &m, CAUSE_TELLING);
    assert_alone(&a, CAUSE_TELLING, 10000, 0.15);
}

static void what_is_left_is_said(void **state)
{
    (void)state;
    struct usage_account a = {0};
    usage_account_settle(&a, 0, 5e-7);
    assert_int_equal(all_of(&a).tokens, 0);
    assert_true(all_of(&a).usd == 0);
    usage_account_settle(&a, 3, 0.25);
    assert_int_equal(a.causes[CAUSE_OTHER].tokens, 3);
    assert_true(a.causes[CAUSE_OTHER].usd == 0.25);
}

/* -- whatever the answers are -- */

static uint64_t state_of_random = 1;
static uint64_t random_below(uint64_t n)
{
    state_of_random = state_of_random * 6364136223846793005U + 1442695040888963407U;
    return (state_of_random >> 33) % n;
}

static struct price random_price(void)
{
    struct price p = list;
    price_scale(&p, 1 + (int)random_below(300));
    p.long_above_tokens = random_below(3) ? PRICE_LONG_200K : random_below(2) ? PRICE_LONG_272K : 0;
    p.batch_percent = (int)random_below(100);
    return p;
}

static void book_random(struct usage_account *a, struct usage_booked *ret_there,
                        struct usage_booked *ret_here)
{
    int64_t counts[USAGE_COUNTS];
    struct price prices[3] = {random_price(), random_price(), random_price()};
    struct ccusage_price there = theirs;
    for (int i = 0; i < USAGE_COUNTS; i++)
        counts[i] = (int64_t)random_below(random_below(2) ? 5 : 300000);
    there.mode = (int)random_below(3);
    struct usage_counted m = {.counts = counts,
                              .flags = (unsigned)random_below(16) | usage_event_size_flags(counts),
                              .is_codex = random_below(2),
                              .there = random_below(5) ? &there : NULL,
                              .published_now = random_below(5) ? &prices[0] : NULL,
                              .published = random_below(5) ? &prices[1] : NULL,
                              .price = random_below(5) ? &prices[2] : NULL};
    struct usage_told t = told(&m);
    t.has_other_model = random_below(4) == 0;
    t.is_fast = random_below(2);
    t.tokens += random_below(3) ? 0 : (int64_t)random_below(1000) - 500;
    t.priced *= random_below(3) ? 1 : 1.5;
    t.usd = random_below(3) ? t.priced : 0.125;
    bool is_there = random_below(4), is_here = random_below(4);
    usage_account_book(a, is_there ? &t : NULL, is_here ? &m : NULL,
                       (enum usage_cause)random_below(CAUSE_TOLD_COST));
    ret_there->tokens += is_there ? t.tokens : 0;
    ret_there->usd += is_there ? t.usd : 0;
    ret_here->tokens += is_here ? usage_event_tokens(counts) : 0;
    ret_here->usd += is_here ? (double)usage_counted_pico_usd(&m) * 1e-12 : 0;
}

static void causes_add_up_to_the_difference_whatever_the_answers_are(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct usage_account a = {0};
        struct usage_booked there = {0}, here = {0};
        for (int i = 0; i < 200; i++)
            book_random(&a, &there, &here);
        struct usage_booked booked = all_of(&a);
        assert_int_equal(booked.tokens, here.tokens - there.tokens);
        if (fabs(booked.usd - (here.usd - there.usd)) > 1e-6)
            fail_msg("round %d: %.9f instead of %.9f", round, booked.usd, here.usd - there.usd);
        assert_int_equal(a.causes[CAUSE_OTHER].answers, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cause_has_a_name_and_a_text),
        cmocka_unit_test(an_answer_that_both_count_alike_is_no_cause),
        cmocka_unit_test(what_one_side_alone_counts_goes_whole_to_its_cause),
        cmocka_unit_test(each_step_of_the_price_goes_to_its_own_cause),
        cmocka_unit_test(another_telling_takes_its_tokens_at_that_tools_prices),
        cmocka_unit_test(what_is_left_is_said),
        cmocka_unit_test(causes_add_up_to_the_difference_whatever_the_answers_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
