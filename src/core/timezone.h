/* timezone.h -- a time zone: what a local clock shows at each instant (spec 50 S2).
 *
 * Made from the bytes of a TZif file (RFC 8536), which the caller has read: transitions up to the last one of
 * the file, and behind it the rule in its footer, so the far future is right too.  A zone is a sequence of
 * segments of constant offset, and everything follows from them.  A file that counts leap seconds is refused:
 * the instants of this program do not.
 *
 * The local time L is taken as the first instant at which the clock shows L or more.  That one sentence is
 * the whole of S2: of a time that occurs twice it is the first, and of one that is skipped the instant of the
 * jump.  It never runs backwards: of two local times the later one has the later instant, or the same.
 *
 * Immutable once made.  Pure, any thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define TIMEZONE_BYTES_MAX ((size_t)256 * 1024) /* of a file; the largest of tzdata has some 4 KiB */

enum timezone_note {
    TIMEZONE_PLAIN,
    TIMEZONE_GAP, /* the clock never shows this time: the instant is that of the jump */
    TIMEZONE_FOLD /* the clock shows it twice: the instant is the first one */
};

struct timezone;
const struct timezone *timezone_utc(void); /* never freed */
/* 0, or -EINVAL with the reason. */
MUST_CHECK int timezone_parse(struct str tzif, struct timezone **ret, struct err *e);
struct timezone *timezone_free(struct timezone *z);

struct timezone_segment {
    int64_t start_s, end_s; /* epoch; [start, end); INT64_MIN and INT64_MAX where there is no end */
    int offset_s;           /* local minus UTC */
};
struct timezone_segment timezone_segment_at(const struct timezone *z, int64_t epoch_s);
int timezone_offset_s(const struct timezone *z, int64_t epoch_s);
int64_t timezone_day(const struct timezone *z, int64_t epoch_s); /* of the local date, from 1970-01-01 */

/* The instant of a local time, in seconds of a clock that counts from 1970-01-01T00:00 local. */
int64_t timezone_instant_s(const struct timezone *z, int64_t local_s, enum timezone_note *ret_note);
/* The latest local time that the clock has shown up to `epoch_s`, which is more than it shows then while it
 * goes through an hour for the second time.  timezone_instant_s(L) <= epoch_s exactly when L is not more than
 * this. */
int64_t timezone_latest_local_s(const struct timezone *z, int64_t epoch_s);
/* Whether the clock shows, at this instant, what it has shown before. */
bool timezone_is_repeat(const struct timezone *z, int64_t epoch_s);

/* "2026-03-29T03:00:00+02:00", with microseconds when there are any, seconds of the offset when it has any.
 */
#define TIMEZONE_TEXT_MAX 48
char *timezone_format(const struct timezone *z, int64_t epoch_us, char text[TIMEZONE_TEXT_MAX]);
