/* output_claude.c -- `claude -p` with --output-format stream-json or json.
 *
 * A message is printed once per content block, each time with the usage of its start, so messages are counted
 * by id and the larger count stands; output tokens are too low until the final result, whose usage and cost
 * are the ones that count.  `subtype` is "success" even where is_error is true, and keys come in any order.
 */
#include "run/output_internal.h"

#include <math.h>

#define COST_USD_MAX 1e9

static bool is_real_model(struct str model)
{
    return model.n > 0 && !str_equal(model, STR("<synthetic>"));
}

static struct usage read_usage(struct output_parser *p, const json_t *usage)
{
    static const struct {
        const char *key;
        enum usage_kind kind;
    } flat[] = {{"input_tokens", USAGE_INPUT},
                {"output_tokens", USAGE_OUTPUT},
                {"cache_read_input_tokens", USAGE_CACHE_READ},
                {"cache_creation_input_tokens", USAGE_CACHE_CREATION}};
    struct usage u = {0};
    for (size_t i = 0; i < COUNT_OF(flat); i++)
        output_count_into(p, usage, flat[i].key, &u, flat[i].kind);
    const json_t *writes = json_object_get(usage, "cache_creation");
    output_count_into(p, writes, "ephemeral_5m_input_tokens", &u, USAGE_CACHE_CREATION_5M);
    output_count_into(p, writes, "ephemeral_1h_input_tokens", &u, USAGE_CACHE_CREATION_1H);
    const json_t *details = json_object_get(usage, "output_tokens_details");
    output_count_into(p, details, "thinking_tokens", &u, USAGE_REASONING);
    int64_t parts = u.tokens[USAGE_CACHE_CREATION_5M] + u.tokens[USAGE_CACHE_CREATION_1H];
    if (parts > u.tokens[USAGE_CACHE_CREATION])
        (void)usage_set(&u, USAGE_CACHE_CREATION, parts);
    return u;
}

static void show_live(struct output_parser *p)
{
    struct usage total;
    usage_ledger_total(p->ledger, &total);
    usage_set_model(&total, output_price_model(p));
    p->usage = total;
}

static void on_system(struct output_parser *p, json_t *line, int64_t at_us)
{
    (void)at_us;
    struct str subtype = output_string(line, "subtype");
    if (str_equal(subtype, STR("api_retry")))
        p->facts.api_retries++;
    if (str_equal(subtype, STR("init")))
        output_set_model(p, output_string(line, "model"));
}

/* The reset that a limit's event names, in epoch seconds. */
static void on_rate_limit_event(struct output_parser *p, json_t *line, int64_t at_us)
{
    (void)at_us;
    json_t *info = json_object_get(line, "rate_limit_info");
    int64_t seconds;
    if (str_equal(output_string(info, "status"), STR("rejected")) &&
        output_count(p, info, "resetsAt", &seconds) && seconds <= INT64_C(9999999999))
        p->limit_reset_us = seconds * INT64_C(1000000);
}

static void on_assistant(struct output_parser *p, json_t *line, int64_t at_us)
{
    json_t *message = json_object_get(line, "message"), *usage = json_object_get(message, "usage");
    struct str model = output_string(message, "model"), id = output_string(message, "id");
    if (str_equal(output_string(line, "error"), STR("rate_limit")))
        p->limit_told = true;
    if (is_real_model(model) && p->facts.model[0] == '\0')
        output_set_model(p, model);
    if (!json_is_object(usage) || p->facts.final_seen)
        return;
    struct usage u = read_usage(p, usage);
    usage_set_model(&u, is_real_model(model) ? model : output_price_model(p));
    usage_ledger_add(p->ledger, id.n ? id : output_string(line, "request_id"), &u, at_us);
    show_live(p);
}

/* The model that used most, for an output that has no other place where it is named. */
static struct str main_model(struct output_parser *p, json_t *model_usage)
{
    struct str best = {"", 0};
    int64_t most = -1;
    const char *name;
    json_t *counts;
    json_object_foreach(model_usage, name, counts)
    {
        int64_t input = 0, output = 0;
        (void)output_count(p, counts, "inputTokens", &input);
        (void)output_count(p, counts, "outputTokens", &output);
        if (input + output > most) {
            most = input + output;
            best = str_of(name);
        }
    }
    return best;
}

static bool cost_micro_usd(struct output_parser *p, const json_t *cost, int64_t *ret)
{
    double usd = json_number_value(cost);
    if (!cost || json_is_null(cost))
        return false;
    if (!json_is_number(cost) || !(usd >= 0 && usd <= COST_USD_MAX)) {
        p->facts.ignored_numbers++;
        return false;
    }
    *ret = llround(usd * 1e6);
    return true;
}

