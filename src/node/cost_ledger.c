#include "node/cost_ledger.h"

#include "base/clock.h"
#include "base/json.h"
#include "store/runs.h"

#define BEFORE_US USEC_PER_SEC /* what is stamped a little outside of a run is its own */
#define AFTER_US (2 * USEC_PER_SEC)

struct cost_ledger {
    struct store *store;
    struct usage_service *usage;
    struct metrics_cost_sums sums;
    bool has_sums, is_refreshing, stopping;
};

/* A question about one run or about the last ones: store, then the ledger's thread. */
struct asking {
    struct store_op op;
    struct cost_ledger *owner;
    const struct price_list *prices;
    struct http_request *request; /* NULL: a refresh */
    int64_t run_id;
    struct arena arena;
    struct run *runs;
    size_t count;
    struct usage_window *windows; /* one per run that named its session */
    size_t window_count;
};

/* Of the kinds that both sides tell apart; a transcript knows all of them. */
static struct usage usage_of(const struct usage_sum *sum)
{
    const int64_t *n = sum->counts;
    const int64_t created = n[COUNT_CACHE_WRITE_5M] + n[COUNT_CACHE_WRITE_1H];
    const int64_t tokens[USAGE_KIND_COUNT] = {
        [USAGE_INPUT] = n[COUNT_INPUT],
        [USAGE_OUTPUT] = n[COUNT_OUTPUT],
        [USAGE_CACHE_READ] = n[COUNT_CACHE_READ],
        [USAGE_CACHE_CREATION] = created,
        [USAGE_CACHE_CREATION_5M] = n[COUNT_CACHE_WRITE_5M],
        [USAGE_CACHE_CREATION_1H] = n[COUNT_CACHE_WRITE_1H],
        [USAGE_REASONING] = n[COUNT_REASONING],
    };
    struct usage u = {.cost_known = !sum->is_unpriced, .cost_micro_usd = usage_sum_micro_usd(sum)};
    for (int k = 0; k < USAGE_KIND_COUNT; k++)
        (void)usage_set(&u, (enum usage_kind)k, tokens[k]);
    return u;
}

static void free_asking(struct asking *a)
{
    if (!a->request)
        a->owner->is_refreshing = false;
    arena_reset(&a->arena);
    free(a);
}

/* -- one run -- */

static void put_row(struct json_writer *w, const char *name, bool knows_output, int64_t output,
                    bool knows_transcript, int64_t transcript,
                    void (*put)(struct json_writer *, const char *, bool, int64_t))
{
    json_object_begin(w);
    json_kv_text(w, "name", name);
    put(w, "output", knows_output, output);
    put(w, "transcript", knows_transcript, transcript);
    put(w, "telemetry", false, 0);
    put(w, "drift", knows_output && knows_transcript, output - transcript);
    json_object_end(w);
}

static void put_rows(struct json_writer *w, const struct usage *output, const struct usage_sum *sum)
{
    bool found = sum && sum->events > 0;
    const struct usage transcript = found ? usage_of(sum) : (struct usage){.cost_known = false};
    put_row(w, "cost_usd", output->cost_known, output->cost_micro_usd, transcript.cost_known,
            transcript.cost_micro_usd, json_kv_micros_or_null);
    for (int k = 0; k < USAGE_KIND_COUNT; k++)
        put_row(w, usage_kind_names[k], output->known[k], output->tokens[k], transcript.known[k],
                transcript.tokens[k], json_kv_i64_or_null);
}

static void answer(struct asking *a)
{
    const struct run *run = a->runs;
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_i64(&w, "run_id", run->id);
    json_kv_text(&w, "session_id", run->session_id);
    json_kv_bool(&w, "ended", run->ended);
    json_kv_i64_or_null(&w, "messages", a->window_count > 0, a->window_count ? a->windows[0].sum.events : 0);
    json_key(&w, "rows");
    json_array_begin(&w);
    put_rows(&w, &run->usage, a->window_count ? &a->windows[0].sum : NULL);
    json_array_end(&w);
    json_object_end(&w);
    http_reply_json(a->request, 200, &body);
}

/* -- the last ones -- */

