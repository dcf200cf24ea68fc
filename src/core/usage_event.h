/* usage_event.h -- what one answer of a model used, as a transcript tells it, and which of two tellings
 * counts (spec 60 U1, U2).
 *
 * A transcript tells an answer several times: once per block of its content while it streams, again in a
 * resumed or forked session, again in the transcript of a subagent.  All tellings have one key, and the one
 * that counts is the greatest of a total order: so merging is idempotent, commutative and associative, and
 * files may be read in any order, twice, or on several hosts.  Kinds of tokens do not overlap, but that
 * reasoning is part of the output.  Pure.  Any thread. */
#pragma once
#include "base/str.h"
#include "core/usage.h"

enum usage_source { USAGE_CLAUDE, USAGE_CODEX, USAGE_GEMINI };
#define USAGE_SOURCE_COUNT 3

enum usage_flag { /* what changes a price, and how the answer came about */
                  USAGE_SIDECHAIN = 1,
                  USAGE_FAST = 2,       /* Claude's fast mode, OpenAI's priority tier */
                  USAGE_BATCH = 4,      /* and OpenAI's flex tier, which costs the same */
                  USAGE_US_ONLY = 8,    /* inference in the United States alone, which costs more */
                  USAGE_OVER_200K = 16, /* tokens on the input side: long-context prices */
                  USAGE_OVER_272K = 32,
                  USAGE_FALLBACK = 64, /* the transcript names no model; the vendor's default is assumed */
};

enum usage_count { /* what is summed up */
                   COUNT_INPUT,
                   COUNT_OUTPUT,
                   COUNT_CACHE_WRITE_5M, /* and writes of a lifetime that was not told */
                   COUNT_CACHE_WRITE_1H,
                   COUNT_CACHE_READ,
                   COUNT_REASONING,
                   COUNT_WEB_SEARCHES,
};
#define USAGE_COUNTS 7
extern const char *const usage_count_names[USAGE_COUNTS]; /* "input_tokens", … */

struct usage_event {
    enum usage_source source;
    struct str message_id, request_id; /* empty when not told */
    struct str session_id;             /* as the line says; empty when not told */
    struct str model;                  /* empty when not told */
    struct str cwd, branch;
    int64_t at_us; /* epoch */
    int64_t counts[USAGE_COUNTS];
    unsigned flags; /* enum usage_flag */
};

int64_t usage_event_tokens(const int64_t counts[USAGE_COUNTS]); /* all of them, reasoning once */
int64_t usage_event_input_side(const int64_t counts[USAGE_COUNTS]);
unsigned usage_event_size_flags(const int64_t counts[USAGE_COUNTS]); /* USAGE_OVER_… */

/* The order of two tellings of one answer: > 0 when `a` counts, < 0 when `b` does, 0 when they say the same.
 * The larger total, then the one that is no sidechain, then the earlier, then by what is left. */
struct usage_telling {
    int64_t at_us;
    int64_t counts[USAGE_COUNTS];
    unsigned flags;
    bool is_home;    /* the file is the session's own, not a copy in another one */
    uint64_t origin; /* hash of session and project: the last resort */
};
int usage_telling_compare(const struct usage_telling *a, const struct usage_telling *b);
