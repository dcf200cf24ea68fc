#include "transcripts/usage_line.h"

#include "base/clock.h"

enum slot {
    TIMESTAMP,
    TYPE,
    PAYLOAD_TYPE,
    PAYLOAD_MODEL,
    META_ID,
    META_CWD,
    META_FORKED,
    META_SPAWNED,
    META_BRANCH,
    TIER,
    INFO,
    INFO_MODEL,
    TOTAL,
    TOTAL_INPUT,
    TOTAL_INPUT_2,
    TOTAL_INPUT_3,
    TOTAL_CACHED,
    TOTAL_CACHED_2,
    TOTAL_CACHED_3,
    TOTAL_WRITE,
    TOTAL_OUTPUT,
    TOTAL_OUTPUT_2,
    TOTAL_OUTPUT_3,
    TOTAL_REASONING,
    TOTAL_TOTAL,
    LAST,
    LAST_INPUT,
    LAST_INPUT_2,
    LAST_INPUT_3,
    LAST_CACHED,
    LAST_CACHED_2,
    LAST_CACHED_3,
    LAST_WRITE,
    LAST_OUTPUT,
    LAST_OUTPUT_2,
    LAST_OUTPUT_3,
    LAST_REASONING,
    LAST_TOTAL,
    SLOTS
};

