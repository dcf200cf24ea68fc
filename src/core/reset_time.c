#include "core/reset_time.h"

#include "base/clock.h"
#include "base/parse.h"

#include <strings.h>

#define MINUTE_US (60 * USEC_PER_SEC)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

struct cursor {
    struct str rest;
    int64_t now_us, utc_offset_us;
};

static void advance(struct str *s, size_t n)
{
    *s = (struct str){s->p + n, s->n - n};
}

/* Takes `word` off the front, whatever its case. */
static bool take_word(struct str *s, struct str word)
{
    if (s->n < word.n || strncasecmp(s->p, word.p, word.n) != 0)
        return false;
    advance(s, word.n);
    return true;
}

static bool take_number(struct str *s, int64_t max, int64_t *ret)
{
    size_t n = 0;
    while (n < s->n && n < 12 && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    if (!parse_i64_in((struct str){s->p, n}, 0, max, ret))
        return false;
    advance(s, n);
    return true;
}

/* "5:19 AM", "3pm": minutes of the day. */
static bool take_clock(struct str *s, int64_t *ret_minutes)
{
    struct str at = *s;
    int64_t hour, minute = 0;
    if (!take_number(&at, 12, &hour) || hour == 0)
        return false;
    if (take_word(&at, STR(":")) && !take_number(&at, 59, &minute))
        return false;
    (void)take_word(&at, STR(" "));
    bool afternoon = take_word(&at, STR("pm"));
    if (!afternoon && !take_word(&at, STR("am")))
        return false;
    *ret_minutes = (hour % 12 + (afternoon ? 12 : 0)) * 60 + minute;
    *s = at;
    return true;
}

struct date {
    int64_t year; /* 0: not named */
    int64_t month, day;
};

/* "Nov 25th, 2026", "Nov 28". */
static bool take_date(struct str *s, struct date *ret)
{
    static const struct str months[] = {{"jan", 3}, {"feb", 3}, {"mar", 3}, {"apr", 3},
                                        {"may", 3}, {"jun", 3}, {"jul", 3}, {"aug", 3},
                                        {"sep", 3}, {"oct", 3}, {"nov", 3}, {"dec", 3}};
    static const struct str ordinals[] = {{"st", 2}, {"nd", 2}, {"rd", 2}, {"th", 2}};
    struct str at = *s;
    struct date date = {0};
    for (size_t i = 0; i < COUNT_OF(months) && date.month == 0; i++)
        if (take_word(&at, months[i]))
            date.month = (int64_t)i + 1;
    if (date.month == 0 || !take_word(&at, STR(" ")) || !take_number(&at, 31, &date.day))
        return false;
    for (size_t i = 0; i < COUNT_OF(ordinals); i++)
        if (take_word(&at, ordinals[i]))
            break;
    struct str before_year = at;
    if (!take_word(&at, STR(", ")) || !take_number(&at, 9999, &date.year) || date.year < 1970) {
        date.year = 0;
        at = before_year;
    }
    *s = at;
    *ret = date;
    return true;
}

static bool epoch_of(int64_t year, const struct date *date, int64_t minutes, int64_t utc_offset_us,
                     int64_t *ret)
{
    char text[CLOCK_TEXT_MAX];
    int64_t local_us;
    (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:00Z", (int)year, (int)date->month,
                   (int)date->day, (int)(minutes / 60), (int)(minutes % 60));
    if (!clock_parse_rfc3339(str_of(text), &local_us))
        return false;
    *ret = local_us - utc_offset_us;
    return true;
}

static bool on_a_date(const struct cursor *c, const struct date *date, int64_t minutes, int64_t *ret)
{
    if (date->year)
        return epoch_of(date->year, date, minutes, c->utc_offset_us, ret);
    char today[CLOCK_TEXT_MAX];
    int64_t year;
    (void)clock_format_seconds(c->now_us + c->utc_offset_us, today);
    if (!parse_i64((struct str){today, 4}, &year))
        return false;
    /* The year that is not named is this one, or the next when that day has gone by. */
    if (!epoch_of(year, date, minutes, c->utc_offset_us, ret))
        return false;
    return *ret > c->now_us - DAY_US || epoch_of(year + 1, date, minutes, c->utc_offset_us, ret);
}

static bool clock_time(struct cursor *c, int64_t *ret)
{
    struct date date = {0};
    int64_t minutes;
    bool dated = take_date(&c->rest, &date);
    while (dated && (take_word(&c->rest, STR(",")) || take_word(&c->rest, STR(" at")) ||
                     take_word(&c->rest, STR(" "))))
        continue;
    if (!take_clock(&c->rest, &minutes))
        return false;
    if (dated)
        return on_a_date(c, &date, minutes, ret);
    int64_t local_us = c->now_us + c->utc_offset_us;
    int64_t midnight_us = local_us - ((local_us % DAY_US) + DAY_US) % DAY_US;
    int64_t at_us = midnight_us + minutes * MINUTE_US;
    /* Printed in the very minute that it names, it means the end of that minute and not tomorrow. */
    if (at_us <= local_us)
        at_us += local_us - at_us < MINUTE_US ? MINUTE_US : DAY_US;
    *ret = at_us - c->utc_offset_us;
    return true;
}

/* "3 days 4 hours 5 minutes", "1 hour, 5 minutes". */
static bool worded_wait(struct cursor *c, int64_t *ret)
{
    static const struct {
        struct str word;
        int64_t us;
    } units[] = {{{"day", 3}, DAY_US},
                 {{"hour", 4}, HOUR_US},
                 {{"minute", 6}, MINUTE_US},
                 {{"second", 6}, USEC_PER_SEC}};
    int64_t total = 0, count, unit_us = 0;
    while (take_number(&c->rest, 100000, &count) && take_word(&c->rest, STR(" "))) {
        unit_us = 0;
        for (size_t i = 0; i < COUNT_OF(units) && unit_us == 0; i++)
            if (take_word(&c->rest, units[i].word))
                unit_us = units[i].us;
        if (unit_us == 0)
            return false;
        total += count * unit_us;
        (void)take_word(&c->rest, STR("s"));
        (void)take_word(&c->rest, STR(","));
        (void)take_word(&c->rest, STR(" "));
    }
    *ret = c->now_us + total;
    return unit_us > 0;
}

/* "18h56m55s". */
static bool compact_wait(struct cursor *c, int64_t *ret)
{
    size_t n = 0;
    while (n < c->rest.n && n < 32 && c->rest.p[n] != ' ' && c->rest.p[n] != '.' && c->rest.p[n] != ',')
        n++;
    int64_t wait_us;
    if (!parse_duration((struct str){c->rest.p, n}, &wait_us) || wait_us > 366 * DAY_US)
        return false;
    *ret = c->now_us + wait_us;
    return true;
}

static bool epoch_seconds(struct cursor *c, int64_t *ret)
{
    int64_t seconds;
    if (!take_number(&c->rest, INT64_C(9999999999), &seconds) || seconds < INT64_C(1000000000))
        return false;
    *ret = seconds * USEC_PER_SEC;
    return true;
}

/* What stands before a time, and how the time is written. */
static const struct {
    struct str anchor;
    bool (*read)(struct cursor *c, int64_t *ret);
} forms[] = {
    {{"resets ", 7}, clock_time}, {{" at ", 4}, clock_time},      {{" in ", 4}, worded_wait},
    {{" in ", 4}, compact_wait},  {{" after ", 7}, compact_wait}, {{"limit reached|", 14}, epoch_seconds},
};

bool reset_time_find(struct str text, int64_t now_us, int64_t utc_offset_us, int64_t *ret_epoch_us)
{
    for (struct str at = text; at.n > 0; advance(&at, 1)) {
        for (size_t i = 0; i < COUNT_OF(forms); i++) {
            struct cursor c = {at, now_us, utc_offset_us};
            int64_t reset_us; /* a reader that fails may have written half of it */
            if (take_word(&c.rest, forms[i].anchor) && forms[i].read(&c, &reset_us)) {
                *ret_epoch_us = reset_us;
                return true;
            }
        }
    }
    return false;
}
