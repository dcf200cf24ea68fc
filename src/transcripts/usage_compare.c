#include "transcripts/usage_compare.h"

#include "base/hash.h"
#include "core/timezone.h"
#include "transcripts/codex_mismatch.h"
#include "transcripts/ledger_answer.h"
#include "transcripts/usage_prices_of.h"
#include "transcripts/usage_scan.h"

/* Ledgers of what ccusage passes over are numbered as the causes are. */
#define ORIGINS (CAUSE_LINKED + 1)
_Static_assert((int)CCUSAGE_SPACE == (int)CAUSE_SPACE && (int)CCUSAGE_FIELD == (int)CAUSE_FIELD,
               "drops are causes");

struct side { /* an answer that one of the two counts */
    uint64_t key;
    int64_t tokens;
    size_t number; /* of the entry */
};
struct sides {
    struct side *list; /* owned */
    size_t count;
};

struct comparing {
    const struct usage_comparing *q;
    enum usage_source source;
    struct ccusage c;
    struct ledger taken, origins[ORIGINS];
    struct map messages;                /* of Claude: those that ccusage counts an answer of */
    struct map forks;                   /* of Codex: sessions */
    struct map times_there, times_here; /* of Codex: of what either counts, in ms */
    struct codex_mismatch differs;      /* of Codex: lines */
    struct usage_prices_of *prices;
    struct usage_account *account;
};

/* -- both sides -- */

/* Of what has no id: when it was, and what it used. */
static uint64_t loose_key(int64_t at_us, int64_t input, int64_t output, int64_t read, int64_t write)
{
    const int64_t parts[] = {at_us / 1000, input, output, read, write};
    return hash_xx((struct str){(const char *)parts, sizeof(parts)});
}

static int64_t tokens_of(const struct comparing *p, const struct ccusage_entry *e)
{
    const struct ccusage_tokens *t = &e->tokens;
    return (int64_t)(p->source == USAGE_CODEX
                         ? e->total
                         : t->input + t->output + t->cache_write + t->cache_write_1h + t->cache_read);
}

static struct side side_there(const struct comparing *p, size_t i)
{
    const struct ccusage_entry *e = &p->c.entries[i];
    const struct ccusage_tokens *t = &e->tokens;
    int64_t write = p->source == USAGE_CODEX ? (int64_t)t->cache_write : 0;
    uint64_t loose =
        loose_key(e->at_us, (int64_t)t->input, (int64_t)t->output, (int64_t)t->cache_read, write);
    return (struct side){e->answer ? e->key : loose, tokens_of(p, e), i};
}

static const struct ledger_entry *entry_at(const struct comparing *p, size_t i)
{
    return ledger_item(&p->q->ledger->file, LEDGER_ENTRIES, i);
}

static struct side side_here(const struct comparing *p, size_t i)
{
    const struct ledger_entry *e = entry_at(p, i);
    int64_t write = p->source == USAGE_CODEX ? e->counts[COUNT_CACHE_WRITE_5M] : 0;
    uint64_t loose = loose_key(e->at_us, e->counts[COUNT_INPUT], e->counts[COUNT_OUTPUT],
                               e->counts[COUNT_CACHE_READ], write);
    return (struct side){e->message ? e->key : loose, usage_event_tokens(e->counts), i};
}

static int by_key(const void *a, const void *b)
{
    const struct side *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->tokens != y->tokens)
        return x->tokens > y->tokens ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void sort(struct sides *s)
{
    if (s->count)
        qsort(s->list, s->count, sizeof(s->list[0]), by_key);
}

static struct sides sides_there(const struct comparing *p)
{
    struct sides s = {xcalloc(p->c.count + 1, sizeof(struct side)), p->c.count};
    for (size_t i = 0; i < s.count; i++)
        s.list[i] = side_there(p, i);
    sort(&s);
    return s;
}

static struct sides sides_here(const struct comparing *p)
{
    size_t entries = ledger_count(&p->q->ledger->file, LEDGER_ENTRIES);
    struct sides s = {xcalloc(entries + 1, sizeof(struct side)), 0};
    for (size_t i = 0; i < entries; i++) {
        const struct ledger_entry *e = entry_at(p, i);
        if (e->is_counted && ledger_context_at(p->q->ledger, e->context).source == p->source)
            s.list[s.count++] = side_here(p, i);
    }
    sort(&s);
    return s;
}

/* -- what is booked -- */

static bool is_asked_for(const struct comparing *p, int64_t at_us)
{
    const struct usage_question *q = p->q->question;
    if (q->since_day == INT64_MIN && q->until_day == INT64_MAX)
        return true;
    int64_t day = timezone_day(q->zone, at_us / 1000000);
    return day >= q->since_day && day <= q->until_day;
}

