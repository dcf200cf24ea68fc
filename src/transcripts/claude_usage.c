#include "transcripts/usage_line.h"

#include "base/clock.h"

static const struct json_path write_detail[] = {JSON_ROW("ephemeral_5m_input_tokens", CLAUDE_WRITE_5M),
                                                JSON_ROW("ephemeral_1h_input_tokens", CLAUDE_WRITE_1H),
                                                JSON_ROWS_END};
static const struct json_path output_detail[] = {JSON_ROW("thinking_tokens", CLAUDE_THINKING), JSON_ROWS_END};
static const struct json_path server_tools[] = {JSON_ROW("web_search_requests", CLAUDE_SEARCHES),
                                                JSON_ROWS_END};
static const struct json_path usage[] = {JSON_ROW("input_tokens", CLAUDE_INPUT),
                                         JSON_ROW("output_tokens", CLAUDE_OUTPUT),
                                         JSON_ROW("cache_creation_input_tokens", CLAUDE_CACHE_WRITE),
                                         JSON_ROW("cache_read_input_tokens", CLAUDE_CACHE_READ),
                                         {"cache_creation", CLAUDE_WRITE_DETAIL, write_detail},
                                         {"output_tokens_details", JSON_NO_SLOT, output_detail},
                                         {"server_tool_use", JSON_NO_SLOT, server_tools},
                                         JSON_ROW("service_tier", CLAUDE_TIER),
                                         JSON_ROW("inference_geo", CLAUDE_GEO),
                                         JSON_ROW("speed", CLAUDE_SPEED),
                                         JSON_ROW("iterations", CLAUDE_ITERATIONS),
                                         JSON_ROWS_END};
static const struct json_path message[] = {JSON_ROW("id", CLAUDE_MESSAGE_ID),
                                           JSON_ROW("model", CLAUDE_MODEL),
                                           JSON_ROW("content", CLAUDE_CONTENT),
                                           {"usage", CLAUDE_USAGE, usage},
                                           JSON_ROWS_END};
const struct json_path claude_paths[] = {JSON_ROW("timestamp", CLAUDE_TIMESTAMP),
                                         JSON_ROW("requestId", CLAUDE_REQUEST_ID),
                                         JSON_ROW("sessionId", CLAUDE_SESSION_ID),
                                         JSON_ROW("session_id", CLAUDE_SESSION_ID_OLD),
                                         JSON_ROW("isSidechain", CLAUDE_SIDECHAIN),
                                         JSON_ROW("cwd", CLAUDE_CWD),
                                         JSON_ROW("gitBranch", CLAUDE_BRANCH),
                                         JSON_ROW("uuid", CLAUDE_UUID),
                                         JSON_ROW("version", CLAUDE_VERSION),
                                         JSON_ROW("costUSD", CLAUDE_COST),
                                         JSON_ROW("isApiErrorMessage", CLAUDE_API_ERROR),
                                         JSON_ROW("data", CLAUDE_DATA),
                                         {"message", JSON_NO_SLOT, message},
                                         JSON_ROWS_END};

static struct str text_of(const struct json_value *v)
{
    return v->kind == JSON_STRING ? v->raw : (struct str){NULL, 0};
}

/* Absent, null or nonsense is not known, and nothing is added for it; false for nonsense. */
static bool count_of(const struct json_value *v, int64_t *ret)
{
    *ret = 0;
    if (v->kind == JSON_ABSENT || v->kind == JSON_NULL)
        return true;
    return json_value_count(v, ret) && *ret <= USAGE_TOKENS_MAX;
}

/* The parts by lifetime are told from 2025 on; what the whole has more than they is a write of five minutes.
 */
static bool read_cache_writes(const struct json_value *v, int64_t *counts)
{
    int64_t whole, five_minutes, hour;
    if (!count_of(&v[CLAUDE_CACHE_WRITE], &whole) || !count_of(&v[CLAUDE_WRITE_5M], &five_minutes) ||
        !count_of(&v[CLAUDE_WRITE_1H], &hour))
        return false;
    counts[COUNT_CACHE_WRITE_5M] = MAX(five_minutes, whole - hour);
    counts[COUNT_CACHE_WRITE_1H] = hour;
    return true;
}

static bool read_counts(const struct json_value *v, int64_t *counts)
{
    return count_of(&v[CLAUDE_INPUT], &counts[COUNT_INPUT]) &&
           count_of(&v[CLAUDE_OUTPUT], &counts[COUNT_OUTPUT]) &&
           count_of(&v[CLAUDE_CACHE_READ], &counts[COUNT_CACHE_READ]) &&
           count_of(&v[CLAUDE_THINKING], &counts[COUNT_REASONING]) &&
           count_of(&v[CLAUDE_SEARCHES], &counts[COUNT_WEB_SEARCHES]) && read_cache_writes(v, counts);
}

static unsigned flags_of(const struct json_value *v, const int64_t *counts)
{
    return (v[CLAUDE_SIDECHAIN].kind == JSON_TRUE ? USAGE_SIDECHAIN : 0U) |
           (json_value_is(&v[CLAUDE_SPEED], STR("fast")) ? USAGE_FAST : 0U) |
           (json_value_is(&v[CLAUDE_TIER], STR("batch")) ? USAGE_BATCH : 0U) |
           (json_value_is(&v[CLAUDE_GEO], STR("us")) ? USAGE_US_ONLY : 0U) | usage_event_size_flags(counts);
}

enum usage_line_outcome claude_usage(const struct json_value v[CLAUDE_SLOTS], struct usage_event *ret)
{
    if (v[CLAUDE_USAGE].kind != JSON_OBJECT)
        return USAGE_LINE_NONE;
    struct usage_event e = {.source = USAGE_CLAUDE};
    if (!read_counts(v, e.counts))
        return USAGE_LINE_BAD_COUNT;
    if (!clock_parse_rfc3339(text_of(&v[CLAUDE_TIMESTAMP]), &e.at_us))
        return USAGE_LINE_BAD_TIME;
    e.message_id = text_of(&v[CLAUDE_MESSAGE_ID]);
    e.request_id = text_of(&v[CLAUDE_REQUEST_ID]);
    e.session_id = text_of(&v[CLAUDE_SESSION_ID]);
    if (str_empty(e.session_id))
        e.session_id = text_of(&v[CLAUDE_SESSION_ID_OLD]);
    if (str_empty(e.message_id))
        e.request_id = text_of(&v[CLAUDE_UUID]); /* tells copies of the line from other lines */
    e.model = text_of(&v[CLAUDE_MODEL]);
    e.cwd = text_of(&v[CLAUDE_CWD]);
    e.branch = text_of(&v[CLAUDE_BRANCH]);
    e.flags = flags_of(v, e.counts);
    *ret = e;
    return USAGE_LINE_EVENT;
}

bool claude_inner_line(const struct json_value v[CLAUDE_SLOTS], struct str *ret)
{
    static const struct json_path paths[] = {JSON_ROW("message", 0), JSON_ROWS_END};
    struct json_value inner[1] = {{0}};
    struct json_scan scan;
    if (v[CLAUDE_DATA].kind != JSON_OBJECT || v[CLAUDE_USAGE].kind != JSON_ABSENT ||
        json_scan_object(v[CLAUDE_DATA].raw, paths, inner, &scan) != JSON_WHOLE ||
        inner[0].kind != JSON_OBJECT)
        return false;
    *ret = inner[0].raw;
    return true;
}
