#include "node/collector.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "io/counters.h"
#include "io/worker.h"
#include "node/operations.h"
#include "transcripts/collector.h"

#include <stdatomic.h>

struct collector {
    struct worker *worker;
    struct operations *operations;
    atomic_bool stopping;
};

struct collecting { /* one run; the worker's until it is done */
    struct worker_job job;
    struct collector *collector;
    struct http_request *request; /* NULL: answered already */
    const struct config *config;
    char operation[OPERATION_ID_MAX];
    int64_t started_us;
    int rc;
    struct err err;
    struct buf details, counts; /* counts: for the audit log */
};

/* -- the worker's thread -- */

static void put_user(struct json_writer *w, const struct collector_user *u)
{
    json_object_begin(w);
    json_kv_text(w, "user", u->user);
    json_kv_text(w, "home", u->home);
    json_kv_i64(w, "scanned", u->scanned);
    json_kv_i64(w, "copied", u->copied);
    json_kv_i64(w, "unchanged", u->unchanged);
    json_kv_i64(w, "errors", u->failed);
    json_kv_i64(w, "unreadable", u->unreadable);
    json_kv_i64(w, "bytes", u->bytes);
    json_key(w, "refused");
    json_object_begin(w);
    for (size_t i = 0; i < HOME_REFUSALS; i++)
        json_kv_i64(w, home_refusal_names[i], u->refused[i]);
    json_object_end(w);
    json_kv_text(w, "problem", u->problem);
    json_object_end(w);
}

static struct collector_user sum_of(const struct collector_result *r)
{
    struct collector_user sum = {.user = NULL};
    for (size_t i = 0; i < r->count; i++) {
        sum.scanned += r->users[i].scanned;
        sum.copied += r->users[i].copied;
        sum.unchanged += r->users[i].unchanged;
        sum.failed += r->users[i].failed;
        sum.bytes += r->users[i].bytes;
        sum.unreadable += r->users[i].unreadable;
        for (size_t k = 0; k < HOME_REFUSALS; k++)
            sum.refused[k] += r->users[i].refused[k];
    }
    return sum;
}

static void put_problems(struct json_writer *w, const struct collector_result *r)
{
    json_array_begin(w);
    for (size_t i = 0; i < r->count; i++)
        if (r->users[i].problem) {
            json_object_begin(w);
            json_kv_text(w, "user", r->users[i].user);
            json_kv_text(w, "error", r->users[i].problem);
            json_object_end(w);
        }
    json_array_end(w);
}

static void put_counts(const struct collector_result *r, struct json_writer *w)
{
    struct collector_user sum = sum_of(r);
    int64_t refused = 0;
    for (size_t i = 0; i < HOME_REFUSALS; i++)
        refused += sum.refused[i];
    json_kv_i64(w, "homes", r->homes);
    json_kv_i64(w, "unreadable_homes", r->unreadable_homes);
    json_kv_i64(w, "scanned", sum.scanned);
    json_kv_i64(w, "copied", sum.copied);
    json_kv_i64(w, "unchanged", sum.unchanged);
    json_kv_i64(w, "refused", refused);
    json_kv_i64(w, "unreadable", sum.unreadable);
    json_kv_i64(w, "errors", sum.failed);
    json_kv_i64(w, "bytes", sum.bytes);
    json_kv_bool(w, "stopped", r->stopped);
}

static void put_for_audit(const struct collector_result *r, struct buf *out)
{
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    put_counts(r, &w);
    json_object_end(&w);
}

static void put_details(const struct collecting *c, const struct collector_result *r, struct buf *out)
{
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_text(&w, "data_root", c->config->sessions_data_root);
    put_counts(r, &w);
    json_key(&w, "users");
    json_array_begin(&w);
    for (size_t i = 0; i < r->count; i++)
        put_user(&w, &r->users[i]);
    json_array_end(&w);
    json_key(&w, "errors_detail");
    put_problems(&w, r);
    json_object_end(&w);
}

