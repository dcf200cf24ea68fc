/* ccusage_rollout.h -- what ccusage 20.0.24 takes from a line of Codex (spec 60 U5, --compat=ccusage).
 *
 * Lines of a rollout by their type; any other line that names tokens as the output of `codex exec --json`.
 * Counts are taken from text and under several names; a field of another type makes a line of a rollout none.
 * One thread. */
#pragma once
#include "core/codex_usage.h"
#include "transcripts/ledger.h"

enum ccusage_rollout_kind {
    ROLLOUT_OTHER,
    ROLLOUT_META,
    ROLLOUT_CONTEXT,
    ROLLOUT_TIER,
    ROLLOUT_REPORT,
    ROLLOUT_OUTPUT /* of codex exec: a request by itself, in report.last */
};

/* Of an answer that is told with several, the last one of these counts. */
enum ccusage_tier { TIER_NOT_TOLD, TIER_FAST, TIER_STANDARD };

struct ccusage_rollout_line {
    enum ccusage_rollout_kind kind;
    bool has_time;
    enum ccusage_tier tier; /* of ROLLOUT_TIER; one that it does not know is none */
    int64_t at_us;
    uint32_t time;              /* of a report: string, as it is told; 0: no text */
    uint32_t id, parent, model; /* strings; 0: not told */
    struct codex_report report;
};

void ccusage_rollout_read(struct ledger *strings, struct str line, struct ccusage_rollout_line *ret);
