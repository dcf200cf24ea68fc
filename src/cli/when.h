/* when.h -- instants and durations on the command line.  Any thread. */
#pragma once
#include "cli/command.h"

/* "2026-11-22T03:04:05Z", or a duration from now: "90s", "15m", "7d".  RFC 3339 in *ret, or EXIT_USAGE after
 * having said so. */
#define WHEN_MAX 32
MUST_CHECK int when_option(const struct invocation *in, const char *option, char ret[WHEN_MAX]);
/* A duration in whole seconds; the same. */
MUST_CHECK int when_seconds(const struct invocation *in, const char *option, int64_t *ret);
