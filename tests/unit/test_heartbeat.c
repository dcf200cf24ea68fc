/* test_heartbeat.c -- payloads as strangers send them (spec 40 W2, W5, W6). */
#include "core/heartbeat.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct parsed {
    int rc;
    struct heartbeat beat;
    struct buf extra;
};

static struct parsed parse(struct str payload)
{
    struct parsed p = {.extra = BUF_INIT};
    p.rc = heartbeat_parse(payload, &p.beat, &p.extra);
    return p;
}

static void w2_identity_is_the_middle_of_exactly_three_tokens(void **state)
{
    (void)state;
    struct str worker;
    assert_true(heartbeat_subject(STR("system.mutator.health"), &worker));
    assert_true(str_equal(worker, STR("mutator")));
    assert_true(heartbeat_subject(STR("system.reuse-correlator.health"), &worker));
    static const char *const others[] = {
        "system.health",    "system.a.b.health",  "system..health",  "System.a.health",
        "system.a.control", "system.a.health.x",  "system.a.HEALTH", "",
        ".a.health",        "event.worker.status"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(heartbeat_subject(str_of(others[i]), &worker));
}

static void a_full_beat_is_read(void **state)
{
    (void)state;
    struct parsed p = parse(STR("{\"worker\":\"api\",\"ts\":1795316645.25,\"instance\":\"a1\",\"seq\":7,"
                                "\"period_s\":10,\"state\":\"stopping\",\"queue_depth\":3}"));
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.beat.faults, 0);
    assert_true(p.beat.ts_known && p.beat.seq_known && p.beat.stopping);
    assert_int_equal(p.beat.ts_us, INT64_C(1795316645250000));
    assert_int_equal(p.beat.seq, 7);
    assert_int_equal(p.beat.period_us, 10 * USEC_PER_SEC);
    assert_string_equal(p.beat.instance, "a1");
    assert_string_equal(p.extra.p, "{\"instance\":\"a1\",\"seq\":7,\"period_s\":10,\"state\":\"stopping\","
                                   "\"queue_depth\":3}");
    buf_deinit(&p.extra);
}

static void w6_a_bad_ts_is_a_fault_and_the_beat_is_kept(void **state)
{
    (void)state;
    static const char *const bad[] = {"null",
                                      "\"abc\"",
                                      "\"123.5\"",
                                      "[]",
                                      "{}",
                                      "true",
                                      "1e400",
                                      "-1e400",
                                      "1e30",
                                      "-1e30",
                                      "253402300801",
                                      "100000000000000000000000000000000000000000",
                                      "9223372036854775807"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct buf payload = BUF_INIT;
        buf_printf(&payload, "{\"ts\":%s,\"depth\":1}", bad[i]);
        struct parsed p = parse(buf_str(&payload));
        assert_int_equal(p.rc, 0);
        assert_int_equal(p.beat.faults, HEARTBEAT_BAD_TS);
        assert_false(p.beat.ts_known);
        assert_string_equal(p.extra.p, "{\"depth\":1}");
        buf_deinit(&p.extra);
        buf_deinit(&payload);
    }
}

static void w6_a_ts_that_is_a_number_of_seconds_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *ts;
        int64_t us;
    } rows[] = {{"0", 0},
                {"-1", -USEC_PER_SEC},
                {"1.5", 1500000},
                {"1795316645", INT64_C(1795316645000000)},
                {"1.795316645e9", INT64_C(1795316645000000)},
                {"253402300799", INT64_C(253402300799000000)}}; /* the last second of the year 9999 */
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf payload = BUF_INIT;
        buf_printf(&payload, "{\"ts\":%s}", rows[i].ts);
        struct parsed p = parse(buf_str(&payload));
        assert_int_equal(p.rc, 0);
        assert_true(p.beat.ts_known && p.beat.faults == 0);
        assert_int_equal(p.beat.ts_us, rows[i].us);
        buf_deinit(&p.extra);
        buf_deinit(&payload);
    }
}

static void w6_an_absent_ts_is_no_fault(void **state)
{
    (void)state;
    struct parsed p = parse(STR("{}"));
    assert_int_equal(p.rc, 0);
    assert_true(!p.beat.ts_known && p.beat.faults == 0);
    assert_string_equal(p.extra.p, "{}");
    buf_deinit(&p.extra);
}

static void w6_a_bad_payload_is_refused_by_its_reason(void **state)
{
    (void)state;
    static const struct {
        struct str payload;
        int rc;
    } rows[] = {
        {{"", 0}, HEARTBEAT_E_SYNTAX},
        {{"hello", 5}, HEARTBEAT_E_SYNTAX},
        {{"{", 1}, HEARTBEAT_E_SYNTAX},
        {{"{}x", 3}, HEARTBEAT_E_SYNTAX},
        {{"{\"ts\":NaN}", 10}, HEARTBEAT_E_SYNTAX},
        {{"[1]", 3}, HEARTBEAT_E_NOT_OBJECT},
        {{"null", 4}, HEARTBEAT_E_NOT_OBJECT},
        {{"\"x\"", 3}, HEARTBEAT_E_NOT_OBJECT},
        {{"5", 1}, HEARTBEAT_E_NOT_OBJECT},
        {{"[1", 2}, HEARTBEAT_E_SYNTAX},
        {{"{\"a\":\"\xff\"}", 9}, HEARTBEAT_E_UTF8},
        {{"\xed\xa0\x80", 3}, HEARTBEAT_E_UTF8},
        {{"\0", 1}, HEARTBEAT_E_SYNTAX},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed p = parse(rows[i].payload);
        assert_int_equal(p.rc, rows[i].rc);
        buf_deinit(&p.extra);
    }
}

