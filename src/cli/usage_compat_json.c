/* usage_compat_json.c -- the rows of usage_compat.c in ccusage's JSON, field by field (spec 60 U5). */
#include "cli/usage_compat.h"

#include "core/ccusage_time.h"

#include <inttypes.h>
#include <math.h>

static void key_u64(struct compat *c, const char *key, uint64_t v)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, v);
    json_key(&c->w, key);
    json_raw(&c->w, str_of(text));
}

static void print_time(struct compat *c, const char *key, int64_t at_us)
{
    char text[CCUSAGE_TIME_MAX];
    json_kv_text(&c->w, key, ccusage_time_print(at_us, text));
}

static void print_last(struct compat *c, const struct row *row)
{
    if (row->last_text[0])
        json_kv_text(&c->w, "lastActivity", row->last_text);
    else
        print_time(c, "lastActivity", row->last_us);
}

static void print_tokens(struct compat *c, const struct amounts *a)
{
    key_u64(c, "inputTokens", a->t.input);
    key_u64(c, "outputTokens", a->t.output);
    key_u64(c, "cacheCreationTokens", amounts_sum(a->t.cache_write, a->t.cache_write_1h));
    key_u64(c, "cacheReadTokens", a->t.cache_read);
}

static void print_model_names(struct compat *c, const struct row *row, const char *key)
{
    json_key(&c->w, key);
    json_array_begin(&c->w);
    for (size_t i = 0; i < row->used_count; i++)
        json_str(&c->w, ledger_text(&c->claude.strings, row->used[i]));
    json_array_end(&c->w);
}

static void print_breakdown(struct compat *c, struct row *row)
{
    print_model_names(c, row, "modelsUsed");
    json_key(&c->w, "modelBreakdowns");
    json_array_begin(&c->w);
    for (size_t i = 0; i < row->model_count; i++) {
        const struct model_row *m = &row->models[i];
        json_object_begin(&c->w);
        json_kv_str(&c->w, "modelName", ledger_text(&c->claude.strings, m->model));
        print_tokens(c, &m->sum);
        json_kv_double(&c->w, "cost", m->sum.cost_usd);
        if (m->is_unpriced)
            json_kv_bool(&c->w, "missingPricing", true);
        json_object_end(&c->w);
    }
    json_array_end(&c->w);
}

static void print_codex_models(struct compat *c, const struct row *row)
{
    json_key(&c->w, "models");
    json_object_begin(&c->w);
    for (size_t i = 0; i < row->model_count; i++) {
        const struct model_row *m = &row->models[i];
        json_key_str(&c->w, ledger_text(&c->codex.strings, m->model));
        json_object_begin(&c->w);
        print_tokens(c, &m->sum);
        key_u64(c, "reasoningOutputTokens", m->sum.reasoning);
        key_u64(c, "totalTokens", m->sum.total);
        json_kv_bool(&c->w, "isFallback", m->is_fallback);
        if (m->is_unpriced)
            json_kv_bool(&c->w, "missingPricing", true);
        json_object_end(&c->w);
    }
    json_object_end(&c->w);
}

static void print_claude_row(struct compat *c, struct row *row)
{
    static const char *const keys[USAGE_GROUPS] = {"date", "week", "month", "sessionId"};
    json_object_begin(&c->w);
    json_kv_text(&c->w, keys[c->q.question.group], row->key);
    if (c->q.question.group == USAGE_BY_SESSION) {
        json_kv_str(&c->w, "projectPath", ledger_text(&c->claude.strings, row->project));
        print_time(c, "firstActivity", row->first_us);
        print_time(c, "lastActivity", row->last_us);
    }
    print_tokens(c, &row->sum);
    key_u64(c, "totalTokens", row->sum.total);
    json_kv_double(&c->w, "totalCost", row->sum.cost_usd);
    print_breakdown(c, row);
    json_object_end(&c->w);
}

