#include "core/schedule.h"

#include "base/clock.h"
#include "base/parse.h"
#include "core/civil.h"

#define MINUTE_US (60 * USEC_PER_SEC)
#define INTERVAL_MAX_US (INT64_C(365250) * 86400 * USEC_PER_SEC) /* a thousand years */
#define LAST_INSTANT_US (INT64_C(253402300799) * USEC_PER_SEC)   /* 9999-12-31T23:59:59Z */
#define DAILY_BITS 64

/* -- text -- */

static struct str behind(struct str s, size_t n)
{
    return (struct str){s.p + n, s.n - n};
}

static const struct unit {
    char letter;
    int64_t us;
} units[] = {{'s', USEC_PER_SEC}, {'m', MINUTE_US}, {'h', 60 * MINUTE_US}, {'d', 1440 * MINUTE_US}};

static const struct unit *unit_of(struct str s)
{
    for (size_t i = 0; s.n > 0 && i < COUNT_OF(units); i++)
        if (units[i].letter == s.p[0])
            return &units[i];
    return NULL;
}

static int parse_interval(struct str text, size_t column, struct schedule *ret, struct err *e)
{
    size_t digits = 0;
    int64_t count, us;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    if (digits == 0)
        return cron_refuse(e, column, "a number is expected behind \"every \"");
    const struct unit *unit = unit_of(behind(text, digits));
    if (!unit)
        return cron_refuse(e, column + digits, "one of the units s, m, h, d is expected");
    if (digits + 1 < text.n)
        return cron_refuse(e, column + digits + 1, "nothing may follow the unit");
    if (!parse_i64((struct str){text.p, digits}, &count) || __builtin_mul_overflow(count, unit->us, &us) ||
        us > INTERVAL_MAX_US)
        return cron_refuse(e, column, "the interval is too large: at most a thousand years");
    if (us == 0)
        return cron_refuse(e, column, "the interval is 0");
    *ret = (struct schedule){.type = SCHEDULE_INTERVAL, .interval_us = us};
    return 0;
}

static bool two_digits(struct str s, size_t at, int max, int *ret)
{
    int64_t value;
    if (s.n < at + 2 || !parse_i64_in((struct str){s.p + at, 2}, 0, max, &value))
        return false;
    *ret = (int)value;
    return true;
}

static int parse_daily(struct str text, size_t column, struct schedule *ret, struct err *e)
{
    struct str rest = text, part;
    struct schedule s = {.type = SCHEDULE_DAILY};
    while (str_split(&rest, ',', &part)) {
        int hour, minute;
        if (part.n == 0)
            return cron_refuse(e, column, "a part of the list is empty");
        if (!two_digits(part, 0, 23, &hour))
            return cron_refuse(e, column, "an hour from 00 to 23 is expected");
        if (part.n < 3 || part.p[2] != ':' || !two_digits(part, 3, 59, &minute))
            return cron_refuse(e, column + 2, "a minute from :00 to :59 is expected");
        if (part.n > 5)
            return cron_refuse(e, column + 5, "a comma and a further HH:MM or the end is expected");
        int bit = hour * 60 + minute;
        s.daily[bit / DAILY_BITS] |= UINT64_C(1) << bit % DAILY_BITS;
        column += part.n + 1;
    }
    *ret = s;
    return 0;
}

static int parse_cron(struct str text, size_t column, struct schedule *ret, struct err *e)
{
    struct schedule s = {.type = SCHEDULE_CRON};
    int rc = cron_parse(text, column, &s.cron, e);
    if (rc == 0)
        *ret = s;
    return rc;
}

/* RFC 3339 allows a space and lower case, which the grammar of schedules does not. */
static int parse_at(struct str text, size_t column, struct schedule *ret, struct err *e)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == ' ' || text.p[i] == 't' || text.p[i] == 'z')
            return cron_refuse(e, column + i, "RFC 3339 with T and Z is expected: 2027-03-01T09:00:00Z");
    struct schedule s = {.type = SCHEDULE_AT};
    if (!clock_parse_rfc3339(text, &s.at_us) || s.at_us > LAST_INSTANT_US)
        return cron_refuse(e, column, "an instant is expected, such as 2027-03-01T09:00:00Z");
    *ret = s;
    return 0;
}

