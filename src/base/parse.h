/* parse.h -- numbers, durations and sizes from text, strictly.
 *
 * The whole slice must be the value: no leading or trailing bytes, ASCII digits only, overflow refused.  Any
 * thread. */
#pragma once
#include "base/str.h"

bool parse_i64(struct str s, int64_t *ret); /* decimal, optional '-' */
bool parse_u64(struct str s, uint64_t *ret);
bool parse_i64_in(struct str s, int64_t min, int64_t max, int64_t *ret);
bool parse_bool(struct str s, bool *ret); /* true false yes no on off 1 0 */
/* "90s", "15m", "24h", "7d", "250ms", and sums "1h30m".  Microseconds, >= 0. */
bool parse_duration(struct str s, int64_t *ret_us);
/* "512", "64K", "1M", "2G" (binary).  Bytes. */
bool parse_size(struct str s, int64_t *ret_bytes);
void parse_hex(const uint8_t *p, size_t n, char *ret_text); /* 2n lower-case digits and a NUL */
/* Writes a duration for people: "250ms", "1h30m". */
#define PARSE_DURATION_MAX 32
char *format_duration(int64_t us, char text[PARSE_DURATION_MAX]);
