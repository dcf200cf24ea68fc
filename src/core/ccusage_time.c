#include "core/ccusage_time.h"

#include "base/parse.h"
#include "core/civil.h"

#include <stdio.h>

#define MINUTE_US (INT64_C(60) * 1000000)
#define DAY_US (INT64_C(86400) * 1000000)

static bool number_at(struct str s, size_t at, size_t n, int max, int *ret)
{
    *ret = 0;
    for (size_t i = at; i < at + n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        *ret = *ret * 10 + (s.p[i] - '0');
    }
    return *ret <= max;
}

/* What stands behind the seconds and their fraction. */
static bool parse_offset(struct str s, int64_t *ret_us)
{
    int hours, minutes;
    *ret_us = 0;
    if (s.n == 1)
        return s.p[0] == 'Z';
    if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':' || !number_at(s, 1, 2, 23, &hours) ||
        !number_at(s, 4, 2, 59, &minutes))
        return false;
    *ret_us = (s.p[0] == '-' ? -1 : 1) * (hours * 60 + minutes) * MINUTE_US;
    return true;
}

bool ccusage_time_parse(struct str s, int64_t *ret_us)
{
    int year, month, day, hour, minute, second, milliseconds = 0;
    int64_t offset_us;
    bool fraction = s.n == 24 || s.n == 29;
    if ((!fraction && s.n != 20 && s.n != 25) || s.p[4] != '-' || s.p[7] != '-' || s.p[10] != 'T' ||
        s.p[13] != ':' || s.p[16] != ':')
        return false;
    if (fraction && (s.p[19] != '.' || !number_at(s, 20, 3, 999, &milliseconds)))
        return false;
    size_t behind = fraction ? 23 : 19;
    if (!number_at(s, 0, 4, 9999, &year) || !number_at(s, 5, 2, 12, &month) || month < 1 ||
        !number_at(s, 8, 2, civil_month_days(year, month), &day) || day < 1 ||
        !number_at(s, 11, 2, 23, &hour) || !number_at(s, 14, 2, 59, &minute) ||
        !number_at(s, 17, 2, 59, &second) ||
        !parse_offset((struct str){s.p + behind, s.n - behind}, &offset_us))
        return false;
    *ret_us = civil_to_days(year, month, day) * DAY_US + (hour * 60 + minute) * MINUTE_US +
              second * INT64_C(1000000) + milliseconds * INT64_C(1000) - offset_us;
    return true;
}

char *ccusage_date_print(int64_t day, char text[CCUSAGE_TIME_MAX])
{
    struct civil c = civil_of_days(day);
    (void)snprintf(text, CCUSAGE_TIME_MAX, "%04d-%02d-%02d", c.year, c.month, c.day);
    return text;
}

char *ccusage_time_print(int64_t at_us, char text[CCUSAGE_TIME_MAX])
{
    int64_t day = civil_floor_div(at_us, DAY_US);
    int ms = (int)((at_us - day * DAY_US) / 1000), seconds = ms / 1000;
    size_t n = strlen(ccusage_date_print(day, text));
    (void)snprintf(text + n, CCUSAGE_TIME_MAX - n, "T%02d:%02d:%02d.%03dZ", seconds / 3600, seconds / 60 % 60,
                   seconds % 60, ms % 1000);
    return text;
}
