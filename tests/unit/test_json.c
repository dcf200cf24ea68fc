/* test_json.c -- what the writer writes, jansson reads. */
#include "base/json.h"

#include <float.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static json_t *read_back(const struct buf *b)
{
    json_error_t error;
    json_t *value = json_loadb(b->p, b->n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (!value)
        fail_msg("%s in %.*s", error.text, (int)b->n, b->p);
    return value;
}

/* -- strings -- */

static void check_escape(struct str s, struct str wanted)
{
    struct buf b = BUF_INIT;
    json_escape(&b, s);
    for (size_t i = 0; i < b.n; i++)
        assert_true((unsigned char)b.p[i] >= 0x20 && b.p[i] != 0x7f);
    json_t *value = read_back(&b);
    assert_int_equal(json_string_length(value), wanted.n);
    assert_memory_equal(json_string_value(value), wanted.p, wanted.n);
    json_decref(value);
    buf_deinit(&b);
}

#define REPLACEMENT "\xEF\xBF\xBD"

static void every_byte_survives_and_a_byte_that_is_no_text_becomes_u_fffd(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        struct str s = {&byte, 1};
        check_escape(s, c < 0x80 ? s : STR(REPLACEMENT));
    }
}

static void every_pair_of_bytes_gives_valid_json(void **state)
{
    (void)state;
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            char pair[2] = {(char)a, (char)b}, wanted[8];
            bool whole = a >= 0xC2 && a <= 0xDF && b >= 0x80 && b <= 0xBF;
            size_t n = 0;
            for (int i = 0; i < 2; i++) {
                bool keep = whole || (unsigned char)pair[i] < 0x80;
                memcpy(wanted + n, keep ? &pair[i] : REPLACEMENT, keep ? 1 : 3);
                n += keep ? 1 : 3;
            }
            check_escape((struct str){pair, 2}, (struct str){wanted, n});
        }
}

static size_t utf8_of(uint32_t c, char text[4])
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; c >>= 6)
        text[i] = (char)(0x80 | (c & 0x3F));
    text[0] = (char)(lead[n] | c);
    return n;
}

static void every_character_survives_and_surrogates_do_not(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110000; c += c < 0x3000 ? 1 : 97) {
        char text[4];
        size_t n = utf8_of(c, text);
        bool surrogate = c >= 0xD800 && c < 0xE000;
        check_escape((struct str){text, n},
                     surrogate ? STR(REPLACEMENT REPLACEMENT REPLACEMENT) : (struct str){text, n});
    }
}

/* -- numbers -- */

static void doubles_read_back_equal_and_stay_doubles(void **state)
{
    (void)state;
    static const double values[] = {0,    -0.0,   1,         -1,      0.1,     1.0 / 3, 1e15,
                                    1e16, 1e17,   1e300,     DBL_MAX, DBL_MIN, 1e-9,    5e-324,
                                    0.3,  123456, 0.1 + 0.2, -1e-300, 1e22,    4096.5};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct buf b = BUF_INIT;
        struct json_writer w;
        json_init(&w, &b);
        json_double(&w, values[i]);
        json_t *value = read_back(&b);
        if (!json_is_real(value) || json_real_value(value) != values[i])
            fail_msg("%.17g is written as %s", values[i], b.p);
        json_decref(value);
        buf_deinit(&b);
    }
}

static void what_json_has_no_number_for_is_null(void **state)
{
    (void)state;
    static const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct buf b = BUF_INIT;
        struct json_writer w;
        json_init(&w, &b);
        json_double(&w, values[i]);
        assert_string_equal(b.p, "null");
        buf_deinit(&b);
    }
}