static void w6_depth_ten_thousand_is_refused(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    buf_add_text(&text, "{\"a\":");
    for (int i = 0; i < 10000; i++)
        buf_add_char(&text, '[');
    for (int i = 0; i < 10000; i++)
        buf_add_char(&text, ']');
    buf_add_char(&text, '}');
    struct parsed p = parse(buf_str(&text));
    assert_int_equal(p.rc, HEARTBEAT_E_DEEP);
    buf_deinit(&p.extra);
    buf_deinit(&text);
}

/* {"pad":"xxx…","after":1}: `pad` takes 8 + n bytes with its key and quotes. */
static struct parsed padded(size_t n)
{
    struct buf text = BUF_INIT;
    buf_add_text(&text, "{\"pad\":\"");
    for (size_t i = 0; i < n; i++)
        buf_add_char(&text, 'x');
    buf_add_text(&text, "\",\"after\":1}");
    struct parsed p = parse(buf_str(&text));
    buf_deinit(&text);
    return p;
}

static void w5_extra_is_bounded_to_4096_bytes_and_flagged(void **state)
{
    (void)state;
    /* {} and "pad":"" and , and "after":1 are 2 + 8 + 1 + 9 = 20 bytes */
    struct parsed p = padded(HEARTBEAT_EXTRA_MAX - 20);
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.beat.faults, 0);
    assert_int_equal(p.extra.n, HEARTBEAT_EXTRA_MAX);
    buf_deinit(&p.extra);
    p = padded(HEARTBEAT_EXTRA_MAX - 19);
    assert_int_equal(p.beat.faults, HEARTBEAT_TRUNCATED);
    assert_true(p.extra.n <= HEARTBEAT_EXTRA_MAX);
    buf_deinit(&p.extra);
    p = padded((size_t)1 << 20);
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.beat.faults, HEARTBEAT_TRUNCATED);
    assert_string_equal(p.extra.p, "{\"after\":1}"); /* whole members only */
    buf_deinit(&p.extra);
}

static void w5_extra_has_neither_worker_nor_ts_and_keeps_nested_values(void **state)
{
    (void)state;
    struct parsed p = parse(
        STR("{ \"worker\" : \"x\" , \"n\" : { \"ts\" : 1 , \"l\" : [ 1 , null ] } , \"\\u0074s\" : 5 }"));
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.beat.ts_us, 5 * USEC_PER_SEC);
    assert_string_equal(p.extra.p, "{\"n\":{\"ts\":1,\"l\":[1,null]}}");
    buf_deinit(&p.extra);
}

static void of_a_key_that_comes_twice_the_last_one_counts(void **state)
{
    (void)state;
    struct parsed p = parse(STR("{\"ts\":null,\"a\":1,\"b\":2,\"\\u0061\":3,\"ts\":7}"));
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.beat.faults, 0);
    assert_int_equal(p.beat.ts_us, 7 * USEC_PER_SEC);
    assert_string_equal(p.extra.p, "{\"b\":2,\"a\":3}");
    buf_deinit(&p.extra);
}

static void a_bad_period_or_instance_is_a_fault_and_not_used(void **state)
{
    (void)state;
    static const char *const bad[] = {"0", "-1", "\"30\"", "1e400", "0.0001", "2678401", "[]"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct buf payload = BUF_INIT;
        buf_printf(&payload, "{\"period_s\":%s,\"instance\":%s}", bad[i], i % 2 ? "{}" : "\"a\\nb\"");
        struct parsed p = parse(buf_str(&payload));
        assert_int_equal(p.rc, 0);
        assert_int_equal(p.beat.faults, HEARTBEAT_BAD_PERIOD | HEARTBEAT_BAD_INSTANCE);
        assert_int_equal(p.beat.period_us, 0);
        assert_string_equal(p.beat.instance, "");
        buf_deinit(&p.extra);
        buf_deinit(&payload);
    }
    struct parsed p = parse(STR("{\"period_s\":0.5,\"instance\":4711}"));
    assert_int_equal(p.beat.period_us, USEC_PER_SEC / 2);
    assert_string_equal(p.beat.instance, "4711");
    buf_deinit(&p.extra);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(w2_identity_is_the_middle_of_exactly_three_tokens),
        cmocka_unit_test(a_full_beat_is_read),
        cmocka_unit_test(w6_a_bad_ts_is_a_fault_and_the_beat_is_kept),
        cmocka_unit_test(w6_a_ts_that_is_a_number_of_seconds_is_taken),
        cmocka_unit_test(w6_an_absent_ts_is_no_fault),
        cmocka_unit_test(w6_a_bad_payload_is_refused_by_its_reason),
        cmocka_unit_test(w6_depth_ten_thousand_is_refused),
        cmocka_unit_test(w5_extra_is_bounded_to_4096_bytes_and_flagged),
        cmocka_unit_test(w5_extra_has_neither_worker_nor_ts_and_keeps_nested_values),
        cmocka_unit_test(of_a_key_that_comes_twice_the_last_one_counts),
        cmocka_unit_test(a_bad_period_or_instance_is_a_fault_and_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
