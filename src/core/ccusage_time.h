/* ccusage_time.h -- which times ccusage 20.0.24 takes, and how it prints them (spec 60 U5, --compat=ccusage).
 *
 * YYYY-MM-DDTHH:MM:SS, three digits of a second or none, and Z or an offset of less than a day: nothing else.
 * Every year is one, 0000 and those before 1970 too.  Pure.  Any thread. */
#pragma once
#include "base/str.h"

bool ccusage_time_parse(struct str text, int64_t *ret_us);
#define CCUSAGE_TIME_MAX 40
char *ccusage_time_print(int64_t at_us, char text[CCUSAGE_TIME_MAX]); /* "2026-11-01T10:00:00.000Z" */
char *ccusage_date_print(int64_t day, char text[CCUSAGE_TIME_MAX]);
