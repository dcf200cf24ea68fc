#include "transcripts/ccusage_line.h"

#include "base/map.h"
#include "base/parse.h"
#include "core/ccusage_time.h"
#include "transcripts/json_scan.h"

#include <math.h>

enum slot {
    TIMESTAMP,
    VERSION,
    SESSION,
    REQUEST,
    SIDECHAIN,
    COST,
    API_ERROR,
    MESSAGE,
    MESSAGE_ID,
    MODEL,
    USAGE,
    INPUT,
    OUTPUT,
    WRITE,
    READ,
    SPEED,
    WRITE_DETAIL,
    WRITE_5M,
    WRITE_1H,
    TYPE,
    SLOTS
};

#define COUNTS                                                                                               \
    JSON_ROW("input_tokens", INPUT), JSON_ROW("output_tokens", OUTPUT),                                      \
        JSON_ROW("cache_creation_input_tokens", WRITE), JSON_ROW("cache_read_input_tokens", READ),           \
        JSON_ROW("speed", SPEED),                                                                            \
    {                                                                                                        \
        "cache_creation", WRITE_DETAIL, write_detail                                                         \
    }
#define OUTER                                                                                                \
    JSON_ROW("timestamp", TIMESTAMP), {"message", MESSAGE, message}, JSON_ROW("costUSD", COST),              \
        JSON_ROW("requestId", REQUEST), JSON_ROW("isSidechain", SIDECHAIN)

static const struct json_path write_detail[] = {JSON_ROW("ephemeral_5m_input_tokens", WRITE_5M),
                                                JSON_ROW("ephemeral_1h_input_tokens", WRITE_1H),
                                                JSON_ROWS_END};
static const struct json_path usage[] = {COUNTS, JSON_ROWS_END};
static const struct json_path message[] = {
    JSON_ROW("id", MESSAGE_ID), JSON_ROW("model", MODEL), {"usage", USAGE, usage}, JSON_ROWS_END};
static const struct json_path daily_paths[] = {OUTER, JSON_ROW("version", VERSION),
                                               JSON_ROW("sessionId", SESSION), JSON_ROWS_END};
static const struct json_path other_paths[] = {OUTER, JSON_ROW("version", VERSION),
                                               JSON_ROW("sessionId", SESSION),
                                               JSON_ROW("isApiErrorMessage", API_ERROR), JSON_ROWS_END};
static const struct json_path inner_paths[] = {OUTER, JSON_ROWS_END};
static const struct json_path data[] = {{"message", JSON_NO_SLOT, inner_paths}, JSON_ROWS_END};
static const struct json_path agent_paths[] = {
    {"data", JSON_NO_SLOT, data}, JSON_ROW("sessionId", SESSION), JSON_ROWS_END};
static const struct json_path advisor_paths[] = {COUNTS, JSON_ROW("type", TYPE), JSON_ROW("model", MODEL),
                                                 JSON_ROWS_END};

/* -- strings -- */

/* What a strict reader of JSON takes for a string: characters, not halves of one. */
static bool is_text(struct str raw)
{
    const char *end = raw.p + raw.n;
    for (const char *p = raw.p; p < end && (p = memchr(p, '\\', (size_t)(end - p))); p += 2) {
        int unit = json_scan_unit(p, end);
        if (unit < 0xD800 || unit > 0xDFFF)
            continue;
        int low = json_scan_unit(p + 6, end);
        if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
            return false;
        p += 10;
    }
    return json_scan_is_utf8(raw);
}

static uint32_t string_of(struct ledger *strings, const struct json_value *v)
{
    if (v->kind != JSON_STRING)
        return 0;
    if (!memchr(v->raw.p, '\\', v->raw.n))
        return ledger_string(strings, v->raw);
    struct buf text = BUF_INIT;
    json_value_decode(v, v->raw.n, &text);
    uint32_t number = ledger_string(strings, buf_str(&text));
    buf_deinit(&text);
    return number;
}

static bool is_said(const struct json_value *v)
{
    return v->kind != JSON_ABSENT && v->kind != JSON_NULL;
}

static bool is_text_or_none(const struct json_value *v)
{
    return !is_said(v) || (v->kind == JSON_STRING && is_text(v->raw));
}