static void final_usage(struct output_parser *p, json_t *line, int64_t at_us)
{
    json_t *usage = json_object_get(line, "usage");
    if (json_is_object(usage)) {
        struct usage told = read_usage(p, usage), live = p->usage;
        for (int k = 0; k < USAGE_KIND_COUNT; k++) {
            /* A run that was broken off may tell less than it has used. */
            if (!told.known[k] || (p->facts.is_error && live.tokens[k] > told.tokens[k])) {
                told.tokens[k] = live.tokens[k];
                told.known[k] = live.known[k];
            }
        }
        usage_set_model(&told, output_price_model(p));
        told.cost_known = live.cost_known;
        told.cost_micro_usd = live.cost_micro_usd;
        p->usage = told;
    }
    int64_t cost;
    if (!cost_micro_usd(p, json_object_get(line, "total_cost_usd"), &cost) &&
        !price_cost_micro_usd(p->setup.prices, str_of(p->usage.model), &p->usage, PRICE_SUM, at_us, &cost))
        return;
    p->usage.cost_known = true;
    p->usage.cost_micro_usd = cost;
}

/* The result's text is an answer unless it begins like one of the CLI's own errors. */
static bool is_error_text(struct str text)
{
    static const struct str beginnings[] = {{"API Error", 9},
                                            {"Claude AI usage limit reached", 29},
                                            {"You've hit your", 15},
                                            {"You\xE2\x80\x99ve hit your", 17},
                                            {"Credit balance is too low", 25},
                                            {"Invalid API key", 15}};
    for (size_t i = 0; i < COUNT_OF(beginnings); i++)
        if (str_starts_with(text, beginnings[i]))
            return true;
    return false;
}

static void final_error(struct output_parser *p, json_t *line, int64_t at_us)
{
    struct str subtype = output_string(line, "subtype"), reason = output_string(line, "terminal_reason");
    struct str result = output_string(line, "result");
    int64_t status = 0;
    bool has_status = output_count(p, line, "api_error_status", &status);
    bool is_limit = (has_status && status == 429) || p->limit_told;
    CLEANUP(buf_deinit) struct buf text = BUF_INIT;
    buf_add_str(&text, reason.n > 0 ? reason : subtype);
    if (has_status)
        buf_printf(&text, ", status %lld", (long long)status);
    if (is_error_text(result)) {
        buf_add_text(&text, ": ");
        buf_add_str(&text, result);
        is_limit |= output_is_limit_text(p, result);
    }
    (void)output_error(p, buf_str(&text), at_us);
    p->facts.rate_limited = is_limit;
    if (p->facts.rate_limit_reset_us == 0)
        p->facts.rate_limit_reset_us = p->limit_reset_us;
}

static void on_result(struct output_parser *p, json_t *line, int64_t at_us)
{
    p->facts.is_error = json_is_true(json_object_get(line, "is_error")) ||
                        str_starts_with(output_string(line, "subtype"), STR("error"));
    (void)output_count(p, line, "num_turns", &p->facts.turns);
    if (p->facts.model[0] == '\0')
        output_set_model(p, main_model(p, json_object_get(line, "modelUsage")));
    final_usage(p, line, at_us);
    p->facts.final_seen = true;
    if (p->facts.is_error)
        final_error(p, line, at_us);
    else
        output_success(p);
}

static const struct {
    struct str type;
    void (*handle)(struct output_parser *p, json_t *line, int64_t at_us);
} lines[] = {{{"system", 6}, on_system},
             {{"assistant", 9}, on_assistant},
             {{"result", 6}, on_result},
             {{"rate_limit_event", 16}, on_rate_limit_event}};

static void on_object(struct output_parser *p, json_t *object, int64_t at_us)
{
    struct str type = output_string(object, "type");
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (str_equal(type, lines[i].type)) {
            output_set_session(p, output_string(object, "session_id"));
            lines[i].handle(p, object, at_us);
        }
    }
}

static const char *const limit_texts[] = {"usage limit reached", "hit your limit", "hit your session limit",
                                          "hit your weekly limit", NULL};

const struct output_ops output_claude_stream = {
    .name = "claude-stream-json", .object = on_object, .limit_texts = limit_texts};
const struct output_ops output_claude_json = {
    .name = "claude-json", .object = on_object, .is_spread = true, .limit_texts = limit_texts};
