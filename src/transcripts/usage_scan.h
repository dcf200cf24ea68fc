/* usage_scan.h -- brings a ledger up to date with the transcripts (spec 60 T1-T3, T5).
 *
 * Each file is looked at, and read only when it is not as it was left: what was appended alone where the
 * bytes before it are the same, else from its start.  Nothing that was seen is ever taken back, so that is
 * safe.  A file that cannot be read is counted and does not stop the others.  One thread. */
#pragma once
#include "transcripts/file_walk.h"
#include "transcripts/ledger.h"

struct usage_scan_result {
    int64_t files, changed, unreadable; /* files */
    int64_t bytes_read;
    int64_t skipped[SKIP_REASONS]; /* lines, in all files of the ledger */
};
struct usage_scan_progress { /* told after each file, and within long ones */
    void (*tell)(void *context, int64_t bytes_done, int64_t bytes_to_do);
    void *context;
};
/* `now_us`: of the wall clock.  `progress` NULL: nobody wants to know. */
void usage_scan(struct ledger *l, const struct file_walk *files, int64_t now_us,
                const struct usage_scan_progress *progress, struct usage_scan_result *ret);
/* One line of Claude Code, wherever it stands.  Returns how many answers it tells of. */
size_t usage_scan_claude_line(struct ledger *l, struct str line);
