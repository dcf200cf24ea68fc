/* usage_prices.c -- `muster usage prices`: the published prices, or what one model is billed at (spec 60 U4).
 * In JSON a document that --prices takes, to begin one from. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/table.h"
#include "cli/usage.h"
#include "core/price.h"

/* "0.25"; NULL where it is not sold. */
static const char *usd(int64_t micro, char text[32])
{
    struct buf out = BUF_INIT;
    struct json_writer w;
    json_init(&w, &out);
    json_micros(&w, micro);
    (void)snprintf(text, 32, "%s", out.p);
    buf_deinit(&out);
    return micro < 0 ? NULL : text;
}

static const char *day(int64_t at_us, char text[CLOCK_TEXT_MAX])
{
    (void)clock_format_seconds(at_us, text);
    text[sizeof("2026-11-22") - 1] = '\0';
    return text;
}

static void add_line(struct table *t, const char *model, const char *from, const struct price_rates *r)
{
    char text[5][32];
    const char *const cells[] = {model,
                                 from,
                                 usd(r->input, text[0]),
                                 usd(r->output, text[1]),
                                 usd(r->cache_read, text[2]),
                                 usd(r->cache_write_5m, text[3]),
                                 usd(r->cache_write_1h, text[4])};
    table_add(t, cells);
}

static void add_price(struct table *t, const char *name, const struct price *p)
{
    char from[CLOCK_TEXT_MAX], above[48];
    add_line(t, name, p->from_us > 0 ? day(p->from_us, from) : NULL, &p->rates);
    if (!p->long_above_tokens)
        return;
    (void)snprintf(above, sizeof(above), ". above %lld tokens", (long long)p->long_above_tokens);
    add_line(t, above, NULL, &p->long_rates);
}

static void print_rates(struct json_writer *w, const struct price_rates *r)
{
    json_kv_micros_or_null(w, "input", r->input >= 0, r->input);
    json_kv_micros_or_null(w, "output", r->output >= 0, r->output);
    json_kv_micros_or_null(w, "cache_read", r->cache_read >= 0, r->cache_read);
    json_kv_micros_or_null(w, "cache_write_5m", r->cache_write_5m >= 0, r->cache_write_5m);
    json_kv_micros_or_null(w, "cache_write_1h", r->cache_write_1h >= 0, r->cache_write_1h);
}

static void print_percent(struct json_writer *w, const char *key, int percent)
{
    if (percent)
        json_kv_i64(w, key, percent);
}

static void print_price(struct json_writer *w, const char *name, const struct price *p)
{
    char from[CLOCK_TEXT_MAX];
    json_object_begin(w);
    json_kv_text(w, "model", name);
    if (p->from_us > 0)
        json_kv_text(w, "from", day(p->from_us, from));
    print_rates(w, &p->rates);
    if (p->long_above_tokens) {
        json_key(w, "long");
        json_object_begin(w);
        json_kv_i64(w, "above_tokens", p->long_above_tokens);
        print_rates(w, &p->long_rates);
        json_object_end(w);
    }
    print_percent(w, "fast_percent", p->fast_percent);
    print_percent(w, "batch_percent", p->batch_percent);
    print_percent(w, "us_only_percent", p->us_only_percent);
    json_object_end(w);
}

/* `asked`: what the one price was asked for by; NULL: each has its own name. */
static void show(const struct price *prices, size_t count, const char *asked, bool json)
{
    static const struct table_column columns[] = {{"MODEL", false, true},      {"FROM", false, false},
                                                  {"INPUT", true, false},      {"OUTPUT", true, false},
                                                  {"CACHE READ", true, false}, {"WRITE 5M", true, false},
                                                  {"WRITE 1H", true, false}};
    struct buf out = BUF_INIT;
    struct json_writer w;
    struct table *t = table_new(columns, COUNT_OF(columns));
    json_init(&w, &out);
    json_object_begin(&w);
    json_key(&w, "prices");
    json_array_begin(&w);
    for (size_t i = 0; i < count; i++) {
        const char *name = asked ? asked : prices[i].model;
        print_price(&w, name, &prices[i]);
        add_price(t, name, &prices[i]);
    }
    json_array_end(&w);
    json_object_end(&w);
    if (json)
        (void)printf("%s\n", out.p);
    else
        table_show(t, stdout);
    (void)table_free(t);
    buf_deinit(&out);
}

int usage_prices_run(const struct invocation *in)
{
    struct usage_request q;
    struct price price;
    int rc = usage_request_read(in, USAGE_BY_DAY, &q);
    if (rc != 0)
        return rc;
    const char *model = in->arg_count ? in->args[0] : NULL;
    if (!model) {
        show(price_at(0), price_count(), NULL, q.json);
    } else if (price_of(q.prices, str_of(model), q.question.now_us, &price)) {
        show(&price, 1, model, q.json);
    } else {
        rc = command_fail(in, "%.100s has no price; give it one in a file and --prices", model);
    }
    usage_request_deinit(&q);
    return rc;
}
