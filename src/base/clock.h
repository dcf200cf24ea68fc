/* clock.h -- the clocks, and times as text.
 *
 * One unit: microseconds in int64_t.  Wall times (epoch, UTC) are for what people read and what rows are
 * stamped with; durations come from the monotonic clock alone.  Any thread. */
#pragma once
#include "base/str.h"

#define USEC_PER_MSEC INT64_C(1000)
#define USEC_PER_SEC INT64_C(1000000)

int64_t clock_wall_us(void);      /* epoch, UTC */
int64_t clock_monotonic_us(void); /* CLOCK_MONOTONIC: stands still during suspend */
int64_t clock_boot_us(void);      /* CLOCK_BOOTTIME: goes on during suspend */

int64_t clock_utc_offset_us(void); /* local time minus UTC, now */

#define CLOCK_TEXT_MAX 32
/* RFC 3339 in UTC: "2026-11-22T03:04:05Z", and with microseconds "2026-11-22T03:04:05.123456Z". */
char *clock_format_seconds(int64_t epoch_us, char text[CLOCK_TEXT_MAX]);
char *clock_format_us(int64_t epoch_us, char text[CLOCK_TEXT_MAX]);
/* RFC 3339 §5.6, any offset, up to nanoseconds (truncated).  False for anything else, and for years outside
 * 1970 to 9999. */
bool clock_parse_rfc3339(struct str text, int64_t *ret_epoch_us);
