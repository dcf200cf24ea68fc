/* usage_report.h -- the sums of a ledger, grouped, priced, and between two days of a time zone (spec 60 U1,
 * U5).
 *
 * Every grouping is made from the same rows by the same addition, so the parts of each add up to the same
 * total. Money comes from the dated price table: what has no price costs null and is named, and a sum is only
 * known when all of its parts are; what is priced of it is told beside.  One thread. */
#pragma once
#include "core/timezone.h"
#include "transcripts/ledger.h"

enum usage_group {
    USAGE_BY_DAY,
    USAGE_BY_WEEK,
    USAGE_BY_MONTH,
    USAGE_BY_SESSION,
    USAGE_BY_BLOCK,
    USAGE_BY_MODEL, /* from here on by a name: these can have a bucket */
    USAGE_BY_PROJECT,
    USAGE_BY_BRANCH, /* of a project */
    USAGE_BY_AGENT,
    USAGE_BY_CHAIN, /* the main thread, and what subagents did beside it */
    USAGE_BY_HOUR
};
#define USAGE_GROUPS 11
bool usage_group_is_named(enum usage_group g); /* session, model, project, branch, agent, chain */

struct usage_sum {
    int64_t counts[USAGE_COUNTS];
    int64_t events;
    int64_t cost_pico_usd; /* of what has a price */
    bool is_unpriced;      /* some of it has none */
};

struct usage_model_sum {
    uint32_t model; /* string of the ledger */
    bool is_fast;
    struct usage_sum sum;
};

struct usage_report_row {
    char *key; /* owned: "2026-11-22", the week's Monday, "2026-11", session, model, project, branch, agent,
                  "main" or "subagents"; of a block its start, of an hour too, with its offset */
    char bucket[16];           /* the day, week or month, when the question has a bucket; "" else */
    uint32_t source_bits;      /* 1 << enum usage_source */
    uint32_t project, branch;  /* strings, of a session; project, of a branch; 0 else */
    int64_t first_us, last_us; /* of a session or block; 0 else */
    int64_t start_us, end_us;  /* of a block */
    bool is_gap, is_active;    /* of a block */
    struct usage_sum sum;
    struct usage_model_sum *models; /* owned; most tokens first */
    size_t model_count;
};

struct usage_report {
    const struct ledger *ledger;
    enum usage_group group;
    struct usage_report_row *rows; /* owned; by key; those by a name by cost */
    size_t row_count, row_capacity;
    struct usage_sum total;
    uint32_t *unpriced; /* owned; strings: the models without a price, by name */
    size_t unpriced_count;
};

struct price_list;
struct usage_question {
    enum usage_group group;
    enum usage_group bucket; /* day, week or month, for rows per model, project or session; else as `group` */
    const struct timezone *zone;
    unsigned sources;             /* bits; 0: all */
    int64_t since_day, until_day; /* civil days of the zone, both included; INT64_MIN and INT64_MAX: no end */
    int64_t now_us;
    const struct price_list *prices; /* the operator's own; NULL: none */
};

void usage_report_make(const struct ledger *l, const struct usage_question *q, struct usage_report *ret);
void usage_report_deinit(struct usage_report *r);
int64_t usage_sum_micro_usd(const struct usage_sum *s);
/* "2026-11-22" or "20261122", as a civil day. */
bool usage_day_parse(const char *text, int64_t *ret);
