#include "transcripts/usage_json.h"

#include "base/json.h"

#define PIECE_BYTES ((size_t)32 * 1024)

const struct usage_group_word usage_group_words[USAGE_GROUPS] = {
    [USAGE_BY_DAY] = {"day", "daily", "date", "DAY"},
    [USAGE_BY_WEEK] = {"week", "weekly", "week", "WEEK"},
    [USAGE_BY_MONTH] = {"month", "monthly", "month", "MONTH"},
    [USAGE_BY_SESSION] = {"session", "sessions", "session", "SESSION"},
    [USAGE_BY_BLOCK] = {"block", "blocks", "start", "BLOCK"},
    [USAGE_BY_MODEL] = {"model", "models", "model", "MODEL"},
    [USAGE_BY_PROJECT] = {"project", "projects", "project", "PROJECT"},
    [USAGE_BY_BRANCH] = {"branch", "branches", "branch", "BRANCH"},
    [USAGE_BY_AGENT] = {"agent", "agents", "agent", "AGENT"},
    [USAGE_BY_CHAIN] = {"chain", "chains", "chain", "CHAIN"},
    [USAGE_BY_HOUR] = {"hour", "hourly", "hour", "HOUR"},
};

static void print_sum(struct json_writer *w, const struct usage_sum *s)
{
    const int64_t *c = s->counts;
    json_kv_i64(w, "input_tokens", c[COUNT_INPUT]);
    json_kv_i64(w, "output_tokens", c[COUNT_OUTPUT]);
    json_kv_i64(w, "cache_creation_tokens", c[COUNT_CACHE_WRITE_5M] + c[COUNT_CACHE_WRITE_1H]);
    json_kv_i64(w, "cache_creation_5m_tokens", c[COUNT_CACHE_WRITE_5M]);
    json_kv_i64(w, "cache_creation_1h_tokens", c[COUNT_CACHE_WRITE_1H]);
    json_kv_i64(w, "cache_read_tokens", c[COUNT_CACHE_READ]);
    json_kv_i64(w, "reasoning_tokens", c[COUNT_REASONING]);
    json_kv_i64(w, "web_searches", c[COUNT_WEB_SEARCHES]);
    json_kv_i64(w, "total_tokens", usage_event_tokens(c));
    json_kv_i64(w, "messages", s->events);
    json_kv_micros_or_null(w, "cost_usd", !s->is_unpriced, usage_sum_micro_usd(s));
    json_kv_micros_or_null(w, "priced_cost_usd", true, usage_sum_micro_usd(s));
}

static void print_models(struct json_writer *w, const struct usage_report *r,
                         const struct usage_report_row *row)
{
    json_key(w, "models");
    json_array_begin(w);
    for (size_t i = 0; i < row->model_count; i++) {
        json_object_begin(w);
        struct str name = ledger_text(r->ledger, row->models[i].model);
        json_key(w, "model");
        if (str_empty(name))
            json_null_value(w);
        else
            json_str(w, name);
        json_kv_bool(w, "fast", row->models[i].is_fast);
        print_sum(w, &row->models[i].sum);
        json_object_end(w);
    }
    json_array_end(w);
}

static void print_sources(struct json_writer *w, uint32_t bits)
{
    json_key(w, "sources");
    json_array_begin(w);
    for (int i = 0; i < TRANSCRIPT_FORMAT_COUNT; i++)
        if (bits & (1U << i))
            json_text(w, transcript_format_names[i]);
    json_array_end(w);
}

static void print_row(struct json_writer *w, const struct usage_report *r, const struct usage_report_row *row)
{
    json_object_begin(w);
    json_kv_text(w, usage_group_words[r->group].key, row->key[0] ? row->key : NULL);
    if (row->bucket[0])
        json_kv_text(w, "bucket", row->bucket);
    print_sources(w, row->source_bits);
    if (r->group == USAGE_BY_BRANCH)
        json_kv_str(w, "project", ledger_text(r->ledger, row->project));
    if (r->group == USAGE_BY_SESSION) {
        json_kv_str(w, "project", ledger_text(r->ledger, row->project));
        json_key(w, "branch");
        if (row->branch)
            json_str(w, ledger_text(r->ledger, row->branch));
        else
            json_null_value(w);
    }
    if (r->group == USAGE_BY_BLOCK) {
        json_kv_time_or_null(w, "end", true, row->end_us);
        json_kv_bool(w, "gap", row->is_gap);
        json_kv_bool(w, "active", row->is_active);
    }
    if (r->group == USAGE_BY_SESSION || r->group == USAGE_BY_BLOCK) {
        json_kv_time_or_null(w, "first_activity", row->first_us != 0, row->first_us);
        json_kv_time_or_null(w, "last_activity", row->last_us != 0, row->last_us);
    }
    print_sum(w, &row->sum);
    print_models(w, r, row);
    json_object_end(w);
}

/* What is long goes out in pieces. */
static void pass_on(FILE *to, struct buf *out, size_t least)
{
    if (!to || out->n < least)
        return;
    (void)fwrite(out->p, 1, out->n, to);
    buf_clear(out);
}

static void print(const struct usage_report *r, const char *zone, const struct usage_scan_result *scan,
                  struct buf *out, FILE *to)
{
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_text(&w, "zone", zone);
    json_key(&w, usage_group_words[r->group].list);
    json_array_begin(&w);
    for (size_t i = 0; i < r->row_count; i++) {
        print_row(&w, r, &r->rows[i]);
        pass_on(to, out, PIECE_BYTES);
    }
    json_array_end(&w);
    json_key(&w, "totals");
    json_object_begin(&w);
    print_sum(&w, &r->total);
    json_object_end(&w);
    json_key(&w, "unpriced_models");
    json_array_begin(&w);
    for (size_t i = 0; i < r->unpriced_count; i++)
        json_str(&w, ledger_text(r->ledger, r->unpriced[i]));
    json_array_end(&w);
    json_key(&w, "skipped_lines");
    json_object_begin(&w);
    for (int k = 0; k < SKIP_REASONS; k++)
        json_kv_i64(&w, skip_reason_names[k], scan->skipped[k]);
    json_object_end(&w);
    json_kv_i64(&w, "files", scan->files);
    json_kv_i64(&w, "files_read", scan->changed);
    json_kv_i64(&w, "files_unreadable", scan->unreadable);
    json_kv_i64(&w, "bytes_read", scan->bytes_read);
    json_object_end(&w);
}

void usage_json(const struct usage_report *r, const char *zone, const struct usage_scan_result *scan,
                struct buf *out)
{
    print(r, zone, scan, out, NULL);
}

void usage_json_to(const struct usage_report *r, const char *zone, const struct usage_scan_result *scan,
                   FILE *to)
{
    struct buf out = BUF_INIT;
    print(r, zone, scan, &out, to);
    buf_add_char(&out, '\n');
    pass_on(to, &out, 0);
    buf_deinit(&out);
}
