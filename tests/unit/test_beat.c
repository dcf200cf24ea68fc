/* test_beat.c -- when beats are due and what they say (spec 40 Heartbeats). */
#include "core/beat.h"

#include "base/clock.h"
#include "core/heartbeat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define S USEC_PER_SEC

static void beat_k_is_due_at_start_plus_k_periods_however_late_the_others_were(void **state)
{
    (void)state;
    struct beat b;
    beat_init(&b, "w", "i", 30 * S, 1000 * S);
    assert_true(beat_is_due(&b, 1000 * S)); /* the first at once */
    for (int64_t k = 0; k < 1000; k++) {
        int64_t late_us = (k * 7919 % 29) * S; /* up to 28 s */
        struct buf out = BUF_INIT;
        assert_int_equal(b.next_us, (1000 + 30 * k) * S);
        assert_false(beat_is_due(&b, b.next_us - 1));
        beat_write(&b, b.next_us + late_us, 0, STR(""), false, &out);
        assert_int_equal(b.next_us, (1000 + 30 * (k + 1)) * S);
        buf_deinit(&out);
    }
}

static void what_was_missed_is_not_sent_late(void **state)
{
    (void)state;
    struct beat b;
    struct buf out = BUF_INIT;
    beat_init(&b, "w", "i", 30 * S, 0);
    beat_write(&b, 100 * S, 0, STR(""), false, &out); /* 3 are past */
    assert_int_equal(b.next_us, 120 * S);
    beat_skip(&b, 120 * S);
    assert_int_equal(b.next_us, 150 * S);
    buf_deinit(&out);
}

static void a_beat_says_what_the_registry_reads(void **state)
{
    (void)state;
    struct beat b;
    struct heartbeat read;
    struct buf out = BUF_INIT, extra = BUF_INIT;
    beat_init(&b, "scheduler", "0123456789abcdef", 2 * S + 500000, 10 * S);
    beat_write(&b, 10 * S, INT64_C(1795316645123456), STR(""), false, &out);
    assert_string_equal(out.p,
                        "{\"worker\":\"scheduler\",\"ts\":1795316645.123456,"
                        "\"instance\":\"0123456789abcdef\",\"seq\":0,\"period_s\":2.5,\"uptime_s\":0}");
    buf_clear(&out);
    beat_write(&b, 11 * S, INT64_C(1795316646123456), STR("\"jobs\":[1]"), true, &out);
    assert_int_equal(heartbeat_parse(buf_str(&out), &read, &extra), 0);
    assert_true(read.stopping && read.seq == 1 && read.period_us == 2500000 && read.faults == 0);
    assert_int_equal(read.ts_us, INT64_C(1795316646123456));
    assert_non_null(strstr(extra.p, "\"uptime_s\":1,\"state\":\"stopping\",\"jobs\":[1]}"));
    buf_deinit(&out);
    buf_deinit(&extra);
}

static void a_workers_name_is_one_plain_token(void **state)
{
    (void)state;
    static const char *const good[] = {"api", "reuse-correlator", "w_1", "A"};
    static const char *const bad[] = {"",
                                      "has.dot",
                                      "a*b",
                                      "a>b",
                                      "a b",
                                      "a\tb",
                                      "*",
                                      ">",
                                      "a\x7f",
                                      "\xff",
                                      "0123456789012345678901234567890123456789012345678901234567890123x"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(beat_worker_valid(str_of(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(beat_worker_valid(str_of(bad[i])));
}

/* K02, K03: anything but exactly this asks for nothing. */
static void only_action_stop_asks_to_stop(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{\"action\":\"stop\"}", " { \"requested_by\" : \"uid:0\" , \"action\" : \"stop\" , \"ts\" : 1 } "};
    static const char *const bad[] = {"",
                                      "stop",
                                      "[\"x\"]",
                                      "{}",
                                      "{\"action\":\"STOP\"}",
                                      "{\"action\":\"start\"}",
                                      "{\"action\":null}",
                                      "{\"action\":[\"stop\"]}",
                                      "{\"x\":{\"action\":\"stop\"}}",
                                      "{\"action\":\"stop\"",
                                      "{\"action\":\"stop\"}x",
                                      "{\"action\":\"stop\",}",
                                      "{\"action\":\"stop\",\"action\":\"start\"}",
                                      "{\"action\":\"stop\",\"a\":\"\xff\"}"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(beat_control_is_stop(str_of(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(beat_control_is_stop(str_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beat_k_is_due_at_start_plus_k_periods_however_late_the_others_were),
        cmocka_unit_test(what_was_missed_is_not_sent_late),
        cmocka_unit_test(a_beat_says_what_the_registry_reads),
        cmocka_unit_test(a_workers_name_is_one_plain_token),
        cmocka_unit_test(only_action_stop_asks_to_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