static struct usage_counted counted_of(const struct comparing *p, const struct ledger_entry *e)
{
    struct usage_counted m = {.counts = e->counts, .flags = e->flags, .is_codex = p->source == USAGE_CODEX};
    usage_prices_of(p->prices, e->model, e->at_us, &m);
    return m;
}

/* Of Codex: from other names in a line, or for want of any. */
static bool has_other_model(const struct comparing *p, const struct ccusage_entry *e,
                            const struct ledger_entry *m)
{
    return p->source == USAGE_CODEX &&
           !str_equal(ledger_text(&p->c.strings, e->model), ledger_text(p->q->ledger, m->model));
}

/* Of two tellings of an answer, one may lie beside the days that are asked for. */
static void book(struct comparing *p, const struct side *there, const struct side *here, enum usage_cause why)
{
    const struct ccusage_entry *e = there ? &p->c.entries[there->number] : NULL;
    const struct ledger_entry *m = here ? entry_at(p, here->number) : NULL;
    bool is_there = e && is_asked_for(p, e->at_us), is_here = m && is_asked_for(p, m->at_us);
    struct usage_told told = {.tokens = there ? there->tokens : 0};
    struct usage_counted counted = {.counts = NULL};
    if (is_there) {
        told.usd = e->cost_usd;
        told.priced = e->priced_usd;
        told.has_other_model = m && has_other_model(p, e, m);
        told.is_fast = e->is_fast;
    }
    if (is_here)
        counted = counted_of(p, m);
    usage_account_book(p->account, is_there ? &told : NULL, is_here ? &counted : NULL,
                       e && m && is_there != is_here ? CAUSE_TELLING : why);
}

/* -- why -- */

/* Whether these lines tell the answer as it counts. */
static bool tells(const struct ledger *l, const struct ledger_entry *m)
{
    const struct ledger_entry *e = ledger_entry_of(l, m->key);
    return e && usage_event_tokens(e->counts) == usage_event_tokens(m->counts);
}

/* Where ccusage does not read it; `otherwise`: nowhere. */
static enum usage_cause origin_of(const struct comparing *p, const struct ledger_entry *m,
                                  enum usage_cause otherwise)
{
    for (int i = 0; i < ORIGINS; i++)
        if (i != CAUSE_GONE && tells(&p->origins[i], m))
            return (enum usage_cause)i;
    return otherwise;
}

static bool is_message_there(const struct comparing *p, const struct ledger_entry *m)
{
    return map_get(&p->messages, (struct str){(const char *)&m->message, sizeof(m->message)}) != NULL;
}

static enum usage_cause why_codex_only_here(const struct comparing *p, const struct ledger_entry *m)
{
    struct ledger_context c = ledger_context_at(p->q->ledger, m->context);
    if (codex_times_have(&p->differs.dropped, m->at_us))
        return CAUSE_BROKEN;
    if (codex_times_have(&p->times_there, m->at_us))
        return CAUSE_TOTAL;
    return map_get(&p->forks, ledger_text(p->q->ledger, c.session)) ? CAUSE_FORK : CAUSE_OTHER;
}

static enum usage_cause why_only_here(const struct comparing *p, const struct ledger_entry *m)
{
    if (!tells(&p->taken, m))
        return origin_of(p, m, CAUSE_GONE);
    if (p->source == USAGE_CODEX)
        return why_codex_only_here(p, m);
    if (!m->message)
        return CAUSE_NO_MESSAGE;
    return is_message_there(p, m) ? CAUSE_SIDECHAIN : origin_of(p, m, CAUSE_OTHER);
}

static enum usage_cause why_codex_only_there(const struct comparing *p, const struct ccusage_entry *e,
                                             bool again)
{
    if (e->is_output)
        return CAUSE_EXEC;
    if (again)
        return CAUSE_NO_MESSAGE;
    if (codex_times_have(&p->differs.refused, e->at_us))
        return CAUSE_REFUSED;
    if (codex_times_have(&p->times_here, e->at_us))
        return CAUSE_TOTAL;
    return e->is_fork ? CAUSE_FORK : CAUSE_OTHER;
}

/* `again`: muster counts one that has the same key. */
static enum usage_cause why_only_there(const struct comparing *p, const struct side *s, bool again)
{
    const struct ccusage_entry *e = &p->c.entries[s->number];
    if (p->source == USAGE_CODEX)
        return why_codex_only_there(p, e, again);
    if (s->tokens == 0)
        return CAUSE_TOLD_COST;
    if (!e->answer)
        return CAUSE_NO_MESSAGE;
    if (again && !e->request)
        return CAUSE_NO_REQUEST;
    if (ledger_entry_of(p->q->ledger, e->key))
        return CAUSE_SIDECHAIN;
    return ledger_entry_of(&p->taken, e->key) ? CAUSE_OTHER : CAUSE_REFUSED;
}