static void print_codex_row(struct compat *c, struct row *row)
{
    static const char *const keys[USAGE_GROUPS] = {"date", "week", "month", "sessionId"};
    json_object_begin(&c->w);
    json_kv_text(&c->w, keys[c->q.question.group], row->key);
    if (c->q.question.group == USAGE_BY_SESSION) {
        const char *slash = strrchr(row->key, '/');
        json_kv_str(&c->w, "directory", (struct str){row->key, slash ? (size_t)(slash - row->key) : 0});
        json_kv_text(&c->w, "sessionFile", slash ? slash + 1 : row->key);
        print_last(c, row);
    }
    print_tokens(c, &row->sum);
    key_u64(c, "reasoningOutputTokens", row->sum.reasoning);
    key_u64(c, "totalTokens", row->sum.total);
    json_kv_double(&c->w, "costUSD", row->sum.cost_usd);
    print_codex_models(c, row);
    json_object_end(&c->w);
}

/* Per minute and per hour, from the block's first entry to its last. */
static void print_rate(struct compat *c, const struct row *row)
{
    double minutes = (double)(row->last_us - row->first_us) / 60e6;
    int64_t now_us = c->q.question.now_us, left_us = row->end_us - now_us;
    bool active = now_us - row->last_us < CCUSAGE_BLOCK_US && now_us < row->end_us;
    json_kv_bool(&c->w, "isActive", active && !row->is_gap);
    if (!active || row->is_gap || minutes <= 0) {
        json_kv_null(&c->w, "burnRate");
        json_kv_null(&c->w, "projection");
        return;
    }
    double tokens = (double)row->sum.total / minutes, dollars = row->sum.cost_usd / minutes * 60;
    double left = floor((double)left_us / 60e6 + 0.5);
    json_key(&c->w, "burnRate");
    json_object_begin(&c->w);
    json_kv_double(&c->w, "tokensPerMinute", tokens);
    json_kv_double(&c->w, "tokensPerMinuteForIndicator",
                   (double)(row->sum.t.input + row->sum.t.output) / minutes);
    json_kv_double(&c->w, "costPerHour", dollars);
    json_object_end(&c->w);
    json_key(&c->w, "projection");
    json_object_begin(&c->w);
    key_u64(c, "totalTokens", (uint64_t)floor((double)row->sum.total + tokens * left + 0.5));
    json_kv_double(&c->w, "totalCost", floor((row->sum.cost_usd + dollars / 60 * left) * 100 + 0.5) / 100);
    key_u64(c, "remainingMinutes", (uint64_t)left);
    json_object_end(&c->w);
}

static void print_block(struct compat *c, const struct row *row)
{
    char text[CCUSAGE_TIME_MAX], id[CCUSAGE_TIME_MAX + 8];
    (void)snprintf(id, sizeof(id), "%s%s", row->is_gap ? "gap-" : "",
                   ccusage_time_print(row->start_us, text));
    json_object_begin(&c->w);
    json_kv_text(&c->w, "id", id);
    print_time(c, "startTime", row->start_us);
    print_time(c, "endTime", row->end_us);
    if (row->is_gap)
        json_kv_null(&c->w, "actualEndTime");
    else
        print_time(c, "actualEndTime", row->last_us);
    json_kv_bool(&c->w, "isGap", row->is_gap);
    key_u64(c, "entries", (uint64_t)row->entries);
    json_key(&c->w, "tokenCounts");
    json_object_begin(&c->w);
    key_u64(c, "inputTokens", row->sum.t.input);
    key_u64(c, "outputTokens", row->sum.t.output);
    key_u64(c, "cacheCreationInputTokens", amounts_sum(row->sum.t.cache_write, row->sum.t.cache_write_1h));
    key_u64(c, "cacheReadInputTokens", row->sum.t.cache_read);
    json_object_end(&c->w);
    key_u64(c, "totalTokens", row->sum.total);
    json_kv_double(&c->w, "costUSD", row->sum.cost_usd);
    print_model_names(c, row, "models");
    print_rate(c, row);
    if (row->reset_us)
        print_time(c, "usageLimitResetTime", row->reset_us);
    json_object_end(&c->w);
}

