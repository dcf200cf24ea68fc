/* output_codex.c -- `codex exec --json`: one event per line.
 *
 * A turn's usage comes once, at its end, and is that turn's own sum.  input_tokens holds what was read from
 * the cache and written to it; output_tokens holds the reasoning.  The model is never printed.  An item of
 * type error is a warning; an error event may be followed by another attempt; only turn.failed ends a turn
 * badly. */
#include "run/output_internal.h"

static void on_thread_started(struct output_parser *p, json_t *event, int64_t at_us)
{
    (void)at_us;
    output_set_session(p, output_string(event, "thread_id"));
    output_set_model(p, output_string(event, "model"));
}

static void on_turn_started(struct output_parser *p, json_t *event, int64_t at_us)
{
    (void)event;
    (void)at_us;
    p->facts.final_seen = p->facts.is_error = p->facts.rate_limited = false;
}

static void price_sum(struct output_parser *p, int64_t at_us)
{
    usage_set_model(&p->sum, output_price_model(p));
    p->sum.cost_known = price_cost_micro_usd(p->setup.prices, str_of(p->sum.model), &p->sum, PRICE_SUM, at_us,
                                             &p->sum.cost_micro_usd);
    if (!p->sum.cost_known)
        p->sum.cost_micro_usd = 0;
    p->usage = p->sum;
}

static void add_turn(struct output_parser *p, const json_t *usage, int64_t at_us)
{
    struct usage turn = {0};
    int64_t input, cached = 0, written = 0;
    (void)output_count(p, usage, "cached_input_tokens", &cached);
    (void)output_count(p, usage, "cache_write_input_tokens", &written);
    if (output_count(p, usage, "input_tokens", &input)) {
        cached = MIN(cached, input);
        written = MIN(written, input - cached);
        (void)usage_set(&turn, USAGE_INPUT, input - cached - written);
    }
    (void)usage_set(&turn, USAGE_CACHE_READ, cached);
    (void)usage_set(&turn, USAGE_CACHE_CREATION, written);
    output_count_into(p, usage, "output_tokens", &turn, USAGE_OUTPUT);
    output_count_into(p, usage, "reasoning_output_tokens", &turn, USAGE_REASONING);
    usage_add(&p->sum, &turn);
    price_sum(p, at_us);
}

static void on_turn_completed(struct output_parser *p, json_t *event, int64_t at_us)
{
    json_t *usage = json_object_get(event, "usage");
    if (json_is_object(usage))
        add_turn(p, usage, at_us);
    p->facts.turns++;
    p->facts.final_seen = true;
    if (p->facts.is_error) /* it was told of an error on the way and went on */
        p->facts.warnings++;
    output_success(p);
}

static void on_turn_failed(struct output_parser *p, json_t *event, int64_t at_us)
{
    json_t *error = json_object_get(event, "error");
    p->facts.turns++;
    p->facts.final_seen = p->facts.is_error = true;
    p->facts.rate_limited |= output_error(p, output_string(error, "message"), at_us);
}

static void on_error(struct output_parser *p, json_t *event, int64_t at_us)
{
    struct str message = output_string(event, "message");
    if (str_starts_with(message, STR("Reconnecting..."))) {
        p->facts.api_retries++;
        return;
    }
    p->facts.is_error = true;
    p->facts.rate_limited |= output_error(p, message, at_us);
}

static void on_item_completed(struct output_parser *p, json_t *event, int64_t at_us)
{
    (void)at_us;
    if (str_equal(output_string(json_object_get(event, "item"), "type"), STR("error")))
        p->facts.warnings++;
}

static const struct {
    struct str type;
    void (*handle)(struct output_parser *p, json_t *event, int64_t at_us);
} events[] = {
    {{"thread.started", 14}, on_thread_started},
    {{"turn.started", 12}, on_turn_started},
    {{"turn.completed", 14}, on_turn_completed},
    {{"turn.failed", 11}, on_turn_failed},
    {{"error", 5}, on_error},
    {{"item.completed", 14}, on_item_completed},
};

static void on_object(struct output_parser *p, json_t *object, int64_t at_us)
{
    struct str type = output_string(object, "type");
    for (size_t i = 0; i < COUNT_OF(events); i++)
        if (str_equal(type, events[i].type))
            events[i].handle(p, object, at_us);
}

static const char *const limit_texts[] = {"hit your usage limit", "last status: 429", NULL};

const struct output_ops output_codex = {
    .name = "codex-jsonl", .object = on_object, .limit_texts = limit_texts};
