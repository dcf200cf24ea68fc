/* test_json_fields.c -- what a body may say, and the pointer that names what it may not. */
#include "io/json_fields.h"

#include "base/buf.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct thing {
    int64_t first; /* so that no present_offset is 0 */
    struct str text;
    bool has_text;
    int64_t count;
    bool has_count;
    bool flag;
    double ratio;
    struct json_texts args, env;
    int64_t due_us;
    struct str raw;
};

static const struct json_field fields[] = {
    {"text", JSON_FIELD_TEXT, offsetof(struct thing, text), offsetof(struct thing, has_text), .max = 8},
    {"kind", JSON_FIELD_TEXT, offsetof(struct thing, raw), .one_of = "a|bc"},
    {"count", JSON_FIELD_INT, offsetof(struct thing, count), offsetof(struct thing, has_count), .min = 1,
     .max = 10},
    {"big", JSON_FIELD_INT, offsetof(struct thing, count)},
    {"at_least", JSON_FIELD_INT, offsetof(struct thing, count), .min = 3},
    {"flag", JSON_FIELD_BOOL, offsetof(struct thing, flag)},
    {"ratio", JSON_FIELD_NUMBER, offsetof(struct thing, ratio)},
    {"args", JSON_FIELD_TEXTS, offsetof(struct thing, args), .max = 3},
    {"env", JSON_FIELD_TEXT_MAP, offsetof(struct thing, env)},
    {"due", JSON_FIELD_TIME, offsetof(struct thing, due_us)},
    {"raw", JSON_FIELD_RAW, offsetof(struct thing, raw)},
    {0},
};
static const struct json_field one_required[] = {
    {"text", JSON_FIELD_TEXT, offsetof(struct thing, text), .required = true, .doc = "A \"text\"."}, {0}};

static struct arena arena;
static struct thing thing;
static struct err error;

static int decode_str(struct str body)
{
    arena_reset(&arena);
    thing = (struct thing){.count = -1};
    error = (struct err){0};
    return json_fields_decode(fields, body, &arena, &thing, &error);
}

static int decode(const char *body)
{
    return decode_str(str_of(body));
}

static void assert_refused(const char *body, enum err_code code, const char *pointer)
{
    assert_int_not_equal(decode(body), 0);
    assert_int_equal(error.code, code);
    assert_string_equal(error.place, pointer);
    assert_true(error.text[0]);
}

#define assert_str(s, literal)                                                                               \
    do {                                                                                                     \
        assert_int_equal((s).n, sizeof(literal) - 1);                                                        \
        assert_memory_equal((s).p, literal, sizeof(literal) - 1);                                            \
    } while (0)

static void every_type_is_read_into_its_member(void **state)
{
    (void)state;
    assert_int_equal(
        decode("{\"text\":\"h\\u00e9\",\"count\":7,\"flag\":true,\"ratio\":0.5,\"args\":[\"x\",\"\"],"
               "\"env\":{\"B\":\"1\",\"A\":\"=\"},\"due\":\"1970-01-01T00:00:02Z\",\"raw\":{}}"),
        0);
    assert_str(thing.text, "h\xc3\xa9");
    assert_true(thing.has_text);
    assert_int_equal(thing.count, 7);
    assert_true(thing.flag);
    assert_true(thing.ratio == 0.5);
    assert_true(thing.args.present && thing.args.count == 2);
    assert_str(thing.args.items[0], "x");
    assert_str(thing.args.items[1], "");
    assert_int_equal(thing.env.count, 2); /* in order of appearance */
    assert_str(thing.env.items[0], "B=1");
    assert_str(thing.env.items[1], "A==");
    assert_int_equal(thing.due_us, 2000000);
    assert_str(thing.raw, "{}");
}

static void absent_and_null_leave_the_member_alone(void **state)
{
    (void)state;
    assert_int_equal(decode("{}"), 0);
    assert_int_equal(thing.count, -1);
    assert_int_equal(decode("{\"count\":null,\"text\":null,\"args\":null,\"raw\":null}"), 0);
    assert_int_equal(thing.count, -1);
    assert_false(thing.has_count);
    assert_null(thing.text.p);
    assert_false(thing.args.present);
    assert_null(thing.raw.p);
}

