#include "run/record.h"
#include "base/parse.h"

#include <signal.h>

enum value_type {
    VALUE_KEY,
    VALUE_TEXT,
    VALUE_LIST,
    VALUE_NUMBER,
    VALUE_INT,
    VALUE_BOOL,
    VALUE_CAUSE,
    VALUE_OUTCOME
};

struct record_field {
    const char *name;
    enum value_type type;
    size_t offset;
    bool is_required;
};

static const struct record_field spec_fields[] = {
    {"key", VALUE_KEY, offsetof(struct run_spec, key), true},
    {"run_id", VALUE_NUMBER, offsetof(struct run_spec, run_id)},
    {"job_id", VALUE_NUMBER, offsetof(struct run_spec, job_id)},
    {"task_id", VALUE_NUMBER, offsetof(struct run_spec, task_id)},
    {"agent", VALUE_TEXT, offsetof(struct run_spec, agent)},
    {"origin", VALUE_TEXT, offsetof(struct run_spec, origin)},
    {"arg", VALUE_LIST, offsetof(struct run_spec, args), true},
    {"env", VALUE_LIST, offsetof(struct run_spec, env)},
    {"workdir", VALUE_TEXT, offsetof(struct run_spec, workdir)},
    {"stdin", VALUE_TEXT, offsetof(struct run_spec, stdin_path)},
    {"terminal", VALUE_BOOL, offsetof(struct run_spec, terminal)},
    {"timeout_ms", VALUE_NUMBER, offsetof(struct run_spec, timeout_ms)},
    {"stop_signal", VALUE_INT, offsetof(struct run_spec, stop_signal)},
    {"grace_ms", VALUE_NUMBER, offsetof(struct run_spec, grace_ms)},
    {"output_max_bytes", VALUE_NUMBER, offsetof(struct run_spec, output_max_bytes)},
    {"created_at_us", VALUE_NUMBER, offsetof(struct run_spec, created_at_us)},
    {"cgroup", VALUE_TEXT, offsetof(struct run_spec, cgroup)},
    {"task", VALUE_TEXT, offsetof(struct run_spec, task)},
    {"repo", VALUE_TEXT, offsetof(struct run_spec, repo)},
    {"model", VALUE_TEXT, offsetof(struct run_spec, model)},
    {"effort", VALUE_TEXT, offsetof(struct run_spec, effort)},
};

static const struct record_field result_fields[] = {
    {"outcome", VALUE_OUTCOME, offsetof(struct run_result, outcome), true},
    {"exit_code", VALUE_INT, offsetof(struct run_result, exit_code)},
    {"signal", VALUE_INT, offsetof(struct run_result, signal)},
    {"cause", VALUE_CAUSE, offsetof(struct run_result, cause)},
    {"start_errno", VALUE_INT, offsetof(struct run_result, start_errno)},
    {"started_at_us", VALUE_NUMBER, offsetof(struct run_result, started_at_us), true},
    {"ended_at_us", VALUE_NUMBER, offsetof(struct run_result, ended_at_us), true},
    {"user_us", VALUE_NUMBER, offsetof(struct run_result, user_us)},
    {"system_us", VALUE_NUMBER, offsetof(struct run_result, system_us)},
    {"max_rss_bytes", VALUE_NUMBER, offsetof(struct run_result, max_rss_bytes)},
    {"output_bytes", VALUE_NUMBER, offsetof(struct run_result, output_bytes)},
    {"output_dropped_bytes", VALUE_NUMBER, offsetof(struct run_result, output_dropped_bytes)},
    {"killed", VALUE_NUMBER, offsetof(struct run_result, killed)},
};
_Static_assert(COUNT_OF(spec_fields) <= 32 && COUNT_OF(result_fields) <= 32, "the fields seen are bits");

static const char *const outcome_names[] = {
    [RUN_EXITED] = "exited", [RUN_SIGNALED] = "signaled", [RUN_START_FAILED] = "start_failed"};

/* --- printing --- */

static void print_line(struct buf *out, const char *name, const char *value)
{
    static const char digits[] = "0123456789abcdef";
    buf_add_text(out, name);
    buf_add_char(out, ' ');
    for (; *value; value++) {
        if (*value == '\n' || *value == '\t' || *value == '\\')
            buf_add(out, (char[]){'\\', 'x', digits[*value >> 4], digits[*value & 15]}, 4);
        else
            buf_add_char(out, *value);
    }
    buf_add_char(out, '\n');
}