static enum usage_cause why_otherwise(const struct comparing *p, const struct side *there,
                                      const struct side *here)
{
    const struct ccusage_tokens *t = &p->c.entries[there->number].tokens;
    const struct ledger_entry *m = entry_at(p, here->number);
    if (p->source == USAGE_CODEX)
        return CAUSE_TOTAL;
    if (!tells(&p->taken, m))
        return origin_of(p, m, CAUSE_GONE);
    bool alike = (int64_t)t->input == m->counts[COUNT_INPUT] &&
                 (int64_t)t->output == m->counts[COUNT_OUTPUT] &&
                 (int64_t)t->cache_read == m->counts[COUNT_CACHE_READ];
    return alike && there->tokens != here->tokens ? CAUSE_CACHE_PARTS : CAUSE_TELLING;
}

static void compare_sides(struct comparing *p, const struct sides *there, const struct sides *here)
{
    const struct side *t = there->list, *m = here->list, *t_end = t + there->count, *m_end = m + here->count;
    const struct side *paired = NULL;
    while (t < t_end || m < m_end) {
        if (m == m_end || (t < t_end && t->key < m->key)) {
            book(p, t, NULL, why_only_there(p, t, paired && paired->key == t->key));
            t++;
        } else if (t == t_end || m->key < t->key) {
            book(p, NULL, m, why_only_here(p, entry_at(p, m->number)));
            m++;
        } else {
            book(p, t, m, why_otherwise(p, t, m));
            paired = t++;
            m++;
        }
    }
}

/* -- what ccusage passes over -- */

static void see_claude(void *context, struct str line, enum ccusage_drop drop, size_t entries)
{
    struct comparing *p = context;
    bool taken = drop == CCUSAGE_TAKEN;
    size_t events = usage_scan_claude_line(
        taken ? &p->taken : &p->origins[drop == CCUSAGE_NOTHING ? CAUSE_PROGRESS : (int)drop], line);
    if (taken && events > entries) /* a call inside of the answer */
        (void)usage_scan_claude_line(&p->origins[CAUSE_FIELD], line);
}

static void see_codex(void *context, struct str line, const struct ccusage_rollout_line *read)
{
    struct comparing *p = context;
    codex_mismatch_see(&p->differs, line, read);
}

static bool is_packed(const struct file_walk_entry *f)
{
    return str_ends_with(str_of(f->path), STR(".zst"));
}

/* The paths that it reads. */
static void read_there(const struct comparing *p, struct map *ret)
{
    struct map names;
    const struct file_walk *its = p->q->its;
    map_init(&names);
    map_init(ret);
    for (int archived = 0; archived < 2; archived++)
        for (size_t i = 0; i < its->count; i++) {
            const struct file_walk_entry *f = &its->files[i];
            bool codex = f->format == TRANSCRIPT_CODEX;
            if (!codex || (ccusage_codex_is_archived(f) == archived && !ccusage_codex_is_known(&names, f)))
                (void)map_put(ret, str_of(f->path), ret);
        }
    map_deinit(&names);
}

static enum usage_cause place_of(const struct map *read, const struct file_walk_entry *f)
{
    return is_packed(f) ? CAUSE_PACKED : map_get(read, str_of(f->path)) ? CAUSE_OTHER : CAUSE_LINKED;
}

/* The files of a kind into a ledger; of Codex those that it reads too, for the parents of forks are there. */
static void scan_kind(const struct comparing *p, const struct map *read, enum usage_cause kind,
                      struct ledger *to)
{
    struct file_walk files;
    struct usage_scan_result ignored;
    size_t kept = 0, of_kind = 0;
    file_walk_copy(p->q->files, &files);
    for (size_t i = 0; i < files.count; i++) {
        const struct file_walk_entry f = files.files[i];
        enum usage_cause is = place_of(read, &f);
        if ((int)f.format != (int)p->source || (is != kind && p->source != USAGE_CODEX) ||
            (is != kind && is != CAUSE_OTHER))
            continue;
        of_kind += is == kind;
        files.files[kept++] = f;
    }
    files.count = kept;
    if (of_kind)
        usage_scan(to, &files, p->q->question->now_us, NULL, &ignored);
    file_walk_deinit(&files);
}

static void scan_files(struct comparing *p)
{
    struct map read;
    read_there(p, &read);
    scan_kind(p, &read, CAUSE_PACKED, &p->origins[CAUSE_PACKED]);
    scan_kind(p, &read, CAUSE_LINKED, &p->origins[CAUSE_LINKED]);
    if (p->source == USAGE_CODEX)
        scan_kind(p, &read, CAUSE_OTHER, &p->taken);
    map_deinit(&read);
}

