#include "core/timezone_rule.h"

#include "core/civil.h"

/* -- text -- */

static bool take(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = (struct str){s->p + 1, s->n - 1};
    return true;
}

static bool take_number(struct str *s, int max, int *ret)
{
    int value = 0;
    size_t n = 0;
    for (; n < s->n && n < 3 && s->p[n] >= '0' && s->p[n] <= '9'; n++)
        value = value * 10 + (s->p[n] - '0');
    if (n == 0 || value > max)
        return false;
    *s = (struct str){s->p + n, s->n - n};
    *ret = value;
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take_name(struct str *s)
{
    bool quoted = take(s, '<');
    size_t n = 0;
    while (n < s->n && (quoted ? s->p[n] != '>' : is_letter(s->p[n])))
        n++;
    *s = (struct str){s->p + n, s->n - n};
    return n >= 3 && (!quoted || take(s, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct str *s, int hours_max, int *ret_s)
{
    int sign = take(s, '-') ? -1 : 1, h, m = 0, sec = 0;
    if (sign > 0)
        (void)take(s, '+');
    if (!take_number(s, hours_max, &h))
        return false;
    if (take(s, ':') && (!take_number(s, 59, &m) || (take(s, ':') && !take_number(s, 59, &sec))))
        return false;
    *ret_s = sign * (h * 3600 + m * 60 + sec);
    return true;
}

static bool take_day(struct str *s, struct timezone_change *c)
{
    if (take(s, 'M')) {
        c->type = TIMEZONE_DAY_WEEKDAY;
        return take_number(s, 12, &c->month) && c->month >= 1 && take(s, '.') &&
               take_number(s, 5, &c->week) && c->week >= 1 && take(s, '.') && take_number(s, 6, &c->day);
    }
    c->type = take(s, 'J') ? TIMEZONE_DAY_JULIAN : TIMEZONE_DAY_ZERO_BASED;
    return take_number(s, 365, &c->day) && (c->type != TIMEZONE_DAY_JULIAN || c->day >= 1);
}

static bool take_change(struct str *s, struct timezone_change *c)
{
    *c = (struct timezone_change){.time_s = 2 * 3600};
    return take(s, ',') && take_day(s, c) && (!take(s, '/') || take_time(s, 167, &c->time_s));
}

bool timezone_rule_parse(struct str text, struct timezone_rule *ret)
{
    struct timezone_rule r = {0};
    int west_s;
    if (!take_name(&text) || !take_time(&text, 24, &west_s))
        return false;
    r.standard_s = r.daylight_s = -west_s;
    r.has_daylight = text.n > 0;
    if (r.has_daylight) {
        if (!take_name(&text))
            return false;
        r.daylight_s = r.standard_s + 3600;
        if (text.n > 0 && text.p[0] != ',') {
            if (!take_time(&text, 24, &west_s))
                return false;
            r.daylight_s = -west_s;
        }
        if (!take_change(&text, &r.to_daylight) || !take_change(&text, &r.to_standard) || text.n > 0)
            return false;
    }
    *ret = r;
    return true;
}

/* -- instants -- */

static int64_t change_day(const struct timezone_change *c, int year)
{
    int64_t first = civil_to_days(year, 1, 1);
    if (c->type == TIMEZONE_DAY_ZERO_BASED)
        return first + c->day;
    if (c->type == TIMEZONE_DAY_JULIAN)
        return first + c->day - 1 + (c->day >= 60 && civil_month_days(year, 2) == 29);
    int64_t month_first = civil_to_days(year, c->month, 1);
    int64_t day = (c->day - civil_weekday(month_first) + 7) % 7 + (int64_t)(c->week - 1) * 7;
    return month_first + (day < civil_month_days(year, c->month) ? day : day - 7);
}

struct change_at {
    int64_t at_s;
    int offset_s; /* from then on */
};

#define YEARS 5 /* around the instant: a change may lie a week outside its year */

/* Ascending; of two at one instant the later year's comes last and counts. */
static void list_changes(const struct timezone_rule *r, int middle_year, struct change_at list[2 * YEARS])
{
    size_t n = 0;
    for (int year = middle_year - YEARS / 2; year <= middle_year + YEARS / 2; year++) {
        const struct change_at both[] = {
            {change_day(&r->to_daylight, year) * CIVIL_DAY_S + r->to_daylight.time_s - r->standard_s,
             r->daylight_s},
            {change_day(&r->to_standard, year) * CIVIL_DAY_S + r->to_standard.time_s - r->daylight_s,
             r->standard_s}};
        bool standard_first = both[1].at_s < both[0].at_s;
        for (size_t i = 0; i < 2; i++) {
            struct change_at c = both[standard_first ? 1 - i : i];
            size_t to = n++;
            for (; to > 0 && list[to - 1].at_s > c.at_s; to--)
                list[to] = list[to - 1];
            list[to] = c;
        }
    }
}

struct timezone_segment timezone_rule_segment(const struct timezone_rule *r, int64_t epoch_s)
{
    struct timezone_segment s = {INT64_MIN, INT64_MAX, r->standard_s};
    struct change_at list[2 * YEARS];
    if (!r->has_daylight)
        return s;
    list_changes(r, civil_of_days(civil_floor_div(epoch_s, CIVIL_DAY_S)).year, list);
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        if (list[i].at_s > epoch_s) {
            s.end_s = list[i].at_s;
            break;
        }
        s.start_s = list[i].at_s;
        s.offset_s = list[i].offset_s;
    }
    return s;
}
