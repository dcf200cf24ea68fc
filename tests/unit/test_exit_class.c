/* test_exit_class.c -- how a run ended, and what that means for its job. */
#include "core/exit_class.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int rate_limited_codes[] = {75, -1}, fail_codes[] = {2, 75, 124, 127, 137, -1},
           retry_codes[] = {3, -1};
static const struct agent_profile profile = {
    .rate_limited_codes = rate_limited_codes, .fail_codes = fail_codes, .retry_codes = retry_codes};
static const struct agent_profile plain;

static struct exit_facts exited(int code, const struct output_facts *told)
{
    return (struct exit_facts){.outcome = EXIT_OUTCOME_EXITED, .exit_code = code, .output = told};
}

static void exit_code_0_without_a_word_is_success_and_any_other_is_tried_again(void **state)
{
    (void)state;
    for (int code = 0; code < 256; code++) {
        struct exit_facts facts = exited(code, NULL);
        assert_int_equal(exit_classify(&plain, &facts), code == 0 ? EXIT_SUCCESS_CLASS : EXIT_RETRY);
        assert_int_equal(exit_classify(NULL, &facts), code == 0 ? EXIT_SUCCESS_CLASS : EXIT_RETRY);
    }
}

static void codes_that_the_profile_lists_mean_what_it_says(void **state)
{
    (void)state;
    static const struct {
        int code;
        enum exit_class class;
    } rows[] = {
        {75, EXIT_RATE_LIMITED}, {2, EXIT_FAIL}, {3, EXIT_RETRY}, {4, EXIT_RETRY}, {0, EXIT_SUCCESS_CLASS}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exit_facts facts = exited(rows[i].code, NULL);
        assert_int_equal(exit_classify(&profile, &facts), rows[i].class);
    }
}

/* Every combination of what an agent can tell, for a good and a bad exit code. */
static void what_the_agent_tells_goes_before_its_exit_code(void **state)
{
    (void)state;
    for (int bits = 0; bits < 16; bits++) {
        struct output_facts told = {.is_error = bits & 1,
                                    .rate_limited = bits & 2,
                                    .pattern_matched = bits & 4,
                                    .final_seen = bits & 8};
        struct exit_facts good = exited(0, &told), bad = exited(2, &told);
        bool limit = told.rate_limited || told.pattern_matched;
        bool success = !told.is_error && !told.rate_limited;
        assert_int_equal(exit_classify(&profile, &good), success ? EXIT_SUCCESS_CLASS
                                                         : limit ? EXIT_RATE_LIMITED
                                                                 : EXIT_RETRY);
        assert_int_equal(exit_classify(&profile, &bad), limit ? EXIT_RATE_LIMITED : EXIT_FAIL);
    }
}

/* An agent that works on texts about limits must not be run for ever. */
static void a_pattern_in_the_output_of_a_run_that_succeeded_means_nothing(void **state)
{
    (void)state;
    struct output_facts told = {.pattern_matched = true};
    struct exit_facts facts = exited(0, &told);
    assert_int_equal(exit_event(&profile, &facts), JOB_SUCCEED);
}

static void a_timeout_is_tried_again_unless_the_profile_lists_124(void **state)
{
    (void)state;
    struct exit_facts facts = exited(0, NULL); /* it may well exit 0 when it is told to stop */
    facts.cause = STR("timeout");
    assert_int_equal(exit_code_of(&facts), 124);
    assert_int_equal(exit_event(&plain, &facts), JOB_FAIL);
    assert_int_equal(exit_event(&profile, &facts), JOB_FAIL_FOR_GOOD);
}

static void cancelled_is_no_failure_however_it_ended(void **state)
{
    (void)state;
    for (int outcome = EXIT_OUTCOME_EXITED; outcome <= EXIT_OUTCOME_LOST; outcome++) {
        struct output_facts told = {.is_error = true, .rate_limited = true};
        struct exit_facts facts = {.outcome = (enum exit_outcome)outcome,
                                   .exit_code = 2,
                                   .cause = STR("cancelled"),
                                   .output = &told};
        assert_int_equal(exit_event(&profile, &facts), JOB_CANCEL);
    }
}

static void an_end_that_nobody_saw_is_tried_again(void **state)
{
    (void)state;
    static const char *const causes[] = {"shim lost", "shim stopped", "something new"};
    struct exit_facts facts = exited(0, NULL);
    for (size_t i = 0; i < COUNT_OF(causes); i++) {
        facts.cause = str_of(causes[i]);
        assert_int_equal(exit_code_of(&facts), -1);
        assert_int_equal(exit_event(&profile, &facts), JOB_FAIL);
    }
    facts = (struct exit_facts){.outcome = EXIT_OUTCOME_LOST};
    assert_int_equal(exit_event(&profile, &facts), JOB_FAIL);
}

static void ends_without_a_code_have_the_one_of_a_shell(void **state)
{
    (void)state;
    struct exit_facts killed = {.outcome = EXIT_OUTCOME_SIGNALED, .signal = SIGKILL};
    struct exit_facts absent = {.outcome = EXIT_OUTCOME_START_FAILED, .start_errno = ENOENT};
    struct exit_facts forbidden = {.outcome = EXIT_OUTCOME_START_FAILED, .start_errno = EACCES};
    assert_int_equal(exit_code_of(&killed), 137);
    assert_int_equal(exit_code_of(&absent), 127);
    assert_int_equal(exit_code_of(&forbidden), 126);
    assert_int_equal(exit_event(&profile, &killed), JOB_FAIL_FOR_GOOD);
    assert_int_equal(exit_event(&profile, &absent), JOB_FAIL_FOR_GOOD);
    assert_int_equal(exit_event(&plain, &absent), JOB_FAIL);
}

static void names_read_back(void **state)
{
    (void)state;
    static const char *const names[] = {"success", "retry", "fail", "rate_limited"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        enum exit_class back;
        assert_string_equal(exit_class_name((enum exit_class)i), names[i]);
        assert_true(exit_class_of(str_of(names[i]), &back));
        assert_int_equal(back, i);
    }
    enum exit_class none;
    assert_false(exit_class_of(STR("ok"), &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_code_0_without_a_word_is_success_and_any_other_is_tried_again),
        cmocka_unit_test(codes_that_the_profile_lists_mean_what_it_says),
        cmocka_unit_test(what_the_agent_tells_goes_before_its_exit_code),
        cmocka_unit_test(a_pattern_in_the_output_of_a_run_that_succeeded_means_nothing),
        cmocka_unit_test(a_timeout_is_tried_again_unless_the_profile_lists_124),
        cmocka_unit_test(cancelled_is_no_failure_however_it_ended),
        cmocka_unit_test(an_end_that_nobody_saw_is_tried_again),
        cmocka_unit_test(ends_without_a_code_have_the_one_of_a_shell),
        cmocka_unit_test(names_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
