/* fuzz_ccusage.c -- lines of any bytes as ccusage's readers take them (spec 60 U5, --compat=ccusage).
 *
 * A line is taken or dropped for one of the reasons that there are; what is taken has its names in the table
 * of strings, and reading it again gives the same.  The daily
 * report takes no line that is not UTF-8; the others pass over what they do not read. */
#include "transcripts/ccusage_line.h"
#include "transcripts/ccusage_rollout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void same_line(struct ledger *l, struct str line, enum ccusage_rules rules)
{
    struct ccusage_line a = {0}, b = {0}, advisor;
    enum ccusage_drop outcome = ccusage_line_read(l, line, rules, &a);
    must(outcome == ccusage_line_read(l, line, rules, &b));
    must(outcome >= 0 && outcome <= CCUSAGE_NOTHING);
    if (outcome != CCUSAGE_TAKEN)
        return;
    must(rules != CCUSAGE_DAILY || str_is_utf8(line));
    must(a.at_us == b.at_us && a.message == b.message && a.request == b.request && a.session == b.session);
    must(a.model == b.model && memcmp(&a.tokens, &b.tokens, sizeof(a.tokens)) == 0);
    must(a.model < ledger_count(&l->file, LEDGER_STRINGS) &&
         a.message < ledger_count(&l->file, LEDGER_STRINGS));
    advisor = a;
    for (int n = 0; ccusage_line_advisor(l, &a.advisors, &advisor); n++)
        must(n < (int)line.n);
}

static void same_rollout(struct ledger *l, struct str line)
{
    struct ccusage_rollout_line a = {0}, b = {0};
    ccusage_rollout_read(l, line, &a);
    ccusage_rollout_read(l, line, &b);
    must(a.kind == b.kind && a.kind >= ROLLOUT_OTHER && a.kind <= ROLLOUT_OUTPUT);
    must(a.id == b.id && a.parent == b.parent && a.model == b.model && a.has_time == b.has_time);
    must(!a.has_time || a.at_us == b.at_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, line;
    struct ledger l;
    ledger_open(&l, NULL);
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        same_line(&l, line, CCUSAGE_DAILY);
        same_line(&l, line, CCUSAGE_OTHERS);
        same_rollout(&l, line);
    }
    ledger_close(&l);
    return 0;
}
