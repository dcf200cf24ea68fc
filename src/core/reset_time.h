/* reset_time.h -- when a limit ends, from the sentence that an agent prints about it (spec 20 Q6).
 *
 *   "try again at 5:19 AM."                     the next such time on the local clock
 *   "try again at Nov 25th, 2026 5:19 AM."      that one
 *   "resets 3pm (Europe/Berlin)", "resets Nov 28 at 3pm"   the zone is taken to be the local one
 *   "try again in 3 days 4 hours 5 minutes", "will reset after 18h56m55s"
 *   "limit reached|1795316645"                  epoch seconds
 *
 * Local time has one offset from UTC here: a change of summer time in between moves the result by an hour.
 * Pure. Any thread. */
#pragma once
#include "base/str.h"

/* False when the text names no time.  `utc_offset_us` is local time minus UTC. */
bool reset_time_find(struct str text, int64_t now_us, int64_t utc_offset_us, int64_t *ret_epoch_us);
