/* test_schedule.c -- the grammar of schedules and the due test (spec 50 S1, S3). */
#include "core/schedule.h"

#include "base/clock.h"
#include "io/zoneinfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int64_t at(const char *rfc3339)
{
    int64_t epoch_us;
    assert_true(clock_parse_rfc3339(str_of(rfc3339), &epoch_us));
    return epoch_us;
}

static struct schedule parsed(const char *text)
{
    struct schedule s;
    struct err e = {0};
    if (schedule_parse(str_of(text), &s, &e) != 0)
        fail_msg("%s: %s", text, e.text);
    return s;
}

static const struct timezone *zone_of(const char *name)
{
    const struct timezone *z;
    assert_int_equal(zoneinfo_get(name, &z, NULL), 0);
    return z;
}

static void the_forms_of_the_grammar_are_accepted(void **state)
{
    (void)state;
    static const char *const good[] = {"every 1s",
                                       "every 15m",
                                       "every 2h",
                                       "every 1d",
                                       "every 00015m",
                                       "every 4294967296s",
                                       "daily 03:00",
                                       "daily 00:00",
                                       "daily 23:59",
                                       "daily 07:00,13:00,19:30",
                                       "daily 07:00,07:00",
                                       "cron * * * * *",
                                       "cron 0 5 * * 1",
                                       "cron 00 05 * * *",
                                       "cron 0-59 0-23 1-31 1-12 0-7",
                                       "cron 1-59/7 */3 1,15,L * *",
                                       "cron 5/15 * * * *",
                                       "cron */90 * * * *",
                                       "cron *,5 * * * *",
                                       "cron 0 0 L * *",
                                       "cron 0 0 L 2 *",
                                       "cron 0 0 29 2 *",
                                       "cron 0 0 * JAN,MAR-DEC MON-FRI",
                                       "cron 0 0 * * SAT-SUN",
                                       "cron 0 0 * * 7",
                                       "cron 0 0 * * SUN,5-7",
                                       "cron 0 0 30 2 1",
                                       "cron 0 0 30 1,2 *",
                                       "@hourly",
                                       "@daily",
                                       "@weekly",
                                       "@monthly",
                                       "at 2027-03-01T09:00:00Z",
                                       "at 2027-03-01T09:00:00.25+05:30",
                                       "at 2028-02-29T00:00:00-07:00"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        (void)parsed(good[i]);
}

static const struct {
    const char *text;
    int column;
} bad[] = {{"", 1},
           {" every 15m", 1},
           {"every 15m ", 10},
           {"every 15m\n", 10},
           {"Every 15m", 1},
           {"every 15M", 9},
           {"every15m", 6},
           {"every  15m", 7},
           {"every m", 7},
           {"every 15", 9},
           {"every -5m", 7},
           {"every 0m", 7},
           {"every 0s", 7},
           {"every 0000d", 7},
           {"every 1.5h", 8},
           {"every 15w", 9},
           {"every\t15m", 6},
           {"every 99999999999999999999m", 7},
           {"every 9223372036854775807d", 7},
           {"every 99999999999m", 7},
           {"every \xD9\xA3m", 7},
           {"daily 3:00", 7},
           {"daily 24:00", 7},
           {"daily 12:60", 9},
           {"daily 03:00:00", 12},
           {"daily 03:00,", 13},
           {"daily ,03:00", 7},
           {"daily 07:00, 13:00", 13},
           {"daily 07:00,,13:00", 13},
           {"daily 03:00\n", 12},
           {"daily 03:00 ", 12},
           {"daily 03.00", 9},
           {"daily ", 7},
           {"daily", 6},
           {"Daily 03:00", 1},
           {"0 5 * * *", 1},
           {"cron", 5},
           {"cron ", 6},
           {"cron * * * *", 13},
           {"cron * * * * * *", 16},
           {"cron  0 5 * * *", 6},
           {"cron 0  5 * * *", 8},
           {"cron\t0 5 * * *", 5},
           {"cron 0 5 * * * ", 16},
           {"cron 0 5 * * *\n", 15},
           {"cron 60 * * * *", 6},
           {"cron * 24 * * *", 8},
           {"cron * * 0 * *", 10},
           {"cron * * 32 * *", 10},
           {"cron * * * 0 *", 12},
           {"cron * * * 13 *", 12},
           {"cron * * * * 8", 14},
           {"cron 5-1 * * * *", 6},
           {"cron */0 * * * *", 8},
           {"cron 1-5/0 * * * *", 10},
           {"cron 1,,2 * * * *", 8},
           {"cron 1, * * * *", 8},
           {"cron ,1 * * * *", 6},
           {"cron a * * * *", 6},
           {"cron 1- * * * *", 8},
           {"cron -1 * * * *", 6},
           {"cron */ * * * *", 8},
           {"cron ** * * * *", 7},
           {"cron * * * jan *", 12},
           {"cron * * * Jan *", 12},
           {"cron * * * * sun", 14},
           {"cron * * * * MONDAY", 17},
           {"cron JAN * * * *", 6},
           {"cron * * * MON *", 12},
           {"cron L * * * *", 6},
           {"cron * * * * L", 14},
           {"cron * * L-3 * *", 11},
           {"cron * * 1-L * *", 12},
           {"cron * * L/2 * *", 11},
           {"cron ? * * * *", 6},
           {"cron * * 15W * *", 12},
           {"cron * * * * 1#2", 15},
           {"cron \xC2\xB2 * * * *", 6},
           {"cron 99999999999999999999 * * * *", 6},
           {"cron */99999999999999999999 * * * *", 8},
           {"cron 0 0 30 2 *", 10},
           {"cron 0 0 31 4,6,9,11 *", 10},
           {"cron 0 0 30-31 FEB *", 10},
           {"cron 0 0 30 2 */2", 10},
           {"@yearly", 1},
           {"@Daily", 1},
           {"@daily ", 7},
           {"@hourlyx", 8},
           {" @daily", 1},
           {"at", 3},
           {"at ", 4},
           {"at 2027-03-01", 4},
           {"at 2027-02-29T00:00:00Z", 4},
           {"at 2027-13-01T00:00:00Z", 4},
           {"at 2027-03-01T25:00:00Z", 4},
           {"at 2027-03-01T09:00:00", 4},
           {"at 2027-03-01 09:00:00Z", 14},
           {"at 2027-03-01t09:00:00Z", 14},
           {"at 2027-03-01T09:00:00z", 23},
           {"at 2027-03-01T09:00:00Z ", 24},
           {"at tomorrow", 4},
           {"weekly", 1},
           {"none", 1}};

static void what_the_grammar_does_not_have_is_refused_with_its_column(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct schedule s;
        struct err e = {0};
        char wanted[32];
        (void)snprintf(wanted, sizeof(wanted), "column %d", bad[i].column);
        if (schedule_parse(str_of(bad[i].text), &s, &e) == 0)
            fail_msg("accepted: \"%s\"", bad[i].text);
        if (strcmp(e.place, wanted) != 0 || !strstr(e.text, wanted))
            fail_msg("\"%s\": %s, not %s", bad[i].text, e.text, wanted);
    }
}

