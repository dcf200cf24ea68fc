/* test_usage_windows.c -- what a session used between two moments (spec 00, fact 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "transcripts/usage_windows.h"

#define SECOND INT64_C(1000000)
#define T0 (INT64_C(1795316645) * SECOND) /* 2026-11-22T03:04:05Z */

static int serial;

static void put(struct ledger *l, enum usage_source source, const char *session, int64_t at_us,
                const char *model, int64_t output)
{
    char id[32];
    (void)snprintf(id, sizeof(id), "m%d", ++serial);
    struct usage_event e = {.source = source,
                            .at_us = at_us,
                            .message_id = str_of(id),
                            .request_id = str_of(id),
                            .model = str_of(model)};
    e.counts[COUNT_OUTPUT] = output;
    const struct ledger_place place = {.project = STR("p"), .session = str_of(session)};
    assert_true(ledger_add(l, &e, &place));
}

static void runs_of_one_session_share_its_answers_by_time(void **state)
{
    (void)state;
    struct ledger l;
    ledger_open(&l, NULL);
    for (int i = 0; i < 10; i++)
        put(&l, USAGE_CLAUDE, "s1", T0 + i * SECOND, "claude-opus-4-5", 100);
    put(&l, USAGE_CLAUDE, "s2", T0, "claude-opus-4-5", 7);
    put(&l, USAGE_CODEX, "s3", T0, "nobody-knows-it", 5);
    struct usage_window w[] = {{"s1", T0, T0 + 3 * SECOND, {{0}}},
                               {"s1", T0 + 4 * SECOND, T0 + 9 * SECOND, {{0}}},
                               {"s2", T0, T0, {{0}}},
                               {"s3", T0 - SECOND, T0 + SECOND, {{0}}},
                               {"s4", 0, INT64_MAX, {{0}}}};
    usage_windows_sum(&l, NULL, w, COUNT_OF(w));
    static const int64_t events[] = {4, 6, 1, 1, 0}, output[] = {400, 600, 7, 5, 0};
    for (size_t i = 0; i < COUNT_OF(w); i++) {
        assert_int_equal(w[i].sum.events, events[i]);
        assert_int_equal(w[i].sum.counts[COUNT_OUTPUT], output[i]);
    }
    assert_int_equal(usage_sum_micro_usd(&w[0].sum), 10000); /* 400 at 25 USD per million */
    assert_false(w[0].sum.is_unpriced);
    assert_true(w[3].sum.is_unpriced);
    ledger_close(&l);
}

static void a_file_of_gemini_is_known_by_the_start_of_the_sessions_id(void **state)
{
    (void)state;
    struct ledger l;
    ledger_open(&l, NULL);
    put(&l, USAGE_GEMINI, "session-2026-11-22T03-04-1f2e3d4c", T0, "gemini-2.5-pro", 9);
    put(&l, USAGE_GEMINI, "session-2026-11-22T03-04-aaaaaaaa", T0, "gemini-2.5-pro", 1);
    put(&l, USAGE_CLAUDE, "session-2026-11-22T03-04-1f2e3d4c", T0, "claude-opus-4-5", 2);
    struct usage_window w = {"1f2e3d4c-0000-4000-8000-000000000000", T0, T0, {{0}}};
    usage_windows_sum(&l, NULL, &w, 1);
    assert_int_equal(w.sum.counts[COUNT_OUTPUT], 9);
    ledger_close(&l);
}

static void nothing_asked_of_nothing_is_nothing(void **state)
{
    (void)state;
    struct ledger l;
    struct usage_window w = {"s1", 0, INT64_MAX, {{0}}};
    ledger_open(&l, NULL);
    usage_windows_sum(&l, NULL, NULL, 0);
    usage_windows_sum(&l, NULL, &w, 1);
    assert_int_equal(w.sum.events, 0);
    ledger_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_one_session_share_its_answers_by_time),
        cmocka_unit_test(a_file_of_gemini_is_known_by_the_start_of_the_sessions_id),
        cmocka_unit_test(nothing_asked_of_nothing_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