static void print_number(struct buf *out, const char *name, int64_t value)
{
    buf_printf(out, "%s %lld\n", name, (long long)value);
}

static void print_field(struct buf *out, const struct record_field *f, const void *record)
{
    const void *at = (const char *)record + f->offset;
    char *const *list = f->type == VALUE_LIST ? *(char *const *const *)at : NULL;
    const char *text = f->type == VALUE_TEXT ? *(char *const *)at : at;
    switch (f->type) {
    case VALUE_KEY:
    case VALUE_CAUSE:
    case VALUE_TEXT:
        if (text)
            print_line(out, f->name, text);
        break;
    case VALUE_LIST:
        for (; list && *list; list++)
            print_line(out, f->name, *list);
        break;
    case VALUE_NUMBER:
        print_number(out, f->name, *(const int64_t *)at);
        break;
    case VALUE_INT:
        print_number(out, f->name, *(const int *)at);
        break;
    case VALUE_BOOL:
        print_number(out, f->name, *(const bool *)at);
        break;
    case VALUE_OUTCOME:
        print_line(out, f->name, outcome_names[*(const enum run_outcome *)at]);
        break;
    }
}

static void print_fields(struct buf *out, const struct record_field *fields, size_t count, const void *record)
{
    buf_add_text(out, "version 1\n");
    for (size_t i = 0; i < count; i++)
        print_field(out, &fields[i], record);
}

void record_print_spec(const struct run_spec *spec, struct buf *out)
{
    print_fields(out, spec_fields, COUNT_OF(spec_fields), spec);
}

void record_print_result(const struct run_result *result, struct buf *out)
{
    print_fields(out, result_fields, COUNT_OF(result_fields), result);
}

/* --- parsing --- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL for a bad escape or a NUL.  The caller frees. */
static char *unescape(struct str value)
{
    CLEANUP(freep) char *text = xcalloc(value.n + 1, 1);
    char *to = text;
    for (size_t i = 0; i < value.n; to++) {
        if (value.p[i] == '\0')
            return NULL;
        if (value.p[i] != '\\') {
            *to = value.p[i++];
            continue;
        }
        if (value.n - i < 4 || value.p[i + 1] != 'x')
            return NULL;
        int high = hex_digit(value.p[i + 2]), low = hex_digit(value.p[i + 3]);
        if (high < 0 || low < 0 || high + low == 0)
            return NULL;
        *to = (char)(high * 16 + low);
        i += 4;
    }
    return TAKE(text);
}

static void append(char ***list, char *value)
{
    size_t n = 0;
    while (*list && (*list)[n])
        n++;
    if ((n & (n - 1)) == 0) /* full at each power of two */
        *list = xrealloc(*list, (n ? 2 * n + 1 : 2) * sizeof(char *));
    (*list)[n] = value;
    (*list)[n + 1] = NULL;
}

static bool set_outcome(enum run_outcome *at, const char *text)
{
    for (size_t i = 0; i < COUNT_OF(outcome_names); i++) {
        if (strcmp(outcome_names[i], text) != 0)
            continue;
        *at = (enum run_outcome)i;
        return true;
    }
    return false;
}

static bool set_chars(char *at, size_t size, const char *text)
{
    size_t n = strlen(text);
    if (n >= size)
        return false;
    memcpy(at, text, n + 1);
    return true;
}

static bool set_number(const struct record_field *f, void *at, struct str value)
{
    int64_t number, max = f->type == VALUE_NUMBER ? INT64_MAX : f->type == VALUE_INT ? INT32_MAX : 1;
    if (!parse_i64_in(value, 0, max, &number))
        return false;
    if (f->type == VALUE_NUMBER)
        *(int64_t *)at = number;
    else if (f->type == VALUE_INT)
        *(int *)at = (int)number;
    else
        *(bool *)at = number != 0;
    return true;
}

static bool set_field(const struct record_field *f, void *record, struct str value)
{
    void *at = (char *)record + f->offset;
    if (f->type == VALUE_NUMBER || f->type == VALUE_INT || f->type == VALUE_BOOL)
        return set_number(f, at, value);
    CLEANUP(freep) char *text = unescape(value);
    if (!text)
        return false;
    switch (f->type) {
    case VALUE_KEY:
        return rundir_key_valid(str_of(text)) && set_chars(at, RUNDIR_KEY_LEN + 1, text);
    case VALUE_CAUSE:
        return set_chars(at, sizeof(((struct run_result *)NULL)->cause), text);
    case VALUE_OUTCOME:
        return set_outcome(at, text);
    case VALUE_LIST:
        append(at, TAKE(text));
        return true;
    default:
        *(char **)at = TAKE(text);
        return true;
    }
}

