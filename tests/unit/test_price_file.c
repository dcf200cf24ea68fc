/* test_price_file.c -- spec 60 U4: prices of one's own from a file; what is wrong with it is said, with its
 * place and what to do. */
#include "io/price_file.h"

#include "base/clock.h"
#include "io/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define RATES "\"input\":1,\"output\":2,\"cache_read\":0.1,\"cache_write_5m\":null,\"cache_write_1h\":null"

static struct price_list *good(const char *text)
{
    struct price_list *l = NULL;
    struct err e = {.code = ERR_NONE};
    if (price_file_parse(str_of(text), &l, &e) != 0)
        fail_msg("%s: %s: %s", text, e.place, e.text);
    return l;
}

static void each_member_is_taken_as_it_stands(void **state)
{
    (void)state;
    CLEANUP(price_list_freep)
    struct price_list *l = good(
        "{\"note\": \"contract 7\", \"prices\": [\n"
        " {\"model\": \"Acme-Large\", \"from\": \"2026-10-01\", \"input\": 2.5, \"output\": 10,\n"
        "  \"cache_read\": 0.003625, \"cache_write_5m\": 3.125, \"cache_write_1h\": null, \"note\": \"x\",\n"
        "  \"fast_percent\": 250, \"batch_percent\": 40, \"us_only_percent\": 100,\n"
        "  \"long\": {\"above_tokens\": 272000, \"input\": 5, \"output\": 15, \"cache_read\": 0.5,\n"
        "             \"cache_write_5m\": null, \"cache_write_1h\": 0}},\n"
        " {\"model\": \"claude-*\", \"percent\": 85},\n"
        " {\"model\": \"acme-small\", \"same_as\": \"claude-haiku-4-5\"}]}");
    assert_int_equal(l->count, 3);
    const struct price_row *row = &l->rows[0];
    assert_string_equal(row->model, "acme-large");
    assert_false(row->is_prefix);
    assert_int_equal(row->from_us, INT64_C(1790812800000000)); /* date -u -d 2026-10-01 +%s */
    const struct price_rates *r = &row->price.rates, *above = &row->price.long_rates;
    assert_int_equal(r->input, 2500000);
    assert_int_equal(r->output, 10000000);
    assert_int_equal(r->cache_read, 3625);
    assert_int_equal(r->cache_write_5m, 3125000);
    assert_int_equal(r->cache_write_1h, -1);
    assert_int_equal(row->price.long_above_tokens, 272000);
    assert_int_equal(above->output, 15000000);
    assert_int_equal(above->cache_write_5m, -1);
    assert_int_equal(above->cache_write_1h, 0);
    assert_int_equal(row->price.fast_percent, 250);
    assert_int_equal(row->price.batch_percent, 40);
    assert_int_equal(row->price.us_only_percent, 100);
    assert_true(l->rows[1].is_prefix);
    assert_string_equal(l->rows[1].model, "claude-");
    assert_int_equal(l->rows[1].percent, 85);
    assert_int_equal(l->rows[1].from_us, INT64_MIN);
    assert_string_equal(l->rows[2].same_as, "claude-haiku-4-5");
    assert_int_equal(l->rows[2].percent, 100);
}

static void a_file_without_prices_is_a_file(void **state)
{
    (void)state;
    CLEANUP(price_list_freep) struct price_list *l = good("{\"prices\":[]}");
    assert_int_equal(l->count, 0);
}

