#include "core/usage_account.h"

#include <math.h>

#define PICO 1e-12
#define NOISE_USD 5e-13  /* no token is as cheap */
#define SETTLED_USD 1e-6 /* doubles that were added in another order */

const struct usage_cause_text usage_cause_texts[USAGE_CAUSES] = {
    [CAUSE_SPACE] = {"space", "lines with a space behind \"usage\": are dropped by it"},
    [CAUSE_NULL] = {"null", "a null somewhere in a line makes it drop the line"},
    [CAUSE_NOT_UTF8] = {"not_utf8", "lines that are not UTF-8 are dropped by it"},
    [CAUSE_BROKEN] = {"broken", "torn or glued lines are dropped by it; muster finds what is whole in them"},
    [CAUSE_FIELD] = {"field", "a field of a form that it does not take"},
    [CAUSE_PROGRESS] = {"progress", "lines on a subagent's progress, which only its daily report reads"},
    [CAUSE_PACKED] = {"packed", "compressed files (.jsonl.zst) are not read by it"},
    [CAUSE_LINKED] =
        {"linked", "files behind links, without a name or with that of another rollout are not read by it"},
    [CAUSE_GONE] = {"gone", "files, or parts of them, that are gone by now: muster has read them"},
    [CAUSE_NO_REQUEST] = {"no_request", "without a request id it counts each block of an answer that has its "
                                        "own time or session"},
    [CAUSE_NO_MESSAGE] = {"no_message", "what has no id of its own counts for it as often as it is told"},
    [CAUSE_SIDECHAIN] = {"sidechain",
                         "side chains that tell answers again: the two know them by other signs"},
    [CAUSE_TELLING] = {"telling", "another telling of the same answer counts"},
    [CAUSE_CACHE_PARTS] = {"cache_parts", "cache writes whose parts are less than the whole: it counts the "
                                          "parts"},
    [CAUSE_FORK] = {"fork", "where a fork's own requests begin is seen otherwise"},
    [CAUSE_EXEC] = {"exec",
                    "output of codex exec that was saved among the rollouts: muster does not count it"},
    [CAUSE_TOTAL] =
        {"total",
         "what a report comes to is reckoned otherwise: by the total that it tells, or since another one"},
    [CAUSE_REFUSED] =
        {"refused", "lines that muster refuses: not UTF-8, too long, or with a count or time beyond belief"},
    [CAUSE_TOLD_COST] = {"told_cost", "a cost that a line tells is taken by it instead of the price"},
    [CAUSE_MODEL] = {"model", "another model, or one where none is named: the cost of none is unknown here"},
    [CAUSE_UNKNOWN_THERE] = {"unknown_there", "models without a price there: they cost it nothing"},
    [CAUSE_UNKNOWN_HERE] = {"unknown_here", "models without a price here: their cost is unknown, and not in "
                                            "the sum"},
    [CAUSE_LIST_PRICE] = {"list_price", "another list price"},
    [CAUSE_DATED_PRICE] = {"dated_price", "it takes today's prices for all days, muster those of the day"},
    [CAUSE_OWN_PRICE] = {"own_price", "prices of your own"},
    [CAUSE_LONG_CONTEXT] = {"long_context", "above the long-context limit the whole request is dearer, not "
                                            "what is beyond it"},
    [CAUSE_FAST] = {"fast", "another price of the fast tier"},
    [CAUSE_BATCH] = {"batch", "batch and flex answers cost less"},
    [CAUSE_US_ONLY] = {"us_only", "inference in the United States alone costs more"},
    [CAUSE_WEB_SEARCH] = {"web_search", "web searches cost a cent each"},
    [CAUSE_OTHER] = {"other", "not explained: transcripts that were written meanwhile, or an error"},
};

static void book(struct usage_account *a, enum usage_cause cause, int64_t tokens, double usd)
{
    if (tokens == 0 && fabs(usd) < NOISE_USD)
        return;
    struct usage_booked *b = &a->causes[cause];
    b->answers++;
    b->tokens += tokens;
    b->usd += usd;
}

/* -- muster's bill, and what it would be -- */

static int64_t pico_of(const struct price *p, const int64_t counts[USAGE_COUNTS], unsigned flags)
{
    int64_t pico;
    return p && price_counts_pico_usd(p, counts, flags, &pico) ? pico : 0;
}

int64_t usage_counted_pico_usd(const struct usage_counted *m)
{
    return pico_of(m->price, m->counts, m->flags);
}

/* Without the tiers, the long-context rule and the searches. */
static double plain_usd(const struct price *p, const struct usage_counted *m)
{
    int64_t counts[USAGE_COUNTS];
    memcpy(counts, m->counts, sizeof(counts));
    counts[COUNT_WEB_SEARCHES] = 0;
    return (double)pico_of(p, counts, 0) * PICO;
}

/* -- that tool's bill for what muster counts -- */

