/* usage_compare.h -- every answer that muster's ledger or ccusage's rules count, held against each other
 * (spec 60 U5).
 *
 * The two know an answer by message and request; one of Codex, or without an id, by its time and what it
 * used. Why that tool lacks an answer is found by reading what it passes over with muster's own reader, a
 * ledger per reason.  usage_account.h books what comes out.  One thread. */
#pragma once
#include "core/usage_account.h"
#include "transcripts/ccusage.h"
#include "transcripts/usage_report.h"

struct usage_comparing {
    const struct ledger *ledger; /* all that was ever read, brought up to date */
    const struct usage_question *question;
    const struct file_walk *files; /* muster's */
    const struct file_walk *its;   /* those that ccusage reads */
};

struct usage_comparison {
    struct usage_booked there, here; /* usd: of what has a price */
    struct usage_account account;    /* from `there` to `here` */
};

void usage_compare_claude(const struct usage_comparing *q, enum ccusage_rules rules,
                          struct usage_comparison *ret);
/* `fast`: the configured tier. */
void usage_compare_codex(const struct usage_comparing *q, bool fast, struct usage_comparison *ret);
