#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    int rc = clock_gettime(id, &t);
    assert(rc == 0);
    return (int64_t)t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_boot_us(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_utc_offset_us(void)
{
    time_t now = (time_t)(clock_wall_us() / USEC_PER_SEC);
    struct tm tm;
    (void)localtime_r(&now, &tm);
    return (int64_t)tm.tm_gmtoff * USEC_PER_SEC;
}

static struct tm broken_down(int64_t epoch_us, int64_t *ret_us)
{
    int64_t seconds = epoch_us / USEC_PER_SEC, us = epoch_us % USEC_PER_SEC;
    if (us < 0) {
        us += USEC_PER_SEC;
        seconds--;
    }
    time_t t = (time_t)seconds;
    struct tm tm;
    (void)gmtime_r(&t, &tm);
    *ret_us = us;
    return tm;
}

char *clock_format_seconds(int64_t epoch_us, char text[CLOCK_TEXT_MAX])
{
    int64_t us;
    struct tm tm = broken_down(epoch_us, &us);
    (void)strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return text;
}

char *clock_format_us(int64_t epoch_us, char text[CLOCK_TEXT_MAX])
{
    int64_t us;
    struct tm tm = broken_down(epoch_us, &us);
    size_t n = strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text + n, CLOCK_TEXT_MAX - n, ".%06dZ", (int)us);
    return text;
}

/* `count` ASCII digits at text[*at] as a number; moves *at. */
static bool digits(struct str text, size_t *at, int count, int *ret)
{
    int value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (*at >= text.n || text.p[*at] < '0' || text.p[*at] > '9')
            return false;
        value = value * 10 + (text.p[*at] - '0');
    }
    *ret = value;
    return true;
}

static bool literal(struct str text, size_t *at, char c)
{
    if (*at >= text.n || text.p[*at] != c)
        return false;
    (*at)++;
    return true;
}

static bool fraction(struct str text, size_t *at, int64_t *ret_us)
{
    *ret_us = 0;
    if (!literal(text, at, '.'))
        return true;
    int64_t unit = USEC_PER_SEC;
    size_t first = *at;
    for (; *at < text.n && text.p[*at] >= '0' && text.p[*at] <= '9'; (*at)++) {
        unit /= 10;
        *ret_us += unit * (text.p[*at] - '0');
    }
    return *at > first && *at - first <= 9;
}

static bool offset(struct str text, size_t *at, int *ret_minutes)
{
    *ret_minutes = 0;
    if (literal(text, at, 'Z') || literal(text, at, 'z'))
        return true;
    int sign = literal(text, at, '+') ? 1 : literal(text, at, '-') ? -1 : 0;
    int h, m;
    if (!sign || !digits(text, at, 2, &h) || !literal(text, at, ':') || !digits(text, at, 2, &m) || h > 23 ||
        m > 59)
        return false;
    *ret_minutes = sign * (h * 60 + m);
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool clock_parse_rfc3339(struct str text, int64_t *ret_epoch_us)
{
    size_t at = 0;
    int year, month, day, h, m, s, offset_minutes;
    int64_t us;
    if (!digits(text, &at, 4, &year) || !literal(text, &at, '-') || !digits(text, &at, 2, &month) ||
        !literal(text, &at, '-') || !digits(text, &at, 2, &day))
        return false;
    if (!literal(text, &at, 'T') && !literal(text, &at, 't') && !literal(text, &at, ' '))
        return false;
    if (!digits(text, &at, 2, &h) || !literal(text, &at, ':') || !digits(text, &at, 2, &m) ||
        !literal(text, &at, ':') || !digits(text, &at, 2, &s) || !fraction(text, &at, &us) ||
        !offset(text, &at, &offset_minutes) || at != text.n)
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || h > 23 ||
        m > 59 || s > 60)
        return false;
    struct tm tm = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = h, .tm_min = m, .tm_sec = s};
    *ret_epoch_us = ((int64_t)timegm(&tm) - (int64_t)offset_minutes * 60) * USEC_PER_SEC + us;
    return true;
}