static struct ccusage_tokens tokens_there(const int64_t counts[USAGE_COUNTS])
{
    return (struct ccusage_tokens){
        .input = (uint64_t)counts[COUNT_INPUT],
        .output = (uint64_t)counts[COUNT_OUTPUT],
        .cache_write = (uint64_t)counts[COUNT_CACHE_WRITE_5M],
        .cache_write_1h = (uint64_t)counts[COUNT_CACHE_WRITE_1H],
        .cache_read = (uint64_t)counts[COUNT_CACHE_READ],
    };
}

static double usd_there(const struct ccusage_price *p, const struct usage_counted *m, bool fast)
{
    struct ccusage_tokens t = tokens_there(m->counts);
    return ccusage_cost_usd(p, &t, fast, m->is_codex);
}

static double plain_usd_there(const struct usage_counted *m)
{
    struct ccusage_price flat = *m->there;
    flat.mode = CCUSAGE_FLAT;
    return usd_there(&flat, m, false);
}

/* -- from one to the other -- */

/* The two are what each bill is made of, in the order in which muster's is made. */
#define STEPS 6
struct bill {
    double at[STEPS]; /* plain, with the long-context rule, fast, batch, US-only, searches: all before, too */
};

static struct bill bill_there(const struct usage_counted *m, bool fast)
{
    double standard = usd_there(m->there, m, false), all = usd_there(m->there, m, fast);
    return (struct bill){{plain_usd_there(m), standard, all, all, all, all}};
}

static struct bill bill_here(const struct usage_counted *m)
{
    static const unsigned asked[STEPS] = {
        0, USAGE_OVER_200K | USAGE_OVER_272K, USAGE_FAST, USAGE_BATCH, USAGE_US_ONLY, 0};
    struct bill b;
    int64_t counts[USAGE_COUNTS];
    unsigned flags = 0;
    memcpy(counts, m->counts, sizeof(counts));
    counts[COUNT_WEB_SEARCHES] = 0;
    for (int i = 0; i < STEPS; i++) {
        flags |= m->flags & asked[i];
        b.at[i] = (double)pico_of(m->price, i == STEPS - 1 ? m->counts : counts, flags) * PICO;
    }
    return b;
}

static void book_plain(struct usage_account *a, const struct usage_counted *m, double there, double here)
{
    double now = m->published_now ? plain_usd(m->published_now, m) : there;
    double then = m->published ? plain_usd(m->published, m) : now;
    book(a, CAUSE_LIST_PRICE, 0, now - there);
    book(a, CAUSE_DATED_PRICE, 0, then - now);
    book(a, CAUSE_OWN_PRICE, 0, here - then);
}

static void book_prices(struct usage_account *a, const struct usage_counted *m, bool fast)
{
    static const enum usage_cause causes[STEPS] = {CAUSE_LIST_PRICE, CAUSE_LONG_CONTEXT, CAUSE_FAST,
                                                   CAUSE_BATCH,      CAUSE_US_ONLY,      CAUSE_WEB_SEARCH};
    struct bill there = bill_there(m, fast), here = bill_here(m);
    book_plain(a, m, there.at[0], here.at[0]);
    for (int i = 1; i < STEPS; i++)
        book(a, causes[i], 0, (here.at[i] - here.at[i - 1]) - (there.at[i] - there.at[i - 1]));
}

static void book_bills(struct usage_account *a, const struct usage_counted *m, bool fast)
{
    double there = usd_there(m->there, m, fast);
    double here = (double)usage_counted_pico_usd(m) * PICO;
    if (!m->price)
        book(a, CAUSE_UNKNOWN_HERE, 0, -there);
    else if (!m->there)
        book(a, CAUSE_UNKNOWN_THERE, 0, here - there);
    else
        book_prices(a, m, fast);
}

static void book_both(struct usage_account *a, const struct usage_told *t, const struct usage_counted *m,
                      enum usage_cause why)
{
    double here = (double)usage_counted_pico_usd(m) * PICO, there = usd_there(m->there, m, t->is_fast);
    int64_t more = usage_event_tokens(m->counts) - t->tokens;
    book(a, CAUSE_TOLD_COST, 0, t->priced - t->usd);
    if (t->has_other_model) {
        book(a, why, more, 0);
        book(a, CAUSE_MODEL, 0, here - t->priced);
        return;
    }
    book(a, why, more, there - t->priced);
    book_bills(a, m, t->is_fast);
}

void usage_account_book(struct usage_account *a, const struct usage_told *told,
                        const struct usage_counted *counted, enum usage_cause why)
{
    if (told && counted)
        book_both(a, told, counted, why);
    else if (told)
        book(a, why, -told->tokens, -told->usd);
    else if (counted)
        book(a, why, usage_event_tokens(counted->counts), (double)usage_counted_pico_usd(counted) * PICO);
}

void usage_account_settle(struct usage_account *a, int64_t tokens, double usd)
{
    for (int i = 0; i < USAGE_CAUSES; i++) {
        tokens -= a->causes[i].tokens;
        usd -= a->causes[i].usd;
    }
    if (tokens == 0 && fabs(usd) < SETTLED_USD)
        return;
    a->causes[CAUSE_OTHER].tokens += tokens;
    a->causes[CAUSE_OTHER].usd += usd;
}
