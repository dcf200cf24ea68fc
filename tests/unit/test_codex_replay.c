/* test_codex_replay.c -- which lines of a fork's rollout are its parent's, written again (spec 60 U3, U7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/codex_replay.h"

#define SECOND INT64_C(1000000)
/* 0x019fa8900000 ms after 1970 */
#define FORKED_US INT64_C(1785239437312000)
#define FORK_ID STR("019fa890-0000-7000-8000-000000000001")
#define OLDER STR("019fa88f-ffff-7fff-bfff-ffffffffffff") /* a millisecond before */
#define NEWER STR("019FA890-0001-7000-8000-000000000001")
#define RANDOM STR("c2a1f4f0-1111-4111-8111-000000000001") /* version 4: no time */

static struct codex_replay fork_of(bool has_parent)
{
    struct codex_replay r;
    codex_replay_begin(&r, FORK_ID, has_parent, FORKED_US + 5000);
    return r;
}

static void a_session_without_a_parent_has_nothing_of_another_one(void **state)
{
    struct codex_replay r = fork_of(false);
    (void)state;
    codex_replay_meta(&r, false);
    codex_replay_turn(&r, OLDER);
    assert_false(codex_replay_line(&r, FORKED_US - SECOND));
}

static void the_first_turn_that_is_not_older_than_the_fork_is_its_own_and_all_behind_it(void **state)
{
    struct codex_replay r = fork_of(true);
    (void)state;
    assert_int_equal(r.forked_us, FORKED_US); /* as its id says */
    codex_replay_meta(&r, false);
    assert_true(codex_replay_line(&r, FORKED_US + 6000));
    codex_replay_turn(&r, OLDER);
    assert_true(codex_replay_line(&r, FORKED_US + 7000));
    codex_replay_turn(&r, RANDOM);                               /* says nothing */
    assert_true(codex_replay_line(&r, FORKED_US + 60 * SECOND)); /* slow to write: no pause ends it */
    codex_replay_turn(&r, NEWER);
    assert_false(codex_replay_line(&r, FORKED_US + 60 * SECOND));
    codex_replay_turn(&r, OLDER);
    codex_replay_meta(&r, false);
    assert_false(codex_replay_line(&r, FORKED_US - SECOND));
}

static void a_turn_that_begins_with_the_fork_is_its_own(void **state)
{
    struct codex_replay r = fork_of(true);
    (void)state;
    codex_replay_meta(&r, false);
    codex_replay_turn(&r, FORK_ID);
    assert_false(codex_replay_line(&r, FORKED_US));
}

static void a_fork_that_writes_nothing_again_counts_from_its_first_line(void **state)
{
    struct codex_replay r = fork_of(true);
    (void)state;
    assert_false(codex_replay_line(&r, FORKED_US + 5000)); /* neither the parent's line nor anything older */
    assert_false(codex_replay_line(&r, 0));
    codex_replay_turn(&r, NEWER);
    assert_false(codex_replay_line(&r, FORKED_US + 6000));
}

static void without_ids_of_turns_a_pause_ends_it(void **state)
{
    struct codex_replay r = fork_of(true);
    (void)state;
    codex_replay_meta(&r, false);
    for (int i = 1; i <= 5; i++)
        assert_true(codex_replay_line(&r, FORKED_US + i * SECOND)); /* each a second behind the one before */
    assert_true(codex_replay_line(&r, 0));
    assert_false(codex_replay_line(&r, FORKED_US + 6 * SECOND + 1));
    assert_false(codex_replay_line(&r, FORKED_US + 6 * SECOND + 2));
}

static void times_that_were_kept_are_older_than_the_fork(void **state)
{
    struct codex_replay r = fork_of(true);
    (void)state;
    assert_true(codex_replay_line(&r, FORKED_US - 900 * SECOND)); /* and no parent's first line before it */
    assert_true(codex_replay_line(&r, FORKED_US - 1));
    assert_false(codex_replay_line(&r, FORKED_US + 2 * SECOND));
}

static void the_childs_own_first_line_again_ends_it(void **state)
{
    struct codex_replay r = fork_of(true);
    (void)state;
    codex_replay_meta(&r, false);
    assert_true(codex_replay_line(&r, FORKED_US));
    codex_replay_meta(&r, true);
    assert_false(codex_replay_line(&r, FORKED_US));
}

static void an_id_that_tells_no_time_leaves_that_of_the_line(void **state)
{
    static const struct str ids[] = {{"", 0},
                                     {"thread-1", 8},
                                     {"019fa890-000g-7000-8000-000000000001", 36},
                                     {"019fa890-0000-4000-8000-000000000001", 36}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct codex_replay r;
        codex_replay_begin(&r, ids[i], true, 7 * SECOND);
        assert_int_equal(r.forked_us, 7 * SECOND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_without_a_parent_has_nothing_of_another_one),
        cmocka_unit_test(the_first_turn_that_is_not_older_than_the_fork_is_its_own_and_all_behind_it),
        cmocka_unit_test(a_turn_that_begins_with_the_fork_is_its_own),
        cmocka_unit_test(a_fork_that_writes_nothing_again_counts_from_its_first_line),
        cmocka_unit_test(without_ids_of_turns_a_pause_ends_it),
        cmocka_unit_test(times_that_were_kept_are_older_than_the_fork),
        cmocka_unit_test(the_childs_own_first_line_again_ends_it),
        cmocka_unit_test(an_id_that_tells_no_time_leaves_that_of_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