static bool is_flag_or_none(const struct json_value *v)
{
    return !is_said(v) || v->kind == JSON_TRUE || v->kind == JSON_FALSE;
}

static bool is_empty(const struct json_value *v)
{
    return v->kind == JSON_STRING && v->raw.n == 0;
}

/* -- numbers -- */

static bool read_number(struct str raw, double *ret)
{
    CLEANUP(freep) char *text = str_dup(raw);
    *ret = strtod(text, NULL);
    return isfinite(*ret);
}

static bool is_number_or_none(const struct json_value *v)
{
    double ignored;
    return !is_said(v) || (v->kind == JSON_NUMBER && read_number(v->raw, &ignored));
}

static bool read_count(const struct json_value *v, uint64_t *ret)
{
    return v->kind == JSON_NUMBER && parse_u64(v->raw, ret);
}

static bool count_or_zero(const struct json_value *v, uint64_t *ret)
{
    *ret = 0;
    return v->kind == JSON_ABSENT || read_count(v, ret);
}

/* Instead of an object it takes an array of its members, too. */
static bool read_write_list(struct str rest, struct ccusage_tokens *t)
{
    uint64_t *to[] = {&t->cache_write, &t->cache_write_1h};
    struct json_value item;
    t->cache_write = t->cache_write_1h = 0;
    for (size_t n = 0; json_scan_element(&rest, &item); n++)
        if (n == COUNT_OF(to) || !read_count(&item, to[n]))
            return false;
    return true;
}

static bool read_writes(const struct json_value *v, struct ccusage_tokens *t)
{
    uint64_t flat;
    if (!count_or_zero(&v[WRITE], &flat) || !count_or_zero(&v[WRITE_5M], &t->cache_write) ||
        !count_or_zero(&v[WRITE_1H], &t->cache_write_1h))
        return false;
    if (v[WRITE_DETAIL].kind == JSON_ARRAY)
        return read_write_list(v[WRITE_DETAIL].raw, t);
    if (v[WRITE_DETAIL].kind == JSON_OBJECT)
        return true;
    t->cache_write = flat;
    t->cache_write_1h = 0;
    return !is_said(&v[WRITE_DETAIL]);
}

static bool read_speed(const struct json_value *v, struct ccusage_line *ret)
{
    char text[16];
    ret->has_speed = is_said(v);
    ret->fast = false;
    if (!ret->has_speed)
        return true;
    if (!json_value_text(v, text, sizeof(text)))
        return false;
    ret->fast = strcmp(text, "fast") == 0;
    return ret->fast || strcmp(text, "standard") == 0;
}

static bool read_usage(const struct json_value *v, struct ccusage_line *ret)
{
    return read_count(&v[INPUT], &ret->tokens.input) && read_count(&v[OUTPUT], &ret->tokens.output) &&
           count_or_zero(&v[READ], &ret->tokens.cache_read) && read_writes(v, &ret->tokens) &&
           read_speed(&v[SPEED], ret);
}

/* -- all of a line -- */

#define DEPTH_MAX (JSON_SCAN_DEPTH_MAX + 1)
struct walk { /* where in the line */
    struct {
        struct str key;  /* under which it stands */
        uint64_t number; /* of the container */
        bool is_object;
    } level[DEPTH_MAX];
    size_t depth;
    uint64_t containers;
    struct str key;
    bool awaits_key, has_twice; /* has_twice: an object with a key that it has already */
    struct map *keys;           /* container and key; NULL: not asked */
    bool is_lax, has_bad_key;   /* is_lax: only the keys of what is read are looked at */
};

static bool key_is(struct str key, const char *name)
{
    char text[JSON_SCAN_KEY_MAX];
    const struct json_value v = {JSON_STRING, key};
    return json_value_text(&v, text, sizeof(text)) && strcmp(text, name) == 0;
}

static bool stands_below(const struct walk *w, const char *const *keys, size_t n)
{
    if (w->depth != n + 2)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!key_is(w->level[i + 1].key, keys[i]))
            return false;
    return !w->level[n].is_object && w->level[n + 1].is_object;
}

