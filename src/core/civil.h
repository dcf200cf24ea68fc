/* civil.h -- dates of the proleptic Gregorian calendar, as numbers.
 *
 * A day is counted from 1970-01-01, a local minute from that day's midnight on a clock that never changes its
 * offset.  No time zone, no leap second.  Pure, any thread. */
#pragma once
#include "base/base.h"

#define CIVIL_DAY_S INT64_C(86400)
#define CIVIL_DAY_MINUTES 1440
#define CIVIL_YEAR_MIN 1900 /* local times a little before the first instant, 1970, are still dates */
#define CIVIL_YEAR_MAX 9999 /* the last year that RFC 3339 can write */

struct civil {
    int year, month, day; /* month and day from 1 */
};

int64_t civil_to_days(int year, int month, int day);
struct civil civil_of_days(int64_t days);
int civil_weekday(int64_t days); /* 0: Sunday */
int civil_month_days(int year, int month);
/* "2026-11-22" */
#define CIVIL_DATE_MAX 16
char *civil_date(int64_t days, char text[CIVIL_DATE_MAX]);
/* Rounds down, where C's division rounds to zero. */
int64_t civil_floor_div(int64_t dividend, int64_t divisor);