/* What is refused, where, and a word of why or of what to do. */
static void what_is_wrong_is_named_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *says;
    } rows[] = {
        {"", "line 1 column 0", "not JSON"},
        {"{\"prices\":[\n{\"model\": }]}", "line 2 column 11", "not JSON"},
        {"{\"prices\":[],\"prices\":[]}", "line 1 column 21", "duplicate"},
        {"[]", "", "an object"},
        {"7", "", "an object"},
        {"{}", "/prices", "an array"},
        {"{\"prices\":{}}", "/prices", "an array"},
        {"{\"price\":[]}", "/price", "known are prices and note"},
        {"{\"prices\":[],\"note\":7}", "/note", "text"},
        {"{\"prices\":[7]}", "/prices/0", "an object"},
        {"{\"prices\":[{" RATES "}]}", "/prices/0/model", "is missing"},
        {"{\"prices\":[{\"model\":\"\"," RATES "}]}", "/prices/0/model", "1 to 64 bytes"},
        {"{\"prices\":[{\"model\":null," RATES "}]}", "/prices/0/model", "text"},
        {"{\"prices\":[{\"model\":\"a*b\"," RATES "}]}", "/prices/0/model", "at the end"},
        {"{\"prices\":[{\"model\":\"**\"," RATES "}]}", "/prices/0/model", "at the end"},
        {"{\"prices\":[{\"model\":\"a\",\"inputs\":1}]}", "/prices/0/inputs", "known are model, from"},
        {"{\"prices\":[{\"model\":\"a\",\"input\":1,\"output\":2}]}", "/prices/0/cache_read", "or null"},
        {"{\"prices\":[{\"model\":\"a\",\"output\":2}]}", "/prices/0/input", "USD per million tokens"},
        {"{\"prices\":[{\"model\":\"a\",\"input\":null,\"output\":2}]}", "/prices/0/input",
         "USD per million"},
        {"{\"prices\":[{\"model\":\"a\",\"input\":\"1\",\"output\":2}]}", "/prices/0/input",
         "from 0 to 1000000"},
        {"{\"prices\":[{\"model\":\"a\",\"input\":-1,\"output\":2}]}", "/prices/0/input", "from 0"},
        {"{\"prices\":[{\"model\":\"a\",\"input\":1e7,\"output\":2}]}", "/prices/0/input", "to 1000000"},
        {"{\"prices\":[{\"model\":\"a\",\"input\":0.00000125,\"output\":2}]}", "/prices/0/input",
         "six decimals"},
        {"{\"prices\":[{\"model\":\"a\",\"from\":\"2026-02-30\"," RATES "}]}", "/prices/0/from", "is no day"},
        {"{\"prices\":[{\"model\":\"a\",\"from\":\"20260230\"," RATES "}]}", "/prices/0/from", "2026-11-22"},
        {"{\"prices\":[{\"model\":\"a\",\"from\":20260230," RATES "}]}", "/prices/0/from", "text"},
        {"{\"prices\":[{\"model\":\"a\",\"fast_percent\":0," RATES "}]}", "/prices/0/fast_percent",
         "1 to 10000"},
        {"{\"prices\":[{\"model\":\"a\",\"batch_percent\":1.5," RATES "}]}", "/prices/0/batch_percent",
         "whole"},
        {"{\"prices\":[{\"model\":\"a\",\"us_only_percent\":10001," RATES "}]}", "/prices/0/us_only_percent",
         "1 to 10000"},
        {"{\"prices\":[{\"model\":\"claude-*\",\"percent\":true}]}", "/prices/0/percent", "whole"},
        {"{\"prices\":[{\"model\":\"claude-*\",\"percent\":50," RATES "}]}", "/prices/0", "only one"},
        {"{\"prices\":[{\"model\":\"a\",\"same_as\":\"gpt-5\",\"long\":{}}]}", "/prices/0", "only one"},
        {"{\"prices\":[{\"model\":\"a\",\"percent\":50}]}", "/prices/0/model", "add same_as"},
        {"{\"prices\":[{\"model\":\"a\",\"same_as\":\"nope-1\"}]}", "/prices/0/same_as",
         "muster usage prices"},
        {"{\"prices\":[{\"model\":\"a\",\"long\":7," RATES "}]}", "/prices/0/long", "an object"},
        {"{\"prices\":[{\"model\":\"a\",\"long\":{\"over\":1}," RATES "}]}", "/prices/0/long/over",
         "above_tokens"},
        {"{\"prices\":[{\"model\":\"a\",\"long\":{\"above_tokens\":128000," RATES "}," RATES "}]}",
         "/prices/0/long/above_tokens", "200000 or 272000"},
        {"{\"prices\":[{\"model\":\"a\",\"long\":{\"above_tokens\":200000,\"input\":1}," RATES "}]}",
         "/prices/0/long/output", "is missing"},
        {"{\"prices\":[{\"model\":\"a\"," RATES "},{\"model\":\"A\"," RATES "}]}", "/prices/1",
         "the same model and day as /prices/0"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct price_list *l = NULL;
        struct err e = {.code = ERR_NONE};
        if (price_file_parse(str_of(rows[i].text), &l, &e) == 0)
            fail_msg("%s is taken", rows[i].text);
        assert_null(l);
        if (strcmp(e.place, rows[i].place) != 0 || !strstr(e.text, rows[i].says))
            fail_msg("%s: at %s: %s", rows[i].text, e.place, e.text);
    }
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    char text[200];
    memset(text, '[', sizeof(text));
    struct price_list *l = NULL;
    struct err e = {.code = ERR_NONE};
    assert_int_not_equal(price_file_parse((struct str){text, sizeof(text)}, &l, &e), 0);
    assert_non_null(strstr(e.text, "deeper than 32"));
}

static void more_rows_than_the_limit_are_refused(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    buf_add_text(&text, "{\"prices\":[0");
    for (int i = 0; i < PRICE_LIST_ROWS_MAX; i++)
        buf_add_text(&text, ",0");
    buf_add_text(&text, "]}");
    struct price_list *l = NULL;
    struct err e = {.code = ERR_NONE};
    assert_int_not_equal(price_file_parse(buf_str(&text), &l, &e), 0);
    assert_string_equal(e.place, "/prices");
    buf_deinit(&text);
}

static void a_file_is_named_in_what_is_wrong_with_it(void **state)
{
    (void)state;
    char dir[] = "/tmp/muster-price-file-XXXXXX", path[64];
    struct price_list *l = NULL;
    struct err e = {.code = ERR_NONE};
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/prices.json", dir);
    assert_int_equal(price_file_read(path, &l, &e), -ENOENT);
    assert_string_equal(e.place, path);
    assert_non_null(strstr(e.text, "No such file"));
    assert_int_equal(file_write_atomic(path, STR("{\"prices\":[7]}"), 0600, false), 0);
    assert_int_not_equal(price_file_read(path, &l, &e), 0);
    char place[96];
    (void)snprintf(place, sizeof(place), "%s /prices/0", path);
    assert_string_equal(e.place, place);
    assert_int_equal(file_write_atomic(path, STR("{\"prices\":[{\"model\":\"a\"," RATES "}]}"), 0600, false),
                     0);
    assert_int_equal(price_file_read(path, &l, &e), 0);
    assert_int_equal(l->count, 1);
    (void)price_list_free(l);
    (void)unlink(path);
    (void)rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_is_taken_as_it_stands),
        cmocka_unit_test(a_file_without_prices_is_a_file),
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(more_rows_than_the_limit_are_refused),
        cmocka_unit_test(a_file_is_named_in_what_is_wrong_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