/* Of the requests inside of one, the model may be null. */
static bool is_of_iteration(const struct walk *w)
{
    static const char *const direct[] = {"message", "usage", "iterations"}, *const agent[] = {
                                                                                "data", "message", "message",
                                                                                "usage", "iterations"};
    return stands_below(w, direct, COUNT_OF(direct)) || stands_below(w, agent, COUNT_OF(agent));
}

static bool may_be_null(const struct walk *w)
{
    static const char *const keys[] = {"id",
                                       "cwd",
                                       "speed",
                                       "costUSD",
                                       "version",
                                       "sessionId",
                                       "requestId",
                                       "isApiErrorMessage",
                                       "cache_read_input_tokens",
                                       "cache_creation_input_tokens"};
    if (w->depth == 0 || !w->level[w->depth - 1].is_object)
        return true;
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (key_is(w->key, keys[i]))
            return false;
    return !key_is(w->key, "model") || is_of_iteration(w);
}

static const char *string_end(const char *p)
{
    for (; *p != '"'; p++)
        p += *p == '\\';
    return p;
}

static const char *number_end(const char *p)
{
    while (strchr("+-.eE0123456789", *p) && *p)
        p++;
    return p;
}

static void enter(struct walk *w, bool is_object)
{
    bool named = w->depth > 0 && w->level[w->depth - 1].is_object;
    w->level[w->depth].number = w->containers++;
    w->level[w->depth].key = named ? w->key : (struct str){NULL, 0};
    w->level[w->depth++].is_object = is_object;
    w->awaits_key = is_object;
}

/* The line, its message, the usage in it, and the cache writes in that. */
static bool is_read(const struct walk *w)
{
    static const char *const keys[] = {"message", "usage", "cache_creation"};
    if (w->depth > COUNT_OF(keys) + 1)
        return false;
    for (size_t i = 1; i < w->depth; i++)
        if (!key_is(w->level[i].key, keys[i - 1]))
            return false;
    return true;
}

static void take_key(struct walk *w, struct str raw)
{
    const struct json_value v = {JSON_STRING, raw};
    w->key = raw;
    w->awaits_key = false;
    if (w->is_lax)
        w->has_bad_key |= !is_text(raw) && is_read(w);
    if (!w->keys)
        return;
    struct buf key = BUF_INIT;
    buf_add(&key, &w->level[w->depth - 1].number, sizeof(uint64_t));
    json_value_decode(&v, raw.n, &key);
    w->has_twice |= map_put(w->keys, buf_str(&key), w) != NULL;
    buf_deinit(&key);
}

/* A string, a number or a word at p; returns what follows, NULL where the tool drops the line. */
static const char *pass_scalar(struct walk *w, const char *p, enum ccusage_drop *ret)
{
    double number;
    if (*p == '"') {
        const char *end = string_end(p + 1);
        if (w->awaits_key)
            take_key(w, (struct str){p + 1, (size_t)(end - p - 1)});
        return end + 1;
    }
    if (*p == '-' || (*p >= '0' && *p <= '9')) {
        const char *end = number_end(p);
        if (w->is_lax || read_number((struct str){p, (size_t)(end - p)}, &number))
            return end;
        *ret = CCUSAGE_BROKEN;
        return NULL;
    }
    if (*p != 'n' || may_be_null(w))
        return p + (*p == 'f' ? 5 : 4);
    *ret = CCUSAGE_NULL;
    return NULL;
}

/* Of an object that was scanned and is whole. */
static enum ccusage_drop walk_all(struct walk *w, struct str object)
{
    enum ccusage_drop drop = CCUSAGE_TAKEN;
    for (const char *p = object.p, *end = p + object.n; p && p < end;) {
        if (*p == '{' || *p == '[') {
            enter(w, *p++ == '{');
        } else if (*p == '}' || *p == ']') {
            w->depth--;
            p++;
        } else if (*p == ',') {
            w->awaits_key = w->level[w->depth - 1].is_object;
            p++;
        } else if (strchr(": \t\r", *p)) {
            p++;
        } else {
            p = pass_scalar(w, p, &drop);
        }
    }
    return w->has_twice ? CCUSAGE_BROKEN : drop;
}

