/* test_timezone.c -- TZif files, against libc's own reading of them (spec 50 S2). */
#include "core/civil.h"
#include "core/timezone.h"

#include "base/clock.h"
#include "io/file.h"
#include "io/zoneinfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ZONES_MAX 1024
#define HOUR_S 3600

static char *names[ZONES_MAX];
static bool is_link[ZONES_MAX]; /* another name for the same file */
static size_t name_count;

/* The names of tzdata, from its own list: "L TARGET NAME" and "Z NAME …". */
static int list_zones(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    struct str line, word;
    int rc = file_read_small("/usr/share/zoneinfo/tzdata.zi", (size_t)1 << 20, &text);
    struct str rest = buf_str(&text);
    while (rc == 0 && str_split(&rest, '\n', &line)) {
        bool link = str_starts_with(line, STR("L "));
        if (!link && !str_starts_with(line, STR("Z ")))
            continue;
        for (int skip = link ? 3 : 2; skip > 0 && str_split(&line, ' ', &word); skip--)
            ;
        assert_true(name_count < ZONES_MAX);
        is_link[name_count] = link;
        names[name_count++] = str_dup(word);
    }
    buf_deinit(&text);
    return name_count > 300 ? 0 : -1;
}

static int free_zones(void **state)
{
    (void)state;
    while (name_count > 0)
        free(names[--name_count]);
    return 0;
}

static void use(const char *name)
{
    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
}

static int libc_offset_s(int64_t epoch_s)
{
    time_t t = (time_t)epoch_s;
    struct tm tm;
    assert_non_null(localtime_r(&t, &tm));
    return (int)tm.tm_gmtoff;
}

static const struct timezone *zone_of(const char *name)
{
    const struct timezone *z = NULL;
    struct err e = {0};
    if (zoneinfo_get(name, &z, &e) != 0)
        fail_msg("%s", e.text);
    return z;
}

/* From 1970 to 2100, and more closely in the present year, the offset is libc's. */
static void every_zone_has_libcs_offsets(void **state)
{
    (void)state;
    for (size_t i = 0; i < name_count; i++) {
        const struct timezone *z = zone_of(names[i]);
        use(names[i]);
        for (int64_t t = 0; t < INT64_C(4102444800); t += 37 * 86400 + 12345)
            if (timezone_offset_s(z, t) != libc_offset_s(t))
                fail_msg("%s at %lld: %d, libc %d", names[i], (long long)t, timezone_offset_s(z, t),
                         libc_offset_s(t));
        for (int64_t t = 1767225600; t < 1767225600 + INT64_C(366) * 86400; t += 5 * HOUR_S)
            if (timezone_offset_s(z, t) != libc_offset_s(t))
                fail_msg("%s at %lld", names[i], (long long)t);
    }
}

/* All that libc's clock has shown up to each second around one change of offset, and from it the first
 * instant of each local minute. */
static void compare_around(const struct timezone *z, const char *name, int64_t change_s)
{
    int64_t start_s = change_s - 2 * HOUR_S, end_s = change_s + 3 * HOUR_S;
    int64_t latest_s = start_s + libc_offset_s(start_s) - 1;
    for (int64_t t = start_s; t < end_s; t++) {
        int64_t shown_s = t + libc_offset_s(t);
        bool repeat = shown_s <= latest_s;
        if (timezone_is_repeat(z, t) != repeat)
            fail_msg("%s: %lld is %sa repeat", name, (long long)t, repeat ? "" : "not ");
        for (int64_t local_s = latest_s + 1; local_s <= shown_s; local_s++) {
            enum timezone_note note;
            if (local_s % 60 != 0)
                continue;
            if (timezone_instant_s(z, local_s, &note) != t)
                fail_msg("%s: local %lld is first reached at %lld", name, (long long)local_s, (long long)t);
            if ((note == TIMEZONE_GAP) != (local_s < shown_s))
                fail_msg("%s: local %lld, note %d", name, (long long)local_s, note);
        }
        latest_s = MAX(latest_s, shown_s);
        if (timezone_latest_local_s(z, t) != latest_s)
            fail_msg("%s: at %lld the latest local time is %lld", name, (long long)t, (long long)latest_s);
    }
}

