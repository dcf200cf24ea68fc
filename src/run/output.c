#include "run/output_internal.h"

#include "core/reset_time.h"
#include "run/rundir.h"

static const struct output_ops *const formats[] = {
    [OUTPUT_TEXT] = &output_text,
    [OUTPUT_CLAUDE_STREAM_JSON] = &output_claude_stream,
    [OUTPUT_CLAUDE_JSON] = &output_claude_json,
    [OUTPUT_CODEX_JSONL] = &output_codex,
    [OUTPUT_GEMINI_JSON] = &output_gemini,
};

const char *output_format_name(enum output_format format)
{
    assert(format < COUNT_OF(formats));
    return formats[format]->name;
}

bool output_format_of(struct str name, enum output_format *ret)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        if (str_equal(name, str_of(formats[i]->name))) {
            *ret = (enum output_format)i;
            return true;
        }
    }
    return false;
}

const char *output_format_names(void)
{
    return "text|claude-stream-json|claude-json|codex-jsonl|gemini-json";
}

/* -- the parser -- */

struct output_parser *output_parser_new(const struct output_setup *setup)
{
    assert(setup->format < COUNT_OF(formats));
    struct output_parser *p = xnew(struct output_parser);
    p->ops = formats[setup->format];
    p->setup = *setup;
    p->setup.model = setup->model ? xstrdup(setup->model) : NULL;
    p->setup.rate_limited_patterns = xstrdup_list(setup->rate_limited_patterns);
    for (size_t i = 0; i < COUNT_OF(p->blocks); i++)
        buf_init(&p->blocks[i].text);
    p->ledger = usage_ledger_new(setup->prices);
    usage_set_model(&p->usage, str_of(setup->model));
    return p;
}

struct output_parser *output_parser_free(struct output_parser *p)
{
    if (!p)
        return NULL;
    free_list(p->setup.rate_limited_patterns);
    char *model;
    memcpy(&model, &p->setup.model, sizeof(model)); /* ours, though the struct says const */
    free(model);
    for (size_t i = 0; i < COUNT_OF(p->blocks); i++)
        buf_deinit(&p->blocks[i].text);
    p->ledger = usage_ledger_free(p->ledger);
    free(p);
    return NULL;
}

const struct usage *output_usage(const struct output_parser *p)
{
    return &p->usage;
}

const struct output_facts *output_facts(const struct output_parser *p)
{
    return &p->facts;
}

/* -- text -- */

bool output_is_limit_text(const struct output_parser *p, struct str text)
{
    for (char **pattern = p->setup.rate_limited_patterns; *pattern; pattern++)
        if (**pattern && str_find(text, str_of(*pattern)) >= 0)
            return true;
    for (const char *const *known = p->ops->limit_texts; known && *known; known++)
        if (str_find(text, str_of(*known)) >= 0)
            return true;
    return false;
}

/* Whether `text` speaks of a limit; takes the reset that it names. */
static bool look_for_limit(struct output_parser *p, struct str text, int64_t at_us)
{
    if (!output_is_limit_text(p, text))
        return false;
    int64_t reset_us;
    p->facts.pattern_matched = true;
    if (reset_time_find(text, at_us, p->setup.utc_offset_us, &reset_us))
        p->facts.rate_limit_reset_us = reset_us;
    return true;
}

static void count_text(struct output_parser *p, bool is_stderr, int64_t lines)
{
    p->facts.text_lines += lines;
    if (p->ops->object && !is_stderr)
        p->facts.unparsed_lines += lines;
}

static void text_line(struct output_parser *p, struct str line, bool is_stderr, int64_t at_us)
{
    count_text(p, is_stderr, 1);
    (void)look_for_limit(p, line, at_us);
}

/* -- JSON -- */

/* jansson refuses a whole line for one integer beyond 64 bits; as reals they pass, and output_count refuses
 * that one. */
static json_t *load(struct output_parser *p, struct str text)
{
    json_error_t error;
    size_t flags = JSON_ALLOW_NUL;
    p->integers_are_real = false;
    json_t *value = json_loadb(text.p, text.n, flags, &error);
    if (value || json_error_code(&error) != json_error_numeric_overflow)
        return value;
    p->integers_are_real = true;
    return json_loadb(text.p, text.n, flags | JSON_DECODE_INT_AS_REAL, NULL);
}

