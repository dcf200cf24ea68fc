/* fuzz_json_fields.c -- any bytes as a body: refused with a reason, or decoded to a value whose print decodes
 * to itself. */
#include "base/buf.h"
#include "io/json_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct body {
    int64_t count;
    struct str text, raw;
    struct json_texts args, env;
    double ratio;
    bool flag, has_count;
    int64_t due_us;
};

static const struct json_field fields[] = {
    {"count", JSON_FIELD_INT, offsetof(struct body, count), offsetof(struct body, has_count), .min = -9,
     .max = 9},
    {"text", JSON_FIELD_TEXT, offsetof(struct body, text), .min = 1, .max = 64},
    {"raw", JSON_FIELD_RAW, offsetof(struct body, raw)},
    {"args", JSON_FIELD_TEXTS, offsetof(struct body, args), .max = 8},
    {"env", JSON_FIELD_TEXT_MAP, offsetof(struct body, env)},
    {"ratio", JSON_FIELD_NUMBER, offsetof(struct body, ratio)},
    {"flag", JSON_FIELD_BOOL, offsetof(struct body, flag)},
    {"due", JSON_FIELD_TIME, offsetof(struct body, due_us)},
    {0},
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_texts(const struct json_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        must(str_is_utf8(texts->items[i]) && !memchr(texts->items[i].p, 0, texts->items[i].n));
}

/* What RAW printed is valid where it came from, and prints the same. */
static void check_raw(struct str raw)
{
    struct arena arena;
    struct buf again = BUF_INIT;
    struct body second = {0};
    arena_init(&arena);
    buf_add_text(&again, "{\"raw\":");
    buf_add_str(&again, raw);
    buf_add_char(&again, '}');
    must(json_fields_decode(fields, buf_str(&again), &arena, &second, NULL) == 0);
    must(str_equal(raw, second.raw));
    buf_deinit(&again);
    arena_reset(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct body body = {0};
    struct err e = {0};
    arena_init(&arena);
    if (json_fields_decode(fields, (struct str){(const char *)data, size}, &arena, &body, &e) != 0) {
        must(e.code == ERR_BAD_REQUEST || e.code == ERR_INVALID);
        must(e.text[0] != '\0');
    } else {
        must(body.count >= -9 && body.count <= 9);
        must(!body.text.p || (body.text.n >= 1 && body.text.n <= 64 && str_is_utf8(body.text)));
        must(body.args.count <= 8);
        check_texts(&body.args);
        check_texts(&body.env);
        if (body.raw.p)
            check_raw(body.raw);
    }
    arena_reset(&arena);
    return 0;
}
