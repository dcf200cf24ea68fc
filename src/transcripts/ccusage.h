/* ccusage.h -- transcripts as ccusage 20.0.24 reads them (spec 60 U5, --compat=ccusage).
 *
 * Its rules, right or wrong: which lines count, which of two tellings wins, in which order.  They are kept
 * apart from muster's own (usage_scan.h), so that neither bends the other; `muster usage explain` shows the
 * difference. Reads everything anew, in path order, and keeps the entries in memory.  One thread. */
#pragma once
#include "core/codex_usage.h"
#include "transcripts/ccusage_line.h"
#include "transcripts/file_walk.h"

struct ccusage_entry {
    int64_t at_us, reset_us;
    struct ccusage_tokens tokens; /* of Codex: input without what is cached */
    uint64_t reasoning, total;    /* Codex */
    double cost_usd;
    uint32_t model; /* string; 0: none is shown */
    uint32_t project, session;
    uint32_t message, request, line_session; /* Claude; 0: not told */
    bool sidechain, has_speed, is_fallback, is_unpriced;
};

struct ccusage {
    struct ledger strings;         /* names alone */
    struct ccusage_entry *entries; /* owned; in the order in which they were met */
    size_t count, capacity;
    int64_t dropped[CCUSAGE_DROPS]; /* lines of Claude Code */
    int64_t no_request;             /* entries that it cannot tell from others of their answer */
};

void ccusage_claude(struct ccusage *c, const struct file_walk *files, enum ccusage_rules rules);
/* `sessions`: copies of a request count once per session, not once in all.  `fast`: the configured tier. */
void ccusage_codex(struct ccusage *c, const struct file_walk *files, bool sessions, bool fast);
void ccusage_deinit(struct ccusage *c);
