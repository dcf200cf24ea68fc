/* usage_explain.c -- `muster usage explain`: this machine's figures beside those of ccusage, and why they
 * differ (spec 60 U5).  Both are worked out here, from the same files, by two sets of rules. */
#include "base/buf.h"
#include "cli/table.h"
#include "cli/usage.h"
#include "transcripts/ccusage.h"
#include "transcripts/usage_scan.h"

struct figures {
    int64_t tokens;
    double usd;
};

static struct figures sum_of(const struct ccusage *c, bool codex)
{
    struct figures f = {0, 0};
    for (size_t i = 0; i < c->count; i++) {
        const struct ccusage_tokens *t = &c->entries[i].tokens;
        f.tokens +=
            (int64_t)(codex ? c->entries[i].total
                            : t->input + t->output + t->cache_write + t->cache_write_1h + t->cache_read);
        f.usd += c->entries[i].cost_usd;
    }
    return f;
}

static void add_row(struct table *t, const char *name, struct figures f)
{
    char tokens[32], usd[32];
    (void)snprintf(tokens, sizeof(tokens), "%lld", (long long)f.tokens);
    (void)snprintf(usd, sizeof(usd), "%.4f", f.usd);
    const char *const cells[] = {name, tokens, usd};
    table_add(t, cells);
}

static struct figures ours(const struct ledger *l, struct usage_question q, unsigned source)
{
    struct usage_report r;
    q.sources = 1U << source;
    usage_report_make(l, &q, &r);
    struct figures f = {usage_event_tokens(r.total.counts), (double)usage_sum_micro_usd(&r.total) / 1e6};
    usage_report_deinit(&r);
    return f;
}

static const char *environment(const char *name)
{
    return getenv(name);
}

static void note(int64_t count, const char *text)
{
    if (count)
        (void)printf("- %lld %s\n", (long long)count, text);
}

/* Files that the ledger has read and that are gone. */
static int64_t gone_files(struct ledger *l, const struct file_walk *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct ledger_file_row row;
        (void)ledger_file_find(l, str_of(files->files[i].path), &row);
    }
    return (int64_t)ledger_count(&l->file, LEDGER_FILES) - (int64_t)files->count;
}

static void print_reasons(const struct ccusage *c, int64_t packed, int64_t gone)
{
    (void)printf("\nWhat ccusage does otherwise, on this machine:\n");
    note(packed, "compressed rollouts (.jsonl.zst) are not read by it.");
    note(gone, "files that muster has read are gone by now; their usage still counts here.");
    note(c->dropped[CCUSAGE_SPACE], "lines have a space behind \"usage\": and are dropped by it.");
    note(c->dropped[CCUSAGE_NULL], "lines hold a null somewhere that makes it drop the whole answer.");
    note(c->dropped[CCUSAGE_NOT_UTF8],
         "lines are not UTF-8; it drops them, and so does muster, which counts them.");
    note(c->dropped[CCUSAGE_BROKEN],
         "lines are torn or glued together; muster finds the whole ones in them.");
    note(c->dropped[CCUSAGE_FIELD], "lines have a field whose form it does not take.");
    note(c->no_request,
         "answers have no request id; it counts each of their blocks that has a time of its own.");
    (void)printf(
        "\nAlways:\n"
        "- Its daily report reads more lines than its other ones, so its days and its sessions differ.\n"
        "- An answer told twice counts for it where the path sorts first; here, where it was given.\n"
        "- Above the long-context limit it bills the tokens that are too many, muster the whole request,\n"
        "  as the vendor does. Batches cost half, web searches a cent, US-only inference a tenth more.\n"
        "- It takes today's prices for all days; here each answer has the price of its day.\n"
        "- A model that it does not know costs nothing there; here the cost is unknown, and says so.\n");
}

int usage_explain_run(const struct invocation *in)
{
    struct usage_request q;
    int rc = usage_request_read(in, USAGE_BY_DAY, &q);
    if (rc != 0)
        return rc;
    struct file_walk files = {.count = 0}, its = {.ignores_links = true, .ignores_packed = true};
    unsigned both = (1U << TRANSCRIPT_CLAUDE) | (1U << TRANSCRIPT_CODEX);
    file_walk_homes(&files, environment, both);
    file_walk_finish(&files);
    file_walk_homes(&its, environment, both);
    file_walk_finish(&its);
    struct ccusage daily = {.count = 0}, session = {.count = 0}, codex = {.count = 0};
    ledger_open(&daily.strings, NULL);
    ledger_open(&session.strings, NULL);
    ledger_open(&codex.strings, NULL);
    ccusage_claude(&daily, &its, CCUSAGE_DAILY);
    ccusage_claude(&session, &its, CCUSAGE_OTHERS);
    ccusage_codex(&codex, &its, false, false);
    struct ledger ledger;
    struct usage_scan_result scan;
    usage_refresh(in, &ledger, 0, true, &scan);
    static const struct table_column columns[] = {
        {"", false, false}, {"TOKENS", true, false}, {"USD", true, false}};
    struct table *t = table_new(columns, COUNT_OF(columns));
    add_row(t, "claude, muster", ours(&ledger, q.question, USAGE_CLAUDE));
    add_row(t, "claude, ccusage daily", sum_of(&daily, false));
    add_row(t, "claude, ccusage session", sum_of(&session, false));
    add_row(t, "codex, muster", ours(&ledger, q.question, USAGE_CODEX));
    add_row(t, "codex, ccusage daily", sum_of(&codex, true));
    table_show(t, stdout);
    (void)table_free(t);
    int64_t packed = 0;
    for (size_t i = 0; i < files.count; i++)
        packed += str_ends_with(str_of(files.files[i].path), STR(".zst"));
    print_reasons(&daily, packed, gone_files(&ledger, &files));
    usage_request_deinit(&q);
    ledger_close(&ledger);
    ccusage_deinit(&daily);
    ccusage_deinit(&session);
    ccusage_deinit(&codex);
    file_walk_deinit(&files);
    file_walk_deinit(&its);
    return EXIT_DONE;
}
