/* test_licence.c -- what a licence allows, its signature, and how an instance stands to it (spec 80 H10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/sign.h"
#include "hub/licence_file.h"

#define S INT64_C(1000000)
#define DAY (86400 * S)
#define T0 (INT64_C(1795316645) * S)

/* RFC 8032 §7.1, TEST 1 and TEST 2 */
#define KEY_1 "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define KEY_2 "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
#define SIGNATURE_2                                                                                          \
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2e" \
    "aeb4302aeeb0"                                                                                           \
    "0d291612bb0c00"

static void signatures_are_those_of_rfc_8032(void **state)
{
    char public_key[SIGN_KEY_HEX], signature[SIGN_HEX];
    (void)state;
    assert_true(sign_public_of(STR(KEY_2), public_key));
    assert_string_equal(public_key, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    assert_true(sign_public_of(STR(KEY_1), public_key));
    assert_string_equal(public_key, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_true(sign_make(STR(KEY_2), STR("\x72"), signature));
    assert_string_equal(signature, SIGNATURE_2);
    assert_true(sign_make(STR(KEY_1), STR(""), signature));
    assert_true(sign_verify(str_of(public_key), STR(""), str_of(signature)));
    assert_false(sign_verify(str_of(public_key), STR("x"), str_of(signature)));
    assert_false(sign_verify(STR("00"), STR(""), str_of(signature)));
    assert_false(sign_is_key(STR("D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A")));
}

static const char text[] = "{\"id\":\"L-1\",\"instance_id\":\"n1\",\"max_agents\":5,\"max_servers\":2,"
                           "\"expires_at\":\"2027-01-01T00:00:00Z\",\"grace_seconds\":86400,"
                           "\"features\":[\"sso\",\"audit\"],\"report\":true,\"later\":{\"a\":[1]}}";

static void a_licence_says_what_it_says(void **state)
{
    struct licence l;
    struct err e;
    (void)state;
    assert_int_equal(licence_parse(STR(text), &l, &e), 0);
    assert_string_equal(l.id, "L-1");
    assert_string_equal(l.instance_id, "n1");
    assert_int_equal(l.max_agents, 5);
    assert_int_equal(l.max_servers, 2);
    assert_int_equal(l.expires_at_us, INT64_C(1798761600) * S);
    assert_int_equal(l.grace_us, DAY);
    assert_int_equal(l.feature_count, 2);
    assert_string_equal(l.features[1], "audit");
    assert_true(l.report);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *text, *place;
    } cases[] = {
        {"{\"instance_id\":\"n\",\"max_agents\":-1}", "/max_agents"},
        {"{\"instance_id\":\"n\",\"max_agents\":1.5}", "/max_agents"},
        {"{\"instance_id\":\"n\",\"expires_at\":\"soon\"}", "/expires_at"},
        {"{\"instance_id\":\"n\",\"grace_seconds\":99999999999999}", "/grace_seconds"},
        {"{\"instance_id\":\"n\",\"report\":1}", "/report"},
        {"{\"instance_id\":\"n\",\"features\":[1]}", "/features"},
        {"{\"instance_id\":\"n\",\"group\":\"g\"}", "/instance_id"},
        {"{\"max_agents\":1}", "/instance_id"},
        {"{\"instance_id\":\"n\",\"instance_id\":\"m\"}", ""},
        {"{\"instance_id\":\"n\"} x", ""},
        {"[]", ""},
        {"{", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct licence l;
        struct err e = {0};
        assert_int_equal(licence_parse(str_of(cases[i].text), &l, &e), -EINVAL);
        assert_string_equal(e.place, cases[i].place);
    }
}

/* H10: every byte of the document, changed in one bit, is refused or says the very same. */
static void a_changed_byte_is_refused(void **state)
{
    char public_key[SIGN_KEY_HEX];
    struct licence l;
    struct err e;
    struct buf file = BUF_INIT;
    (void)state;
    assert_true(sign_public_of(STR(KEY_1), public_key));
    assert_int_equal(licence_file_sign(STR(text), KEY_1, &file, &e), 0);
    assert_int_equal(licence_file_open(buf_str(&file), public_key, &l, &e), 0);
    for (size_t i = 0; i + 1 < file.n; i++) {
        file.p[i] ^= 1;
        struct licence changed;
        bool same = licence_file_open(buf_str(&file), public_key, &changed, &e) == 0;
        assert_false(same);
        file.p[i] ^= 1;
    }
    assert_true(sign_public_of(STR(KEY_2), public_key));
    assert_int_not_equal(licence_file_open(buf_str(&file), public_key, &l, &e), 0);
    buf_deinit(&file);
}

static const struct licence limited = {
    .max_agents = 5, .max_servers = 2, .expires_at_us = T0 + 100 * DAY, .grace_us = 7 * DAY};

static struct licence_verdict judge(const struct licence_facts *f)
{
    struct licence_verdict v;
    licence_judge(f, &v);
    return v;
}

static void an_instance_without_a_licence_is_unlicensed(void **state)
{
    (void)state;
    struct licence_verdict v = judge(&(struct licence_facts){.now_us = T0, .agents = {.peak = 3, .p95 = 2}});
    assert_int_equal(v.state, LICENCE_UNLICENSED);
    assert_int_equal(v.figure, 3);
    assert_int_equal(v.limit, LICENCE_UNLIMITED);
}

static void the_limit_itself_is_allowed(void **state)
{
    (void)state;
    struct licence_verdict v = judge(&(struct licence_facts){.licence = &limited,
                                                             .now_us = T0,
                                                             .agents = {.peak = 5, .p95 = 5},
                                                             .servers = {.peak = 2, .p95 = 2}});
    assert_int_equal(v.state, LICENCE_OK);
    assert_null(v.grace_for);
    assert_int_equal(v.limit, 5);
}

static void a_peak_counts_though_the_last_report_is_low_again(void **state)
{
    (void)state;
    struct licence_facts f = {.licence = &limited,
                              .now_us = T0,
                              .agents = {.peak = 6, .p95 = 2, .over_since_us = T0 - 7 * DAY + 1}};
    struct licence_verdict v = judge(&f);
    assert_int_equal(v.state, LICENCE_OK); /* within its grace */
    assert_string_equal(v.grace_for, "over");
    assert_int_equal(v.grace_until_us, T0 + 1);
    f.now_us = T0 + 1;
    v = judge(&f);
    assert_int_equal(v.state, LICENCE_OVER);
    assert_string_equal(v.figure_of, "agents");
    assert_int_equal(v.figure, 6);
    assert_int_equal(v.p95, 2);
    assert_int_equal(v.limit, 5);
    assert_int_equal(v.since_us, T0 - 7 * DAY + 1);
}

static void too_many_servers_are_too_many(void **state)
{
    (void)state;
    struct licence_verdict v =
        judge(&(struct licence_facts){.licence = &limited,
                                      .now_us = T0,
                                      .agents = {.peak = 1},
                                      .servers = {.peak = 3, .over_since_us = T0 - 30 * DAY}});
    assert_int_equal(v.state, LICENCE_OVER);
    assert_string_equal(v.figure_of, "servers");
    assert_int_equal(v.limit, 2);
}

static void the_end_is_announced_and_has_its_grace(void **state)
{
    struct licence_facts f = {.licence = &limited, .agents = {.peak = 1}};
    int64_t end_us = limited.expires_at_us;
    static const struct {
        int64_t days;
        enum licence_state expected;
        bool grace;
    } cases[] = {{-31, LICENCE_OK, false},    {-29, LICENCE_EXPIRING, false}, {0, LICENCE_EXPIRING, true},
                 {6, LICENCE_EXPIRING, true}, {7, LICENCE_EXPIRED, false},    {400, LICENCE_EXPIRED, false}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        f.now_us = end_us + cases[i].days * DAY;
        struct licence_verdict v = judge(&f);
        assert_int_equal(v.state, cases[i].expected);
        assert_int_equal(v.grace_for != NULL, cases[i].grace);
    }
    assert_int_equal(judge(&f).since_us, end_us);
}

static void a_clock_set_back_brings_nothing_back(void **state)
{
    (void)state;
    assert_int_equal(licence_now_us(T0 - DAY, T0), T0);
    assert_int_equal(licence_now_us(T0 + DAY, T0), T0 + DAY);
}

static void silence_is_said_unless_something_worse_is(void **state)
{
    struct licence_facts f = {
        .licence = &limited, .now_us = T0, .agents = {.peak = 1}, .silent_since_us = T0 - DAY};
    (void)state;
    assert_int_equal(judge(&f).state, LICENCE_SILENT);
    assert_int_equal(judge(&f).since_us, T0 - DAY);
    f.agents = (struct licence_use){.peak = 9, .over_since_us = T0 - 30 * DAY};
    assert_int_equal(judge(&f).state, LICENCE_OVER);
    f.now_us = limited.expires_at_us + 8 * DAY;
    assert_int_equal(judge(&f).state, LICENCE_EXPIRED);
}

/* Nearest rank: of 1 … 100 it is 95, of 1 … 20 it is 19, of one value that one. */
static void p95_is_the_nearest_rank(void **state)
{
    int64_t values[100];
    (void)state;
    for (int64_t i = 0; i < 100; i++)
        values[i] = 100 - i;
    assert_int_equal(licence_p95(values, 100), 95);
    assert_int_equal(licence_p95(values, 20), 19); /* sorted by now: 1 … 20 */
    assert_int_equal(licence_p95(values, 1), 1);
    assert_int_equal(licence_p95(values, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_rfc_8032),
        cmocka_unit_test(a_licence_says_what_it_says),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_changed_byte_is_refused),
        cmocka_unit_test(an_instance_without_a_licence_is_unlicensed),
        cmocka_unit_test(the_limit_itself_is_allowed),
        cmocka_unit_test(a_peak_counts_though_the_last_report_is_low_again),
        cmocka_unit_test(too_many_servers_are_too_many),
        cmocka_unit_test(the_end_is_announced_and_has_its_grace),
        cmocka_unit_test(a_clock_set_back_brings_nothing_back),
        cmocka_unit_test(silence_is_said_unless_something_worse_is),
        cmocka_unit_test(p95_is_the_nearest_rank),
    };
    return cmocka_run_group_tests_name("licence", tests, NULL, NULL);
}