static void what_is_no_json_object_is_a_bad_request(void **state)
{
    (void)state;
    static const char *const bodies[] = {"",
                                         "nonsense",
                                         "[]",
                                         "1",
                                         "null",
                                         "\"x\"",
                                         "{",
                                         "{} {}",
                                         "{} x",
                                         "{\"a\"}",
                                         "{\"a\":}",
                                         "{'a':1}",
                                         "{,}",
                                         "\xef\xbb\xbf{}",
                                         "{\"text\":\"\xff\"}",
                                         "{\"text\":\"\xed\xa0\x80\"}",
                                         "{\"text\":\"\\ud800\"}",
                                         "{\"text\":\"\t\"}",
                                         "{\"count\":+1}",
                                         "{\"count\":01}",
                                         "{\"ratio\":NaN}"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        assert_refused(bodies[i], ERR_BAD_REQUEST, "");
}

static void a_duplicate_key_is_refused_by_its_pointer(void **state)
{
    (void)state;
    assert_refused("{\"count\":1,\"count\":2}", ERR_BAD_REQUEST, "/count");
    assert_refused("{\"count\":1,\"raw\":[0,{\"k\":1,\"k\":1}]}", ERR_BAD_REQUEST, "/raw/1/k");
}

static void an_unknown_field_is_refused_by_its_pointer(void **state)
{
    (void)state;
    assert_refused("{\"cuont\":1}", ERR_INVALID, "/cuont");
    assert_non_null(strstr(error.text, "at_least"));
    assert_refused("{\"a/b~c\":1}", ERR_INVALID, "/a~1b~0c");
    assert_refused("{\"\":1}", ERR_INVALID, "/");
}

static void a_required_field_may_be_neither_absent_nor_null(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{}", "{\"text\":null}"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        error = (struct err){0};
        assert_int_not_equal(json_fields_decode(one_required, str_of(bodies[i]), &arena, &thing, &error), 0);
        assert_int_equal(error.code, ERR_INVALID);
        assert_string_equal(error.place, "/text");
    }
    assert_int_equal(json_fields_decode(one_required, STR("{\"text\":\"\"}"), &arena, &thing, &error), 0);
}

static void a_wrong_type_is_refused_by_its_pointer(void **state)
{
    (void)state;
    assert_refused("{\"text\":1}", ERR_INVALID, "/text");
    assert_refused("{\"count\":\"1\"}", ERR_INVALID, "/count");
    assert_refused("{\"count\":true}", ERR_INVALID, "/count");
    assert_refused("{\"flag\":1}", ERR_INVALID, "/flag");
    assert_refused("{\"ratio\":\"1\"}", ERR_INVALID, "/ratio");
    assert_refused("{\"args\":\"x\"}", ERR_INVALID, "/args");
    assert_refused("{\"args\":[\"x\",2]}", ERR_INVALID, "/args/1");
    assert_refused("{\"env\":[]}", ERR_INVALID, "/env");
    assert_refused("{\"env\":{\"A\":1}}", ERR_INVALID, "/env/A");
    assert_refused("{\"env\":{\"A=B\":\"\"}}", ERR_INVALID, "/env/A=B");
    assert_refused("{\"env\":{\"\":\"\"}}", ERR_INVALID, "/env/");
    assert_refused("{\"due\":\"yesterday\"}", ERR_INVALID, "/due");
    assert_refused("{\"due\":1700000000}", ERR_INVALID, "/due");
    assert_refused("{\"kind\":\"b\"}", ERR_INVALID, "/kind");
    assert_int_equal(decode("{\"kind\":\"bc\"}"), 0);
}

static void a_real_number_is_no_integer(void **state)
{
    (void)state;
    assert_refused("{\"count\":1.0}", ERR_INVALID, "/count");
    assert_refused("{\"count\":1e0}", ERR_INVALID, "/count");
}

static void ranges_include_both_ends(void **state)
{
    (void)state;
    assert_refused("{\"count\":0}", ERR_INVALID, "/count");
    assert_refused("{\"count\":11}", ERR_INVALID, "/count");
    assert_int_equal(decode("{\"count\":1}"), 0);
    assert_int_equal(decode("{\"count\":10}"), 0);
    assert_refused("{\"text\":\"123456789\"}", ERR_INVALID, "/text");
    assert_int_equal(decode("{\"text\":\"12345678\"}"), 0);
    assert_refused("{\"args\":[\"\",\"\",\"\",\"\"]}", ERR_INVALID, "/args");
    assert_refused("{\"at_least\":2}", ERR_INVALID, "/at_least");
    assert_int_equal(decode("{\"at_least\":9000}"), 0);
}

static void an_integer_beyond_64_bits_is_refused_by_its_pointer(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"big\":9223372036854775807}"), 0);
    assert_true(thing.count == INT64_MAX);
    assert_int_equal(decode("{\"big\":-9223372036854775808}"), 0);
    assert_true(thing.count == INT64_MIN);
    assert_refused("{\"big\":9223372036854775808}", ERR_INVALID, "/big");
    assert_refused("{\"big\": -9223372036854775809 ,\"count\":1}", ERR_INVALID, "/big");
    assert_refused("{\"count\":1,\"raw\":{\"x\":[0,{\"y\":1e999}]}}", ERR_INVALID, "/raw/x/1/y");
}

