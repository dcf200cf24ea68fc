/* usage_statusline.c -- one line for Claude Code's status line: the model, this session, today, the block of
 * five hours (spec 60 U5).  Claude Code asks many times a minute and waits: what it sends says which
 * transcript has grown, and the cache knows the rest, so only new bytes are read. */
#include "base/clock.h"
#include "base/json.h"
#include "cli/usage.h"
#include "core/civil.h"
#include "transcripts/json_scan.h"
#include "transcripts/usage_scan.h"

#include <unistd.h>

#define INPUT_MAX ((size_t)1 << 20)

enum slot { SESSION, MODEL, MODEL_ID, COST, SLOTS };
static const struct json_path model[] = {
    {"display_name", MODEL, NULL}, {"id", MODEL_ID, NULL}, {NULL, JSON_NO_SLOT, NULL}};
static const struct json_path cost[] = {{"total_cost_usd", COST, NULL}, {NULL, JSON_NO_SLOT, NULL}};
static const struct json_path paths[] = {{"session_id", SESSION, NULL},
                                         {"model", JSON_NO_SLOT, model},
                                         {"cost", JSON_NO_SLOT, cost},
                                         {NULL, JSON_NO_SLOT, NULL}};

static int read_input(struct buf *to)
{
    char part[8192];
    for (;;) {
        ssize_t n = read(STDIN_FILENO, part, sizeof(part));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        if (to->n + (size_t)n > INPUT_MAX)
            return -EFBIG;
        buf_add(to, part, (size_t)n);
    }
}

/* "$1.23"; "?" when some of it has no price and nothing else is known. */
static void add_cost(struct buf *out, const struct usage_sum *s)
{
    if (s->is_unpriced && s->cost_pico_usd == 0)
        buf_add_text(out, "$?");
    else
        buf_printf(out, "$%.2f%s", (double)usage_sum_micro_usd(s) / 1e6, s->is_unpriced ? "+" : "");
}

static void add_session(struct buf *out, const struct usage_report *r, struct str id)
{
    struct usage_sum none = {.events = 0};
    const struct usage_sum *sum = &none;
    for (size_t i = 0; i < r->row_count; i++)
        if (str_equal(str_of(r->rows[i].key), id))
            sum = &r->rows[i].sum;
    add_cost(out, sum);
    buf_add_text(out, " session");
}

static void add_block(struct buf *out, const struct usage_report *r, int64_t now_us)
{
    const struct usage_report_row *last = r->row_count ? &r->rows[r->row_count - 1] : NULL;
    if (!last || !last->is_active)
        return;
    int64_t minutes = (last->end_us - now_us) / (60 * USEC_PER_SEC);
    buf_add_text(out, ", ");
    add_cost(out, &last->sum);
    buf_printf(out, " block (%lldh %lldm left)", (long long)(minutes / 60), (long long)(minutes % 60));
}

static void report(const struct ledger *l, struct usage_question q, enum usage_group group, int64_t since,
                   struct usage_report *ret)
{
    q.group = q.bucket = group;
    q.since_day = since;
    usage_report_make(l, &q, ret);
}

int usage_statusline_run(const struct invocation *in)
{
    struct buf input = BUF_INIT, out = BUF_INIT;
    struct json_value v[SLOTS] = {{0}};
    struct json_scan scan;
    struct usage_request q;
    int rc = usage_request_read(in, USAGE_BY_DAY, &q);
    if (rc != 0)
        return rc;
    if (read_input(&input) != 0 || json_scan_object(buf_str(&input), paths, v, &scan) != JSON_WHOLE) {
        buf_deinit(&input);
        usage_request_deinit(&q);
        return command_fail(in, "statusline: standard input is not the JSON that Claude Code sends");
    }
    struct ledger ledger;
    struct usage_scan_result result;
    usage_refresh(in, &ledger, q.question.sources, true, &result);
    int64_t today = timezone_day(q.question.zone, q.question.now_us / USEC_PER_SEC);
    struct usage_report r;
    char text[128];
    if (json_value_text(&v[MODEL], text, sizeof(text)) || json_value_text(&v[MODEL_ID], text, sizeof(text)))
        buf_printf(&out, "%s | ", text);
    report(&ledger, q.question, USAGE_BY_SESSION, INT64_MIN, &r);
    (void)json_value_text(&v[SESSION], text, sizeof(text));
    add_session(&out, &r, str_of(text));
    usage_report_deinit(&r);
    report(&ledger, q.question, USAGE_BY_DAY, today, &r);
    buf_add_text(&out, ", ");
    add_cost(&out, &r.total);
    buf_add_text(&out, " today");
    usage_report_deinit(&r);
    q.question.sources = 1U << USAGE_CLAUDE;
    report(&ledger, q.question, USAGE_BY_BLOCK, today - 1, &r);
    add_block(&out, &r, q.question.now_us);
    usage_report_deinit(&r);
    usage_request_deinit(&q);
    ledger_close(&ledger);
    (void)printf("%s\n", out.p);
    buf_deinit(&out);
    buf_deinit(&input);
    return EXIT_DONE;
}
