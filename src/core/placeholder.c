#include "core/placeholder.h"

#include "base/buf.h"

#define ARGS_ELEMENT "{args}"

#define ROW(member)                                                                                          \
    {                                                                                                        \
#member, offsetof(struct placeholder_values, member)                                                 \
    }
static const struct {
    const char *name;
    size_t offset; /* of a const char * in struct placeholder_values */
} rows[] = {ROW(prompt), ROW(model),  ROW(effort),    ROW(repo),  ROW(repo_path), ROW(task),
            ROW(job_id), ROW(run_id), ROW(work_item), ROW(stage), ROW(data_dir),  ROW(title)};

const char *placeholder_names(void)
{
    return "{prompt} {model} {effort} {repo} {repo_path} {task} {job_id} {run_id} {work_item} {stage} "
           "{data_dir} "
           "{title} " ARGS_ELEMENT;
}

/* Length of the placeholder at p with its braces, or 0 when there is none. */
static size_t placeholder_length(const char *p)
{
    if (p[0] != '{')
        return 0;
    size_t n = 1;
    while ((p[n] >= 'a' && p[n] <= 'z') || p[n] == '_')
        n++;
    return n > 1 && p[n] == '}' ? n + 1 : 0;
}

/* False for a name that is in no row. */
static bool value_of(const struct placeholder_values *values, struct str name, const char **ret)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_equal(name, str_of(rows[i].name))) {
            memcpy(ret, (const char *)values + rows[i].offset, sizeof(*ret));
            return true;
        }
    }
    return false;
}

/* What stands at *at, which moves behind it: a slice of the template, or a value (NULL when it is unset). */
static int next_part(const char *template, size_t *at, const struct placeholder_values *values,
                     struct str *ret_part, bool *ret_is_set, struct err *e)
{
    const char *p = template + *at;
    size_t n = placeholder_length(p);
    *ret_is_set = true;
    if (n > 0) {
        const char *value = NULL;
        if (!value_of(values, (struct str){p + 1, n - 2}, &value))
            return err_set(
                e, ERR_INVALID, -EINVAL, "%.*s at column %zu %s; known are %s", (int)MIN(n, 64), p, *at + 1,
                strncmp(p, ARGS_ELEMENT, n) == 0 ? "must be an argument of its own" : "is no placeholder",
                placeholder_names());
        *ret_is_set = value != NULL;
        *ret_part = str_of(value);
        *at += n;
        return 0;
    }
    bool doubled = p[0] == '{' && p[1] == '{';
    size_t length = 1;
    while (!doubled && p[length] != '\0' && p[length] != '{')
        length++;
    *ret_part = (struct str){p, length};
    *at += doubled ? 2 : length;
    return 0;
}

int placeholder_expand(const char *template, const struct placeholder_values *values, char **ret,
                       struct err *e)
{
    CLEANUP(buf_deinit) struct buf out = BUF_INIT;
    for (size_t at = 0; template[at] != '\0';) {
        struct str part = {NULL, 0};
        bool is_set;
        int rc = next_part(template, &at, values, &part, &is_set, e);
        if (rc != 0)
            return rc;
        buf_add_str(&out, part);
    }
    *ret = buf_take(&out);
    return 0;
}

int placeholder_check(const char *template, struct err *e)
{
    static const struct placeholder_values unset;
    CLEANUP(freep) char *expanded = NULL;
    return placeholder_expand(template, &unset, &expanded, e);
}

struct list {
    char **items; /* NULL-terminated, owned; NULL when empty */
    size_t count;
};

static void list_add(struct list *l, char *item)
{
    l->items = xrealloc(l->items, (l->count + 2) * sizeof(*l->items));
    l->items[l->count++] = item;
    l->items[l->count] = NULL;
}

static void list_drop_last(struct list *l)
{
    free(l->items[--l->count]);
    l->items[l->count] = NULL;
}

static void list_deinit(struct list *l)
{
    while (l->count > 0)
        list_drop_last(l);
    free(l->items);
    *l = (struct list){0};
}

/* One placeholder and nothing else, whose value is unset. */
static bool is_unset_alone(const char *element, const struct placeholder_values *values)
{
    size_t n = placeholder_length(element);
    const char *value = NULL;
    return n > 0 && element[n] == '\0' && value_of(values, (struct str){element + 1, n - 2}, &value) &&
           !value;
}

/* "-m" and "--model" are, "--" is not: it ends the options. */
static bool is_bare_option(const char *element)
{
    if (element[0] != '-' || element[1] == '\0' || strcmp(element, "--") == 0)
        return false;
    for (const char *p = element; *p; p++)
        if (placeholder_length(p) > 0)
            return false;
    return true;
}

int placeholder_expand_argv(char *const *argv, const struct placeholder_values *values, char ***ret,
                            struct err *e)
{
    CLEANUP(list_deinit) struct list out = {0};
    for (size_t i = 0; argv[i]; i++) {
        if (i > 0 && strcmp(argv[i], ARGS_ELEMENT) == 0) {
            for (char **arg = values->args; arg && *arg; arg++)
                list_add(&out, xstrdup(*arg));
            continue;
        }
        if (i > 0 && is_unset_alone(argv[i], values)) {
            if (i > 1 && is_bare_option(argv[i - 1]))
                list_drop_last(&out);
            continue;
        }
        char *expanded = NULL;
        int rc = placeholder_expand(argv[i], values, &expanded, e);
        if (rc != 0)
            return rc;
        list_add(&out, expanded);
    }
    if (!out.items)
        out.items = xcalloc(1, sizeof(*out.items));
    *ret = TAKE(out.items);
    out.count = 0;
    return 0;
}

int placeholder_check_argv(char *const *argv, struct err *e)
{
    for (size_t i = 0; argv[i]; i++) {
        struct err inner;
        if (i > 0 && strcmp(argv[i], ARGS_ELEMENT) == 0)
            continue;
        if (placeholder_check(argv[i], &inner) != 0)
            return err_set(e, ERR_INVALID, -EINVAL, "argument %zu: %s", i + 1, inner.text);
    }
    return 0;
}
