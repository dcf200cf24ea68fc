/* usage_windows.h -- what one session used between two moments: a run's own part of its transcript (spec 00,
 * fact 5).
 *
 * Runs tell the session that their agent named; the ledger holds what was written there, a session that was
 * resumed by several runs included, and each answer counts in the run during which it came.  Gemini CLI's
 * files carry the first eight characters of the session's id and no more.  One thread. */
#pragma once
#include "transcripts/usage_report.h"

struct usage_window {
    const char *session_id; /* asked: not empty */
    int64_t from_us, to_us; /* asked: epoch, both included */
    struct usage_sum sum;   /* told; events 0: nothing is there */
};
void usage_windows_sum(const struct ledger *l, const struct price_list *prices, struct usage_window *windows,
                       size_t count);