/* False when `text` is not one JSON object of the format, and then nothing has been read. */
static bool json_text_read(struct output_parser *p, struct str text, int64_t at_us)
{
    json_t *value = load(p, text);
    bool is_read = json_is_object(value);
    if (is_read)
        p->ops->object(p, value, at_us);
    for (size_t i = 0; p->ops->is_spread && i < json_array_size(value); i++) {
        json_t *item = json_array_get(value, i);
        is_read |= json_is_object(item);
        if (json_is_object(item))
            p->ops->object(p, item, at_us);
    }
    json_decref(value);
    return is_read;
}

static void block_begin(struct output_block *b)
{
    buf_clear(&b->text);
    b->lines = 0;
}

/* A line of an object that is spread over many: each counts as text until the whole can be read.  False when
 * the line is of no such object. */
static bool block_line(struct output_parser *p, struct str line, bool is_stderr, int64_t at_us)
{
    struct output_block *b = &p->blocks[is_stderr];
    if (str_equal(line, STR("{")))
        block_begin(b);
    else if (b->lines == 0)
        return false;
    buf_add_str(&b->text, line);
    buf_add_char(&b->text, '\n');
    b->lines++;
    count_text(p, is_stderr, 1);
    if (b->text.n > OUTPUT_LINE_MAX) {
        block_begin(b);
    } else if (str_equal(line, STR("}"))) {
        if (json_text_read(p, buf_str(&b->text), at_us))
            count_text(p, is_stderr, -b->lines);
        block_begin(b);
    }
    return true;
}

void output_parser_feed(struct output_parser *p, struct str line, bool is_stderr, int64_t at_us)
{
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    bool may_be_json = p->ops->object && line.n <= OUTPUT_LINE_MAX && (!is_stderr || p->ops->on_stderr);
    if (may_be_json && p->ops->is_spread && block_line(p, line, is_stderr, at_us))
        return;
    if (line.n == 0)
        return;
    if (!may_be_json || !json_text_read(p, line, at_us))
        text_line(p, line, is_stderr, at_us);
}

/* -- for the formats -- */

struct str output_string(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return (struct str){"", 0};
    return (struct str){json_string_value(value), json_string_length(value)};
}

void output_set_text(char *field, size_t size, struct str s)
{
    size_t n = MIN(s.n, size - 1);
    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++)
        field[i] = (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? ' ' : s.p[i];
    field[n] = '\0';
}

static bool believable(const struct output_parser *p, const json_t *value, int64_t *ret)
{
    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
        return *ret >= 0 && *ret <= USAGE_TOKENS_MAX;
    }
    double real = json_real_value(value);
    if (!p->integers_are_real || !json_is_real(value) || !(real >= 0 && real <= (double)USAGE_TOKENS_MAX))
        return false;
    *ret = (int64_t)real;
    return (double)*ret == real;
}

bool output_count(struct output_parser *p, const json_t *object, const char *key, int64_t *ret)
{
    const json_t *value = json_object_get(object, key);
    int64_t count;
    if (!value || json_is_null(value))
        return false;
    if (!believable(p, value, &count)) {
        p->facts.ignored_numbers++;
        return false;
    }
    *ret = count;
    return true;
}

void output_count_into(struct output_parser *p, const json_t *object, const char *key, struct usage *u,
                       enum usage_kind kind)
{
    int64_t count;
    if (output_count(p, object, key, &count))
        (void)usage_set(u, kind, count);
}

void output_set_model(struct output_parser *p, struct str model)
{
    if (model.n == 0)
        return;
    output_set_text(p->facts.model, sizeof(p->facts.model), model);
    usage_set_model(&p->usage, str_of(p->facts.model));
}

void output_set_session(struct output_parser *p, struct str session)
{
    if (session.n > 0)
        output_set_text(p->facts.session_id, sizeof(p->facts.session_id), session);
}

struct str output_price_model(const struct output_parser *p)
{
    return str_of(p->usage.model);
}

bool output_error(struct output_parser *p, struct str message, int64_t at_us)
{
    struct str rest = message, first = {"", 0};
    (void)str_split(&rest, '\n', &first);
    if (first.n > 0)
        output_set_text(p->facts.error_text, sizeof(p->facts.error_text), str_trim(first));
    return look_for_limit(p, message, at_us);
}

void output_success(struct output_parser *p)
{
    p->facts.is_error = p->facts.rate_limited = p->facts.pattern_matched = false;
    p->facts.rate_limit_reset_us = 0;
    p->facts.error_text[0] = '\0';
}
