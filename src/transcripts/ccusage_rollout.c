#include "transcripts/ccusage_rollout.h"

#include "base/parse.h"
#include "core/ccusage_time.h"
#include "transcripts/json_scan.h"

#include <math.h>

/* -- an object, one level of it -- */

enum field {
    TYPE,
    TIMESTAMP,
    CREATED,
    CREATED_CAMEL,
    PAYLOAD,
    USAGE,
    DATA,
    RESULT,
    RESPONSE,
    MODEL,
    MODEL_NAME,
    METADATA,
    INFO,
    LAST,
    TOTAL,
    ID,
    FORKED,
    SPAWNED,
    TIER,
    FIELDS
};
static const struct json_path spawn[] = {JSON_ROW("parent_thread_id", SPAWNED), JSON_ROWS_END};
static const struct json_path subagent[] = {{"thread_spawn", JSON_NO_SLOT, spawn}, JSON_ROWS_END};
static const struct json_path source[] = {{"subagent", JSON_NO_SLOT, subagent}, JSON_ROWS_END};
static const struct json_path settings[] = {JSON_ROW("service_tier", TIER), JSON_ROWS_END};
static const struct json_path fields[] = {JSON_ROW("type", TYPE),
                                          JSON_ROW("timestamp", TIMESTAMP),
                                          JSON_ROW("created_at", CREATED),
                                          JSON_ROW("createdAt", CREATED_CAMEL),
                                          JSON_ROW("payload", PAYLOAD),
                                          JSON_ROW("usage", USAGE),
                                          JSON_ROW("data", DATA),
                                          JSON_ROW("result", RESULT),
                                          JSON_ROW("response", RESPONSE),
                                          JSON_ROW("model", MODEL),
                                          JSON_ROW("model_name", MODEL_NAME),
                                          JSON_ROW("metadata", METADATA),
                                          JSON_ROW("info", INFO),
                                          JSON_ROW("last_token_usage", LAST),
                                          JSON_ROW("total_token_usage", TOTAL),
                                          JSON_ROW("id", ID),
                                          JSON_ROW("forked_from_id", FORKED),
                                          {"source", JSON_NO_SLOT, source},
                                          {"thread_settings", JSON_NO_SLOT, settings},
                                          JSON_ROWS_END};

struct level {
    struct json_value v[FIELDS];
    bool is_loose; /* of two fields of one name the last counts; else the line is none */
};

static bool open_level(const struct json_value *object, bool is_loose, struct level *ret)
{
    struct json_scan scan;
    *ret = (struct level){.is_loose = is_loose};
    return object->kind == JSON_OBJECT &&
           json_scan_object(object->raw, fields, ret->v, &scan) == JSON_WHOLE &&
           (is_loose || !scan.has_duplicate);
}

static bool is_text_or_none(const struct json_value *v)
{
    return v->kind == JSON_ABSENT || v->kind == JSON_NULL || v->kind == JSON_STRING;
}

/* A text without the white space around it; 0 when there is none. */
static uint32_t text_of(struct ledger *strings, const struct json_value *v)
{
    struct buf text = BUF_INIT;
    json_value_decode(v, v->kind == JSON_STRING ? v->raw.n : 0, &text);
    struct str s = str_trim(buf_str(&text));
    uint32_t number = str_empty(s) ? 0 : ledger_string(strings, s);
    buf_deinit(&text);
    return number;
}

static uint32_t model_of(struct ledger *strings, const struct level *l)
{
    struct level metadata;
    uint32_t model = text_of(strings, &l->v[MODEL]);
    model = model ? model : text_of(strings, &l->v[MODEL_NAME]);
    return model || !open_level(&l->v[METADATA], l->is_loose, &metadata)
               ? model
               : text_of(strings, &metadata.v[MODEL]);
}

/* -- counts -- */

static const struct json_path counts[] = {JSON_ROW("input_tokens", 0),
                                          JSON_ROW("prompt_tokens", 1),
                                          JSON_ROW("input", 2),
                                          JSON_ROW("cached_input_tokens", 3),
                                          JSON_ROW("cache_read_input_tokens", 4),
                                          JSON_ROW("cached_tokens", 5),
                                          JSON_ROW("cache_write_input_tokens", 6),
                                          JSON_ROW("output_tokens", 7),
                                          JSON_ROW("completion_tokens", 8),
                                          JSON_ROW("output", 9),
                                          JSON_ROW("reasoning_output_tokens", 10),
                                          JSON_ROW("reasoning_tokens", 11),
                                          JSON_ROW("total_tokens", 12),
                                          JSON_ROWS_END};
