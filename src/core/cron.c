#include "core/cron.h"

#include "base/clock.h"
#include "core/civil.h"

#include <stdarg.h>

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL",
                                          "AUG", "SEP", "OCT", "NOV", "DEC", NULL};
static const char *const weekday_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL};

enum { FIELD_MINUTE, FIELD_HOUR, FIELD_DAY, FIELD_MONTH, FIELD_WEEKDAY };

static const struct field {
    const char *name;
    int min, max;
    const char *const *names; /* of `min` and those that follow; NULL: numbers alone */
} fields[CRON_FIELDS] = {
    [FIELD_MINUTE] = {"minute", 0, 59, NULL},
    [FIELD_HOUR] = {"hour", 0, 23, NULL},
    [FIELD_DAY] = {"day of month", 1, 31, NULL},
    [FIELD_MONTH] = {"month", 1, 12, month_names},
    [FIELD_WEEKDAY] = {"day of week", 0, 7, weekday_names},
};

int cron_refuse(struct err *e, size_t column, const char *format, ...)
{
    char text[ERR_TEXT_MAX - 32], place[32];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)snprintf(place, sizeof(place), "column %zu", column);
    return err_set_at(e, ERR_INVALID, -EINVAL, place, "%s: %s", place, text);
}

/* -- text -- */

struct reader {
    struct str rest;
    size_t column; /* of rest.p[0] */
    struct err *e;
};

static void advance(struct reader *r, size_t n)
{
    r->rest = (struct str){r->rest.p + n, r->rest.n - n};
    r->column += n;
}

