#include "cli/usage.h"

#include "base/buf.h"
#include "cli/commands.h"
#include "transcripts/usage_json.h"

static int report(const struct invocation *in);

static const struct command_option options[] = {
    {0, "source", "AGENT", "all, claude, codex or gemini; default all."},
    {'s', "since", "DATE", "From this day on: 2026-11-22 or 20261122."},
    {'u', "until", "DATE", "Up to and with this day."},
    {'z', "zone", "ZONE", "The time zone whose days are meant, by IANA name; default the system's."},
    {'b', "breakdown", NULL, "A line per model below each row."},
    {0, "prices", "FILE",
     "Prices of your own, in JSON; default: what usage.prices of the configuration names, if anything."},
    {0, "compat", "TOOL", "ccusage: by the rules and prices of that tool, in its JSON."},
    {'j', "json", NULL, "Print JSON."},
    {0}};

static const struct command_verb verbs[] = {
    {"daily", "", "Tokens and cost by day", report},
    {"weekly", "", "By week, from Monday on", report},
    {"monthly", "", "By month", report},
    {"session", "", "By session, the dearest first", report},
    {"blocks", "", "By Claude's windows of five hours", report},
    {"models", "", "By model", report},
    {"projects", "", "By project", report},
    {"branches", "", "By git branch of a project", report},
    {"agents", "", "By agent CLI", report},
    {"chains", "", "Of the main threads, and of the subagents beside them", report},
    {"hourly", "", "By hour", report},
    {"statusline", "", "One line for Claude Code's status line, which sends JSON on standard input",
     usage_statusline_run},
    {"prices", "[MODEL]", "The published prices, or what a model is billed at now", usage_prices_run},
    {"explain", "", "From ccusage's figures to these, cause by cause", usage_explain_run},
    {0}};

const struct command command_usage_report = {
    .name = "usage",
    .summary = "What coding agents on this machine have used and cost",
    .description =
        "Reads the transcripts of Claude Code, Codex and Gemini CLI where these keep them; needs "
        "no node and no\n"
        "configuration. What was read is remembered in $XDG_CACHE_HOME/muster, so the next report "
        "reads only\n"
        "what is new, and what an agent CLI has meanwhile deleted still counts.\n"
        "\n"
        "An answer that is told several times counts once. Its price is the one of its day. A "
        "model without a\n"
        "price has no cost, which is not the cost zero: it is named below the table.\n"
        "\n"
        "Prices are those that vendors publish, with their dates. A file of your own goes before "
        "them:\n"
        "  {\"prices\": [{\"model\": \"claude-*\", \"percent\": 85},\n"
        "              {\"model\": \"acme\", \"same_as\": \"claude-opus-4-5\"},\n"
        "              {\"model\": \"acme-mini\", \"input\": 1, \"output\": 2, \"cache_read\": 0.1,\n"
        "               \"cache_write_5m\": null, \"cache_write_1h\": null}]}\n"
        "USD per million tokens; \"from\": \"2026-10-01\" bounds a row. muster usage prices --json "
        "prints such a file.\n"
        "\n"
        "CLAUDE_CONFIG_DIR, CODEX_HOME and HOME tell where the transcripts are. What a node of this "
        "machine counts\n"
        "beside them, below sessions.roots and sessions.data_root of the configuration, counts in reports "
        "too, where it\n"
        "may be read; the status line, explain and --compat are about one's own.",
    .options = options,
    .verbs = verbs,
};

static enum usage_group group_of(const struct command_verb *verb)
{
    static const char *const names[USAGE_GROUPS] = {
        [USAGE_BY_DAY] = "daily",        [USAGE_BY_WEEK] = "weekly",     [USAGE_BY_MONTH] = "monthly",
        [USAGE_BY_SESSION] = "session",  [USAGE_BY_BLOCK] = "blocks",    [USAGE_BY_MODEL] = "models",
        [USAGE_BY_PROJECT] = "projects", [USAGE_BY_BRANCH] = "branches", [USAGE_BY_AGENT] = "agents",
        [USAGE_BY_CHAIN] = "chains",     [USAGE_BY_HOUR] = "hourly"};
    int g = 0;
    while (strcmp(verb->name, names[g]) != 0)
        g++;
    return (enum usage_group)g;
}

static int report(const struct invocation *in)
{
    enum usage_group group = group_of(in->verb);
    const char *compat = command_option(in, "compat");
    if (compat && strcmp(compat, "ccusage") != 0)
        return command_usage(in, "--compat \"%.40s\": only ccusage is known", compat);
    if (compat && command_option(in, "prices"))
        return command_usage(in, "--compat=ccusage has that tool's prices: --prices does not go with it");
    if (compat)
        return usage_compat_run(in, group);
    struct usage_request q;
    int rc = usage_request_read(in, group, &q);
    if (rc != 0)
        return rc;
    struct ledger ledger;
    struct usage_scan_result scan;
    usage_refresh(in, &ledger, q.question.sources, false, &scan);
    struct usage_report r;
    usage_report_make(&ledger, &q.question, &r);
    if (q.json)
        usage_json_to(&r, q.zone_name, &scan, stdout);
    else
        usage_print_table(&q, &r, &scan);
    usage_report_deinit(&r);
    usage_request_deinit(&q);
    ledger_close(&ledger);
    return EXIT_DONE;
}