/* All agents together. */
static void print_unified_row(struct compat *c, struct row *row)
{
    static const char *const agents[] = {"", "claude", "codex", "all"};
    bool session = c->q.question.group == USAGE_BY_SESSION;
    json_object_begin(&c->w);
    json_kv_text(&c->w, "period", row->key);
    json_kv_text(&c->w, "agent", session ? agents[row->agents] : "all");
    print_tokens(c, &row->sum);
    key_u64(c, "totalTokens", row->sum.total);
    json_kv_double(&c->w, "totalCost", row->sum.cost_usd);
    json_key(&c->w, "metadata");
    json_object_begin(&c->w);
    if (session) {
        print_last(c, row);
        if (row->agents == 2)
            key_u64(c, "reasoningOutputTokens", row->sum.reasoning);
    } else {
        json_key(&c->w, "agents");
        json_array_begin(&c->w);
        for (unsigned a = 1; a <= 2; a++)
            if (row->agents & a)
                json_text(&c->w, agents[a]);
        json_array_end(&c->w);
    }
    json_object_end(&c->w);
    print_breakdown(c, row);
    json_object_end(&c->w);
}

static void print_unpriced(struct compat *c)
{
    uint32_t *names = NULL;
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < c->rows[i].model_count; k++) {
            const struct model_row *m = &c->rows[i].models[k];
            bool known = !m->is_unpriced;
            for (size_t n = 0; n < count; n++)
                known |= names[n] == m->model;
            if (known)
                continue;
            names = xrealloc(names, (count + 1) * sizeof(*names));
            names[count++] = m->model;
        }
    if (count) {
        qsort_r(names, count, sizeof(*names), ledger_compare_strings, &c->claude.strings);
        json_key(&c->w, "unpricedModels");
        json_array_begin(&c->w);
        for (size_t i = 0; i < count; i++)
            json_str(&c->w, ledger_text(&c->claude.strings, names[i]));
        json_array_end(&c->w);
    }
    free(names);
}

static void print_totals(struct compat *c, bool codex)
{
    struct amounts all = {.cost_usd = 0};
    for (size_t i = 0; i < c->count; i++)
        amounts_add(&all, &c->rows[i].sum);
    json_key(&c->w, "totals");
    json_object_begin(&c->w);
    print_tokens(c, &all);
    if (codex)
        key_u64(c, "reasoningOutputTokens", all.reasoning);
    key_u64(c, "totalTokens", all.total);
    json_kv_double(&c->w, codex ? "costUSD" : "totalCost", all.cost_usd);
    print_unpriced(c);
    json_object_end(&c->w);
}

void usage_compat_print(struct compat *c, int agents)
{
    static const char *const lists[USAGE_GROUPS] = {"daily", "weekly", "monthly", "sessions", "blocks"};
    enum usage_group by = c->q.question.group;
    json_object_begin(&c->w);
    json_key(&c->w, agents == FOR_ALL && by == USAGE_BY_SESSION ? "session" : lists[by]);
    json_array_begin(&c->w);
    for (size_t i = 0; i < c->count; i++) {
        if (by == USAGE_BY_BLOCK)
            print_block(c, &c->rows[i]);
        else if (agents == FOR_CODEX)
            print_codex_row(c, &c->rows[i]);
        else if (agents == FOR_CLAUDE)
            print_claude_row(c, &c->rows[i]);
        else
            print_unified_row(c, &c->rows[i]);
    }
    json_array_end(&c->w);
    if (by != USAGE_BY_BLOCK)
        print_totals(c, agents == FOR_CODEX);
    json_object_end(&c->w);
}