static bool take(struct reader *r, char c)
{
    if (r->rest.n == 0 || r->rest.p[0] != c)
        return false;
    advance(r, 1);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#define NUMBER_MAX                                                                                           \
    1000000 /* more than any field or sensible step; larger ones are refused before they wrap */

static int read_number(struct reader *r, const struct field *f, int *ret)
{
    size_t n = 0;
    int value = 0;
    for (; n < r->rest.n && is_digit(r->rest.p[n]); n++) {
        value = value * 10 + (r->rest.p[n] - '0');
        if (value > NUMBER_MAX)
            return cron_refuse(r->e, r->column, "the number in %s is too large", f->name);
    }
    if (n == 0)
        return cron_refuse(r->e, r->column, "a number is expected in %s", f->name);
    advance(r, n);
    *ret = value;
    return 0;
}

static bool read_name(struct reader *r, const struct field *f, bool ends_range, int *ret)
{
    for (int i = 0; f->names && f->names[i]; i++) {
        struct str name = str_of(f->names[i]);
        if (!str_starts_with(r->rest, name))
            continue;
        advance(r, name.n);
        bool last_sunday = ends_range && f == &fields[FIELD_WEEKDAY] && i == 0;
        *ret = last_sunday ? 7 : f->min + i;
        return true;
    }
    return false;
}

static int read_value(struct reader *r, const struct field *f, bool ends_range, int *ret)
{
    size_t column = r->column;
    if (read_name(r, f, ends_range, ret))
        return 0;
    int rc = read_number(r, f, ret);
    if (rc == 0 && (*ret < f->min || *ret > f->max))
        return cron_refuse(r->e, column, "%s %d is not in %d-%d", f->name, *ret, f->min, f->max);
    return rc;
}

static int read_step(struct reader *r, const struct field *f, int *ret)
{
    size_t column = r->column;
    int rc = read_number(r, f, ret);
    if (rc == 0 && *ret == 0)
        return cron_refuse(r->e, column, "the step in %s is 0", f->name);
    return rc;
}

/* A star, a value or a range, without step.  *ret_open: a step may go on from it to the end. */
static int read_range(struct reader *r, const struct field *f, int *ret_first, int *ret_last, bool *ret_open)
{
    size_t column = r->column;
    *ret_open = false;
    *ret_first = f->min;
    *ret_last = f->max;
    if (take(r, '*'))
        return 0;
    int rc = read_value(r, f, false, ret_first);
    if (rc != 0)
        return rc;
    *ret_last = *ret_first;
    *ret_open = !take(r, '-');
    if (*ret_open)
        return 0;
    rc = read_value(r, f, true, ret_last);
    if (rc == 0 && *ret_last < *ret_first)
        return cron_refuse(r->e, column, "the range %d-%d in %s is reversed", *ret_first, *ret_last, f->name);
    return rc;
}

static int read_part(struct reader *r, const struct field *f, uint64_t *set)
{
    int first, last, step = 1;
    bool open;
    if (f == &fields[FIELD_DAY] && take(r, 'L')) {
        *set |= 1;
        return 0;
    }
    int rc = read_range(r, f, &first, &last, &open);
    if (rc == 0 && take(r, '/')) {
        rc = read_step(r, f, &step);
        last = open ? f->max : last;
    }
    for (int i = first; rc == 0 && i <= last; i += step)
        *set |= UINT64_C(1) << i;
    return rc;
}

/* `r` holds this field alone. */
static int read_field(struct reader *r, const struct field *f, uint64_t *ret)
{
    *ret = 0;
    do {
        int rc = read_part(r, f, ret);
        if (rc != 0)
            return rc;
    } while (take(r, ','));
    if (r->rest.n > 0)
        return cron_refuse(r->e, r->column, "unexpected text in %s", f->name);
    return 0;
}

static int read_fields(struct str text, size_t column, uint64_t sets[CRON_FIELDS],
                       struct reader starts[CRON_FIELDS], struct err *e)
{
    struct str part, rest = text;
    size_t count = 0;
    while (str_split(&rest, ' ', &part)) {
        if (count == CRON_FIELDS)
            return cron_refuse(e, column, "there are more than five fields");
        starts[count] = (struct reader){part, column, e};
        struct reader r = starts[count];
        if (part.n == 0)
            return cron_refuse(e, column, "%s is missing: one space parts the five fields",
                               fields[count].name);
        int rc = read_field(&r, &fields[count], &sets[count]);
        if (rc != 0)
            return rc;
        count++;
        column += part.n + 1;
    }
    if (count < CRON_FIELDS)
        return cron_refuse(e, column - 1, "%s is missing: five fields are expected", fields[count].name);
    return 0;
}

static int first_value(uint64_t set)
{
    return __builtin_ctzll(set);
}

/* Some month is long enough for the first of the days; a leap year has 29 in February. */
static bool some_day_comes(const struct cron *c)
{
    if (!(c->days_star || c->weekdays_star) || (c->days & 1))
        return true;
    for (int month = 1; month <= 12; month++)
        if ((c->months >> month & 1) && first_value(c->days) <= civil_month_days(2000, month))
            return true;
    return false;
}

int cron_parse(struct str text, size_t column, struct cron *ret, struct err *e)
{
    uint64_t sets[CRON_FIELDS];
    struct reader starts[CRON_FIELDS];
    int rc = read_fields(text, column, sets, starts, e);
    if (rc != 0)
        return rc;
    uint64_t weekdays = sets[FIELD_WEEKDAY];
    struct cron c = {.minutes = sets[FIELD_MINUTE],
                     .hours = (uint32_t)sets[FIELD_HOUR],
                     .days = (uint32_t)sets[FIELD_DAY],
                     .months = (uint16_t)sets[FIELD_MONTH],
                     .weekdays = (uint8_t)((weekdays | weekdays >> 7) & 0x7F),
                     .days_star = starts[FIELD_DAY].rest.p[0] == '*',
                     .weekdays_star = starts[FIELD_WEEKDAY].rest.p[0] == '*'};
    if (!some_day_comes(&c))
        return cron_refuse(e, starts[FIELD_DAY].column, "day of month %.*s never comes in month %.*s",
                           STR_ARG(starts[FIELD_DAY].rest), STR_ARG(starts[FIELD_MONTH].rest));
    *ret = c;
    return 0;
}

/* -- printing -- */

static void print_part(struct buf *out, int first, int last, bool *comma)
{
    if (*comma)
        buf_add_char(out, ',');
    *comma = true;
    if (first == last)
        buf_printf(out, "%d", first);
    else
        buf_printf(out, "%d-%d", first, last);
}

static uint64_t every(int first, int last, int step)
{
    uint64_t set = 0;
    for (int i = first; i <= last; i += step)
        set |= UINT64_C(1) << i;
    return set;
}

/* The star of a field that began with one, with the smallest step whose values are all in the set; these are
 * taken out of it. */
static uint64_t print_star(struct buf *out, uint64_t set, int min, int max, bool *comma)
{
    int step = 1;
    while (every(min, max, step) & ~set)
        step++;
    *comma = true;
    if (step == 1)
        buf_add_char(out, '*');
    else
        buf_printf(out, "*/%d", step);
    return set & ~every(min, max, step);
}

static void print_field(struct buf *out, uint64_t set, int min, int max, bool star)
{
    bool comma = false;
    if (star || set == every(min, max, 1))
        set = print_star(out, set, min, max, &comma);
    for (int i = min; i <= max; i++) {
        int last = i;
        if (!(set >> i & 1))
            continue;
        while (last < max && (set >> (last + 1) & 1))
            last++;
        print_part(out, i, last, &comma);
        i = last;
    }
    if (min == 1 && max == 31 && (set & 1))
        buf_add_text(out, comma ? ",L" : "L");
}

/* All days or weekdays without a star, such as 1-31, must stay without one: either is then enough. */
static void print_unstarred(struct buf *out, uint64_t set, int min, int max)
{
    if ((set & every(min, max, 1)) == every(min, max, 1))
        buf_printf(out, "%d-%d%s", min, max, set & 1 && min == 1 ? ",L" : "");
    else
        print_field(out, set, min, max, false);
}

void cron_print(const struct cron *c, struct buf *out)
{
    print_field(out, c->minutes, 0, 59, false);
    buf_add_char(out, ' ');
    print_field(out, c->hours, 0, 23, false);
    buf_add_char(out, ' ');
    if (c->days_star)
        print_field(out, c->days, 1, 31, true);
    else
        print_unstarred(out, c->days, 1, 31);
    buf_add_char(out, ' ');
    print_field(out, c->months, 1, 12, false);
    buf_add_char(out, ' ');
    if (c->weekdays_star)
        print_field(out, c->weekdays, 0, 6, true);
    else
        print_unstarred(out, c->weekdays, 0, 6);
}

/* -- days -- */

static bool date_fits(const struct cron *c, struct civil date, int64_t day)
{
    if (!(c->months >> date.month & 1))
        return false;
    bool by_date =
        (c->days >> date.day & 1) || ((c->days & 1) && date.day == civil_month_days(date.year, date.month));
    bool by_weekday = c->weekdays >> civil_weekday(day) & 1;
    return c->days_star || c->weekdays_star ? by_date && by_weekday : by_date || by_weekday;
}

bool cron_has_day(const struct cron *c, int64_t day)
{
    return date_fits(c, civil_of_days(day), day);
}

bool cron_has_minute(const struct cron *c, int minute)
{
    return (c->hours >> (minute / 60) & 1) && (c->minutes >> (minute % 60) & 1);
}

bool cron_day_from(const struct cron *c, int64_t day, int64_t *ret)
{
    struct civil date = civil_of_days(day);
    while (date.year <= CIVIL_YEAR_MAX) {
        int length = civil_month_days(date.year, date.month);
        bool wanted = c->months >> date.month & 1;
        for (; wanted && date.day <= length; date.day++, day++) {
            if (date_fits(c, date, day)) {
                *ret = day;
                return true;
            }
        }
        day += length + 1 - date.day;
        date = (struct civil){date.year + date.month / 12, date.month % 12 + 1, 1};
    }
    return false;
}

bool cron_day_until(const struct cron *c, int64_t day, int64_t *ret)
{
    struct civil date = civil_of_days(day);
    while (date.year >= CIVIL_YEAR_MIN) {
        bool wanted = c->months >> date.month & 1;
        for (; wanted && date.day >= 1; date.day--, day--) {
            if (date_fits(c, date, day)) {
                *ret = day;
                return true;
            }
        }
        day -= date.day;
        date = date.month == 1
                   ? (struct civil){date.year - 1, 12, 31}
                   : (struct civil){date.year, date.month - 1, civil_month_days(date.year, date.month - 1)};
    }
    return false;
}
