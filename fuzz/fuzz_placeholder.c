/* fuzz_placeholder.c -- any command line as a template.  What passes the check expands, what does not is
 * refused; a text whose braces are doubled comes back as it was; no value is looked at again.  The first two
 * bytes pick the values that are set; arguments end at NUL. */
#include "base/buf.h"
#include "core/placeholder.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                    \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

enum { ARGS_MAX = 32 };

static void check_doubled(const char *text)
{
    static const struct placeholder_values unset;
    struct buf doubled = BUF_INIT;
    for (const char *p = text; *p; p++) {
        if (*p == '{')
            buf_add_char(&doubled, '{');
        buf_add_char(&doubled, *p);
    }
    char *back = NULL;
    REQUIRE(placeholder_expand(doubled.p, &unset, &back, NULL) == 0);
    REQUIRE(strcmp(back, text) == 0);
    free(back);
    buf_deinit(&doubled);
}

static void check_text(const char *text, const struct placeholder_values *values)
{
    char *expanded = NULL;
    struct err e = {0};
    int checked = placeholder_check(text, &e);
    REQUIRE(placeholder_expand(text, values, &expanded, NULL) == checked);
    REQUIRE((expanded != NULL) == (checked == 0));
    REQUIRE((e.text[0] != '\0') == (checked != 0));
    if (expanded && !strchr(text, '{'))
        REQUIRE(strcmp(expanded, text) == 0);
    free(expanded);
    check_doubled(text);
}

static void check_argv(char **argv, size_t count, const struct placeholder_values *values)
{
    char **expanded = NULL;
    int checked = placeholder_check_argv(argv, NULL);
    REQUIRE(placeholder_expand_argv(argv, values, &expanded, NULL) == checked);
    REQUIRE((expanded != NULL) == (checked == 0));
    size_t n = 0;
    for (; expanded && expanded[n]; n++)
        free(expanded[n]);
    free(expanded);
    if (checked == 0)
        REQUIRE(n <= count * 2 && (count == 0 || n > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    unsigned set = (unsigned)data[0] | (unsigned)data[1] << 8;
    char *args[] = {"{prompt}", "-x", NULL};
    const char *const texts[] = {"{model}", "m{{", "",       "-r",     "/srv/{repo}", "17",
                                 "61",      "88",  "API-42", "review", "/d",          "t"};
    struct placeholder_values values = {.args = set & 0x1000 ? args : NULL};
    const char **members[] = {&values.prompt,    &values.model, &values.effort,   &values.repo,
                              &values.repo_path, &values.task,  &values.job_id,   &values.run_id,
                              &values.work_item, &values.stage, &values.data_dir, &values.title};
    for (size_t i = 0; i < COUNT_OF(members); i++)
        *members[i] = set >> i & 1 ? texts[i] : NULL;

    char *copy = xstrndup((const char *)data + 2, size - 2), *argv[ARGS_MAX + 1] = {NULL};
    size_t count = 0;
    for (size_t at = 0; at < size - 2 && count < ARGS_MAX; at += strlen(copy + at) + 1)
        argv[count++] = copy + at;
    for (size_t i = 0; i < count; i++)
        check_text(argv[i], &values);
    check_argv(argv, count, &values);
    free(copy);
    return 0;
}
