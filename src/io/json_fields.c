#include "io/json_fields.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "io/json_place.h"

#include <jansson.h>

/* -- parsing -- */

static int refuse_unparsed(struct str body, const json_error_t *error, struct err *e)
{
    enum json_error_code code = json_error_code(error);
    bool readable = code == json_error_numeric_overflow || code == json_error_null_character ||
                    code == json_error_null_byte_in_key;
    if (!readable && code != json_error_duplicate_key)
        return err_set(e, ERR_BAD_REQUEST, ERR_BAD_REQUEST, "not JSON, line %d column %d: %s", error->line,
                       error->column, error->text);
    struct json_place w = {0};
    (void)json_place_follow(&w, body, MIN((size_t)error->position, body.n));
    struct buf pointer = BUF_INIT;
    json_place_pointer(&w, &pointer);
    enum err_code kind = readable ? ERR_INVALID : ERR_BAD_REQUEST;
    int rc = err_set_at(e, kind, (int)kind, pointer.p, "%s",
                        code == json_error_numeric_overflow ? "the number is too large"
                        : code == json_error_duplicate_key  ? "the key is there twice"
                                                            : "U+0000 is not allowed in text");
    buf_deinit(&pointer);
    return rc;
}

static int parse_object(struct str body, json_t **ret, struct err *e)
{
    struct json_place w = {0};
    if (str_empty(body))
        return err_set(e, ERR_BAD_REQUEST, ERR_BAD_REQUEST, "the body is empty, a JSON object is expected");
    if (!json_place_follow(&w, body, body.n))
        return err_set(e, ERR_BAD_REQUEST, ERR_BAD_REQUEST, "the JSON is nested deeper than %d",
                       JSON_PLACE_DEPTH_MAX);
    json_error_t error;
    json_t *root = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!root)
        return refuse_unparsed(body, &error, e);
    if (!json_is_object(root)) {
        json_decref(root);
        return err_set(e, ERR_BAD_REQUEST, ERR_BAD_REQUEST, "the body is not a JSON object");
    }
    *ret = root;
    return 0;
}

/* -- one field -- */

struct decoding {
    const struct json_field *field;
    struct arena *arena;
    void *member; /* where the value goes */
    struct err *e;
};

static int refuse_name(struct err *e, struct str name, const char *what)
{
    struct buf pointer = BUF_INIT;
    json_pointer_add(&pointer, name);
    int rc = err_set_at(e, ERR_INVALID, ERR_INVALID, pointer.p, "%s", what);
    buf_deinit(&pointer);
    return rc;
}

PRINTF_LIKE(2, 3)
static int refuse(const struct decoding *d, const char *format, ...)
{
    struct buf text = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    int rc = refuse_name(d->e, str_of(d->field->name), text.p);
    buf_deinit(&text);
    return rc;
}

/* A max below the min is none. */
static int check_range(const struct decoding *d, int64_t value, const char *unit)
{
    int64_t min = d->field->min, max = d->field->max;
    if (min == 0 && max == 0)
        return 0;
    if (max < min && value < min)
        return refuse(d, "must be at least %lld%s", (long long)min, unit);
    if (max >= min && (value < min || value > max))
        return refuse(d, "must be %lld to %lld%s", (long long)min, (long long)max, unit);
    return 0;
}

static struct str text_of(const json_t *v)
{
    return (struct str){json_string_value(v), json_string_length(v)};
}

static struct str keep(struct arena *arena, struct str s)
{
    return (struct str){arena_strdup(arena, s), s.n};
}

static bool is_one_of(struct str value, const char *choices)
{
    struct str rest = str_of(choices), choice;
    while (str_split(&rest, '|', &choice))
        if (str_equal(choice, value))
            return true;
    return false;
}

static int decode_text(const struct decoding *d, json_t *v)
{
    if (!json_is_string(v))
        return refuse(d, "must be a string");
    struct str s = text_of(v);
    if (d->field->one_of && !is_one_of(s, d->field->one_of))
        return refuse(d, "must be one of %s", d->field->one_of);
    int rc = check_range(d, (int64_t)s.n, " bytes long");
    if (rc == 0)
        *(struct str *)d->member = keep(d->arena, s);
    return rc;
}

static int decode_int(const struct decoding *d, json_t *v)
{
    if (!json_is_integer(v))
        return refuse(d, "must be an integer");
    int64_t value = json_integer_value(v);
    int rc = check_range(d, value, "");
    if (rc == 0)
        *(int64_t *)d->member = value;
    return rc;
}

