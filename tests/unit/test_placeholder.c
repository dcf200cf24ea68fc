/* test_placeholder.c -- what a profile's command becomes with a job's values. */
#include "core/placeholder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct placeholder_values values = {.prompt = "fix {model} $(rm) {{",
                                                 .model = "m-1",
                                                 .repo = "acme/api",
                                                 .repo_path = "/srv/acme/api",
                                                 .run_id = "88"};

static void check_text(const char *template, const char *wanted)
{
    char *text = NULL;
    assert_int_equal(placeholder_expand(template, &values, &text, NULL), 0);
    assert_string_equal(text, wanted);
    free(text);
    assert_int_equal(placeholder_check(template, NULL), 0);
}

static void placeholders_are_filled_in_as_wholes_and_as_parts(void **state)
{
    (void)state;
    check_text("{model}", "m-1");
    check_text("--model={model}", "--model=m-1");
    check_text("{repo}:{run_id}{run_id}", "acme/api:8888");
    check_text("", "");
    check_text("{effort}", "");
    check_text("a{effort}b", "ab");
}

static void what_is_filled_in_is_not_looked_at_again(void **state)
{
    (void)state;
    check_text("<{prompt}>", "<fix {model} $(rm) {{>");
}

static void json_and_other_braces_stay_as_they_are(void **state)
{
    (void)state;
    static const char *const same[] = {"{\"a\":1}", "{\"a\":{\"b\":[1,{}]}}",
                                       "{}",        "{",
                                       "}",         "}}",
                                       "{ model }", "{Model}",
                                       "{model1}",  "{model",
                                       "${x1}",     "{a,b}",
                                       "{-}"};
    for (size_t i = 0; i < COUNT_OF(same); i++)
        check_text(same[i], same[i]);
    check_text("{\"model\":\"{model}\"}", "{\"model\":\"m-1\"}");
}

static void two_braces_are_one_literal_brace(void **state)
{
    (void)state;
    check_text("{{model}", "{model}");
    check_text("{{{model}", "{m-1");
    check_text("{{{{", "{{");
    check_text("{{{", "{{");
    check_text("{{nonsense}", "{nonsense}");
}

static void an_unknown_name_is_an_error_that_names_it_and_its_column(void **state)
{
    (void)state;
    struct err e;
    char *text = NULL;
    assert_int_equal(placeholder_check("--model={modle}", &e), -EINVAL);
    assert_int_equal(e.code, ERR_INVALID);
    assert_non_null(strstr(e.text, "{modle}"));
    assert_non_null(strstr(e.text, "column 9"));
    assert_non_null(strstr(e.text, "{model}")); /* what it could have been */
    assert_int_equal(placeholder_expand("{_}", &values, &text, &e), -EINVAL);
    assert_null(text);
    assert_int_equal(placeholder_check("{az_}", &e), -EINVAL);
    char *const argv[] = {"agent", "{model}", "x{y}", NULL};
    assert_int_equal(placeholder_check_argv(argv, &e), -EINVAL);
    assert_non_null(strstr(e.text, "argument 3"));
    assert_non_null(strstr(e.text, "column 2"));
}

static void check_argv(char *const *argv, const struct placeholder_values *v, const char *wanted)
{
    char **out = NULL, joined[256] = "";
    assert_int_equal(placeholder_check_argv(argv, NULL), 0);
    assert_int_equal(placeholder_expand_argv(argv, v, &out, NULL), 0);
    size_t n = 0;
    for (char **p = out; *p; p++) {
        n += (size_t)snprintf(joined + n, sizeof(joined) - n, "[%s]", *p);
        free(*p);
    }
    free(out);
    assert_string_equal(joined, wanted);
}

static void an_option_without_its_value_vanishes(void **state)
{
    (void)state;
    char *const argv[] = {"claude", "-p", "{prompt}", "--model", "{model}", "--effort={effort}", "-v", NULL};
    struct placeholder_values v = {.prompt = "do it"};
    check_argv(argv, &v, "[claude][-p][do it][--effort=][-v]");
    v.model = "m";
    v.effort = "high";
    check_argv(argv, &v, "[claude][-p][do it][--model][m][--effort=high][-v]");
    v = (struct placeholder_values){0};
    check_argv(argv, &v, "[claude][--effort=][-v]");
}

