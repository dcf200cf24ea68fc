#include "core/civil.h"

#include <stdio.h>

#define DAYS_PER_ERA 146097  /* 400 years */
#define DAYS_TO_EPOCH 719468 /* from 0000-03-01, where an era begins, to 1970-01-01 */

int64_t civil_floor_div(int64_t dividend, int64_t divisor)
{
    return dividend / divisor - (dividend % divisor < 0);
}

/* Years are counted from March, so that the leap day is a year's last: a month's first day is then a linear
 * function, rounded down, of the month. */
int64_t civil_to_days(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = civil_floor_div(y, 400), year_of_era = y - era * 400;
    int64_t month_from_march = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           DAYS_TO_EPOCH;
}

struct civil civil_of_days(int64_t days)
{
    int64_t shifted = days + DAYS_TO_EPOCH;
    int64_t era = civil_floor_div(shifted, DAYS_PER_ERA), day = shifted - era * DAYS_PER_ERA;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t day_of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    return (struct civil){.year = (int)(year + era * 400) + (month <= 2),
                          .month = month,
                          .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1)};
}

int civil_weekday(int64_t days)
{
    return (int)(days + 4 - 7 * civil_floor_div(days + 4, 7)); /* 1970-01-01 was a Thursday */
}

int civil_month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

char *civil_date(int64_t days, char text[CIVIL_DATE_MAX])
{
    struct civil c = civil_of_days(days);
    (void)snprintf(text, CIVIL_DATE_MAX, "%04d-%02d-%02d", c.year, c.month, c.day);
    return text;
}