static void micros_are_exact_decimals_without_trailing_zeros(void **state)
{
    (void)state;
    static const struct {
        int64_t micros;
        const char *text;
    } rows[] = {{0, "0"},
                {41070000, "41.07"}, /* spec 30 */
                {1, "0.000001"},
                {-1, "-0.000001"},
                {100000, "0.1"},
                {1000000, "1"},
                {-1500000, "-1.5"},
                {10000001, "10.000001"},
                {INT64_MAX, "9223372036854.775807"},
                {INT64_MIN, "-9223372036854.775808"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf b = BUF_INIT;
        struct json_writer w;
        json_init(&w, &b);
        json_micros(&w, rows[i].micros);
        assert_string_equal(b.p, rows[i].text);
        json_decref(read_back(&b));
        buf_deinit(&b);
    }
}

/* -- documents -- */

static uint64_t next_random(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    return x ^= x << 17;
}

/* Writes a random value and returns the same as jansson's tree. */
static json_t *random_value(struct json_writer *w, int depth);

static json_t *random_leaf(struct json_writer *w)
{
    char text[8];
    uint64_t r = next_random();
    size_t n = r % sizeof(text);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(next_random() % 0x7f);
    switch (r >> 8 & 7) {
    case 0:
        json_null_value(w);
        return json_null();
    case 1:
        json_bool(w, r >> 16 & 1);
        return json_boolean(r >> 16 & 1);
    case 2:
    case 3:
        json_i64(w, (int64_t)next_random() >> (r >> 16 & 63));
        return NULL; /* filled in below, from the text */
    default:
        json_str(w, (struct str){text, n});
        return json_stringn(text, n);
    }
}

static json_t *random_object(struct json_writer *w, int depth)
{
    json_t *object = json_object();
    json_object_begin(w);
    for (uint64_t n = next_random() % 4; n > 0; n--) {
        char key[8];
        (void)snprintf(key, sizeof(key), "k\"%d", (int)n);
        json_key_str(w, str_of(key));
        (void)json_object_set_new(object, key, random_value(w, depth + 1));
    }
    json_object_end(w);
    return object;
}

static json_t *random_value(struct json_writer *w, int depth)
{
    uint64_t r = next_random() % 4;
    if (depth < 12 && r == 0)
        return random_object(w, depth);
    if (depth < 12 && r == 1) {
        json_t *array = json_array();
        json_array_begin(w);
        for (uint64_t n = next_random() % 4; n > 0; n--)
            (void)json_array_append_new(array, random_value(w, depth + 1));
        json_array_end(w);
        return array;
    }
    size_t before = w->out->n;
    json_t *leaf = random_leaf(w);
    if (leaf)
        return leaf;
    while (w->out->p[before] == ',')
        before++;
    return json_integer(strtoll(w->out->p + before, NULL, 10));
}

static void any_document_reads_back_as_it_was_meant(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct buf b = BUF_INIT;
        struct json_writer w;
        json_init(&w, &b);
        json_t *meant = random_value(&w, 0), *read = read_back(&b);
        if (!json_equal(meant, read))
            fail_msg("%s", b.p);
        assert_int_equal(w.depth, 0);
        json_decref(meant);
        json_decref(read);
        buf_deinit(&b);
    }
}

static void unknown_is_null_and_never_zero(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct json_writer w;
    json_init(&w, &b);
    json_object_begin(&w);
    json_kv_i64_or_null(&w, "a", false, 0);
    json_kv_i64_or_null(&w, "b", true, 0);
    json_kv_micros_or_null(&w, "c", false, 5);
    json_kv_micros_or_null(&w, "d", true, 5);
    json_kv_time_or_null(&w, "e", false, 0);
    json_kv_time_or_null(&w, "f", true, 0);
    json_kv_text(&w, "g", NULL);
    json_kv_text(&w, "h", "");
    json_kv_null(&w, "i");
    json_kv_bool(&w, "j", true);
    json_kv_double(&w, "k", 1.5);
    json_kv_str(&w, "l", STR("x"));
    json_kv_i64(&w, "m", INT64_MIN);
    json_key(&w, "n");
    json_raw(&w, STR("[1]"));
    json_object_end(&w);
    assert_string_equal(b.p,
                        "{\"a\":null,\"b\":0,\"c\":null,\"d\":0.000005,\"e\":null,"
                        "\"f\":\"1970-01-01T00:00:00.000000Z\",\"g\":null,\"h\":\"\",\"i\":null,\"j\":true,"
                        "\"k\":1.5,\"l\":\"x\",\"m\":-9223372036854775808,\"n\":[1]}");
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_survives_and_a_byte_that_is_no_text_becomes_u_fffd),
        cmocka_unit_test(every_pair_of_bytes_gives_valid_json),
        cmocka_unit_test(every_character_survives_and_surrogates_do_not),
        cmocka_unit_test(doubles_read_back_equal_and_stay_doubles),
        cmocka_unit_test(what_json_has_no_number_for_is_null),
        cmocka_unit_test(micros_are_exact_decimals_without_trailing_zeros),
        cmocka_unit_test(any_document_reads_back_as_it_was_meant),
        cmocka_unit_test(unknown_is_null_and_never_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
