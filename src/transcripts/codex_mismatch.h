/* codex_mismatch.h -- lines of rollouts in which ccusage and muster do not both see a report (spec 60 U5).
 *
 * Remembered by their times, to the millisecond: those are what a request is known by.  One thread. */
#pragma once
#include "base/map.h"
#include "transcripts/ccusage_rollout.h"

struct codex_mismatch {
    struct map dropped, refused; /* by ccusage, by muster */
};

void codex_mismatch_init(struct codex_mismatch *m);
void codex_mismatch_deinit(struct codex_mismatch *m);
/* `read`: what ccusage makes of the line. */
void codex_mismatch_see(struct codex_mismatch *m, struct str line, const struct ccusage_rollout_line *read);

/* Sets of such times. */
void codex_times_note(struct map *times, int64_t at_us);
bool codex_times_have(const struct map *times, int64_t at_us);