static void add(struct metrics_cost_sums *to, const struct usage *output, const struct usage *transcript)
{
    to->runs++;
    for (int k = 0; k < USAGE_KIND_COUNT; k++) {
        to->output_tokens[k] += output->tokens[k];
        to->transcript_tokens[k] += transcript->tokens[k];
    }
    if (!output->cost_known || !transcript->cost_known)
        return;
    to->output_micro_usd += output->cost_micro_usd;
    to->transcript_micro_usd += transcript->cost_micro_usd;
}

static void keep_sums(struct asking *a)
{
    struct metrics_cost_sums sums = {.runs = 0};
    for (size_t i = 0; i < a->window_count; i++) {
        const struct usage transcript = usage_of(&a->windows[i].sum);
        if (a->windows[i].sum.events)
            add(&sums, &a->runs[i].usage, &transcript);
        else
            sums.runs_without++;
    }
    a->owner->sums = sums;
    a->owner->has_sums = true;
}

/* -- the way -- */

static void on_summed(void *arg)
{
    struct asking *a = arg;
    if (a->request)
        answer(a);
    else
        keep_sums(a);
    free_asking(a);
}

static int read_runs(struct store_op *op, struct db *db, struct err *e)
{
    struct asking *a = CONTAINER_OF(op, struct asking, op);
    const struct run_filter last = {.limit = COST_LEDGER_RUNS, .newest_first = true, .with_session = true};
    int rc;
    if (a->run_id) {
        a->runs = arena_alloc(&a->arena, sizeof(*a->runs));
        a->count = 1;
        rc = run_get(db, a->run_id, &a->arena, a->runs, e);
        if (rc == RUN_E_ABSENT)
            rc = err_set(e, ERR_NOT_FOUND, rc, "there is no run %lld", (long long)a->run_id);
    } else {
        rc = run_list(db, &last, &a->arena, &a->runs, &a->count, e);
    }
    a->windows = arena_alloc(&a->arena, (a->count + 1) * sizeof(*a->windows));
    for (size_t i = 0; rc == 0 && i < a->count; i++) {
        const struct run *run = &a->runs[i];
        int64_t to_us = run->ended ? run->ended_at + AFTER_US : op->now_us;
        if (run->session_id)
            a->windows[a->window_count++] = (struct usage_window){
                .session_id = run->session_id, .from_us = run->started_at - BEFORE_US, .to_us = to_us};
    }
    return rc;
}

static void on_read(struct store_op *op)
{
    struct asking *a = CONTAINER_OF(op, struct asking, op);
    if (op->rc == 0 && a->owner->stopping)
        op->rc = err_set(&op->err, ERR_UNAVAILABLE, -ECANCELED, "the node is stopping");
    if (op->rc == 0) {
        usage_service_sum(a->owner->usage, a->windows, a->window_count, a->prices, on_summed, a);
        return;
    }
    if (a->request)
        http_reply_err(a->request, &op->err);
    free_asking(a);
}

static void ask(struct cost_ledger *c, struct http_request *r, int64_t run_id,
                const struct price_list *prices)
{
    struct asking *a = xnew(struct asking);
    *a = (struct asking){.owner = c, .request = r, .run_id = run_id, .prices = prices};
    arena_init(&a->arena);
    a->op = (struct store_op){.run = read_runs, .done = on_read};
    store_read(c->store, &a->op);
}

void cost_ledger_refresh(struct cost_ledger *c, const struct price_list *prices)
{
    if (c->is_refreshing || c->stopping)
        return;
    c->is_refreshing = true;
    ask(c, NULL, 0, prices);
}

void cost_ledger_answer(struct cost_ledger *c, struct http_request *r, int64_t run_id,
                        const struct price_list *prices)
{
    ask(c, r, run_id, prices);
}

bool cost_ledger_sums(void *cost_ledger, struct metrics_cost_sums *ret)
{
    const struct cost_ledger *c = cost_ledger;
    *ret = c->sums;
    return c->has_sums;
}

struct cost_ledger *cost_ledger_new(struct store *store, struct usage_service *usage)
{
    struct cost_ledger *c = xnew(struct cost_ledger);
    *c = (struct cost_ledger){.store = store, .usage = usage};
    return c;
}

void cost_ledger_stop(struct cost_ledger *c)
{
    c->stopping = true;
}

struct cost_ledger *cost_ledger_free(struct cost_ledger *c)
{
    free(c);
    return NULL;
}