static void a_nul_byte_is_no_end(void **state)
{
    (void)state;
    struct schedule s;
    assert_int_not_equal(schedule_parse(STR("every 15m\0"), &s, NULL), 0);
    assert_int_not_equal(schedule_parse(STR("@daily\0x"), &s, NULL), 0);
    assert_int_not_equal(schedule_parse(STR("cron * * * * *\0"), &s, NULL), 0);
}

static void seconds_become_minutes_rounded_up_and_whole_hours(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{1, "every 1m"},    {30, "every 1m"},    {60, "every 1m"},   {61, "every 2m"},
                 {90, "every 2m"},   {120, "every 2m"},   {150, "every 3m"},  {900, "every 15m"},
                 {3600, "every 1h"}, {3601, "every 61m"}, {7200, "every 2h"}, {86400, "every 24h"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = BUF_INIT;
        assert_true(schedule_text_of_seconds(cases[i].seconds, &out));
        assert_string_equal(out.p, cases[i].text);
        buf_deinit(&out);
    }
    struct buf out = BUF_INIT;
    assert_false(schedule_text_of_seconds(0, &out) || schedule_text_of_seconds(-5, &out) ||
                 schedule_text_of_seconds(INT64_MAX, &out));
}

/* -- due -- */

static const struct {
    const char *when, *last, *now; /* last NULL: never */
    bool due;
} due_cases[] = {
    {"every 15m", NULL, "2026-06-07T05:00:00Z", true},
    {"every 15m", "2026-06-07T04:50:00Z", "2026-06-07T05:00:00Z", false},
    {"every 15m", "2026-06-07T04:40:00Z", "2026-06-07T05:00:00Z", true},
    {"every 15m", "2026-06-07T04:45:00Z", "2026-06-07T05:00:00Z", true}, /* the boundary */
    {"every 15m", "2026-06-07T04:45:00.000001Z", "2026-06-07T05:00:00Z", false},
    {"every 1h", "2026-06-07T04:01:00Z", "2026-06-07T05:00:00Z", false},
    {"every 1h", "2026-06-07T03:30:00Z", "2026-06-07T05:00:00Z", true},
    {"every 15m", "2026-06-07T06:00:00Z", "2026-06-07T05:00:00Z", false}, /* in the future */
    {"every 15m", "2026-06-07T10:45:00+05:30", "2026-06-07T05:30:00Z", true},
    {"daily 07:00", NULL, "2026-06-07T05:00:00Z", true}, /* never ran: at once, before its time too */
    {"daily 07:00", "2026-06-06T07:00:00Z", "2026-06-07T06:59:59Z", false},
    {"daily 07:00", "2026-06-06T07:00:00Z", "2026-06-07T07:00:00Z", true},
    {"daily 07:00", "2026-06-07T07:00:00Z", "2026-06-07T23:00:00Z", false},
    {"daily 07:00", "2026-06-07T08:00:00Z", "2026-06-07T23:00:00Z", false},
    {"daily 00:00", "2026-06-06T12:00:00Z", "2026-06-07T00:00:00Z", true},
    {"daily 23:30", "2026-06-06T23:00:00Z", "2026-06-07T00:30:00Z", true}, /* across midnight (S4) */
    {"daily 07:00,13:00,19:00", "2026-06-07T07:00:00Z", "2026-06-07T12:00:00Z", false},
    {"daily 07:00,13:00,19:00", "2026-06-07T07:00:00Z", "2026-06-07T13:00:00Z", true},
    {"daily 07:00,13:00,19:00", "2026-06-07T19:00:00Z", "2026-06-07T23:59:59Z", false},
    {"daily 07:00", "2026-06-09T07:00:00Z", "2026-06-08T08:00:00Z", false},
    {"cron 0 5 * * *", "2026-06-07T04:59:00Z", "2026-06-07T05:00:00Z", true},
    {"cron 0 5 * * *", "2026-06-07T05:00:00Z", "2026-06-07T05:00:00Z", false},
    {"cron 0 5 * * *", "2026-06-07T04:30:00Z", "2026-06-07T06:30:00Z", true},
    {"cron 0 5 * * *", "2026-06-06T05:00:00Z", "2026-06-07T04:30:00Z", false},
    {"cron 0 5 7 * *", "2026-06-07T05:00:00Z", "2026-06-08T05:00:00Z", false},
    {"cron 0 5 31 * *", "2026-05-31T05:00:00Z", "2026-06-30T23:59:00Z", false},
    {"cron 0 5 31 * *", "2026-05-31T05:00:00Z", "2026-07-31T05:00:00Z", true},
    {"cron 0 5 31 * *", "2026-01-31T05:00:00Z", "2026-05-15T00:00:00Z", true},
    {"cron 0 5 * * 1", "2026-06-07T06:00:00Z", "2026-06-08T05:00:00Z", true}, /* 8 June 2026 is a Monday */
    {"cron 0 5 * * 2", "2026-06-07T06:00:00Z", "2026-06-08T05:00:00Z", false},
    {"cron 0 5 * * 0", "2026-06-07T04:00:00Z", "2026-06-07T05:00:00Z", true},
    {"cron 0 5 * * 7", "2026-06-07T04:00:00Z", "2026-06-07T05:00:00Z", true},
    {"cron */15 * * * *", "2026-06-07T05:00:00Z", "2026-06-07T05:20:00Z", true},
    {"cron 0 0 29 2 *", "2026-06-07T05:00:00Z", "2028-02-29T00:00:00Z", true},
    {"cron 0 0 29 2 *", "2028-02-29T00:00:00Z", "2030-12-31T00:00:00Z", false},
    {"cron 30 23 * * *", "2026-06-06T23:00:00Z", "2026-06-07T00:30:00Z", true},
    {"cron 0 5 * * *", NULL, "2026-06-07T04:00:00Z", true},
    {"at 2026-06-07T05:00:00Z", NULL, "2026-06-07T04:59:59Z", false},
    {"at 2026-06-07T05:00:00Z", NULL, "2026-06-07T05:00:00Z", true},
    {"at 2026-06-07T05:00:00Z", "2026-06-07T05:00:00Z", "2026-06-08T05:00:00Z", false},
};