static int decode_bool(const struct decoding *d, json_t *v)
{
    if (!json_is_boolean(v))
        return refuse(d, "must be true or false");
    *(bool *)d->member = json_is_true(v);
    return 0;
}

static int decode_number(const struct decoding *d, json_t *v)
{
    if (!json_is_number(v))
        return refuse(d, "must be a number");
    *(double *)d->member = json_number_value(v);
    return 0;
}

static int decode_texts(const struct decoding *d, json_t *v)
{
    if (!json_is_array(v))
        return refuse(d, "must be an array of strings");
    size_t count = json_array_size(v);
    int rc = check_range(d, (int64_t)count, " items");
    if (rc)
        return rc;
    struct json_texts texts = {arena_alloc(d->arena, count * sizeof(struct str)), 0, true};
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_array_get(v, i);
        if (!json_is_string(item)) {
            char place[ERR_PLACE_MAX];
            (void)snprintf(place, sizeof(place), "/%s/%zu", d->field->name, i);
            return err_set_at(d->e, ERR_INVALID, ERR_INVALID, place, "must be a string");
        }
        texts.items[texts.count++] = keep(d->arena, text_of(item));
    }
    *(struct json_texts *)d->member = texts;
    return 0;
}

static int refuse_member(const struct decoding *d, struct str key, const char *what)
{
    struct buf pointer = BUF_INIT;
    json_pointer_add(&pointer, str_of(d->field->name));
    json_pointer_add(&pointer, key);
    int rc = err_set_at(d->e, ERR_INVALID, ERR_INVALID, pointer.p, "%s", what);
    buf_deinit(&pointer);
    return rc;
}

static int decode_text_map(const struct decoding *d, json_t *v)
{
    if (!json_is_object(v))
        return refuse(d, "must be an object of strings");
    size_t count = json_object_size(v);
    int rc = check_range(d, (int64_t)count, " members");
    if (rc)
        return rc;
    struct json_texts texts = {arena_alloc(d->arena, count * sizeof(struct str)), 0, true};
    const char *name;
    json_t *item;
    json_object_foreach(v, name, item)
    {
        struct str key = str_of(name);
        if (!json_is_string(item))
            return refuse_member(d, key, "must be a string");
        if (str_empty(key) || str_find(key, STR("=")) >= 0)
            return refuse_member(d, key, "a name may not be empty nor hold '='");
        struct str value = text_of(item);
        char *pair = arena_alloc(d->arena, key.n + 1 + value.n + 1);
        memcpy(pair, key.p, key.n);
        pair[key.n] = '=';
        memcpy(pair + key.n + 1, value.p, value.n);
        texts.items[texts.count++] = (struct str){pair, key.n + 1 + value.n};
    }
    *(struct json_texts *)d->member = texts;
    return 0;
}

static int decode_time(const struct decoding *d, json_t *v)
{
    int64_t epoch_us;
    if (!json_is_string(v) || !clock_parse_rfc3339(text_of(v), &epoch_us))
        return refuse(d, "must be a time as in 2026-11-22T03:04:05Z");
    *(int64_t *)d->member = epoch_us;
    return 0;
}

/* By our own writer: jansson would print 0.1 as 0.10000000000000001. */
static void print_compact(struct json_writer *w, json_t *v)
{
    size_t i;
    const char *name;
    json_t *item;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        json_object_begin(w);
        json_object_foreach(v, name, item)
        {
            json_key_str(w, str_of(name));
            print_compact(w, item);
        }
        json_object_end(w);
        break;
    case JSON_ARRAY:
        json_array_begin(w);
        json_array_foreach(v, i, item) print_compact(w, item);
        json_array_end(w);
        break;
    case JSON_STRING:
        json_str(w, text_of(v));
        break;
    case JSON_INTEGER:
        json_i64(w, json_integer_value(v));
        break;
    case JSON_REAL:
        json_double(w, json_real_value(v));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        json_bool(w, json_is_true(v));
        break;
    default:
        json_null_value(w);
        break;
    }
}

static int decode_raw(const struct decoding *d, json_t *v)
{
    struct buf text = BUF_INIT;
    struct json_writer w;
    json_init(&w, &text);
    print_compact(&w, v);
    int rc = check_range(d, (int64_t)text.n, " bytes long");
    if (rc == 0)
        *(struct str *)d->member = keep(d->arena, buf_str(&text));
    buf_deinit(&text);
    return rc;
}

