/* daemon.h -- what every program of muster that stays does when it starts.
 *
 * As many descriptors as it may have, no signal from a pipe that nobody reads, files for its own user alone;
 * and where systemd watches it (sd_watchdog_enabled(3)), a word to it twice a period, from the loop, so that
 * a loop that hangs is seen.  Main thread. */
#pragma once
#include "base/buf.h"

#include <uv.h>

void daemon_prepare(void);
/* To whoever started it with a notify socket (sd_notify(3)), nobody else: that it serves and what, that it
 * ends. */
void daemon_tell_ready(const char *status, ...) PRINTF_LIKE(1, 2);
void daemon_tell_stopping(void);
/* `timer` is initialised, and the caller's to stop.  Nothing happens where nobody watches. */
void daemon_feed_watchdog(uv_timer_t *timer);
