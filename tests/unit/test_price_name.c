/* test_price_name.c -- what transcripts call a model, and what a price list does. */
#include "core/price_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void a_name_loses_what_does_not_make_it_another_model(void **state)
{
    (void)state;
    static const struct {
        const char *model, *bare, *plain;
        bool is_regional;
    } rows[] = {
        {"claude-opus-4-5", "claude-opus-4-5", "claude-opus-4-5", false},
        {"claude-opus-4-5-20251101", "claude-opus-4-5-20251101", "claude-opus-4-5", false},
        {"claude-opus-4-5@20251101", "claude-opus-4-5@20251101", "claude-opus-4-5", false},
        {"claude-opus-4-5@default", "claude-opus-4-5@default", "claude-opus-4-5", false},
        {"claude-sonnet-4-5-20250929[1m]", "claude-sonnet-4-5-20250929[1m]", "claude-sonnet-4-5", false},
        {"Claude-Opus-4.5", "claude-opus-4.5", "claude-opus-4-5", false},
        {"anthropic/claude-opus-4-0", "claude-opus-4-0", "claude-opus-4", false},
        {"anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1-20250805-v1:0", "claude-opus-4-1", true},
        {"us.anthropic.claude-sonnet-5", "claude-sonnet-5", "claude-sonnet-5", true},
        {"us-gov.anthropic.claude-sonnet-5", "claude-sonnet-5", "claude-sonnet-5", true},
        {"global.anthropic.claude-sonnet-5-v1:0", "claude-sonnet-5-v1:0", "claude-sonnet-5", false},
        {"arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-sonnet-5-v1:0",
         "claude-sonnet-5-v1:0", "claude-sonnet-5", true},
        {"GLM-5.2", "glm-5.2", "glm-5.2", false},
        {"openai/gpt-5-2025-08-07", "gpt-5-2025-08-07", "gpt-5", false},
        {"models/gemini-2.0-flash-001", "gemini-2.0-flash-001", "gemini-2.0-flash", false},
        {"codex-mini-latest", "codex-mini-latest", "codex-mini-latest",
         false}, /* "codex-mini" has no digit */
        {"grok-4-0709", "grok-4-0709", "grok-4-0709", false},
        {"-20250929", "-20250929", "-20250929", false},
        {"/", "", "", false},
        {"", "", "", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct price_name name;
        price_name_read(str_of(rows[i].model), &name);
        if (!str_equal(name.bare, str_of(rows[i].bare)) || !str_equal(name.plain, str_of(rows[i].plain)))
            fail_msg("%s: %.*s, %.*s", rows[i].model, STR_ARG(name.bare), STR_ARG(name.plain));
        if (name.is_regional != rows[i].is_regional)
            fail_msg("%s: regional", rows[i].model);
    }
}

static void a_name_that_is_too_long_is_none(void **state)
{
    (void)state;
    char text[USAGE_MODEL_MAX * 5];
    memset(text, 'a', sizeof(text));
    static const size_t lengths[] = {USAGE_MODEL_MAX + 1, USAGE_MODEL_MAX * 4, USAGE_MODEL_MAX * 5};
    struct price_name name;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        price_name_read((struct str){text, lengths[i]}, &name);
        assert_true(str_empty(name.bare) && str_empty(name.plain));
    }
    price_name_read((struct str){text, USAGE_MODEL_MAX}, &name);
    assert_int_equal(name.bare.n, USAGE_MODEL_MAX);
}

static void a_word_may_follow_a_name_and_another_number_may_not(void **state)
{
    (void)state;
    static const struct {
        const char *name, *beginning;
        bool goes_on;
    } rows[] = {
        {"claude-sonnet-5", "claude-sonnet-5", true},
        {"claude-sonnet-5-preview", "claude-sonnet-5", true},
        {"claude-sonnet-5-5", "claude-sonnet-5", false},
        {"claude-sonnet-5.5", "claude-sonnet-5", false},
        {"claude-sonnet-50", "claude-sonnet-5", false},
        {"claude-sonnet-5x", "claude-sonnet-5", false},
        {"claude-opus-4-5-2025", "claude-opus-4-5", false},
        {"gemini-2.5-pro-preview-05-06", "gemini-2.5-pro", true},
        {"gemini-2.5-pro-exp-03-25", "gemini-2.5-pro", true},
        {"gemini-2.5-pro-2", "gemini-2.5-pro", true}, /* the name ended in a word */
        {"gemini-2.5-prompt", "gemini-2.5-pro", false},
        {"gemini-2.5", "gemini-2.5-pro", false},
        {"gpt-5", "", false},
        {"", "", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (price_name_goes_on(str_of(rows[i].name), str_of(rows[i].beginning)) != rows[i].goes_on)
            fail_msg("%s, %s", rows[i].name, rows[i].beginning);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_loses_what_does_not_make_it_another_model),
        cmocka_unit_test(a_name_that_is_too_long_is_none),
        cmocka_unit_test(a_word_may_follow_a_name_and_another_number_may_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
