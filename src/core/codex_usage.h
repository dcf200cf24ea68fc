/* codex_usage.h -- what a rollout of Codex used: running totals become single requests (spec 60 U3).
 *
 * A rollout says again and again what it has used in all, and mostly what the last request used.  A total
 * that is the one before is the same request told again; else the last request counts, or what the total has
 * grown by.  Cached tokens are told inside the input, reasoning inside the output.  A fork begins with what
 * its parent had used, written again at the time of the fork: as long as it goes like the parent did, or all
 * in one burst when the parent is not there, it is not counted.  State is carried from line to line and is
 * all that has to be kept between two reads of a growing file.  Pure.  Any thread. */
#pragma once
#include "core/usage_event.h"

struct codex_counts {
    int64_t input, cached, cache_write, output, reasoning,
        total; /* as told; cached and written inside input */
};

#define CODEX_ID_MAX 48
#define CODEX_MODEL_MAX 64
enum codex_fork {
    CODEX_NO_FORK,
    CODEX_FORK_OPEN /* all that was read may be the parent's */,
    CODEX_FORK_DONE
};

/* What the client asked for; kept in ledgers, so the numbers stand. */
enum codex_tier { CODEX_STANDARD, CODEX_FAST /* "priority" */, CODEX_FLEX };

struct codex_state {
    struct codex_counts total; /* the last one told */
    int64_t started_at_us;     /* of the first line: the time of a fork */
    uint8_t has_total, has_meta, tier /* enum codex_tier */, fork, padding[4];
    char id[CODEX_ID_MAX], parent[CODEX_ID_MAX];
    char model[CODEX_MODEL_MAX]; /* of the last turn_context */
};

struct codex_report { /* a token_count line */
    bool has_total, has_last;
    struct codex_counts total, last;
    int64_t at_us;
};

/* What the session's first line says; those that follow, which a fork has from its parent, change nothing. */
void codex_meta(struct codex_state *s, struct str id, struct str parent, int64_t at_us);
/* Whether the report is a request that was not told before; *ret is what it used. */
bool codex_step(struct codex_state *s, const struct codex_report *r, struct codex_counts *ret);

struct codex_request {
    struct codex_counts counts;
    int64_t at_us;
};
/* How many of a fork's first requests are its parent's, told again: those that go like the parent's up to the
 * fork; where not even the first does, or the parent is not there (count 0), the first burst of two or more.
 */
size_t codex_replayed(const struct codex_request *fork, size_t count, int64_t forked_at_us,
                      const struct codex_request *parent, size_t parent_count);

bool codex_counts_equal(const struct codex_counts *a, const struct codex_counts *b);
/* In kinds that do not overlap. */
void codex_event_counts(const struct codex_counts *c, int64_t ret[USAGE_COUNTS]);
