/* schedule.h -- when a job is due: the one grammar and its instants (spec 50 S1, S2, S3).
 *
 *   every N(s|m|h|d)            counted from a base, in elapsed time
 *   daily HH:MM[,HH:MM…]        local times
 *   cron M H DOM MON DOW        local times, see cron.h
 *   @hourly @daily @weekly @monthly
 *   at RFC3339                  once
 *
 * ASCII, one space, case-sensitive, nothing before or behind.  One parser serves the configuration, the API
 * and the command line.  Instants are microseconds since the epoch; local times are mapped by timezone.h, so
 * that a skipped one falls on the jump and a repeated one on its first instant.  Pure, any thread. */
#pragma once
#include "core/cron.h"
#include "core/timezone.h"

#define SCHEDULE_TEXT_MAX ((size_t)4096)
#define SCHEDULE_NEVER INT64_MIN /* instead of an instant: no last run */

enum schedule_type { SCHEDULE_INTERVAL, SCHEDULE_DAILY, SCHEDULE_CRON, SCHEDULE_AT };

struct schedule {
    enum schedule_type type;
    union {
        int64_t interval_us; /* > 0 */
        int64_t at_us;
        struct cron cron;
        uint64_t daily[23]; /* bit per minute of the day */
    };
};

/* 0, or -EINVAL; *e names the column ("column 7: …"), which is counted from 1 and is also its place. */
MUST_CHECK int schedule_parse(struct str text, struct schedule *ret, struct err *e);
/* A text that schedule_parse reads back as the same. */
void schedule_print(const struct schedule *s, struct buf *out);
/* "every 2m" for 90: seconds become minutes, rounded up, and hours where they are whole (spec 50, environment
 * of existing deployments).  False when `seconds` is not positive or too large. */
MUST_CHECK bool schedule_text_of_seconds(int64_t seconds, struct buf *out);

struct schedule_instant {
    int64_t at_us;
    enum timezone_note note; /* TIMEZONE_GAP only when no local time that exists falls on it */
};
/* The first instant > after_us.  An interval counts from base_us: base + N, base + 2N, …; others ignore it.
 * False when there is none up to the year 9999. */
MUST_CHECK bool schedule_next(const struct schedule *s, const struct timezone *z, int64_t base_us,
                              int64_t after_us, struct schedule_instant *ret);
/* The last instant <= until_us, with the same base (of an interval: > base_us); false when there is none. */
MUST_CHECK bool schedule_previous(const struct schedule *s, const struct timezone *z, int64_t base_us,
                                  int64_t until_us, struct schedule_instant *ret);
/* S3.  last_us SCHEDULE_NEVER: due at once, except an `at` that has not come. */
MUST_CHECK bool schedule_is_due(const struct schedule *s, const struct timezone *z, int64_t last_us,
                                int64_t now_us);
/* What the clock says the second time, which is no instant of the schedule (outcome dst-fold): the first
 * such > after_us and <= until_us. */
MUST_CHECK bool schedule_next_repeat(const struct schedule *s, const struct timezone *z, int64_t after_us,
                                     int64_t until_us, int64_t *ret_us);

const char *schedule_note_name(enum timezone_note note); /* NULL, "dst-gap", "dst-fold" */