#define COUNTS 13

static bool read_count(const struct json_value *v, int64_t *ret)
{
    uint64_t n;
    struct str s = v->kind == JSON_STRING ? str_trim(v->raw) : v->raw;
    if (v->kind == JSON_STRING && s.n > 1 && s.p[0] == '+')
        s = (struct str){s.p + 1, s.n - 1};
    if ((v->kind != JSON_STRING && v->kind != JSON_NUMBER) || !parse_u64(s, &n))
        return false;
    *ret = (int64_t)MIN(n, (uint64_t)INT64_MAX);
    return true;
}

/* What no number of 64 bits is close to, and a half of a character, break a line. */
static bool breaks(const struct json_value *v)
{
    if (v->kind != JSON_NUMBER)
        return v->kind == JSON_ARRAY || v->kind == JSON_OBJECT;
    CLEANUP(freep) char *text = str_dup(v->raw);
    return !isfinite(strtod(text, NULL));
}

static int64_t first_of(const struct json_value *v, size_t n)
{
    int64_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (read_count(&v[i], &count))
            return count;
    return 0;
}

/* False when it is none; *ret_broken when the line is none for it. */
static bool read_counts(const struct json_value *object, bool is_loose, struct codex_counts *ret,
                        bool *ret_broken)
{
    struct json_value v[COUNTS] = {{0}};
    struct json_scan scan;
    if (object->kind != JSON_OBJECT) {
        *ret_broken |= object->kind == JSON_NUMBER && breaks(object);
        return false;
    }
    *ret_broken |= json_scan_object(object->raw, counts, v, &scan) != JSON_WHOLE ||
                   (scan.has_duplicate && !is_loose) || scan.has_lone_surrogate;
    for (size_t i = 0; i < COUNTS; i++)
        *ret_broken |= breaks(&v[i]);
    *ret = (struct codex_counts){.input = first_of(v, 3),
                                 .cached = first_of(v + 3, 3),
                                 .cache_write = first_of(v + 6, 1),
                                 .output = first_of(v + 7, 3),
                                 .reasoning = first_of(v + 10, 2)};
    ret->cached = MIN(ret->cached, ret->input);
    ret->cache_write = MIN(ret->cache_write, ret->input - ret->cached);
    ret->total = first_of(v + 12, 1);
    if (ret->total == 0)
        ret->total = ret->input + ret->output;
    return true;
}

/* -- times -- */

static bool read_time(const struct json_value *v, int64_t *ret_us)
{
    char text[CCUSAGE_TIME_MAX];
    uint64_t n;
    if (v->kind == JSON_STRING && json_value_text(v, text, sizeof(text)))
        return ccusage_time_parse(str_trim(str_of(text)), ret_us);
    if (v->kind != JSON_NUMBER || !parse_u64(v->raw, &n) || n > INT64_MAX / 1000000)
        return false;
    *ret_us = (int64_t)n * (n > 10000000000U ? 1000 : 1000000);
    return true;
}

/* -- lines -- */

static void read_report(struct ledger *strings, const struct json_value *time, const struct level *payload,
                        struct ccusage_rollout_line *ret)
{
    struct level info;
    bool broken = false;
    if (!open_level(&payload->v[INFO], false, &info))
        return;
    struct codex_report *r = &ret->report;
    r->at_us = ret->at_us;
    r->has_last = read_counts(&info.v[LAST], false, &r->last, &broken);
    r->has_total = read_counts(&info.v[TOTAL], false, &r->total, &broken);
    ret->model = model_of(strings, payload);
    if (!ret->model)
        ret->model = model_of(strings, &info);
    ret->time = text_of(strings, time);
    bool good = !broken && is_text_or_none(&info.v[MODEL]) && is_text_or_none(&info.v[MODEL_NAME]);
    ret->kind = good && ret->has_time ? ROLLOUT_REPORT : ROLLOUT_OTHER;
}