#define COUNTS(T)                                                                                            \
    {                                                                                                        \
        JSON_ROW("input_tokens", T##_INPUT), JSON_ROW("prompt_tokens", T##_INPUT_2),                         \
            JSON_ROW("input", T##_INPUT_3), JSON_ROW("cached_input_tokens", T##_CACHED),                     \
            JSON_ROW("cache_read_input_tokens", T##_CACHED_2), JSON_ROW("cached_tokens", T##_CACHED_3),      \
            JSON_ROW("cache_write_input_tokens", T##_WRITE), JSON_ROW("output_tokens", T##_OUTPUT),          \
            JSON_ROW("completion_tokens", T##_OUTPUT_2), JSON_ROW("output", T##_OUTPUT_3),                   \
            JSON_ROW("reasoning_output_tokens", T##_REASONING), JSON_ROW("total_tokens", T##_TOTAL),         \
            JSON_ROWS_END                                                                                    \
    }

static const struct json_path total_counts[] = COUNTS(TOTAL);
static const struct json_path last_counts[] = COUNTS(LAST);
static const struct json_path info[] = {{"total_token_usage", TOTAL, total_counts},
                                        {"last_token_usage", LAST, last_counts},
                                        JSON_ROW("model", INFO_MODEL),
                                        JSON_ROWS_END};
static const struct json_path spawn[] = {JSON_ROW("parent_thread_id", META_SPAWNED), JSON_ROWS_END};
static const struct json_path subagent[] = {{"thread_spawn", JSON_NO_SLOT, spawn}, JSON_ROWS_END};
static const struct json_path meta_source[] = {{"subagent", JSON_NO_SLOT, subagent}, JSON_ROWS_END};
static const struct json_path git[] = {JSON_ROW("branch", META_BRANCH), JSON_ROWS_END};
static const struct json_path settings[] = {JSON_ROW("service_tier", TIER), JSON_ROWS_END};
static const struct json_path payload[] = {JSON_ROW("type", PAYLOAD_TYPE),
                                           JSON_ROW("model", PAYLOAD_MODEL),
                                           JSON_ROW("id", META_ID),
                                           JSON_ROW("cwd", META_CWD),
                                           JSON_ROW("forked_from_id", META_FORKED),
                                           {"source", JSON_NO_SLOT, meta_source},
                                           {"git", JSON_NO_SLOT, git},
                                           {"thread_settings", JSON_NO_SLOT, settings},
                                           {"info", INFO, info},
                                           JSON_ROWS_END};
const struct json_path codex_paths[] = {JSON_ROW("timestamp", TIMESTAMP),
                                        JSON_ROW("type", TYPE),
                                        {"payload", JSON_NO_SLOT, payload},
                                        JSON_ROWS_END};

/* Most of a rollout are these, and they say what they are first. */
static bool is_plainly_something_else(struct str line)
{
    static const struct str kinds[] = {
        {"\"response_item\"", 15}, {"\"compacted\"", 11}, {"\"world_state\"", 13}};
    struct str head = {line.p, MIN(line.n, 128)};
    if (!str_starts_with(head, STR("{\"timestamp\":\"")))
        return false;
    ptrdiff_t type = str_find(head, STR(",\"type\":")),
              brace = str_find((struct str){head.p + 1, head.n - 1}, STR("{"));
    if (type < 0 || (brace >= 0 && brace < type))
        return false;
    struct str value = {head.p + type + 8, head.n - (size_t)type - 8};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_starts_with(value, kinds[i]))
            return true;
    return false;
}

bool codex_line_may_count(struct str line)
{
    static const struct str marks[] = {{"\"token_count\"", 13},
                                       {"\"turn_context\"", 14},
                                       {"\"session_meta\"", 14},
                                       {"\"thread_settings", 16}};
    if (is_plainly_something_else(line))
        return false;
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        if (json_scan_find(line, marks[i]) >= 0)
            return true;
    return false;
}

static struct str text_of(const struct json_value *v)
{
    return v->kind == JSON_STRING ? v->raw : (struct str){NULL, 0};
}

/* The first of a few names that is there; false when it is no count. */
static bool first_count(const struct json_value *v, int names, int64_t *ret)
{
    *ret = 0;
    for (int i = 0; i < names; i++)
        if (v[i].kind != JSON_ABSENT && v[i].kind != JSON_NULL)
            return json_value_count(&v[i], ret) && *ret <= USAGE_TOKENS_MAX;
    return true;
}

static bool read_counts(const struct json_value *v, struct codex_counts *ret)
{
    bool good = first_count(v, 3, &ret->input) && first_count(v + 3, 3, &ret->cached) &&
                first_count(v + 6, 1, &ret->cache_write) && first_count(v + 7, 3, &ret->output) &&
                first_count(v + 10, 1, &ret->reasoning) && first_count(v + 11, 1, &ret->total);
    if (good && ret->total == 0)
        ret->total = ret->input + ret->output;
    ret->cached = MIN(ret->cached, ret->input);
    return good;
}

static enum codex_line_kind read_report(const struct json_value *v, struct codex_line *ret)
{
    if (v[INFO].kind != JSON_OBJECT)
        return CODEX_OTHER;
    struct codex_report *r = &ret->report;
    r->has_total = v[TOTAL].kind == JSON_OBJECT;
    r->has_last = v[LAST].kind == JSON_OBJECT;
    if ((r->has_total && !read_counts(&v[TOTAL_INPUT], &r->total)) ||
        (r->has_last && !read_counts(&v[LAST_INPUT], &r->last)))
        return CODEX_BAD_COUNT;
    r->at_us = ret->at_us;
    ret->model = text_of(&v[v[INFO_MODEL].kind == JSON_STRING ? INFO_MODEL : PAYLOAD_MODEL]);
    return CODEX_REPORT;
}

static void read_meta(const struct json_value *v, struct codex_line *ret)
{
    ret->id = text_of(&v[META_ID]);
    ret->cwd = text_of(&v[META_CWD]);
    ret->branch = text_of(&v[META_BRANCH]);
    ret->parent = text_of(&v[META_FORKED]);
    if (str_empty(ret->parent))
        ret->parent = text_of(&v[META_SPAWNED]);
}

static enum codex_tier tier_of(const struct json_value *v)
{
    if (json_value_is(v, STR("priority")) || json_value_is(v, STR("fast")))
        return CODEX_FAST;
    return json_value_is(v, STR("flex")) ? CODEX_FLEX : CODEX_STANDARD;
}

static enum codex_line_kind kind_of(const struct json_value *v, struct codex_line *ret)
{
    bool has_time = clock_parse_rfc3339(text_of(&v[TIMESTAMP]), &ret->at_us);
    if (json_value_is(&v[TYPE], STR("session_meta"))) {
        read_meta(v, ret);
        return CODEX_META;
    }
    if (json_value_is(&v[TYPE], STR("turn_context"))) {
        ret->model = text_of(&v[PAYLOAD_MODEL]);
        return CODEX_CONTEXT;
    }
    if (!json_value_is(&v[TYPE], STR("event_msg")))
        return CODEX_OTHER;
    if (json_value_is(&v[PAYLOAD_TYPE], STR("thread_settings_applied")) && v[TIER].kind == JSON_STRING) {
        ret->tier = tier_of(&v[TIER]);
        return CODEX_TIER;
    }
    if (!json_value_is(&v[PAYLOAD_TYPE], STR("token_count")))
        return CODEX_OTHER;
    enum codex_line_kind kind = read_report(v, ret);
    return kind == CODEX_REPORT && !has_time ? CODEX_BAD_TIME : kind;
}

enum json_outcome codex_line_read(struct str line, struct codex_line *ret, struct json_scan *scan)
{
    _Static_assert(SLOTS <= CODEX_SLOTS, "the header knows how many");
    struct json_value v[CODEX_SLOTS] = {{0}};
    *ret = (struct codex_line){0};
    enum json_outcome rc = json_scan_object(line, codex_paths, v, scan);
    if (rc == JSON_WHOLE)
        ret->kind = kind_of(v, ret);
    return rc;
}
