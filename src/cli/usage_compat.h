/* usage_compat.h -- what reports with ccusage's rules are made of (spec 60 U5): usage_compat.c makes the
 * rows, usage_compat_json.c prints them as that tool does.  One thread. */
#pragma once
#include "base/json.h"
#include "base/map.h"
#include "cli/usage.h"
#include "core/ccusage_time.h"
#include "transcripts/ccusage.h"

#define CCUSAGE_BLOCK_US (INT64_C(5) * 3600 * 1000000)

enum { FOR_ALL, FOR_CLAUDE, FOR_CODEX };

struct amounts {
    struct ccusage_tokens t;
    uint64_t reasoning, total;
    double cost_usd;
};
struct model_row {
    uint32_t model;
    struct amounts sum;
    bool is_unpriced, is_fallback;
};
struct row {
    char *key; /* owned */
    uint32_t project, session, agents;
    int64_t first_us, last_us;
    char last_text[CCUSAGE_TIME_MAX]; /* of Codex: the greatest of its times as they are told, by bytes */
    struct amounts sum;
    struct model_row *models; /* owned; of a day: in the order in which they came up */
    uint32_t *used;           /* owned; the names of the same models, in that order */
    size_t model_count, used_count;
    size_t place; /* among the rows, before they were sorted */
    int64_t day;
    int64_t start_us, end_us, reset_us, entries;
    bool is_gap;
};
struct compat {
    struct usage_request q;
    struct ccusage claude, codex;
    struct row *rows; /* owned */
    size_t count, capacity;
    struct map by_key;
    struct json_writer w;
};

/* Its sums end where its numbers do. */
static inline uint64_t amounts_sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}
void amounts_add(struct amounts *to, const struct amounts *more);

/* The whole report; `agents`: of whom. */
void usage_compat_print(struct compat *c, int agents);
