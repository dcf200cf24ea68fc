/* cron.h -- the five fields of cron: which local minutes they mean (spec 50 S1).
 *
 *   minute 0-59   hour 0-23   day of month 1-31 or L   month 1-12 or JAN-DEC   day of week 0-7 or SUN-SAT
 *
 * A field is a list of parts with commas: a star, a value, a range a-b, each with a step /n; a/n goes on to
 * the end of the field's range.  7 is Sunday, and so is SUN where a range ends.  L is the last day of the
 * month.  When day of month and day of week both say something, either of them is enough (vixie's rule); a
 * field that begins with a star says nothing in that sense, whatever its step, and then both must hold.
 *
 * Days are those of civil.h, minutes are local.  Pure, any thread. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct cron {
    uint64_t minutes;     /* bit per value, as in all of them */
    uint32_t hours, days; /* days: bit 0 is L */
    uint16_t months;      /* bits 1 to 12 */
    uint8_t weekdays;     /* bits 0 to 6, Sunday first */
    bool days_star, weekdays_star;
};

#define CRON_FIELDS 5

/* `text` is the five fields with one space between them; `column` is that of its first byte in the whole
 * specification.  0, or -EINVAL with the column as the place and in the text.  A date that never comes is
 * refused too. */
MUST_CHECK int cron_parse(struct str text, size_t column, struct cron *ret, struct err *e);
/* The shortest text that cron_parse reads back as the same, without "cron ". */
void cron_print(const struct cron *c, struct buf *out);

/* Whether the fields mean some minute of that day, and which minutes of such a day: minute < 1440. */
MUST_CHECK bool cron_has_day(const struct cron *c, int64_t day);
MUST_CHECK bool cron_has_minute(const struct cron *c, int minute);
/* The first such day from `day` on, the last one up to it; false when there is none within the years of
 * civil.h. */
MUST_CHECK bool cron_day_from(const struct cron *c, int64_t day, int64_t *ret);
MUST_CHECK bool cron_day_until(const struct cron *c, int64_t day, int64_t *ret);

/* "column 7: …" with that place; returns -EINVAL.  For all of the grammar. */
int cron_refuse(struct err *e, size_t column, const char *format, ...) PRINTF_LIKE(3, 4);