static const struct form {
    struct str word;
    int (*parse)(struct str text, size_t column, struct schedule *ret, struct err *e);
} forms[] = {{{"every ", 6}, parse_interval},
             {{"daily ", 6}, parse_daily},
             {{"cron ", 5}, parse_cron},
             {{"at ", 3}, parse_at}};

static const struct {
    struct str word, fields;
} shorthands[] = {{{"@hourly", 7}, {"0 * * * *", 9}},
                  {{"@daily", 6}, {"0 0 * * *", 9}},
                  {{"@weekly", 7}, {"0 0 * * 0", 9}},
                  {{"@monthly", 8}, {"0 0 1 * *", 9}}};

/* How much of the text begins like a form: there the error is. */
static size_t common_prefix(struct str text)
{
    size_t best = 0;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        size_t n = 0;
        while (n < text.n && n < forms[i].word.n && text.p[n] == forms[i].word.p[n])
            n++;
        best = MAX(best, n);
    }
    return best;
}

int schedule_parse(struct str text, struct schedule *ret, struct err *e)
{
    if (text.n > SCHEDULE_TEXT_MAX)
        return cron_refuse(e, SCHEDULE_TEXT_MAX + 1, "the schedule is too long");
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (str_starts_with(text, forms[i].word))
            return forms[i].parse(behind(text, forms[i].word.n), forms[i].word.n + 1, ret, e);
    for (size_t i = 0; i < COUNT_OF(shorthands); i++) {
        if (!str_starts_with(text, shorthands[i].word))
            continue;
        if (text.n > shorthands[i].word.n)
            return cron_refuse(e, shorthands[i].word.n + 1, "nothing may follow %.*s",
                               STR_ARG(shorthands[i].word));
        return parse_cron(shorthands[i].fields, 1, ret, e);
    }
    return cron_refuse(e, common_prefix(text) + 1,
                       "one of \"every N(s|m|h|d)\", \"daily HH:MM\", \"cron M H DOM MON DOW\", @hourly, "
                       "@daily, @weekly, @monthly, \"at RFC3339\" is expected");
}

static void print_interval(const struct schedule *s, struct buf *out)
{
    size_t i = COUNT_OF(units) - 1;
    while (s->interval_us % units[i].us)
        i--;
    buf_printf(out, "every %lld%c", (long long)(s->interval_us / units[i].us), units[i].letter);
}

static void print_daily(const struct schedule *s, struct buf *out)
{
    const char *before = "daily ";
    for (int i = 0; i < CIVIL_DAY_MINUTES; i++) {
        if (!(s->daily[i / DAILY_BITS] >> i % DAILY_BITS & 1))
            continue;
        buf_printf(out, "%s%02d:%02d", before, i / 60, i % 60);
        before = ",";
    }
}

void schedule_print(const struct schedule *s, struct buf *out)
{
    char text[CLOCK_TEXT_MAX];
    switch (s->type) {
    case SCHEDULE_INTERVAL:
        print_interval(s, out);
        return;
    case SCHEDULE_DAILY:
        print_daily(s, out);
        return;
    case SCHEDULE_CRON:
        buf_add_text(out, "cron ");
        cron_print(&s->cron, out);
        return;
    case SCHEDULE_AT:
        buf_printf(out, "at %s",
                   s->at_us % USEC_PER_SEC ? clock_format_us(s->at_us, text)
                                           : clock_format_seconds(s->at_us, text));
        return;
    }
}

bool schedule_text_of_seconds(int64_t seconds, struct buf *out)
{
    if (seconds <= 0 || seconds > INTERVAL_MAX_US / USEC_PER_SEC)
        return false;
    int64_t minutes = (seconds + 59) / 60;
    bool whole_hours = seconds % 3600 == 0;
    buf_printf(out, "every %lld%c", (long long)(whole_hours ? minutes / 60 : minutes),
               whole_hours ? 'h' : 'm');
    return true;
}

