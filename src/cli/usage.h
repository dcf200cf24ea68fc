/* usage.h -- the forms of `muster usage`, one file each (spec 60 U5).  One thread. */
#pragma once
#include "cli/command.h"
#include "transcripts/usage_report.h"

struct usage_request { /* the options, read */
    struct usage_question question;
    char zone_name[64];
    bool json, breakdown;
    struct price_list *prices; /* owned: the operator's own; NULL: none */
};
/* 0, or EXIT_USAGE after having said what is wrong, in one line. */
MUST_CHECK int usage_request_read(const struct invocation *in, enum usage_group group,
                                  struct usage_request *ret);
void usage_request_deinit(struct usage_request *q);
/* The zone by option, else the system's. */
MUST_CHECK int usage_zone(const struct invocation *in, const struct timezone **ret, char name[64]);
/* Opens the cache, brings it up to date and saves it.  With what lies below those sessions.roots that may be
 * read (spec 60 T1), or `only_own` homes. */
struct usage_scan_result;
void usage_refresh(const struct invocation *in, struct ledger *l, unsigned sources, bool only_own,
                   struct usage_scan_result *ret);

/* What a report looks like. */
void usage_print_table(const struct usage_request *q, const struct usage_report *r,
                       const struct usage_scan_result *scan);

int usage_compat_run(const struct invocation *in, enum usage_group group); /* --compat=ccusage */
bool usage_codex_is_fast(void); /* as config.toml of Codex says, by ccusage's reading */
int usage_statusline_run(const struct invocation *in);
int usage_explain_run(const struct invocation *in);
int usage_prices_run(const struct invocation *in);