static int64_t find_change(int64_t low_s, int64_t high_s)
{
    int before = libc_offset_s(low_s);
    while (high_s - low_s > 1) {
        int64_t middle_s = low_s + (high_s - low_s) / 2;
        if (libc_offset_s(middle_s) == before)
            low_s = middle_s;
        else
            high_s = middle_s;
    }
    return high_s;
}

static size_t compare_year(const char *name, int64_t first_s)
{
    const struct timezone *z = zone_of(name);
    size_t changes = 0;
    use(name);
    for (int64_t t = first_s; t < first_s + INT64_C(365) * 86400; t += 86400) {
        if (libc_offset_s(t) == libc_offset_s(t + 86400))
            continue;
        compare_around(z, name, find_change(t, t + 86400));
        changes++;
    }
    return changes;
}

static void the_transitions_of_a_year_equal_brute_force_over_utc_seconds(void **state)
{
    (void)state;
    size_t changes = 0;
    for (size_t i = 0; i < name_count; i++)
        changes += is_link[i] ? 0 : compare_year(names[i], 1767225600); /* 2026-01-01 */
    assert_true(changes > 150);
    /* From the rule in the footer, behind the last transition of the file. */
    static const char *const far[] = {"Europe/Prague",     "America/New_York", "Australia/Lord_Howe",
                                      "Africa/Casablanca", "America/Nuuk",     "Europe/Dublin",
                                      "Asia/Gaza"};
    for (size_t i = 0; i < COUNT_OF(far); i++)
        (void)compare_year(far[i], INT64_C(3029529600)); /* 2066-01-01 */
}

static void a_name_that_is_no_zone_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          "Europe/Pragu",  "Europe",         "../etc/passwd", "/etc/localtime",
        "zone.tab",  "europe/prague", "Europe//Prague", "Europe/",       "tzdata.zi",
        "right/UTC", "UTC ",          "UTC+1:00"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const struct timezone *z;
        struct err e = {0};
        if (zoneinfo_get(bad[i], &z, &e) == 0)
            fail_msg("accepted: \"%s\"", bad[i]);
        assert_non_null(strstr(e.text, "unknown time zone"));
    }
}

static void a_file_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct buf bytes = BUF_INIT;
    assert_int_equal(file_read_small("/usr/share/zoneinfo/Europe/Prague", TIMEZONE_BYTES_MAX, &bytes), 0);
    for (size_t n = 0; n < bytes.n; n++) {
        struct timezone *z = NULL;
        if (timezone_parse((struct str){bytes.p, n}, &z, NULL) == 0)
            fail_msg("accepted after %zu of %zu bytes", n, bytes.n);
    }
    buf_deinit(&bytes);
}

static void an_instant_is_written_with_its_offset(void **state)
{
    (void)state;
    char text[TIMEZONE_TEXT_MAX];
    const int64_t us = INT64_C(1774746000) * USEC_PER_SEC; /* 2026-03-29T01:00:00Z */
    assert_string_equal(timezone_format(zone_of("Europe/Prague"), us, text), "2026-03-29T03:00:00+02:00");
    assert_string_equal(timezone_format(zone_of("America/St_Johns"), us + 250000, text),
                        "2026-03-28T22:30:00.250000-02:30");
    assert_string_equal(timezone_format(timezone_utc(), us, text), "2026-03-29T01:00:00+00:00");
}

/* The same instants as above: what stands before the T is the day. */
static void an_instant_lies_in_the_day_that_its_clock_shows(void **state)
{
    (void)state;
    char text[CIVIL_DATE_MAX];
    const int64_t at_s = INT64_C(1774746000); /* 2026-03-29T01:00:00Z */
    assert_string_equal(civil_date(timezone_day(zone_of("Europe/Prague"), at_s), text), "2026-03-29");
    assert_string_equal(civil_date(timezone_day(zone_of("America/St_Johns"), at_s), text), "2026-03-28");
    assert_string_equal(civil_date(timezone_day(timezone_utc(), -1), text), "1969-12-31");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instant_lies_in_the_day_that_its_clock_shows),
        cmocka_unit_test(every_zone_has_libcs_offsets),
        cmocka_unit_test(the_transitions_of_a_year_equal_brute_force_over_utc_seconds),
        cmocka_unit_test(a_name_that_is_no_zone_is_refused),
        cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(an_instant_is_written_with_its_offset),
    };
    return cmocka_run_group_tests(tests, list_zones, free_zones);
}