/* -- local minutes: those of daily and cron -- */

static bool has_minute(const struct schedule *s, int minute)
{
    if (s->type == SCHEDULE_DAILY)
        return s->daily[minute / DAILY_BITS] >> minute % DAILY_BITS & 1;
    return cron_has_minute(&s->cron, minute);
}

static bool day_from(const struct schedule *s, int64_t day, int64_t *ret)
{
    *ret = day;
    return s->type == SCHEDULE_DAILY || cron_day_from(&s->cron, day, ret);
}

static bool day_until(const struct schedule *s, int64_t day, int64_t *ret)
{
    *ret = day;
    return s->type == SCHEDULE_DAILY || cron_day_until(&s->cron, day, ret);
}

/* The first minute >= `from` that is meant. */
static bool minute_from(const struct schedule *s, int64_t from, int64_t *ret)
{
    int64_t day = civil_floor_div(from, CIVIL_DAY_MINUTES), found;
    int minute = (int)(from - day * CIVIL_DAY_MINUTES);
    while (day_from(s, day, &found)) {
        for (minute = found == day ? minute : 0; minute < CIVIL_DAY_MINUTES; minute++) {
            if (has_minute(s, minute)) {
                *ret = found * CIVIL_DAY_MINUTES + minute;
                return true;
            }
        }
        day = found + 1;
        minute = 0;
    }
    return false;
}

/* The last minute <= `until` that is meant. */
static bool minute_until(const struct schedule *s, int64_t until, int64_t *ret)
{
    int64_t day = civil_floor_div(until, CIVIL_DAY_MINUTES), found;
    int minute = (int)(until - day * CIVIL_DAY_MINUTES);
    while (day_until(s, day, &found)) {
        for (minute = found == day ? minute : CIVIL_DAY_MINUTES - 1; minute >= 0; minute--) {
            if (has_minute(s, minute)) {
                *ret = found * CIVIL_DAY_MINUTES + minute;
                return true;
            }
        }
        day = found - 1;
        minute = CIVIL_DAY_MINUTES - 1;
    }
    return false;
}

/* A skipped local time and one that exists may fall on one instant; it is then an ordinary one. */
static enum timezone_note note_at(const struct schedule *s, const struct timezone *z, int64_t epoch_s,
                                  enum timezone_note note)
{
    int64_t local_s = epoch_s + timezone_offset_s(z, epoch_s), minute = civil_floor_div(local_s, 60), next;
    bool exists =
        note == TIMEZONE_GAP && local_s == minute * 60 && minute_from(s, minute, &next) && next == minute;
    return exists ? TIMEZONE_PLAIN : note;
}

static bool local_instant(const struct schedule *s, const struct timezone *z, int64_t minute,
                          struct schedule_instant *ret)
{
    enum timezone_note note;
    int64_t epoch_s = timezone_instant_s(z, minute * 60, &note);
    if (epoch_s > LAST_INSTANT_US / USEC_PER_SEC)
        return false;
    *ret = (struct schedule_instant){epoch_s * USEC_PER_SEC, note_at(s, z, epoch_s, note)};
    return true;
}

static int64_t seconds_of(int64_t us)
{
    return civil_floor_div(us, USEC_PER_SEC);
}

static bool next_local(const struct schedule *s, const struct timezone *z, int64_t after_us,
                       struct schedule_instant *ret)
{
    int64_t shown_s = timezone_latest_local_s(z, seconds_of(after_us)), minute;
    return minute_from(s, civil_floor_div(shown_s, 60) + 1, &minute) && local_instant(s, z, minute, ret);
}

static bool previous_local(const struct schedule *s, const struct timezone *z, int64_t until_us,
                           struct schedule_instant *ret)
{
    int64_t shown_s = timezone_latest_local_s(z, seconds_of(until_us)), minute;
    return minute_until(s, civil_floor_div(shown_s, 60), &minute) && local_instant(s, z, minute, ret);
}

