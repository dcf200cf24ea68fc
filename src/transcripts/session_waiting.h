/* session_waiting.h -- which files wait for a processor, and since when (spec 60 T8, Health).
 *
 * One answer for health, which degrades when the oldest has waited too long, and for whoever lists the
 * processors.  A file waits since it was last written, until the processor has read it; one that failed waits
 * again once its time has come.  What other rules are to read anew does not wait: what is known of it stays.
 * Where the list of files comes from is the caller's matter.  Pure.  Any thread. */
#pragma once
#include "base/arena.h"
#include "core/processor_state.h"
#include "transcripts/file_walk.h"

struct session_waiting {
    int64_t waiting, quarantined;
    const char *oldest; /* path, in the arena; NULL: none waits */
    int64_t oldest_us;  /* since when; not after now */
};
/* `states`: what the processor, whose version is told, has made of its files. */
void session_waiting(const struct file_walk *files, const struct processor_state *states, size_t state_count,
                     int64_t version, int64_t now_us, struct arena *a, struct session_waiting *ret);
