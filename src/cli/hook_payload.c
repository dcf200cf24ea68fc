#include "cli/hook_payload.h"

#include "base/json.h"

#include <jansson.h>

#define SESSION_MAX 100
#define PATH_MAX_BYTES 500
#define EVENT_MAX 100

/* A text that the node would take, else NULL: what is longer says nothing that is known. */
static const char *text(const json_t *object, const char *key, size_t max)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value && value[0] && strlen(value) <= max ? value : NULL;
}

/* Of a message only whether it is about a permission or about idleness: the rest may quote anybody. */
static const char *kind_of_message(const json_t *object)
{
    const char *message = json_string_value(json_object_get(object, "message"));
    if (!message)
        return NULL;
    return strstr(message, "permission")               ? "permission"
           : strstr(message, "waiting for your input") ? "idle"
                                                       : NULL;
}

static const char *detail_of(const json_t *object)
{
    static const char *const keys[] = {"notification_type", "error", "reason"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const char *value = text(object, keys[i], 60);
        if (value)
            return value;
    }
    return kind_of_message(object);
}

static void put(struct json_writer *w, const char *key, const char *value)
{
    if (value)
        json_kv_text(w, key, value);
}

bool hook_payload_reduce(struct str payload, int64_t pid, struct buf *ret)
{
    json_t *object =
        payload.n <= HOOK_PAYLOAD_MAX ? json_loadb(payload.p ? payload.p : "", payload.n, 0, NULL) : NULL;
    const char *event = text(object, "hook_event_name", EVENT_MAX);
    if (!event)
        event = text(object, "type", EVENT_MAX); /* Codex's older `notify` */
    if (event) {
        struct json_writer w;
        const char *session = text(object, "session_id", SESSION_MAX);
        json_init(&w, ret);
        json_object_begin(&w);
        json_kv_text(&w, "event", event);
        json_kv_i64(&w, "process_id", pid);
        put(&w, "detail", detail_of(object));
        put(&w, "session_id", session ? session : text(object, "thread-id", SESSION_MAX));
        put(&w, "transcript", text(object, "transcript_path", PATH_MAX_BYTES));
        json_object_end(&w);
    }
    json_decref(object);
    return event != NULL;
}
