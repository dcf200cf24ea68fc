#include "cli/job_add.h"

#include "base/parse.h"
#include "cli/when.h"

#include <unistd.h>

#define PROMPT_BYTES_MAX ((size_t)1 << 20) /* the node takes no larger body */

/* -- fields, by type -- */

static int set(json_t *body, const char *field, json_t *value)
{
    return json_object_set_new(body, field, value) == 0 ? 0 : EXIT_USAGE;
}

static int put_text(const struct invocation *in, const char *option, const char *field, json_t *body)
{
    if (set(body, field, json_string(command_option(in, option))) != 0)
        return command_usage(in, "--%s must be UTF-8", option);
    return 0;
}

static int put_number(const struct invocation *in, const char *option, const char *field, json_t *body)
{
    int64_t n;
    if (!parse_i64(str_of(command_option(in, option)), &n))
        return command_usage(in, "--%s \"%s\" is no whole number", option, command_option(in, option));
    return set(body, field, json_integer(n));
}

static int put_seconds(const struct invocation *in, const char *option, const char *field, json_t *body)
{
    int64_t s;
    int rc = when_seconds(in, option, &s);
    return rc ? rc : set(body, field, json_integer(s));
}

static int put_time(const struct invocation *in, const char *option, const char *field, json_t *body)
{
    char text[WHEN_MAX];
    int rc = when_option(in, option, text);
    return rc ? rc : set(body, field, json_string(text));
}

static int read_prompt(const struct invocation *in, struct buf *ret)
{
    ssize_t n = 1;
    while (n > 0 && ret->n <= PROMPT_BYTES_MAX) {
        buf_reserve(ret, 65536);
        n = read(STDIN_FILENO, ret->p + ret->n, 65536);
        if (n > 0)
            ret->n += (size_t)n;
    }
    ret->p[ret->n] = '\0';
    if (n < 0)
        return command_fail(in, "standard input cannot be read: %s", strerror(errno));
    if (ret->n > PROMPT_BYTES_MAX)
        return command_fail(in, "the prompt is longer than %zu bytes", PROMPT_BYTES_MAX);
    return 0;
}

static int put_prompt(const struct invocation *in, const char *option, const char *field, json_t *body)
{
    if (strcmp(command_option(in, option), "-") != 0)
        return put_text(in, option, field, body);
    struct buf prompt = BUF_INIT;
    int rc = read_prompt(in, &prompt);
    if (rc == 0 && set(body, field, json_stringn(prompt.p, prompt.n)) != 0)
        rc = command_fail(in, "the prompt must be UTF-8");
    buf_deinit(&prompt);
    return rc;
}

static const struct {
    const char *option, *field;
    int (*put)(const struct invocation *in, const char *option, const char *field, json_t *body);
} fields[] = {
    {"prompt", "prompt", put_prompt},
    {"repo", "repo", put_text},
    {"task", "task_id", put_number},
    {"model", "model", put_text},
    {"effort", "effort", put_text},
    {"priority", "priority", put_number},
    {"max-attempts", "max_attempts", put_number},
    {"timeout", "timeout_s", put_seconds},
    {"run-after", "run_after", put_time},
    {"unique-key", "unique_key", put_text},
};

/* The words behind the agent's name. */
static int put_args(const struct invocation *in, json_t *body)
{
    json_t *args = json_array();
    int rc = 0;
    for (int i = 1; i < in->arg_count && rc == 0; i++)
        if (json_array_append_new(args, json_string(in->args[i])) != 0)
            rc = command_usage(in, "the words must be UTF-8");
    if (in->arg_count > 1)
        (void)json_object_set(body, "args", args);
    json_decref(args);
    return rc;
}

int job_add_body(const struct invocation *in, json_t **ret)
{
    json_t *body = json_object();
    int rc = 0;
    if (set(body, "agent", json_string(in->args[0])) != 0)
        rc = command_usage(in, "the agent's name must be UTF-8");
    for (size_t i = 0; i < COUNT_OF(fields) && rc == 0; i++)
        if (command_option(in, fields[i].option))
            rc = fields[i].put(in, fields[i].option, fields[i].field, body);
    if (rc == 0)
        rc = put_args(in, body);
    if (rc == 0)
        *ret = body;
    else
        json_decref(body);
    return rc;
}