static void an_empty_value_is_not_an_unset_one(void **state)
{
    (void)state;
    char *const argv[] = {"a", "-m", "{model}", NULL};
    struct placeholder_values v = {.model = ""};
    check_argv(argv, &v, "[a][-m][]");
}

static void only_an_option_right_before_it_vanishes_with_a_value(void **state)
{
    (void)state;
    struct placeholder_values v = {.repo = "-r"};
    char *const subcommand[] = {"codex", "exec", "{model}", NULL};
    char *const end_of_options[] = {"a", "--", "{prompt}", NULL};
    char *const twice[] = {"a", "-m", "{model}", "{effort}", NULL};
    char *const dash[] = {"a", "-", "{model}", NULL};
    char *const filled[] = {"a", "-{repo}", "{model}", NULL};
    char *const looks_like_one[] = {"a", "{repo}", "{model}", NULL};
    char *const first[] = {"-a", "{model}", NULL};
    char *const program[] = {"{model}", "x", NULL};
    char *const nothing[] = {NULL};
    check_argv(subcommand, &v, "[codex][exec]");
    check_argv(end_of_options, &v, "[a][--]");
    check_argv(twice, &v, "[a]");
    check_argv(dash, &v, "[a][-]");
    check_argv(filled, &v, "[a][--r]");
    check_argv(looks_like_one, &v, "[a][-r]");
    check_argv(first, &v, "[-a]");
    check_argv(program, &v, "[][x]");
    check_argv(nothing, &v, "");
}

static void args_become_as_many_elements_as_there_are(void **state)
{
    (void)state;
    char *args[] = {"--x", "{model}", "", NULL};
    struct placeholder_values v = {.args = args, .model = "m", .prompt = "{args}"};
    char *const argv[] = {"a", "{args}", "-p", "{prompt}", NULL};
    check_argv(argv, &v, "[a][--x][{model}][][-p][{args}]");
    v.args = NULL;
    check_argv(argv, &v, "[a][-p][{args}]");
    struct err e;
    char *const program[] = {"{args}", NULL};
    char **none = NULL;
    assert_int_equal(placeholder_check_argv(program, &e), -EINVAL);
    assert_int_equal(placeholder_expand_argv(program, &v, &none, &e), -EINVAL);
    assert_null(none);
    char *const inside[] = {"a", "x{args}", NULL};
    assert_int_equal(placeholder_check_argv(inside, &e), -EINVAL);
    assert_non_null(strstr(e.text, "an argument of its own"));
}

static void every_name_that_is_told_is_known(void **state)
{
    (void)state;
    struct str rest = str_of(placeholder_names()), part;
    int count = 0;
    while (rest.n > 0 && str_split(&rest, ' ', &part)) {
        char *text = str_dup(part);
        char *const argv[] = {"a", text, NULL};
        assert_int_equal(placeholder_check_argv(argv, NULL), 0);
        free(text);
        count++;
    }
    assert_int_equal(count, 13); /* the eleven of the launcher, {title} and {args} */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(placeholders_are_filled_in_as_wholes_and_as_parts),
        cmocka_unit_test(what_is_filled_in_is_not_looked_at_again),
        cmocka_unit_test(json_and_other_braces_stay_as_they_are),
        cmocka_unit_test(two_braces_are_one_literal_brace),
        cmocka_unit_test(an_unknown_name_is_an_error_that_names_it_and_its_column),
        cmocka_unit_test(an_option_without_its_value_vanishes),
        cmocka_unit_test(an_empty_value_is_not_an_unset_one),
        cmocka_unit_test(only_an_option_right_before_it_vanishes_with_a_value),
        cmocka_unit_test(args_become_as_many_elements_as_there_are),
        cmocka_unit_test(every_name_that_is_told_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
