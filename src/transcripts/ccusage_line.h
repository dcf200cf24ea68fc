/* ccusage_line.h -- what ccusage 20.0.24 takes from a line of Claude Code (spec 60 U5, --compat=ccusage).
 *
 * It has two readers.  The one of its daily report takes a line to pieces before it looks at any of them, so
 * that a bad string anywhere drops the line; it knows an older way to tell of a subagent, too.  The one of
 * its other reports passes over what it does not read.  Both drop a line in which one of a few keys is null,
 * wherever that is, and both then look at all of it.  One thread. */
#pragma once
#include "core/ccusage_price.h"
#include "transcripts/ledger.h"

enum ccusage_rules { CCUSAGE_DAILY, CCUSAGE_OTHERS };

/* Why it drops a line that tells of usage. */
enum ccusage_drop {
    CCUSAGE_SPACE,
    CCUSAGE_NULL,
    CCUSAGE_NOT_UTF8,
    CCUSAGE_BROKEN,
    CCUSAGE_FIELD,
    CCUSAGE_TAKEN,
    CCUSAGE_NOTHING /* it tells of none */
};
#define CCUSAGE_DROPS 5

struct ccusage_line {
    int64_t at_us, reset_us; /* reset_us: when a limit that was reached ends, or 0 */
    struct ccusage_tokens tokens;
    double cost_usd;
    uint32_t message, request, session, model; /* strings; 0: not told */
    bool has_cost, sidechain, has_speed, fast, is_advisor;
    struct str advisors; /* the array that tells of them; ends with the line */
    int advisor;         /* the place in it behind the one that was read last */
};

/* `strings` takes the names. */
enum ccusage_drop ccusage_line_read(struct ledger *strings, struct str line, enum ccusage_rules rules,
                                    struct ccusage_line *ret);
/* The answers of another model inside of this one, one after the other; *rest begins as the line's
 * `advisors`. What it does not tell is left as it was in *ret. */
bool ccusage_line_advisor(struct ledger *strings, struct str *rest, struct ccusage_line *ret);