static enum ccusage_drop look_at_all(struct str object, bool no_key_twice)
{
    struct map keys;
    struct walk w = {.keys = no_key_twice ? &keys : NULL};
    map_init(&keys);
    enum ccusage_drop drop = walk_all(&w, object);
    map_deinit(&keys);
    return drop;
}

/* -- the line -- */

static bool has_types(const struct json_value *v)
{
    return v[USAGE].kind == JSON_OBJECT && v[TIMESTAMP].kind == JSON_STRING && is_text(v[TIMESTAMP].raw) &&
           is_text_or_none(&v[VERSION]) && is_text_or_none(&v[SESSION]) && is_text_or_none(&v[REQUEST]) &&
           is_text_or_none(&v[MESSAGE_ID]) && is_text_or_none(&v[MODEL]) && is_flag_or_none(&v[SIDECHAIN]) &&
           is_flag_or_none(&v[API_ERROR]) && is_number_or_none(&v[COST]);
}

static bool is_version(const struct json_value *v)
{
    char text[64];
    if (!is_said(v))
        return true;
    (void)json_value_text(v, text, sizeof(text));
    size_t major = strspn(text, "0123456789");
    if (major == 0 || text[major] != '.')
        return false;
    const char *rest = text + major + 1;
    size_t minor = strspn(rest, "0123456789");
    return minor > 0 && rest[minor] == '.' && rest[minor + 1] >= '0' && rest[minor + 1] <= '9';
}

static bool is_usable(const struct json_value *v, int64_t *ret_at_us)
{
    char time[CCUSAGE_TIME_MAX];
    (void)json_value_text(&v[TIMESTAMP], time, sizeof(time));
    return ccusage_time_parse(str_of(time), ret_at_us) && is_version(&v[VERSION]) && !is_empty(&v[SESSION]) &&
           !is_empty(&v[REQUEST]) && !is_empty(&v[MESSAGE_ID]) && !is_empty(&v[MODEL]);
}

static void fill(struct ledger *strings, const struct json_value *v, struct ccusage_line *ret)
{
    ret->message = string_of(strings, &v[MESSAGE_ID]);
    ret->request = string_of(strings, &v[REQUEST]);
    ret->session = string_of(strings, &v[SESSION]);
    ret->model = string_of(strings, &v[MODEL]);
    ret->sidechain = v[SIDECHAIN].kind == JSON_TRUE;
    ret->has_cost = v[COST].kind == JSON_NUMBER && read_number(v[COST].raw, &ret->cost_usd);
}

static int64_t reset_time(struct str line)
{
    ptrdiff_t at = str_find(line, STR("Claude AI usage limit reached"));
    const char *bar = at < 0 ? NULL : memchr(line.p + at, '|', line.n - (size_t)at);
    if (!bar)
        return 0;
    const char *end = bar + 1;
    while (end < line.p + line.n && *end >= '0' && *end <= '9')
        end++;
    int64_t seconds;
    bool told = parse_i64((struct str){bar + 1, (size_t)(end - bar - 1)}, &seconds);
    return told && seconds < INT64_MAX / 1000000 ? seconds * 1000000 : 0;
}

static bool scan_types(struct str line, const struct json_path *paths, struct json_value *v,
                       struct ccusage_line *ret)
{
    struct json_scan scan;
    return json_scan_object(line, paths, v, &scan) == JSON_WHOLE && !scan.has_duplicate && has_types(v) &&
           read_usage(v, ret);
}

/* All of them are as they should be, or none counts. */
static bool advisors_are_good(struct str list)
{
    struct json_value item;
    struct ccusage_line ignored;
    for (struct str rest = list; json_scan_element(&rest, &item);) {
        struct json_value v[SLOTS] = {{0}};
        struct json_scan scan;
        if (item.kind != JSON_OBJECT || json_scan_object(item.raw, advisor_paths, v, &scan) != JSON_WHOLE ||
            scan.has_duplicate || scan.has_lone_surrogate || !json_scan_is_utf8(item.raw) ||
            v[TYPE].kind != JSON_STRING || !is_text_or_none(&v[MODEL]) || !read_usage(v, &ignored) ||
            look_at_all(item.raw, false) == CCUSAGE_BROKEN)
            return false;
    }
    return true;
}

