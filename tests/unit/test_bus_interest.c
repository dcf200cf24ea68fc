#include "node/bus/interest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct interest_entry entry(const char *pattern, const char *queue)
{
    return (struct interest_entry){.pattern = str_of(pattern), .queue = str_of(queue ? queue : "")};
}

static size_t matched(struct interest *i, const char *subject)
{
    const struct interest_match *m = interest_find(i, str_of(subject));
    size_t count = m->plain.count;
    for (size_t g = 0; g < m->group_count; g++)
        count += m->groups[g].count;
    return count;
}

static void a_subject_finds_literals_and_patterns(void **state)
{
    struct interest i;
    struct interest_entry all[] = {entry("system.*.health", NULL), entry("system.bus.health", NULL),
                                   entry(">", NULL), entry("system.>", NULL),
                                   entry("system.*.control", NULL)};
    (void)state;
    interest_init(&i);
    for (size_t k = 0; k < COUNT_OF(all); k++)
        interest_add(&i, &all[k]);
    assert_int_equal(matched(&i, "system.bus.health"), 4); /* all but the control */
    assert_int_equal(matched(&i, "system.api.health"), 3);
    assert_int_equal(matched(&i, "system"), 1);
    assert_int_equal(matched(&i, "System.bus.health"), 1);
    assert_null(interest_find(&i, STR("system..health")));
    assert_null(interest_find(&i, STR("system.*.health")));
    interest_deinit(&i);
}

static void members_of_a_group_are_one_list_whatever_pattern_each_came_by(void **state)
{
    struct interest i;
    struct interest_entry all[] = {entry("a.*", "q"), entry("a.b", "q"), entry("a.>", "r"),
                                   entry("a.b", NULL)};
    (void)state;
    interest_init(&i);
    for (size_t k = 0; k < COUNT_OF(all); k++)
        interest_add(&i, &all[k]);
    const struct interest_match *m = interest_find(&i, STR("a.b"));
    assert_int_equal(m->plain.count, 1);
    assert_int_equal(m->group_count, 2);
    assert_int_equal(m->groups[0].count + m->groups[1].count, 3);
    interest_deinit(&i);
}

static void spec_40_B3_what_matched_is_remembered_until_it_changes(void **state)
{
    struct interest i;
    struct interest_entry literal = entry("a.b", NULL), wild = entry("a.*", NULL), other = entry("x.y", NULL);
    (void)state;
    interest_init(&i);
    interest_add(&i, &literal);
    assert_int_equal(matched(&i, "a.b"), 1);
    assert_int_equal(matched(&i, "a.b"), 1);
    assert_int_equal(i.hits, 1);
    interest_add(&i, &other); /* another literal: no business of a.b */
    assert_int_equal(matched(&i, "a.b"), 1);
    assert_int_equal(i.hits, 2);
    interest_add(&i, &wild);
    assert_int_equal(matched(&i, "a.b"), 2);
    interest_remove(&i, &wild);
    assert_int_equal(matched(&i, "a.b"), 1);
    interest_remove(&i, &literal);
    assert_int_equal(matched(&i, "a.b"), 0);
    assert_int_equal(i.hits, 2);
    interest_deinit(&i);
}

static void the_cache_is_bounded(void **state)
{
    struct interest i;
    char subject[32];
    (void)state;
    interest_init(&i);
    for (int k = 0; k < 3 * INTEREST_CACHE_MAX; k++) {
        (void)snprintf(subject, sizeof(subject), "s.%d", k);
        assert_int_equal(matched(&i, subject), 0);
        assert_true(i.cache.count <= INTEREST_CACHE_MAX);
    }
    interest_deinit(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subject_finds_literals_and_patterns),
        cmocka_unit_test(members_of_a_group_are_one_list_whatever_pattern_each_came_by),
        cmocka_unit_test(spec_40_B3_what_matched_is_remembered_until_it_changes),
        cmocka_unit_test(the_cache_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