static void read_tier(const struct json_value *v, struct ccusage_rollout_line *ret)
{
    static const struct {
        const char *name;
        enum ccusage_tier tier;
    } tiers[] = {{"priority", TIER_FAST},
                 {"fast", TIER_FAST},
                 {"default", TIER_STANDARD},
                 {"standard", TIER_STANDARD}};
    if (v->kind != JSON_STRING)
        return;
    ret->kind = ROLLOUT_TIER;
    for (size_t i = 0; i < COUNT_OF(tiers); i++)
        if (json_value_is(v, str_of(tiers[i].name)))
            ret->tier = tiers[i].tier;
}

static void read_session(struct ledger *strings, const struct level *top, struct ccusage_rollout_line *ret)
{
    struct level payload;
    bool has_payload = open_level(&top->v[PAYLOAD], false, &payload);
    if (!is_text_or_none(&payload.v[TYPE]) || !is_text_or_none(&payload.v[MODEL]) ||
        !is_text_or_none(&payload.v[MODEL_NAME]) || !has_payload)
        return;
    if (json_value_is(&top->v[TYPE], STR("session_meta"))) {
        ret->kind = ROLLOUT_META;
        ret->id = text_of(strings, &payload.v[ID]);
        ret->parent = text_of(strings, &payload.v[FORKED]);
        if (!ret->parent)
            ret->parent = text_of(strings, &payload.v[SPAWNED]);
    } else if (json_value_is(&top->v[TYPE], STR("turn_context"))) {
        ret->kind = ROLLOUT_CONTEXT;
        ret->model = model_of(strings, &payload);
    } else if (json_value_is(&payload.v[TYPE], STR("thread_settings_applied"))) {
        read_tier(&payload.v[TIER], ret);
    } else if (json_value_is(&payload.v[TYPE], STR("token_count"))) {
        read_report(strings, &top->v[TIMESTAMP], &payload, ret);
    }
}

static bool take_output(struct ledger *strings, const struct level *l, struct ccusage_rollout_line *ret)
{
    bool broken = false;
    if (!ret->report.has_last && read_counts(&l->v[USAGE], true, &ret->report.last, &broken) && !broken)
        ret->report.has_last = true;
    for (int i = TIMESTAMP; i <= CREATED_CAMEL && !ret->has_time; i++)
        ret->has_time = read_time(&l->v[i], &ret->at_us);
    ret->model = ret->model ? ret->model : model_of(strings, l);
    return ret->report.has_last;
}

static void read_output(struct ledger *strings, const struct level *top, struct ccusage_rollout_line *ret)
{
    struct level inner;
    ret->has_time = false;
    (void)take_output(strings, top, ret);
    for (int i = DATA; i <= RESPONSE; i++)
        if (open_level(&top->v[i], true, &inner))
            (void)take_output(strings, &inner, ret);
    const struct codex_counts *c = &ret->report.last;
    if (ret->report.has_last && (c->input || c->cached || c->output || c->reasoning || c->total))
        ret->kind = ROLLOUT_OUTPUT;
}

static bool names(struct str line, const char *quoted)
{
    return json_scan_find(line, str_of(quoted)) >= 0;
}

void ccusage_rollout_read(struct ledger *strings, struct str line, struct ccusage_rollout_line *ret)
{
    *ret = (struct ccusage_rollout_line){.kind = ROLLOUT_OTHER};
    bool session = names(line, "\"turn_context\"") || names(line, "\"session_meta\"") ||
                   (names(line, "\"event_msg\"") &&
                    (names(line, "\"token_count\"") || names(line, "\"thread_settings_applied\"")));
    bool output =
        names(line, "\"usage\":") || names(line, "\"input_tokens\":") || names(line, "\"prompt_tokens\":");
    struct level top = {.is_loose = !session};
    struct json_scan scan;
    if ((!session && !output) || json_scan_object(line, fields, top.v, &scan) != JSON_WHOLE ||
        (scan.has_duplicate && session) ||
        !str_empty(str_trim((struct str){scan.end, (size_t)(line.p + line.n - scan.end)})))
        return;
    ret->has_time = read_time(&top.v[TIMESTAMP], &ret->at_us);
    if (!session)
        read_output(strings, &top, ret);
    else if (top.v[TYPE].kind == JSON_STRING)
        read_session(strings, &top, ret);
}
