#include "transcripts/usage_line.h"

#include "base/clock.h"

static const struct json_path tokens[] = {
    JSON_ROW("input", GEMINI_INPUT),   JSON_ROW("output", GEMINI_OUTPUT),
    JSON_ROW("cached", GEMINI_CACHED), JSON_ROW("thoughts", GEMINI_THOUGHTS),
    JSON_ROW("tool", GEMINI_TOOL),     JSON_ROWS_END};
static const struct json_path set[] = {JSON_ROW("messages", GEMINI_SET_MESSAGES), JSON_ROWS_END};
const struct json_path gemini_paths[] = {JSON_ROW("id", GEMINI_ID),
                                         JSON_ROW("timestamp", GEMINI_TIMESTAMP),
                                         JSON_ROW("type", GEMINI_TYPE),
                                         JSON_ROW("model", GEMINI_MODEL),
                                         JSON_ROW("sessionId", GEMINI_SESSION),
                                         {"tokens", GEMINI_TOKENS, tokens},
                                         {"$set", JSON_NO_SLOT, set},
                                         JSON_ROWS_END};

static bool count_of(const struct json_value *v, int64_t *ret)
{
    *ret = 0;
    if (v->kind == JSON_ABSENT || v->kind == JSON_NULL)
        return true;
    return json_value_count(v, ret) && *ret <= USAGE_TOKENS_MAX;
}

/* The vendor counts cached tokens inside the input, and thoughts beside the output, which they are billed as.
 */
enum usage_line_outcome gemini_usage(const struct json_value v[GEMINI_SLOTS], struct usage_event *ret)
{
    if (v[GEMINI_TOKENS].kind != JSON_OBJECT || !json_value_is(&v[GEMINI_TYPE], STR("gemini")))
        return USAGE_LINE_NONE;
    struct usage_event e = {.source = USAGE_GEMINI};
    int64_t input, output, cached, thoughts, tool;
    if (!count_of(&v[GEMINI_INPUT], &input) || !count_of(&v[GEMINI_OUTPUT], &output) ||
        !count_of(&v[GEMINI_CACHED], &cached) || !count_of(&v[GEMINI_THOUGHTS], &thoughts) ||
        !count_of(&v[GEMINI_TOOL], &tool))
        return USAGE_LINE_BAD_COUNT;
    if (v[GEMINI_TIMESTAMP].kind != JSON_STRING || !clock_parse_rfc3339(v[GEMINI_TIMESTAMP].raw, &e.at_us))
        return USAGE_LINE_BAD_TIME;
    cached = MIN(cached, input);
    e.counts[COUNT_INPUT] = input - cached + tool;
    e.counts[COUNT_CACHE_READ] = cached;
    e.counts[COUNT_OUTPUT] = output + thoughts;
    e.counts[COUNT_REASONING] = thoughts;
    e.message_id = v[GEMINI_ID].kind == JSON_STRING ? v[GEMINI_ID].raw : (struct str){NULL, 0};
    e.model = v[GEMINI_MODEL].kind == JSON_STRING ? v[GEMINI_MODEL].raw : (struct str){NULL, 0};
    e.flags = usage_event_size_flags(e.counts);
    *ret = e;
    return USAGE_LINE_EVENT;
}