static const struct {
    int (*decode)(const struct decoding *d, json_t *v);
    const char *schema;    /* members of its JSON Schema */
    const char *min, *max; /* keywords of its bounds */
} types[] = {
    [JSON_FIELD_TEXT] = {decode_text, "\"type\":\"string\"", "minLength", "maxLength"},
    [JSON_FIELD_INT] = {decode_int, "\"type\":\"integer\"", "minimum", "maximum"},
    [JSON_FIELD_BOOL] = {decode_bool, "\"type\":\"boolean\"", NULL, NULL},
    [JSON_FIELD_NUMBER] = {decode_number, "\"type\":\"number\"", NULL, NULL},
    [JSON_FIELD_TEXTS] = {decode_texts, "\"type\":\"array\",\"items\":{\"type\":\"string\"}", "minItems",
                          "maxItems"},
    [JSON_FIELD_TEXT_MAP] = {decode_text_map,
                             "\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}",
                             "minProperties", "maxProperties"},
    [JSON_FIELD_TIME] = {decode_time, "\"type\":\"string\",\"format\":\"date-time\"", NULL, NULL},
    [JSON_FIELD_RAW] = {decode_raw, NULL, NULL, NULL},
};

/* -- the whole -- */

static const struct json_field *field_named(const struct json_field *fields, const char *name)
{
    for (; fields->name; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

static int refuse_unknown(const struct json_field *fields, json_t *root, struct err *e)
{
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        if (field_named(fields, name))
            continue;
        struct buf known = BUF_INIT;
        buf_add_text(&known, fields->name ? "unknown field; known are" : "unknown field; none is expected");
        for (const struct json_field *f = fields; f->name; f++)
            buf_printf(&known, "%s %s", f == fields ? "" : ",", f->name);
        int rc = refuse_name(e, str_of(name), known.p);
        buf_deinit(&known);
        return rc;
    }
    return 0;
}

static int decode_field(const struct json_field *f, json_t *root, struct arena *arena, char *ret,
                        struct err *e)
{
    struct decoding d = {f, arena, ret + f->offset, e};
    json_t *v = json_object_get(root, f->name);
    bool present = v && !json_is_null(v);
    int rc = present ? types[f->type].decode(&d, v) : f->required ? refuse(&d, "is required") : 0;
    if (rc == 0 && f->present_offset)
        *(bool *)(ret + f->present_offset) = present;
    return rc;
}

int json_fields_decode(const struct json_field *fields, struct str body, struct arena *arena, void *ret,
                       struct err *e)
{
    json_t *root = NULL;
    int rc = parse_object(body, &root, e);
    if (rc)
        return rc;
    rc = refuse_unknown(fields, root, e);
    for (const struct json_field *f = fields; rc == 0 && f->name; f++)
        rc = decode_field(f, root, arena, ret, e);
    json_decref(root);
    return rc;
}

static void schema_choices(struct json_writer *w, const char *choices)
{
    struct str rest = str_of(choices), choice;
    json_key(w, "enum");
    json_array_begin(w);
    while (str_split(&rest, '|', &choice))
        json_str(w, choice);
    json_array_end(w);
}

static void schema_of_field(struct json_writer *w, const struct json_field *f)
{
    bool bounded = types[f->type].min && (f->min || f->max);
    json_key(w, f->name);
    json_object_begin(w);
    if (types[f->type].schema) {
        buf_add_text(w->out, types[f->type].schema);
        w->has_item |= UINT32_C(1) << w->depth; /* the comma before what follows */
    }
    if (f->one_of)
        schema_choices(w, f->one_of);
    if (bounded)
        json_kv_i64(w, types[f->type].min, f->min);
    if (bounded && f->max >= f->min)
        json_kv_i64(w, types[f->type].max, f->max);
    if (f->doc)
        json_kv_text(w, "description", f->doc);
    json_object_end(w);
}

void json_fields_schema(const struct json_field *fields, struct buf *out)
{
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_text(&w, "type", "object");
    json_kv_bool(&w, "additionalProperties", false);
    json_key(&w, "required");
    json_array_begin(&w);
    for (const struct json_field *f = fields; f->name; f++)
        if (f->required)
            json_text(&w, f->name);
    json_array_end(&w);
    json_key(&w, "properties");
    json_object_begin(&w);
    for (const struct json_field *f = fields; f->name; f++)
        schema_of_field(&w, f);
    json_object_end(&w);
    json_object_end(&w);
}