/* -- instants -- */

static bool in_range(int64_t at_us, struct schedule_instant *ret)
{
    *ret = (struct schedule_instant){at_us, TIMEZONE_PLAIN};
    return at_us <= LAST_INSTANT_US;
}

static bool next_interval(const struct schedule *s, int64_t base_us, int64_t after_us,
                          struct schedule_instant *ret)
{
    int64_t passed = after_us < base_us ? 0 : (after_us - base_us) / s->interval_us, at_us;
    return !__builtin_mul_overflow(passed + 1, s->interval_us, &at_us) &&
           !__builtin_add_overflow(base_us, at_us, &at_us) && in_range(at_us, ret);
}

bool schedule_next(const struct schedule *s, const struct timezone *z, int64_t base_us, int64_t after_us,
                   struct schedule_instant *ret)
{
    if (after_us >= LAST_INSTANT_US)
        return false;
    switch (s->type) {
    case SCHEDULE_INTERVAL:
        return next_interval(s, base_us, after_us, ret);
    case SCHEDULE_AT:
        return s->at_us > after_us && in_range(s->at_us, ret);
    case SCHEDULE_DAILY:
    case SCHEDULE_CRON:
        break;
    }
    return next_local(s, z, after_us, ret);
}

bool schedule_previous(const struct schedule *s, const struct timezone *z, int64_t base_us, int64_t until_us,
                       struct schedule_instant *ret)
{
    until_us = MIN(until_us, LAST_INSTANT_US);
    switch (s->type) {
    case SCHEDULE_INTERVAL:
        return until_us >= base_us + s->interval_us &&
               in_range(until_us - (until_us - base_us) % s->interval_us, ret);
    case SCHEDULE_AT:
        return s->at_us <= until_us && in_range(s->at_us, ret);
    case SCHEDULE_DAILY:
    case SCHEDULE_CRON:
        break;
    }
    return previous_local(s, z, until_us, ret);
}

bool schedule_is_due(const struct schedule *s, const struct timezone *z, int64_t last_us, int64_t now_us)
{
    struct schedule_instant at;
    if (last_us == SCHEDULE_NEVER)
        return s->type != SCHEDULE_AT || s->at_us <= now_us;
    return last_us <= now_us && schedule_next(s, z, last_us, last_us, &at) && at.at_us <= now_us;
}

bool schedule_next_repeat(const struct schedule *s, const struct timezone *z, int64_t after_us,
                          int64_t until_us, int64_t *ret_us)
{
    int64_t at_s = seconds_of(after_us), until_s = seconds_of(until_us);
    if (s->type != SCHEDULE_DAILY && s->type != SCHEDULE_CRON)
        return false;
    for (at_s++; at_s <= until_s;) {
        struct timezone_segment g = timezone_segment_at(z, at_s);
        int64_t minute, repeats_until_s = timezone_latest_local_s(z, at_s);
        /* Of this segment the clock has shown what lies at or before `repeats_until_s`. */
        int64_t local_s = at_s + g.offset_s;
        if (minute_from(s, civil_floor_div(local_s + 59, 60), &minute) && minute * 60 <= repeats_until_s &&
            minute * 60 - g.offset_s < g.end_s && minute * 60 - g.offset_s <= until_s &&
            timezone_is_repeat(z, minute * 60 - g.offset_s)) {
            *ret_us = (minute * 60 - g.offset_s) * USEC_PER_SEC;
            return true;
        }
        if (g.end_s > until_s)
            return false;
        at_s = g.end_s;
    }
    return false;
}

const char *schedule_note_name(enum timezone_note note)
{
    static const char *const names[] = {
        [TIMEZONE_PLAIN] = NULL, [TIMEZONE_GAP] = "dst-gap", [TIMEZONE_FOLD] = "dst-fold"};
    return names[note];
}