static void find_advisors(struct str line, struct ccusage_line *ret)
{
    static const struct json_path list[] = {JSON_ROW("iterations", 0), JSON_ROWS_END};
    static const struct json_path inner[] = {{"usage", JSON_NO_SLOT, list}, JSON_ROWS_END};
    static const struct json_path outer[] = {{"message", JSON_NO_SLOT, inner}, JSON_ROWS_END};
    struct json_value v[1] = {{0}};
    struct json_scan scan;
    if (json_scan_find(line, STR("\"advisor_message\"")) >= 0 &&
        json_scan_object(line, outer, v, &scan) == JSON_WHOLE && !scan.has_duplicate &&
        v[0].kind == JSON_ARRAY && advisors_are_good(v[0].raw))
        ret->advisors = v[0].raw;
}

/* The grammar, and what both readers ask of the whole. */
static enum ccusage_drop look(struct str line, enum ccusage_rules rules)
{
    struct json_scan scan;
    struct str none = STR("\"usage\":{");
    if (json_scan_find(line, none) < 0)
        return CCUSAGE_SPACE;
    if (json_scan_object(line, NULL, NULL, &scan) != JSON_WHOLE ||
        !str_empty(str_trim((struct str){scan.end, (size_t)(line.p + line.n - scan.end)})))
        return CCUSAGE_BROKEN;
    bool has_null = json_scan_find(line, STR("null")) >= 0, is_utf8 = json_scan_is_utf8(line);
    const char *start = memchr(line.p, '{', line.n);
    struct walk lax = {.is_lax = true};
    if (rules != CCUSAGE_DAILY && !has_null) {
        if (!is_utf8 || scan.has_lone_surrogate)
            (void)walk_all(&lax, (struct str){start, (size_t)(scan.end - start)});
        return lax.has_bad_key ? CCUSAGE_BROKEN : CCUSAGE_TAKEN;
    }
    if (!is_utf8)
        return CCUSAGE_NOT_UTF8;
    if (scan.has_lone_surrogate)
        return CCUSAGE_BROKEN;
    return look_at_all((struct str){start, (size_t)(scan.end - start)}, has_null);
}

enum ccusage_drop ccusage_line_read(struct ledger *strings, struct str line, enum ccusage_rules rules,
                                    struct ccusage_line *ret)
{
    struct json_value v[SLOTS] = {{0}}, inner[SLOTS] = {{0}};
    enum ccusage_drop drop = look(line, rules);
    *ret = (struct ccusage_line){.at_us = 0};
    if (drop != CCUSAGE_TAKEN)
        return drop;
    const struct json_value *found = v;
    if (scan_types(line, rules == CCUSAGE_DAILY ? daily_paths : other_paths, v, ret))
        find_advisors(line, ret);
    else if (rules == CCUSAGE_DAILY && scan_types(line, agent_paths, inner, ret))
        found = inner;
    else
        return v[USAGE].kind == JSON_OBJECT || inner[USAGE].kind == JSON_OBJECT ? CCUSAGE_FIELD
                                                                                : CCUSAGE_NOTHING;
    if (!is_usable(found, &ret->at_us))
        return CCUSAGE_FIELD;
    fill(strings, found, ret);
    ret->reset_us = v[API_ERROR].kind == JSON_TRUE ? reset_time(line) : 0;
    return CCUSAGE_TAKEN;
}

bool ccusage_line_advisor(struct ledger *strings, struct str *rest, struct ccusage_line *ret)
{
    struct json_value item;
    while (json_scan_element(rest, &item)) {
        struct json_value v[SLOTS] = {{0}};
        struct json_scan scan;
        ret->advisor++;
        if (json_scan_object(item.raw, advisor_paths, v, &scan) != JSON_WHOLE || !read_usage(v, ret) ||
            v[MODEL].kind != JSON_STRING || is_empty(&v[MODEL]) || !key_is(v[TYPE].raw, "advisor_message"))
            continue;
        ret->model = string_of(strings, &v[MODEL]);
        ret->has_cost = false;
        ret->is_advisor = true;
        return true;
    }
    return false;
}
