#include "core/codex_usage.h"

#define BURST_US INT64_C(1000000)

static void copy(char *to, size_t size, struct str from)
{
    size_t n = MIN(from.n, size - 1);
    if (n)
        memcpy(to, from.p, n);
    memset(to + n, 0, size - n);
}

void codex_meta(struct codex_state *s, struct str id, struct str parent, int64_t at_us)
{
    if (s->has_meta)
        return;
    s->has_meta = true;
    s->started_at_us = at_us;
    copy(s->id, sizeof(s->id), id);
    copy(s->parent, sizeof(s->parent), parent);
    s->fork = str_empty(parent) ? CODEX_NO_FORK : CODEX_FORK_OPEN;
}

bool codex_counts_equal(const struct codex_counts *a, const struct codex_counts *b)
{
    return a->input == b->input && a->cached == b->cached && a->cache_write == b->cache_write &&
           a->output == b->output && a->reasoning == b->reasoning && a->total == b->total;
}

static int64_t growth(int64_t now, int64_t before)
{
    return MAX(now - before, 0);
}

static struct codex_counts since(const struct codex_counts *now, const struct codex_counts *before)
{
    return (struct codex_counts){growth(now->input, before->input),
                                 growth(now->cached, before->cached),
                                 growth(now->cache_write, before->cache_write),
                                 growth(now->output, before->output),
                                 growth(now->reasoning, before->reasoning),
                                 growth(now->total, before->total)};
}

bool codex_step(struct codex_state *s, const struct codex_report *r, struct codex_counts *ret)
{
    static const struct codex_counts nothing;
    if (r->has_total && s->has_total && codex_counts_equal(&r->total, &s->total))
        return false;
    struct codex_counts used = nothing;
    if (r->has_last)
        used = r->last;
    else if (r->has_total)
        used = since(&r->total, s->has_total ? &s->total : &nothing);
    if (r->has_total) {
        s->total = r->total;
        s->has_total = true;
    }
    if (used.input == 0 && used.cached == 0 && used.output == 0 && used.reasoning == 0 &&
        used.cache_write == 0)
        return false;
    *ret = used;
    return true;
}

size_t codex_replayed(const struct codex_request *fork, size_t count, int64_t forked_at_us,
                      const struct codex_request *parent, size_t parent_count)
{
    size_t same = 0, burst = 1;
    while (same < count && same < parent_count && parent[same].at_us <= forked_at_us &&
           codex_counts_equal(&fork[same].counts, &parent[same].counts))
        same++;
    if (same > 0)
        return same;
    while (burst < count && fork[burst].at_us - fork[burst - 1].at_us <= BURST_US)
        burst++;
    return burst > 1 && count > 1 ? burst : 0;
}

void codex_event_counts(const struct codex_counts *c, int64_t ret[USAGE_COUNTS])
{
    int64_t cached = MIN(c->cached, c->input), written = MIN(c->cache_write, c->input - cached);
    memset(ret, 0, USAGE_COUNTS * sizeof(ret[0]));
    ret[COUNT_INPUT] = c->input - cached - written;
    ret[COUNT_CACHE_READ] = cached;
    ret[COUNT_CACHE_WRITE_5M] = written;
    ret[COUNT_OUTPUT] = c->output;
    ret[COUNT_REASONING] = MIN(c->reasoning, c->output);
}
