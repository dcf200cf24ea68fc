/* test_workflow.c -- where a task begins, goes next and ends (spec 20 Q1). */
#include "core/workflow.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct workflow_stage stages[] = {
    {.name = "plan", .agent = "claude"}, {.name = "build"}, {.name = "review", .agent = "codex"}};
static const struct workflow three = {.name = "three", .stages = stages, .stage_count = COUNT_OF(stages)};
static const struct workflow none = {.name = "none"};

static void a_task_begins_in_the_first_stage(void **state)
{
    (void)state;
    assert_string_equal(workflow_first(&three), "plan");
}

static void a_workflow_without_stages_begins_and_ends_with_done(void **state)
{
    (void)state;
    assert_string_equal(workflow_first(&none), "done");
    assert_string_equal(workflow_next(&none, "plan"), "done");
    assert_false(workflow_has_stage(&none, "plan"));
    assert_true(workflow_has_stage(&none, "done"));
}

static void stages_follow_in_the_listed_order_and_done_follows_the_last(void **state)
{
    (void)state;
    assert_string_equal(workflow_next(&three, "plan"), "build");
    assert_string_equal(workflow_next(&three, "build"), "review");
    assert_string_equal(workflow_next(&three, "review"), "done");
}

static void walking_from_the_first_stage_ends_after_all_of_them(void **state)
{
    (void)state;
    size_t steps = 0;
    for (const char *at = workflow_first(&three); !workflow_stage_is_terminal(at);
         at = workflow_next(&three, at))
        assert_true(++steps <= three.stage_count);
    assert_int_equal(steps, three.stage_count);
}

static void a_stage_that_is_not_listed_leads_to_done(void **state)
{
    (void)state;
    assert_string_equal(workflow_next(&three, "deploy"), "done");
    assert_string_equal(workflow_next(&three, "done"), "done");
    assert_string_equal(workflow_next(&three, "cancelled"), "done");
}

static void done_and_cancelled_are_terminal_and_need_no_listing(void **state)
{
    (void)state;
    assert_true(workflow_stage_is_terminal("done"));
    assert_true(workflow_stage_is_terminal("cancelled"));
    assert_true(workflow_has_stage(&three, "done"));
    assert_true(workflow_has_stage(&three, "cancelled"));
    assert_null(workflow_stage(&three, "done"));
}

static void only_those_two_are_terminal(void **state)
{
    (void)state;
    static const char *const others[] = {"plan", "", "Done", "done ", "cancel", "canceled", "failed"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(workflow_stage_is_terminal(others[i]));
}

static void done_may_be_listed_as_the_last_stage_all_the_same(void **state)
{
    (void)state;
    struct workflow_stage listed[] = {{.name = "build"}, {.name = "done"}};
    struct workflow w = {.name = "w", .stages = listed, .stage_count = COUNT_OF(listed)};
    assert_string_equal(workflow_next(&w, "build"), "done");
    assert_string_equal(workflow_next(&w, "done"), "done");
}

static void a_stage_is_found_by_its_whole_name_alone(void **state)
{
    (void)state;
    assert_ptr_equal(workflow_stage(&three, "review"), &stages[2]);
    assert_string_equal(workflow_stage(&three, "review")->agent, "codex");
    assert_null(workflow_stage(&three, "rev"));
    assert_null(workflow_stage(&three, "reviews"));
    assert_null(workflow_stage(&three, "Review"));
    assert_false(workflow_has_stage(&three, "deploy"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_begins_in_the_first_stage),
        cmocka_unit_test(a_workflow_without_stages_begins_and_ends_with_done),
        cmocka_unit_test(stages_follow_in_the_listed_order_and_done_follows_the_last),
        cmocka_unit_test(walking_from_the_first_stage_ends_after_all_of_them),
        cmocka_unit_test(a_stage_that_is_not_listed_leads_to_done),
        cmocka_unit_test(done_and_cancelled_are_terminal_and_need_no_listing),
        cmocka_unit_test(only_those_two_are_terminal),
        cmocka_unit_test(done_may_be_listed_as_the_last_stage_all_the_same),
        cmocka_unit_test(a_stage_is_found_by_its_whole_name_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
