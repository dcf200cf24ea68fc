/* test_knowledge.c -- when two facts are the same, and how sure one is (spec 60 V2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/knowledge.h"

static bool near(const char *a, const char *b)
{
    struct buf x = BUF_INIT, y = BUF_INIT;
    knowledge_normalise(str_of(a), &x);
    knowledge_normalise(str_of(b), &y);
    bool is = knowledge_is_near(buf_str(&x), buf_str(&y));
    assert_int_equal(is, knowledge_is_near(buf_str(&y), buf_str(&x)));
    buf_deinit(&x);
    buf_deinit(&y);
    return is;
}

static void confidence_follows_from_the_kind(void **state)
{
    (void)state;
    assert_int_equal(knowledge_confidence_micros(KNOWLEDGE_CORRECTION), 900000);
    assert_int_equal(knowledge_confidence_micros(KNOWLEDGE_DEFINITION), 900000);
    assert_int_equal(knowledge_confidence_micros(KNOWLEDGE_CONFIRMATION), 600000);
}

static void only_the_words_count(void **state)
{
    struct buf b = BUF_INIT;
    (void)state;
    knowledge_normalise(STR("  The  DB-1 (staging), v1.5: don't\tdrop!  "), &b);
    assert_string_equal(b.p, "the db-1 staging v1.5 dont drop");
    buf_clear(&b);
    knowledge_normalise(STR("\xc3\x84rger ..."), &b);
    assert_string_equal(b.p, "\xc3\x84rger");
    buf_clear(&b);
    knowledge_normalise(STR("?!"), &b);
    assert_string_equal(b.p, "");
    buf_deinit(&b);
}

static void what_is_said_in_nearly_the_same_words_is_near(void **state)
{
    (void)state;
    assert_true(near("The staging database lives on host db-1 in Prague.",
                     "the staging database lives on the host db-1 in Prague"));
    assert_false(near("The staging database lives on host db-1 in Prague.",
                      "Releases are cut on Tuesdays by the platform team."));
    assert_true(near("Each release is cut on a Tuesday by the platform team.",
                     "Each release is cut on Tuesdays by our platform team."));
    assert_false(near("Use tabs.", "Use tabs")); /* too short to be told apart from its contrary */
}

static void another_number_or_a_negation_makes_another_fact(void **state)
{
    (void)state;
    assert_false(near("The staging database listens on port 5432 of host db-1.",
                      "The staging database listens on port 5433 of host db-1."));
    assert_false(near("Deploy to production on Fridays after the freeze ends.",
                      "Never deploy to production on Fridays after the freeze ends."));
    assert_false(near("The staging database of the shop lives on host alpha.",
                      "The staging database of the shop lives on host gamma."));
    assert_false(near("The billing service depends on the ledger service.",
                      "The ledger service depends on the billing service."));
    assert_false(near("You should rebase feature branches before merging them.",
                      "You shouldn't rebase feature branches before merging them."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confidence_follows_from_the_kind),
        cmocka_unit_test(only_the_words_count),
        cmocka_unit_test(what_is_said_in_nearly_the_same_words_is_near),
        cmocka_unit_test(another_number_or_a_negation_makes_another_fact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