static void count(const struct collector_result *r)
{
    static const enum counter_id refusals[HOME_REFUSALS] = {
        [HOME_REFUSED_LINK] = COUNTER_COLLECTOR_LINK,
        [HOME_REFUSED_SPECIAL] = COUNTER_COLLECTOR_SPECIAL,
        [HOME_REFUSED_FOREIGN] = COUNTER_COLLECTOR_FOREIGN,
        [HOME_REFUSED_LARGE] = COUNTER_COLLECTOR_LARGE,
        [HOME_REFUSED_MANY] = COUNTER_COLLECTOR_MANY};
    struct collector_user sum = sum_of(r);
    counter_add(COUNTER_COLLECTOR_COPIED, sum.copied);
    counter_add(COUNTER_COLLECTOR_BYTES, sum.bytes);
    counter_add(COUNTER_COLLECTOR_ERRORS, sum.failed);
    counter_add(COUNTER_COLLECTOR_UNREADABLE, sum.unreadable + r->unreadable_homes);
    for (size_t i = 0; i < HOME_REFUSALS; i++)
        counter_add(refusals[i], sum.refused[i]);
}

static bool is_stopping(void *arg)
{
    const struct collector *c = arg;
    return atomic_load(&c->stopping);
}

static void collect(void *context, struct worker_job *job)
{
    for (; job; job = job->next) {
        struct collecting *c = CONTAINER_OF(job, struct collecting, job);
        struct collector_result result;
        const struct collector_config config = {.homes = (const char *const *)c->config->sessions_homes,
                                                .own_home = getenv("HOME"),
                                                .data_root = c->config->sessions_data_root,
                                                .max_file_bytes = c->config->sessions_max_file,
                                                .is_stopping = is_stopping,
                                                .arg = context};
        c->rc = collector_run(&config, &result, &c->err);
        count(&result);
        if (c->rc == 0)
            put_details(c, &result, &c->details);
        put_for_audit(&result, &c->counts);
        collector_result_deinit(&result);
    }
}

/* -- the loop thread -- */

static void reply(struct collecting *c)
{
    struct buf body = BUF_INIT;
    if (c->rc != 0) {
        http_reply_err(c->request, &c->err);
        return;
    }
    buf_printf(&body, "{\"ok\":true,\"details\":%s}", c->details.p);
    http_reply_json(c->request, 200, &body);
}

static void on_collected(struct worker_job *job)
{
    struct collecting *c = CONTAINER_OF(job, struct collecting, job);
    operation_note(c->collector->operations, c->operation, buf_str(&c->counts));
    operation_end(c->collector->operations, c->operation, c->rc ? c->err.text : NULL, buf_str(&c->details));
    if (c->request) {
        http_note_details(c->request, buf_str(&c->counts));
        reply(c);
    } else if (c->rc != 0) {
        log_error("collector", "transcripts could not be collected", LOG_TEXT("error", c->err.text));
    }
    buf_deinit(&c->details);
    buf_deinit(&c->counts);
    free(c);
}

void collector_answer(struct collector *collector, struct http_request *r, const struct config *config)
{
    const char *id = operation_begin(collector->operations, COLLECTOR_KIND);
    if (!id) {
        operation_reply_busy(collector->operations, r, COLLECTOR_KIND);
        return;
    }
    struct collecting *c = xnew(struct collecting);
    c->job.done = on_collected;
    c->collector = collector;
    c->config = config;
    buf_init(&c->details);
    buf_init(&c->counts);
    (void)snprintf(c->operation, sizeof(c->operation), "%s", id);
    if (operation_wants_async(r))
        operation_reply_accepted(collector->operations, r, id);
    else
        c->request = r;
    worker_post(collector->worker, &c->job);
}

struct collector *collector_new(uv_loop_t *loop, struct operations *operations)
{
    struct collector *c = xnew(struct collector);
    c->operations = operations;
    atomic_init(&c->stopping, false);
    c->worker = worker_new(loop, "collector", collect, c);
    return c;
}

void collector_stop(struct collector *c)
{
    atomic_store(&c->stopping, true);
}

struct collector *collector_free(struct collector *c)
{
    if (!c)
        return NULL;
    collector_stop(c);
    c->worker = worker_free(c->worker);
    free(c);
    return NULL;
}
