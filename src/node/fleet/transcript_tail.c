#include "node/fleet/transcript_tail.h"

#include "base/clock.h"
#include "base/parse.h"

#include <jansson.h>
#include <stdio.h>
#include <xxhash.h>

struct reader {
    struct transcript_tail *ret;
    uint64_t last_call; /* of its name and arguments */
};

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static bool is(const json_t *object, const char *key, const char *word)
{
    return strcmp(text(object, key), word) == 0;
}

static void set_turn(struct reader *r, enum liveness_turn turn)
{
    r->ret->turn = turn;
    r->ret->retries = r->ret->is_limited = false;
    r->ret->limited_until = 0;
}

static void add_call(struct reader *r, const char *name, const json_t *arguments)
{
    char *dump = json_dumps(arguments, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    uint64_t call =
        XXH3_64bits_withSeed(dump ? dump : "", dump ? strlen(dump) : 0, XXH3_64bits(name, strlen(name)));
    free(dump);
    r->ret->same_calls = r->ret->same_calls > 0 && call == r->last_call ? r->ret->same_calls + 1 : 1;
    r->last_call = call;
    set_turn(r, TURN_TOOL);
}

static void set_limited(struct reader *r)
{
    set_turn(r, TURN_ENDED);
    r->ret->is_limited = true;
}

/* -- Claude Code: one line per block of a message -- */

static bool has_block(const json_t *content, const char *type)
{
    size_t i;
    const json_t *block;
    json_array_foreach(content, i, block) if (is(block, "type", type)) return true;
    return false;
}

static bool is_interruption(const json_t *content)
{
    static const char begin[] = "[Request interrupted by user";
    const char *first = json_string_value(content);
    if (!first)
        first = text(json_array_get(content, 0), "text");
    return strncmp(first, begin, sizeof(begin) - 1) == 0;
}

static void claude_user(struct reader *r, const json_t *record)
{
    const json_t *content = json_object_get(json_object_get(record, "message"), "content");
    bool answers_a_tool = has_block(content, "tool_result");
    if (!answers_a_tool)
        r->ret->same_calls = 0;
    set_turn(r, is_interruption(content) ? TURN_ENDED : TURN_OPEN);
}

static void claude_assistant(struct reader *r, const json_t *record)
{
    const json_t *message = json_object_get(record, "message"), *block;
    const json_t *content = json_object_get(message, "content");
    const char *stop = text(message, "stop_reason");
    size_t i;
    if (json_is_true(json_object_get(record, "isApiErrorMessage"))) {
        if (is(record, "error", "rate_limit"))
            set_limited(r);
        else
            set_turn(r, TURN_ENDED);
        return;
    }
    set_turn(r, stop[0] && strcmp(stop, "tool_use") != 0 ? TURN_ENDED : TURN_OPEN);
    json_array_foreach(content, i, block)
    {
        if (is(block, "type", "tool_use"))
            add_call(r, text(block, "name"), json_object_get(block, "input"));
    }
}

static void claude_record(struct reader *r, const json_t *record)
{
    if (json_is_true(json_object_get(record, "isSidechain")) ||
        json_is_true(json_object_get(record, "isMeta")))
        return;
    if (is(record, "type", "user"))
        claude_user(r, record);
    else if (is(record, "type", "assistant"))
        claude_assistant(r, record);
    else if (is(record, "type", "system") && is(record, "subtype", "api_error")) {
        set_turn(r, TURN_OPEN);
        r->ret->retries = true;
    }
}

/* -- Codex: {type, payload: {type}} -- */

static void codex_event(struct reader *r, const json_t *payload)
{
    if (is(payload, "type", "task_started")) {
        r->ret->same_calls = 0;
        set_turn(r, TURN_OPEN);
    } else if (is(payload, "type", "task_complete")) {
        const json_t *error = json_object_get(payload, "error");
        if (is(error, "codex_error_info", "usage_limit_exceeded"))
            set_limited(r);
        else
            set_turn(r, TURN_ENDED);
    } else if (is(payload, "type", "turn_aborted")) {
        set_turn(r, TURN_ENDED);
    } else if (is(payload, "type", "stream_error")) {
        set_turn(r, TURN_OPEN);
        r->ret->retries = true;
    } else if (is(payload, "type", "exec_approval_request") ||
               is(payload, "type", "apply_patch_approval_request")) {
        set_turn(r, TURN_PERMISSION);
    }
}

static void codex_record(struct reader *r, const json_t *record)
{
    const json_t *payload = json_object_get(record, "payload");
    const char *type = text(payload, "type");
    if (is(record, "type", "event_msg")) {
        codex_event(r, payload);
    } else if (is(record, "type", "response_item")) {
        size_t n = strlen(type);
        if (n > 7 && strcmp(type + n - 7, "_output") == 0)
            set_turn(r, TURN_OPEN);
        else if (n > 5 && strcmp(type + n - 5, "_call") == 0)
            add_call(r, text(payload, "name"), json_object_get(payload, "arguments"));
    }
}

/* -- Gemini CLI: messages, and operations that patch them -- */

static void gemini_record(struct reader *r, const json_t *record)
{
    const json_t *set = json_object_get(record, "$set");
    if (set) {
        if (json_object_get(set, "messages"))
            set_turn(r, TURN_ENDED);
    } else if (is(record, "type", "user")) {
        r->ret->same_calls = 0;
        set_turn(r, TURN_OPEN);
    } else if (is(record, "type", "gemini")) {
        bool calls = json_array_size(json_object_get(record, "toolCalls")) > 0;
        set_turn(r, !calls && text(record, "content")[0] ? TURN_ENDED : TURN_OPEN);
    }
}

static const struct {
    const char *vendor;
    void (*record)(struct reader *r, const json_t *record);
} vendors[] = {{"claude", claude_record}, {"codex", codex_record}, {"gemini", gemini_record}};

static int vendor_index(const char *vendor)
{
    for (size_t i = 0; i < COUNT_OF(vendors); i++)
        if (strcmp(vendors[i].vendor, vendor) == 0)
            return (int)i;
    return -1;
}

bool transcript_tail_knows(const char *vendor)
{
    return vendor_index(vendor) >= 0;
}

void transcript_tail_parse(const char *vendor, struct str tail, struct transcript_tail *ret)
{
    int i = vendor_index(vendor);
    struct reader r = {.ret = ret};
    struct str line;
    *ret = (struct transcript_tail){0};
    while (i >= 0 && str_split(&tail, '\n', &line)) {
        json_t *record =
            line.n > 1 && tail.p ? json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (json_is_object(record))
            vendors[i].record(&r, record);
        json_decref(record);
    }
}

/* -- Claude's registry -- */

static void copy_text(char *ret, size_t size, const char *value)
{
    (void)snprintf(ret, size, "%s", value);
}

bool claude_session_parse(struct str json, struct claude_session *ret)
{
    json_t *object = json_loadb(json.p ? json.p : "", json.n, 0, NULL);
    struct claude_session s = {.start_ticks = -1, .turn = TURN_UNKNOWN};
    bool ok = json_is_object(object) && text(object, "sessionId")[0];
    copy_text(s.id, sizeof(s.id), text(object, "sessionId"));
    copy_text(s.cwd, sizeof(s.cwd), text(object, "cwd"));
    if (!parse_i64(str_of(text(object, "procStart")), &s.start_ticks))
        s.start_ticks = -1;
    if (is(object, "status", "busy"))
        s.turn = TURN_OPEN;
    else if (is(object, "status", "idle"))
        s.turn = TURN_ENDED;
    else if (is(object, "status", "waiting"))
        s.turn = strstr(text(object, "waitingFor"), "input") ? TURN_ENDED : TURN_PERMISSION;
    json_decref(object);
    if (ok)
        *ret = s;
    return ok;
}

void claude_project_folder(const char *cwd, struct buf *out)
{
    for (; *cwd; cwd++) {
        char lower = (char)(*cwd | 0x20);
        bool plain = (lower >= 'a' && lower <= 'z') || (*cwd >= '0' && *cwd <= '9');
        buf_add_char(out, plain ? *cwd : '-');
    }
}
