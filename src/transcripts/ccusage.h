/* ccusage.h -- transcripts as ccusage 20.0.24 reads them (spec 60 U5, --compat=ccusage).
 *
 * Its rules, right or wrong: which lines count, which of two tellings wins, in which order.  They are kept
 * apart from muster's own (usage_scan.h), so that neither bends the other; `muster usage explain` shows the
 * difference. Reads everything anew, in path order, and keeps the entries in memory.  One thread. */
#pragma once
#include "base/map.h"
#include "core/codex_usage.h"
#include "transcripts/ccusage_line.h"
#include "transcripts/ccusage_rollout.h"
#include "transcripts/file_walk.h"

struct ccusage_entry {
    int64_t at_us, reset_us;
    struct ccusage_tokens tokens; /* of Codex: input without what is cached */
    uint64_t reasoning, total;    /* Codex */
    double cost_usd, priced_usd;  /* priced_usd: by its prices, whatever cost the line tells */
    uint64_t key, answer;         /* of Claude: as in a ledger (ledger_answer_key), 0 without a message id */
    uint32_t model;               /* string; 0: none is shown */
    uint32_t project, session;
    uint32_t time; /* Codex: string, as the line tells it; 0: another kind of line */
    uint32_t message, request, line_session; /* Claude; 0: not told */
    bool sidechain, has_speed, is_fallback, is_unpriced, is_fast;
    bool is_fork, is_output; /* Codex: of a fork's rollout; of the output of codex exec */
};

/* Told of each line that was looked at, whether it was taken, and how many entries it tells of. */
struct ccusage_witness {
    void (*claude)(void *context, struct str line, enum ccusage_drop drop, size_t entries);
    void (*codex)(void *context, struct str line, const struct ccusage_rollout_line *read);
    void *context;
};

struct ccusage {
    struct ledger strings;         /* names alone */
    struct ccusage_entry *entries; /* owned; in the order in which they were met */
    size_t count, capacity;
    int64_t dropped[CCUSAGE_DROPS]; /* lines of Claude Code */
    int64_t no_request;             /* entries that it cannot tell from others of their answer */
    uint32_t priced_model;          /* whose price was asked for last; 0: none was */
    const struct ccusage_price *priced;
    const struct ccusage_witness *witness; /* set before; NULL: nobody */
};

void ccusage_claude(struct ccusage *c, const struct file_walk *files, enum ccusage_rules rules);
/* `sessions`: copies of a request count once per session, not once in all.  `fast`: the configured tier. */
void ccusage_codex(struct ccusage *c, const struct file_walk *files, bool sessions, bool fast);
const struct ccusage_price *ccusage_model_price(struct ccusage *c, uint32_t model); /* NULL: none */
/* Whether this is a rollout that it passes over, because it has one of that name.  `names` is a set, begun
 * empty; sessions come before archived_sessions. */
bool ccusage_codex_is_known(struct map *names, const struct file_walk_entry *f);
bool ccusage_codex_is_archived(const struct file_walk_entry *f);
void ccusage_deinit(struct ccusage *c);
