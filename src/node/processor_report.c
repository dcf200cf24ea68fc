#include "node/processor_report.h"

#include "base/log.h"
#include "base/parse.h"

#define SESSIONS_MAX_DEFAULT 50
#define ERRORS_TOLD_MAX 100

void processor_report_init(struct processor_report *r, const char *processor, struct operations *operations,
                           struct http_request *request)
{
    *r = (struct processor_report){.processor = processor, .operations = operations, .request = request};
    buf_init(&r->errors_detail);
}

void processor_report_deinit(struct processor_report *r)
{
    buf_deinit(&r->errors_detail);
}

/* -- what it did -- */

static void tell_error(struct processor_report *r, const struct processor_state *s)
{
    struct json_writer w;
    if (r->told++ >= ERRORS_TOLD_MAX)
        return;
    if (r->errors_detail.n)
        buf_add_char(&r->errors_detail, ',');
    json_init(&w, &r->errors_detail);
    json_object_begin(&w);
    json_kv_text(&w, "session", s->session_file);
    json_kv_text(&w, "error", s->last_error);
    json_kv_text(&w, "status", processor_status_names[s->status]);
    json_kv_i64(&w, "attempts", s->attempts);
    json_object_end(&w);
}

void processor_report_session(struct processor_report *r, const struct processor_state *s)
{
    if (s->status == PROCESSOR_DONE) {
        r->processed++;
        r->items += s->items;
    } else {
        r->errors++;
        tell_error(r, s);
    }
}

struct processor_run processor_report_row(const struct processor_report *r, int64_t ended_us)
{
    return (struct processor_run){
        .ended_us = ended_us, .processed = r->processed, .errors = r->errors, .capped = r->capped};
}

/* -- how it is told -- */

static void put_counts(const struct processor_report *r, struct json_writer *w)
{
    json_kv_text(w, "processor", r->processor);
    json_kv_i64(w, "scanned", r->scanned);
    json_kv_i64(w, "processed", r->processed);
    json_kv_i64(w, "skipped", r->skipped);
    json_kv_i64(w, "capped", r->capped);
    json_kv_i64(w, "errors", r->errors);
    json_kv_i64(w, "items_extracted", r->items);
}

/* For the audit log, which keeps what was counted and not what each file said. */
static void note_counts(struct processor_report *r)
{
    struct buf counts = BUF_INIT;
    struct json_writer w;
    json_init(&w, &counts);
    json_object_begin(&w);
    put_counts(r, &w);
    json_object_end(&w);
    if (r->operation[0])
        operation_note(r->operations, r->operation, buf_str(&counts));
    else
        http_note_details(r->request, buf_str(&counts));
    buf_deinit(&counts);
}

static void put_details(const struct processor_report *r, struct buf *out)
{
    struct buf list = BUF_INIT;
    struct json_writer w;
    buf_printf(&list, "[%.*s]", STR_ARG(buf_str(&r->errors_detail)));
    json_init(&w, out);
    json_object_begin(&w);
    put_counts(r, &w);
    json_key(&w, "errors_detail");
    json_raw(&w, buf_str(&list));
    json_object_end(&w);
    buf_deinit(&list);
}

void processor_report_leased(struct processor_report *r)
{
    const char *id = operation_wants_async(r->request) ? operation_begin(r->operations, r->processor) : NULL;
    if (!id)
        return;
    (void)snprintf(r->operation, sizeof(r->operation), "%s", id);
    operation_reply_accepted(r->operations, r->request, id);
    r->request = NULL;
}

/* `ok`: no file has failed; those that have are listed. */
static void reply(struct processor_report *r, struct str details)
{
    struct buf body = BUF_INIT;
    buf_printf(&body, "{\"ok\":%s,\"details\":%.*s}", r->errors ? "false" : "true", STR_ARG(details));
    http_reply_json(r->request, 200, &body);
}

void processor_report_answer(struct processor_report *r)
{
    struct buf details = BUF_INIT;
    note_counts(r);
    put_details(r, &details);
    log_info("pipeline", "a run has ended", LOG_TEXT("processor", r->processor),
             LOG_INT("processed", r->processed), LOG_INT("errors", r->errors), LOG_INT("capped", r->capped));
    if (r->operation[0])
        operation_end(r->operations, r->operation, NULL, buf_str(&details));
    else
        reply(r, buf_str(&details));
    buf_deinit(&details);
}

void processor_report_fail(struct processor_report *r, const struct err *e)
{
    if (e->code != ERR_CONFLICT)
        log_error("pipeline", "a run has failed", LOG_TEXT("processor", r->processor),
                  LOG_TEXT("error", e->text));
    if (e->code != ERR_CONFLICT)
        note_counts(r);
    if (r->operation[0])
        operation_end(r->operations, r->operation, e->text, (struct str){NULL, 0});
    else
        http_reply_err(r->request, e);
}

int64_t processor_sessions_max(void)
{
    int64_t value = SESSIONS_MAX_DEFAULT;
    const char *text = getenv("SESSION_PROCESSOR_MAX_PER_RUN");
    if (text && !parse_i64_in(str_of(text), 1, INT32_MAX, &value))
        value = SESSIONS_MAX_DEFAULT;
    return value;
}
