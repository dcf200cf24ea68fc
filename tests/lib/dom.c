#include "dom.h"

#include <jansson.h>

static json_t *in(const struct dom *d)
{
    return (json_t *)(uintptr_t)d;
}

struct dom *dom_read(const char *p, size_t n, enum dom_outcome *ret)
{
    json_error_t e;
    json_t *j = json_loadb(p, n, JSON_ALLOW_NUL, &e);
    enum json_error_code code = j ? json_error_unknown : json_error_code(&e);
    bool own_limit = code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
                     code == json_error_null_character || code == json_error_stack_overflow;
    *ret = j ? DOM_READ : own_limit ? DOM_BEYOND_GRAMMAR : DOM_REFUSED;
    return (struct dom *)j;
}

void dom_free(struct dom *d)
{
    json_decref(in(d));
}

char dom_kind(const struct dom *d)
{
    if (!d)
        return '-';
    switch (json_typeof(in(d))) {
    case JSON_NULL:
        return 'n';
    case JSON_FALSE:
        return 'f';
    case JSON_TRUE:
        return 't';
    case JSON_STRING:
        return 's';
    case JSON_OBJECT:
        return 'o';
    case JSON_ARRAY:
        return 'a';
    default:
        return '0';
    }
}

const struct dom *dom_get(const struct dom *object, const char *key)
{
    return object ? (const struct dom *)json_object_get(in(object), key) : NULL;
}

bool dom_equal(const struct dom *a, const struct dom *b)
{
    return json_equal(in(a), in(b));
}

bool dom_integer(const struct dom *d, int64_t *ret)
{
    *ret = d && json_is_integer(in(d)) ? json_integer_value(in(d)) : 0;
    return d && json_is_integer(in(d));
}

const char *dom_text(const struct dom *d, size_t *ret_bytes)
{
    *ret_bytes = json_string_length(in(d));
    return json_string_value(in(d));
}