static void nul_in_text_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"text\":\"a\\u0000b\"}", ERR_INVALID, "/text");
    assert_refused("{\"args\":[\"\\u0000\"]}", ERR_INVALID, "/args/0");
    assert_int_not_equal(decode_str(STR("{\"text\":\"a\0b\"}")), 0);
    assert_int_equal(error.code, ERR_BAD_REQUEST);
    assert_int_not_equal(decode_str(STR("{}\0")), 0);
}

static int decode_nested(int depth) /* {"raw":[[…]]} with `depth` brackets in all */
{
    struct buf body = BUF_INIT;
    buf_add_text(&body, "{\"raw\":");
    for (int i = 1; i < depth; i++)
        buf_add_char(&body, '[');
    for (int i = 1; i < depth; i++)
        buf_add_char(&body, ']');
    buf_add_char(&body, '}');
    int rc = decode_str(buf_str(&body));
    buf_deinit(&body);
    return rc;
}

static void nesting_deeper_than_32_is_refused(void **state)
{
    (void)state;
    assert_int_equal(decode_nested(32), 0);
    assert_int_equal(thing.raw.n, 62);
    assert_int_not_equal(decode_nested(33), 0);
    assert_int_equal(error.code, ERR_BAD_REQUEST);
    assert_int_not_equal(decode_nested(100000), 0);
}

static void brackets_in_text_are_no_nesting(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"raw\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[\"}"), 0);
}

static void raw_is_printed_compact_and_says_the_same(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"raw\": { \"b\" : [ 1 , 0.1, true , null, \"\\u0041\\n\" ] , \"a\" : -5 } }"),
                     0);
    assert_str(thing.raw, "{\"b\":[1,0.1,true,null,\"A\\n\"],\"a\":-5}");
}

static void the_schema_is_json_and_names_what_is_required(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    json_fields_schema(one_required, &out);
    assert_string_equal(
        out.p, "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"text\"],"
               "\"properties\":{\"text\":{\"type\":\"string\",\"description\":\"A \\\"text\\\".\"}}}");
    buf_clear(&out);
    json_fields_schema(fields, &out);
    json_t *root = json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    json_t *count = json_object_get(json_object_get(root, "properties"), "count");
    assert_int_equal(json_integer_value(json_object_get(count, "minimum")), 1);
    assert_int_equal(json_integer_value(json_object_get(count, "maximum")), 10);
    json_t *kind = json_object_get(json_object_get(root, "properties"), "kind");
    assert_int_equal(json_array_size(json_object_get(kind, "enum")), 2);
    json_decref(root);
    buf_deinit(&out);
}

static int drop_arena(void **state)
{
    (void)state;
    arena_reset(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read_into_its_member),
        cmocka_unit_test(absent_and_null_leave_the_member_alone),
        cmocka_unit_test(what_is_no_json_object_is_a_bad_request),
        cmocka_unit_test(a_duplicate_key_is_refused_by_its_pointer),
        cmocka_unit_test(an_unknown_field_is_refused_by_its_pointer),
        cmocka_unit_test(a_required_field_may_be_neither_absent_nor_null),
        cmocka_unit_test(a_wrong_type_is_refused_by_its_pointer),
        cmocka_unit_test(a_real_number_is_no_integer),
        cmocka_unit_test(ranges_include_both_ends),
        cmocka_unit_test(an_integer_beyond_64_bits_is_refused_by_its_pointer),
        cmocka_unit_test(nul_in_text_is_refused),
        cmocka_unit_test(nesting_deeper_than_32_is_refused),
        cmocka_unit_test(brackets_in_text_are_no_nesting),
        cmocka_unit_test(raw_is_printed_compact_and_says_the_same),
        cmocka_unit_test(the_schema_is_json_and_names_what_is_required),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