static bool parse_line(const struct record_field *fields, size_t count, struct str line, void *record,
                       uint32_t *seen)
{
    ptrdiff_t space = str_find(line, STR(" "));
    if (space <= 0)
        return false;
    struct str name = {line.p, (size_t)space}, value = {line.p + space + 1, line.n - (size_t)space - 1};
    for (size_t i = 0; i < count; i++) {
        if (!str_equal(str_of(fields[i].name), name))
            continue;
        bool is_repeated = *seen >> i & 1;
        *seen |= UINT32_C(1) << i;
        return (!is_repeated || fields[i].type == VALUE_LIST) && set_field(&fields[i], record, value);
    }
    return true;
}

static bool parse_fields(const struct record_field *fields, size_t count, struct str text, void *record)
{
    static const struct str version = STR("version 1\n");
    uint32_t seen = 0;
    if (!str_starts_with(text, version) || text.p[text.n - 1] != '\n')
        return false;
    struct str rest = {text.p + version.n, text.n - version.n}, line;
    while (rest.n > 0 && str_split(&rest, '\n', &line))
        if (!parse_line(fields, count, line, record, &seen))
            return false;
    for (size_t i = 0; i < count; i++)
        if (fields[i].is_required && !(seen >> i & 1))
            return false;
    return true;
}

static char **empty_list(void)
{
    return xcalloc(1, sizeof(char *));
}

/* What may be read without asking is never NULL. */
static void fill_defaults(struct run_spec *s)
{
    if (!s->env)
        s->env = empty_list();
    if (!s->agent)
        s->agent = xstrdup("");
    if (!s->origin)
        s->origin = xstrdup("queue");
    if (!s->workdir)
        s->workdir = xstrdup("");
    if (!s->stdin_path)
        s->stdin_path = xstrdup("null");
}

bool record_parse_spec(struct str text, struct run_spec *ret)
{
    struct run_spec s = {.stop_signal = SIGTERM};
    if (!parse_fields(spec_fields, COUNT_OF(spec_fields), text, &s) || s.stop_signal == 0 ||
        s.stop_signal > SIGRTMAX) {
        run_spec_deinit(&s);
        return false;
    }
    fill_defaults(&s);
    *ret = s;
    return true;
}

bool record_parse_result(struct str text, struct run_result *ret)
{
    struct run_result r = {0};
    if (!parse_fields(result_fields, COUNT_OF(result_fields), text, &r))
        return false;
    *ret = r;
    return true;
}

/* A positive number and the space behind it. */
static bool take_number(struct str *rest, int64_t *ret)
{
    struct str word;
    return str_split(rest, ' ', &word) && parse_i64_in(word, 1, INT64_MAX, ret) && rest->n > 0;
}

static bool take_line(struct str *text)
{
    if (text->n == 0 || text->p[text->n - 1] != '\n')
        return false;
    text->n--;
    return !memchr(text->p, '\n', text->n) && !memchr(text->p, '\0', text->n);
}

static bool set_rest(char *at, size_t size, struct str rest)
{
    if (rest.n == 0 || rest.n >= size)
        return false;
    if (rest.n == 1 && rest.p[0] == '-')
        return true;
    memcpy(at, rest.p, rest.n);
    return true;
}

bool record_parse_shim(struct str text, struct run_process *ret)
{
    struct run_process p = {0};
    if (!take_line(&text) || !take_number(&text, &p.pid) || !take_number(&text, &p.start_ticks) ||
        !set_rest(p.boot_id, sizeof(p.boot_id), text))
        return false;
    *ret = p;
    return true;
}

bool record_parse_agent(struct str text, struct run_process *ret)
{
    struct run_process p = {0};
    if (!take_line(&text) || !take_number(&text, &p.pid) || !take_number(&text, &p.start_ticks) ||
        !take_number(&text, &p.pgid) || !take_number(&text, &p.started_at_us) ||
        !set_rest(p.cgroup, sizeof(p.cgroup), text))
        return false;
    *ret = p;
    return true;
}