static void note_messages(struct comparing *p)
{
    for (size_t i = 0; i < p->c.count; i++)
        if (p->c.entries[i].answer)
            (void)map_put(&p->messages, (struct str){(const char *)&p->c.entries[i].answer, sizeof(uint64_t)},
                          p);
}

static void note_times(struct comparing *p, const struct sides *here)
{
    for (size_t i = 0; i < p->c.count; i++)
        codex_times_note(&p->times_there, p->c.entries[i].at_us);
    for (size_t i = 0; i < here->count; i++)
        codex_times_note(&p->times_here, entry_at(p, here->list[i].number)->at_us);
}

static void note_forks(struct comparing *p)
{
    const struct ledger_file *f = &p->q->ledger->file;
    for (size_t i = 0; i < ledger_count(f, LEDGER_FILES); i++) {
        const struct ledger_file_row *row = ledger_item(f, LEDGER_FILES, i);
        if (row->format == TRANSCRIPT_CODEX && row->codex.parent[0])
            (void)map_put(&p->forks, str_of(row->codex.id), p);
    }
}

/* -- the whole -- */

static void begin(struct comparing *p)
{
    map_init(&p->messages);
    map_init(&p->forks);
    map_init(&p->times_there);
    map_init(&p->times_here);
    codex_mismatch_init(&p->differs);
    ledger_open(&p->c.strings, NULL);
    ledger_open(&p->taken, NULL);
    for (int i = 0; i < ORIGINS; i++)
        ledger_open(&p->origins[i], NULL);
    p->prices = usage_prices_of_new(p->q->ledger, p->q->question);
}

static void end(struct comparing *p)
{
    p->prices = usage_prices_of_free(p->prices);
    for (int i = 0; i < ORIGINS; i++)
        ledger_close(&p->origins[i]);
    ledger_close(&p->taken);
    ccusage_deinit(&p->c);
    codex_mismatch_deinit(&p->differs);
    map_deinit(&p->forks);
    map_deinit(&p->times_there);
    map_deinit(&p->times_here);
    map_deinit(&p->messages);
}

static struct usage_booked sum_there(const struct comparing *p)
{
    struct usage_booked sum = {0};
    for (size_t i = 0; i < p->c.count; i++) {
        const struct ccusage_entry *e = &p->c.entries[i];
        if (!is_asked_for(p, e->at_us))
            continue;
        sum.answers++;
        sum.tokens += tokens_of(p, e);
        sum.usd += e->cost_usd;
    }
    return sum;
}

static struct usage_booked sum_here(const struct comparing *p)
{
    struct usage_report r;
    struct usage_question q = *p->q->question;
    q.sources = 1U << p->source;
    usage_report_make(p->q->ledger, &q, &r);
    struct usage_booked sum = {r.total.events, usage_event_tokens(r.total.counts),
                               (double)r.total.cost_pico_usd * 1e-12};
    usage_report_deinit(&r);
    return sum;
}

static void compare(struct comparing *p, struct usage_comparison *ret)
{
    struct sides there = sides_there(p), here = sides_here(p);
    p->account = &ret->account;
    scan_files(p);
    note_messages(p);
    note_forks(p);
    if (p->source == USAGE_CODEX)
        note_times(p, &here);
    compare_sides(p, &there, &here);
    ret->there = sum_there(p);
    ret->here = sum_here(p);
    usage_account_settle(&ret->account, ret->here.tokens - ret->there.tokens, ret->here.usd - ret->there.usd);
    free(there.list);
    free(here.list);
}

void usage_compare_claude(const struct usage_comparing *q, enum ccusage_rules rules,
                          struct usage_comparison *ret)
{
    struct comparing p = {.q = q, .source = USAGE_CLAUDE};
    const struct ccusage_witness witness = {.claude = see_claude, .context = &p};
    *ret = (struct usage_comparison){.there = {0}};
    begin(&p);
    p.c.witness = &witness;
    ccusage_claude(&p.c, q->its, rules);
    compare(&p, ret);
    end(&p);
}

void usage_compare_codex(const struct usage_comparing *q, bool fast, struct usage_comparison *ret)
{
    struct comparing p = {.q = q, .source = USAGE_CODEX};
    const struct ccusage_witness witness = {.codex = see_codex, .context = &p};
    *ret = (struct usage_comparison){.there = {0}};
    begin(&p);
    p.c.witness = &witness;
    ccusage_codex(&p.c, q->its, false, fast);
    compare(&p, ret);
    end(&p);
}
