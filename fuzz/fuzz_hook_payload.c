/* fuzz_hook_payload.c -- any bytes as a hook's object: refused, or reduced to JSON that is no longer than the
 * bounds of its few texts allow. */
#include "cli/hook_payload.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const known[] = {"event", "process_id", "detail", "session_id", "transcript"};

static bool is_known(const char *key)
{
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strcmp(known[i], key) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT;
    if (!hook_payload_reduce((struct str){(const char *)data, size}, 7, &out)) {
        if (out.n != 0)
            abort();
    } else {
        const char *key;
        json_t *value, *object = json_loadb(out.p, out.n, 0, NULL);
        if (!json_is_object(object) || !json_is_string(json_object_get(object, "event")))
            abort();
        json_object_foreach(object, key, value)
        {
            if (!is_known(key) || (json_is_string(value) && json_string_length(value) > 500))
                abort();
        }
        json_decref(object);
    }
    buf_deinit(&out);
    return 0;
}