static void a_job_is_due_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(due_cases); i++) {
        struct schedule s = parsed(due_cases[i].when);
        int64_t last_us = due_cases[i].last ? at(due_cases[i].last) : SCHEDULE_NEVER;
        if (schedule_is_due(&s, timezone_utc(), last_us, at(due_cases[i].now)) != due_cases[i].due)
            fail_msg("%s, last %s, now %s", due_cases[i].when, due_cases[i].last, due_cases[i].now);
    }
}

/* -- instants -- */

static const struct {
    const char *when, *zone, *from;
    const char *next[4];
    const char *notes[4];
} instants[] = {
    /* Prague skips 02:00-03:00 on 2026-03-29 and repeats 02:00-03:00 on 2026-10-25. */
    {"daily 02:30",
     "Europe/Prague",
     "2026-03-28T12:00:00Z",
     {"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
     {"dst-gap", NULL}},
    {"daily 02:00",
     "Europe/Prague",
     "2026-03-28T12:00:00Z",
     {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"},
     {"dst-gap", NULL}},
    {"daily 02:10,02:40,03:10",
     "Europe/Prague",
     "2026-03-28T12:00:00Z",
     {"2026-03-29T01:00:00Z", "2026-03-29T01:10:00Z"},
     {"dst-gap", NULL}},
    {"daily 02:30,03:00",
     "Europe/Prague",
     "2026-03-28T12:00:00Z",
     {"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
     {NULL, NULL}},
    {"daily 02:30",
     "Europe/Prague",
     "2026-10-24T12:00:00Z",
     {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
     {"dst-fold", NULL}},
    {"daily 02:30", "Europe/Prague", "2026-10-25T00:30:00Z", {"2026-10-26T01:30:00Z"}, {NULL}},
    {"@hourly",
     "Europe/Prague",
     "2026-10-24T23:30:00Z",
     {"2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"},
     {"dst-fold", NULL, NULL}},
    {"every 1h",
     "Europe/Prague",
     "2026-10-24T23:30:00Z",
     {"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"},
     {NULL, NULL, NULL}},
    /* Apia left out the whole of 2011-12-30: from -10:00 to +14:00 at 10:00Z. */
    {"daily 03:00",
     "Pacific/Apia",
     "2011-12-29T14:00:00Z",
     {"2011-12-30T10:00:00Z", "2011-12-30T13:00:00Z"},
     {"dst-gap", NULL}},
    /* Lord Howe's step is half an hour: 02:00-02:30 is skipped on 2026-10-04. */
    {"daily 02:15",
     "Australia/Lord_Howe",
     "2026-10-03T00:00:00Z",
     {"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"},
     {"dst-gap", NULL}},
    /* 2100 is no leap year. */
    {"cron 0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", {"2104-02-29T00:00:00Z"}, {NULL}},
    {"cron 0 0 L 2 *",
     "UTC",
     "2099-03-01T00:00:00Z",
     {"2100-02-28T00:00:00Z", "2101-02-28T00:00:00Z"},
     {NULL, NULL}},
    {"cron 0 0 30,L * *",
     "UTC",
     "2026-01-15T00:00:00Z",
     {"2026-01-30T00:00:00Z", "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-30T00:00:00Z"},
     {0}},
    /* Vixie's rule: 13 or Friday; with a star, even a stepped one, both must hold. */
    {"cron 0 0 13 * 5",
     "UTC",
     "2026-02-10T00:00:00Z",
     {"2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z", "2026-02-27T00:00:00Z", "2026-03-06T00:00:00Z"},
     {0}},
    {"cron 0 0 13 * */5",
     "UTC",
     "2026-02-10T00:00:00Z",
     {"2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z"},
     {0}},
    {"cron 0 0 */2 * 1",
     "UTC",
     "2026-06-01T00:00:00Z",
     {"2026-06-15T00:00:00Z", "2026-06-29T00:00:00Z", "2026-07-13T00:00:00Z"},
     {0}},
    {"cron 0 0 1-31 * 1", "UTC", "2026-06-01T00:00:00Z", {"2026-06-02T00:00:00Z"}, {0}},
    {"cron 1-59/7 * * * *",
     "UTC",
     "2026-06-01T00:43:00Z",
     {"2026-06-01T00:50:00Z", "2026-06-01T00:57:00Z", "2026-06-01T01:01:00Z"},
     {0}},
    {"cron */7 * * * *",
     "UTC",
     "2026-06-01T00:43:00Z",
     {"2026-06-01T00:49:00Z", "2026-06-01T00:56:00Z", "2026-06-01T01:00:00Z"},
     {0}},
    {"@weekly", "UTC", "2026-06-01T00:00:00Z", {"2026-06-07T00:00:00Z"}, {0}},
    {"@monthly", "UTC", "2026-12-01T00:00:00Z", {"2027-01-01T00:00:00Z"}, {0}},
    {"at 2026-06-07T05:00:00Z", "UTC", "2026-06-07T04:59:59Z", {"2026-06-07T05:00:00Z", NULL}, {0}},
};

static void instants_are_those_of_the_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(instants); i++) {
        struct schedule s = parsed(instants[i].when);
        const struct timezone *z = zone_of(instants[i].zone);
        int64_t from_us = at(instants[i].from), after_us = from_us;
        for (size_t k = 0; k < COUNT_OF(instants[i].next) && instants[i].next[k]; k++) {
            struct schedule_instant got, back;
            char text[CLOCK_TEXT_MAX];
            assert_true(schedule_next(&s, z, from_us, after_us, &got));
            const char *note = schedule_note_name(got.note), *wanted = instants[i].notes[k];
            if (strcmp(clock_format_seconds(got.at_us, text), instants[i].next[k]) != 0 ||
                strcmp(note ? note : "", wanted ? wanted : "") != 0)
                fail_msg("%s in %s: got %s %s", instants[i].when, instants[i].zone, text, note ? note : "");
            assert_true(schedule_previous(&s, z, from_us, got.at_us, &back));
            assert_int_equal(back.at_us, got.at_us);
            after_us = got.at_us;
        }
    }
}

static void an_instant_that_is_past_does_not_come_again(void **state)
{
    (void)state;
    struct schedule s = parsed("at 2026-06-07T05:00:00Z");
    struct schedule_instant got;
    assert_false(schedule_next(&s, timezone_utc(), 0, at("2026-06-07T05:00:00Z"), &got));
    s = parsed("cron 0 0 1 1 *"); /* the next year has five digits */
    assert_false(schedule_next(&s, timezone_utc(), 0, at("9999-01-01T00:00:00Z"), &got));
}

/* What the clock shows the second time gets its row in the ledger, with the outcome dst-fold. */
static void the_second_pass_of_a_fold_is_told(void **state)
{
    (void)state;
    struct schedule s = parsed("daily 02:30");
    const struct timezone *z = zone_of("Europe/Prague");
    int64_t repeat_us;
    assert_true(
        schedule_next_repeat(&s, z, at("2026-10-25T00:30:00Z"), at("2026-10-26T12:00:00Z"), &repeat_us));
    assert_int_equal(repeat_us, at("2026-10-25T01:30:00Z"));
    assert_false(schedule_next_repeat(&s, z, repeat_us, at("2026-10-26T12:00:00Z"), &repeat_us));
    assert_false(
        schedule_next_repeat(&s, z, at("2026-10-24T00:00:00Z"), at("2026-10-25T01:29:59Z"), &repeat_us));
}

/* -- parse, print, parse -- */

static uint32_t seed = 20261127;
static int below(int n)
{
    seed = seed * 1664525u + 1013904223u;
    return (int)(seed >> 8) % n;
}

static void add_random_field(struct buf *out, int min, int max, bool last_day)
{
    int parts = 1 + below(3);
    for (int i = 0; i < parts; i++) {
        int a = min + below(max - min + 1), b = a + below(max - a + 1), form = below(last_day ? 7 : 6);
        static const char *const formats[] = {"*", "%d", "%d-%d", "%d-%d/%d", "*/%d", "%d/%d", "L"};
        buf_add_text(out, i ? "," : "");
        if (form == 4)
            buf_printf(out, "*/%d", 1 + below(max));
        else if (form == 5)
            buf_printf(out, "%d/%d", a, 1 + below(9));
        else if (form == 1)
            buf_printf(out, "%d", a);
        else if (form == 2 || form == 3)
            buf_printf(out, form == 2 ? "%d-%d" : "%d-%d/%d", a, b, 1 + below(9));
        else
            buf_add_text(out, formats[form]);
    }
}

static bool same(const struct cron *a, const struct cron *b)
{
    return a->minutes == b->minutes && a->hours == b->hours && a->days == b->days && a->months == b->months &&
           a->weekdays == b->weekdays && a->days_star == b->days_star && a->weekdays_star == b->weekdays_star;
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct buf text = BUF_INIT, again = BUF_INIT;
        struct schedule s, t;
        buf_add_text(&text, "cron ");
        static const int ranges[][2] = {{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}};
        for (int f = 0; f < 5; f++) {
            buf_add_text(&text, f ? " " : "");
            add_random_field(&text, ranges[f][0], ranges[f][1], f == 2);
        }
        if (schedule_parse(buf_str(&text), &s, NULL) == 0) {
            schedule_print(&s, &again);
            if (schedule_parse(buf_str(&again), &t, NULL) != 0 || !same(&s.cron, &t.cron))
                fail_msg("%s is printed as %s", text.p, again.p);
        }
        buf_deinit(&text);
        buf_deinit(&again);
    }
    static const char *const others[] = {"every 90s",
                                         "every 36h",
                                         "every 1d",
                                         "daily 00:00,07:05,23:59",
                                         "at 2027-03-01T09:00:00Z",
                                         "at 2027-03-01T09:00:00.250000Z"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct buf text = BUF_INIT;
        struct schedule s = parsed(others[i]);
        schedule_print(&s, &text);
        assert_string_equal(text.p, others[i]);
        buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_forms_of_the_grammar_are_accepted),
        cmocka_unit_test(what_the_grammar_does_not_have_is_refused_with_its_column),
        cmocka_unit_test(a_nul_byte_is_no_end),
        cmocka_unit_test(seconds_become_minutes_rounded_up_and_whole_hours),
        cmocka_unit_test(a_job_is_due_as_the_table_says),
        cmocka_unit_test(instants_are_those_of_the_rules),
        cmocka_unit_test(an_instant_that_is_past_does_not_come_again),
        cmocka_unit_test(the_second_pass_of_a_fold_is_told),
        cmocka_unit_test(what_is_printed_reads_back_as_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
