/* usage_explain.c -- `muster usage explain`: from ccusage's figure to this machine's, cause by cause (spec 60
 * U5).  Both are worked out here, from the same files, by two sets of rules. */
#include "base/buf.h"
#include "base/json.h"
#include "cli/table.h"
#include "cli/usage.h"
#include "transcripts/usage_compare.h"
#include "transcripts/usage_scan.h"

struct account {
    const char *agent, *report; /* of ccusage */
    struct usage_comparison found;
};

static const char *environment(const char *name)
{
    return getenv(name);
}

static bool is_booked(const struct usage_booked *b)
{
    return b->answers || b->tokens != 0 || b->usd != 0;
}

/* -- for people -- */

static void add_row(struct table *t, const char *name, const struct usage_booked *b, bool is_change)
{
    char answers[32], tokens[32], usd[32];
    (void)snprintf(answers, sizeof(answers), "%lld", (long long)b->answers);
    (void)snprintf(tokens, sizeof(tokens), is_change ? "%+lld" : "%lld", (long long)b->tokens);
    (void)snprintf(usd, sizeof(usd), is_change ? "%+.6f" : "%.6f", b->usd);
    const char *const cells[] = {name, answers, tokens, usd};
    table_add(t, cells);
}

static void print_table(const struct account *a, bool is_first)
{
    char ours[32], theirs[48];
    static const struct table_column columns[] = {
        {"WHAT", false, true}, {"ANSWERS", true, false}, {"TOKENS", true, false}, {"USD", true, false}};
    struct table *t = table_new(columns, COUNT_OF(columns));
    (void)snprintf(theirs, sizeof(theirs), "%s, ccusage %s", a->agent, a->report);
    (void)snprintf(ours, sizeof(ours), "%s, muster", a->agent);
    add_row(t, theirs, &a->found.there, false);
    for (int i = 0; i < USAGE_CAUSES; i++)
        if (is_booked(&a->found.account.causes[i]))
            add_row(t, usage_cause_texts[i].text, &a->found.account.causes[i], true);
    add_row(t, ours, &a->found.here, false);
    if (!is_first)
        (void)putchar('\n');
    table_show(t, stdout);
    (void)table_free(t);
}

/* -- for programs -- */

static void print_booked(struct json_writer *w, const struct usage_booked *b)
{
    json_kv_i64(w, "answers", b->answers);
    json_kv_i64(w, "total_tokens", b->tokens);
    json_kv_double(w, "priced_cost_usd", b->usd);
}

static void print_figure(struct json_writer *w, const char *key, const struct usage_booked *b)
{
    json_key(w, key);
    json_object_begin(w);
    print_booked(w, b);
    json_object_end(w);
}

static void print_account(struct json_writer *w, const struct account *a)
{
    json_object_begin(w);
    json_kv_text(w, "agent", a->agent);
    json_kv_text(w, "report", a->report);
    print_figure(w, "ccusage", &a->found.there);
    json_key(w, "causes");
    json_array_begin(w);
    for (int i = 0; i < USAGE_CAUSES; i++) {
        const struct usage_booked *b = &a->found.account.causes[i];
        if (!is_booked(b))
            continue;
        json_object_begin(w);
        json_kv_text(w, "cause", usage_cause_texts[i].name);
        json_kv_text(w, "text", usage_cause_texts[i].text);
        print_booked(w, b);
        json_object_end(w);
    }
    json_array_end(w);
    print_figure(w, "muster", &a->found.here);
    json_object_end(w);
}

static void print_json(const struct account *accounts, size_t count)
{
    struct buf out = BUF_INIT;
    struct json_writer w;
    json_init(&w, &out);
    json_object_begin(&w);
    json_key(&w, "accounts");
    json_array_begin(&w);
    for (size_t i = 0; i < count; i++)
        print_account(&w, &accounts[i]);
    json_array_end(&w);
    json_object_end(&w);
    (void)printf("%s\n", out.p);
    buf_deinit(&out);
}

/* -- the command -- */

static void print(const struct account *accounts, size_t count, bool json)
{
    if (json)
        print_json(accounts, count);
    for (size_t i = 0; i < count && !json; i++)
        print_table(&accounts[i], i == 0);
}

static size_t compare(const struct usage_comparing *q, struct account *ret)
{
    unsigned sources = q->question->sources ? q->question->sources : ~0U;
    size_t count = 0;
    if (sources & 1U << USAGE_CLAUDE) {
        ret[count] = (struct account){.agent = "claude", .report = "daily"};
        usage_compare_claude(q, CCUSAGE_DAILY, &ret[count++].found);
        ret[count] = (struct account){.agent = "claude", .report = "session"};
        usage_compare_claude(q, CCUSAGE_OTHERS, &ret[count++].found);
    }
    if (sources & 1U << USAGE_CODEX) {
        ret[count] = (struct account){.agent = "codex", .report = "daily"};
        usage_compare_codex(q, usage_codex_is_fast(), &ret[count++].found);
    }
    return count;
}

static void walk(struct file_walk *files)
{
    file_walk_homes(files, environment, (1U << TRANSCRIPT_CLAUDE) | (1U << TRANSCRIPT_CODEX));
    file_walk_finish(files);
}

int usage_explain_run(const struct invocation *in)
{
    struct usage_request q;
    int rc = usage_request_read(in, USAGE_BY_DAY, &q);
    if (rc != 0)
        return rc;
    struct file_walk files = {.count = 0}, its = {.ignores_links = true, .ignores_packed = true};
    struct ledger ledger;
    struct usage_scan_result scan;
    struct account accounts[3];
    usage_refresh(in, &ledger, 0, true, &scan);
    walk(&files);
    walk(&its);
    const struct usage_comparing comparing = {&ledger, &q.question, &files, &its};
    print(accounts, compare(&comparing, accounts), q.json);
    file_walk_deinit(&files);
    file_walk_deinit(&its);
    ledger_close(&ledger);
    usage_request_deinit(&q);
    return EXIT_DONE;
}
