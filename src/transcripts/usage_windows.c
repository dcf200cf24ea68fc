#include "transcripts/usage_windows.h"

#include "base/map.h"
#include "core/price.h"

#define SHORT_ID 8 /* of Gemini CLI's file names */
#define NONE SIZE_MAX

struct windows {
    struct usage_window *list;
    size_t *next;                  /* of the same session, or NONE */
    struct map by_id, by_short_id; /* number + 1 of the first */
};

static size_t first_of(const struct map *m, struct str key)
{
    return (size_t)map_get(m, key) - 1; /* absent: NONE */
}

/* Those of one session are chained; a short id is looked up alone. */
static void enter(struct windows *w, size_t i)
{
    struct str id = str_of(w->list[i].session_id), start = {id.p, MIN(id.n, (size_t)SHORT_ID)};
    w->next[i] = first_of(&w->by_id, id);
    (void)map_put(&w->by_id, id, (void *)(i + 1));
    (void)map_put(&w->by_short_id, start, (void *)(i + 1));
}

/* "session-2026-10-01T10-00-1f2e3d4c" */
static size_t windows_of(const struct windows *w, const struct ledger *l, const struct ledger_context *c)
{
    struct str session = ledger_text(l, c->session);
    size_t first = first_of(&w->by_id, session);
    if (first != NONE || c->source != USAGE_GEMINI || session.n <= SHORT_ID ||
        session.p[session.n - SHORT_ID - 1] != '-')
        return first;
    return first_of(&w->by_short_id, (struct str){session.p + session.n - SHORT_ID, SHORT_ID});
}

static void add(const struct ledger *l, const struct price_list *prices, const struct ledger_entry *e,
                struct usage_sum *sum)
{
    struct price price;
    int64_t cost;
    for (int k = 0; k < USAGE_COUNTS; k++)
        sum->counts[k] += e->counts[k];
    sum->events++;
    if (price_of(prices, ledger_text(l, e->model), e->at_us, &price) &&
        price_counts_pico_usd(&price, e->counts, e->flags, &cost))
        sum->cost_pico_usd += cost;
    else
        sum->is_unpriced = true;
}

void usage_windows_sum(const struct ledger *l, const struct price_list *prices, struct usage_window *windows,
                       size_t count)
{
    struct windows w = {windows, xcalloc(count + 1, sizeof(*w.next)), {0}, {0}};
    size_t contexts = ledger_count(&l->file, LEDGER_CONTEXTS);
    CLEANUP(freep) size_t *first = xcalloc(contexts + 1, sizeof(*first));
    map_init(&w.by_id);
    map_init(&w.by_short_id);
    for (size_t i = 0; i < count; i++) {
        windows[i].sum = (struct usage_sum){0};
        enter(&w, i);
    }
    for (size_t c = 0; c < contexts; c++) {
        const struct ledger_context context = ledger_context_at(l, (uint32_t)c);
        first[c] = windows_of(&w, l, &context);
    }
    for (size_t i = 0; i < ledger_count(&l->file, LEDGER_ENTRIES); i++) {
        const struct ledger_entry *e = ledger_item(&l->file, LEDGER_ENTRIES, i);
        for (size_t k = e->is_counted ? first[e->context] : NONE; k != NONE; k = w.next[k])
            if (e->at_us >= windows[k].from_us && e->at_us <= windows[k].to_us)
                add(l, prices, e, &windows[k].sum);
    }
    map_deinit(&w.by_id);
    map_deinit(&w.by_short_id);
    free(w.next);
}
