/* output_gemini.c -- `gemini --output-format json` (one object over many lines) and stream-json (one object
 * per line).
 *
 * Both end with `stats`, by model or flat.  Prompt tokens hold the cached ones; thoughts come apart from
 * candidates and are billed as output; tokens of tool prompts are input.  There is no cost: it is computed
 * per model.  An error comes in the object or the result line, in the json format on stderr. */
#include "run/output_internal.h"

/* {prompt, cached, candidates, thoughts, tool}: json's "tokens" of one model. */
static void read_tokens(struct output_parser *p, const json_t *tokens, struct usage *u)
{
    int64_t prompt, cached = 0, candidates, thoughts = 0, tool = 0;
    bool has_cached = output_count(p, tokens, "cached", &cached);
    (void)output_count(p, tokens, "tool", &tool);
    if (output_count(p, tokens, "prompt", &prompt)) {
        cached = MIN(cached, prompt);
        (void)usage_set(u, USAGE_INPUT, prompt - cached + tool);
    } else {
        output_count_into(p, tokens, "input", u, USAGE_INPUT);
    }
    if (has_cached)
        (void)usage_set(u, USAGE_CACHE_READ, cached);
    if (output_count(p, tokens, "thoughts", &thoughts))
        (void)usage_set(u, USAGE_REASONING, thoughts);
    if (output_count(p, tokens, "candidates", &candidates))
        (void)usage_set(u, USAGE_OUTPUT, candidates + thoughts);
}

/* {input_tokens, cached, output_tokens, total_tokens}: stream-json's stats, in all or of one model.  The
 * total holds the thoughts, output_tokens does not. */
static void read_flat(struct output_parser *p, const json_t *stats, struct usage *u)
{
    int64_t input = 0, cached = 0, output, total = 0;
    bool has_cached = output_count(p, stats, "cached", &cached);
    if (output_count(p, stats, "input_tokens", &input)) {
        cached = MIN(cached, input);
        (void)usage_set(u, USAGE_INPUT, input - cached);
    }
    if (has_cached)
        (void)usage_set(u, USAGE_CACHE_READ, cached);
    if (!output_count(p, stats, "output_tokens", &output))
        return;
    (void)output_count(p, stats, "total_tokens", &total);
    int64_t thoughts = MAX(total - input - output, 0);
    (void)usage_set(u, USAGE_OUTPUT, output + thoughts);
    (void)usage_set(u, USAGE_REASONING, thoughts);
}

static struct usage read_counts(struct output_parser *p, const json_t *counts)
{
    struct usage u = {0};
    json_t *tokens = json_object_get(counts, "tokens");
    if (json_is_object(tokens))
        read_tokens(p, tokens, &u);
    else
        read_flat(p, counts, &u);
    return u;
}

static int64_t tokens_in_all(const struct usage *u)
{
    return u->tokens[USAGE_INPUT] + u->tokens[USAGE_OUTPUT] + u->tokens[USAGE_CACHE_READ];
}

/* Adds one model to the sum, whose cost stays known while every model has a price. */
static void add_model(const struct output_parser *p, struct usage *sum, struct str name,
                      const struct usage *u, int64_t at_us)
{
    int64_t cost;
    usage_add(sum, u);
    if (tokens_in_all(u) == 0)
        return;
    if (!price_cost_micro_usd(p->setup.prices, name, u, PRICE_SUM, at_us, &cost) ||
        __builtin_add_overflow(sum->cost_micro_usd, cost, &sum->cost_micro_usd))
        sum->cost_known = false;
}

static void read_models(struct output_parser *p, json_t *models, int64_t at_us)
{
    struct usage sum = {.cost_known = true};
    struct str main_model = {"", 0};
    int64_t most = -1;
    const char *name;
    json_t *counts;
    json_object_foreach(models, name, counts)
    {
        struct usage u = read_counts(p, counts);
        add_model(p, &sum, str_of(name), &u, at_us);
        if (tokens_in_all(&u) > most) {
            most = tokens_in_all(&u);
            main_model = str_of(name);
        }
    }
    if (p->facts.model[0] == '\0')
        output_set_model(p, main_model);
    usage_set_model(&sum, output_price_model(p));
    sum.cost_known &= tokens_in_all(&sum) > 0;
    if (!sum.cost_known)
        sum.cost_micro_usd = 0;
    p->usage = sum;
}

static void read_stats(struct output_parser *p, json_t *stats, int64_t at_us)
{
    json_t *models = json_object_get(stats, "models");
    bool by_model = json_object_size(models) > 0;
    if (by_model)
        read_models(p, models, at_us);
    if (!json_object_get(stats, "input_tokens") && !json_object_get(stats, "output_tokens"))
        return;
    struct usage flat = {0};
    read_flat(p, stats, &flat);
    if (by_model) { /* the tokens in all are what the CLI says in all; the cost is by model */
        flat.cost_known = p->usage.cost_known;
        flat.cost_micro_usd = p->usage.cost_micro_usd;
    } else {
        flat.cost_known =
            tokens_in_all(&flat) > 0 && price_cost_micro_usd(p->setup.prices, output_price_model(p), &flat,
                                                             PRICE_SUM, at_us, &flat.cost_micro_usd);
    }
    usage_set_model(&flat, output_price_model(p));
    p->usage = flat;
}

static void read_error(struct output_parser *p, json_t *error, int64_t at_us)
{
    int64_t code = 0;
    p->facts.is_error = true;
    p->facts.rate_limited = output_error(p, output_string(error, "message"), at_us) ||
                            str_ends_with(output_string(error, "type"), STR("QuotaError")) ||
                            (json_is_integer(json_object_get(error, "code")) &&
                             output_count(p, error, "code", &code) && code == 429);
}

/* The whole of the json format, and the closing line of stream-json. */
static void on_result(struct output_parser *p, json_t *object, int64_t at_us)
{
    json_t *stats = json_object_get(object, "stats"), *error = json_object_get(object, "error");
    p->facts.final_seen = true;
    if (json_is_object(stats))
        read_stats(p, stats, at_us);
    if (json_is_object(error))
        read_error(p, error, at_us);
    else if (str_equal(output_string(object, "status"), STR("error")))
        p->facts.is_error = true;
    else
        output_success(p);
}

static void on_object(struct output_parser *p, json_t *object, int64_t at_us)
{
    struct str type = output_string(object, "type");
    bool is_whole = type.n == 0 && (json_object_get(object, "response") || json_object_get(object, "stats") ||
                                    json_object_get(object, "error"));
    if (is_whole || str_equal(type, STR("result"))) {
        output_set_session(p, output_string(object, "session_id"));
        on_result(p, object, at_us);
    } else if (str_equal(type, STR("init"))) {
        output_set_session(p, output_string(object, "session_id"));
        output_set_model(p, output_string(object, "model"));
    } else if (str_equal(type, STR("error"))) {
        p->facts.warnings++;
    }
}

static const char *const limit_texts[] = {"exhausted your daily quota", "exhausted your capacity",
                                          "RESOURCE_EXHAUSTED", "Quota exceeded", NULL};

const struct output_ops output_gemini = {.name = "gemini-json",
                                         .object = on_object,
                                         .on_stderr = true,
                                         .is_spread = true,
                                         .limit_texts = limit_texts};
