#include "core/usage.h"

#include "base/map.h"
#include "core/price.h"

const char *const usage_kind_names[USAGE_KIND_COUNT] = {
    [USAGE_INPUT] = "input_tokens",
    [USAGE_OUTPUT] = "output_tokens",
    [USAGE_CACHE_READ] = "cache_read_tokens",
    [USAGE_CACHE_CREATION] = "cache_creation_tokens",
    [USAGE_CACHE_CREATION_5M] = "cache_creation_5m_tokens",
    [USAGE_CACHE_CREATION_1H] = "cache_creation_1h_tokens",
    [USAGE_REASONING] = "reasoning_tokens",
};

void usage_set_model(struct usage *u, struct str model)
{
    size_t n = MIN(model.n, sizeof(u->model) - 1);
    if (n)
        memcpy(u->model, model.p, n);
    u->model[n] = '\0';
}

bool usage_set(struct usage *u, enum usage_kind kind, int64_t tokens)
{
    assert(kind < USAGE_KIND_COUNT);
    if (tokens < 0 || tokens > USAGE_TOKENS_MAX)
        return false;
    u->tokens[kind] = tokens;
    u->known[kind] = true;
    return true;
}

bool usage_is_unknown(const struct usage *u)
{
    for (int k = 0; k < USAGE_KIND_COUNT; k++)
        if (u->known[k])
            return false;
    return !u->cost_known;
}

void usage_add(struct usage *into, const struct usage *more)
{
    for (int k = 0; k < USAGE_KIND_COUNT; k++) {
        into->known[k] |= more->known[k];
        if (__builtin_add_overflow(into->tokens[k], more->tokens[k], &into->tokens[k]))
            into->tokens[k] = INT64_MAX;
    }
}

void usage_max(struct usage *into, const struct usage *other)
{
    for (int k = 0; k < USAGE_KIND_COUNT; k++) {
        into->known[k] |= other->known[k];
        into->tokens[k] = MAX(into->tokens[k], other->tokens[k]);
    }
}

/* Sums are subtracted from again when a message grows, so they may not saturate on the way. */
__extension__ typedef __int128 wide;

struct message {
    char *id; /* owned */
    struct usage usage;
    int64_t at_us;     /* when it was first seen: its price */
    int64_t cost_pico; /* 0 when it has no price */
    bool is_unpriced;  /* it used tokens, and its model has no price */
    bool is_priced;    /* it used tokens, and they have a price */
};

struct usage_ledger {
    struct map by_id;        /* struct message, those in `recent` */
    struct message **recent; /* ring of USAGE_LEDGER_IDS, owned; NULL before the first */
    size_t added;            /* messages ever put into the ring */
    const struct price_list *own;
    wide tokens[USAGE_KIND_COUNT], cost_pico;
    bool known[USAGE_KIND_COUNT];
    int64_t priced, unpriced; /* messages */
};

struct usage_ledger *usage_ledger_new(const struct price_list *own)
{
    struct usage_ledger *l = xnew(struct usage_ledger);
    map_init(&l->by_id);
    l->own = own;
    return l;
}

static void message_free(struct message *m)
{
    if (!m)
        return;
    free(m->id);
    free(m);
}

struct usage_ledger *usage_ledger_free(struct usage_ledger *l)
{
    if (!l)
        return NULL;
    for (size_t i = 0; l->recent && i < USAGE_LEDGER_IDS; i++)
        message_free(l->recent[i]);
    free(l->recent);
    map_deinit(&l->by_id);
    free(l);
    return NULL;
}

/* Adds (sign 1) or takes back (sign -1) what a message holds. */
static void count(struct usage_ledger *l, const struct message *m, int sign)
{
    for (int k = 0; k < USAGE_KIND_COUNT; k++) {
        l->tokens[k] += sign * (wide)m->usage.tokens[k];
        l->known[k] |= m->usage.known[k];
    }
    l->cost_pico += sign * (wide)m->cost_pico;
    l->priced += sign * m->is_priced;
    l->unpriced += sign * m->is_unpriced;
}

static void price_message(const struct usage_ledger *l, struct message *m)
{
    bool used = false;
    for (int k = 0; k < USAGE_KIND_COUNT; k++)
        used |= m->usage.tokens[k] > 0;
    m->cost_pico = 0;
    m->is_priced = used && price_cost_pico_usd(l->own, str_of(m->usage.model), &m->usage, PRICE_REQUEST,
                                               m->at_us, &m->cost_pico);
    m->is_unpriced = used && !m->is_priced;
}

static void remember(struct usage_ledger *l, struct str id, struct message *m)
{
    if (!l->recent)
        l->recent = xcalloc(USAGE_LEDGER_IDS, sizeof(struct message *));
    struct message **place = &l->recent[l->added++ % USAGE_LEDGER_IDS];
    if (*place)
        (void)map_remove(&l->by_id, str_of((*place)->id));
    message_free(*place);
    *place = m;
    m->id = str_dup(id);
    (void)map_put(&l->by_id, str_of(m->id), m);
}

void usage_ledger_add(struct usage_ledger *l, struct str message_id, const struct usage *u, int64_t at_us)
{
    /* An id ends at a NUL, so that the key in the map and the copy to remove it by are the same. */
    struct str id = {message_id.p, message_id.n ? strnlen(message_id.p, message_id.n) : 0};
    struct message *m = id.n ? map_get(&l->by_id, id) : NULL;
    if (m) {
        count(l, m, -1);
        usage_max(&m->usage, u);
        if (!m->usage.model[0])
            usage_set_model(&m->usage, str_of(u->model));
        price_message(l, m);
        count(l, m, 1);
        return;
    }
    struct message fresh = {.usage = *u, .at_us = at_us};
    price_message(l, &fresh);
    count(l, &fresh, 1);
    if (id.n == 0)
        return;
    m = xnew(struct message);
    *m = fresh;
    remember(l, id, m);
}

void usage_ledger_total(const struct usage_ledger *l, struct usage *ret)
{
    struct usage total = {0};
    for (int k = 0; k < USAGE_KIND_COUNT; k++) {
        total.known[k] = l->known[k];
        total.tokens[k] = l->tokens[k] > INT64_MAX ? INT64_MAX : (int64_t)l->tokens[k];
    }
    wide micros = (l->cost_pico + 500000) / 1000000;
    total.cost_known = l->priced > 0 && l->unpriced == 0 && micros <= INT64_MAX;
    if (total.cost_known)
        total.cost_micro_usd = (int64_t)micros;
    *ret = total;
}
