#include "node/usage.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "io/worker.h"
#include "transcripts/usage_json.h"

#define FRESH_US (2 * USEC_PER_SEC)

struct usage_service {
    struct worker *worker;
    char *dir; /* owned */
    /* the worker's */
    struct ledger ledger;
    bool is_open;
    int64_t scanned_us;
    struct usage_scan_result scan;
};

struct asking {
    struct worker_job job;
    struct http_request *request;
    void (*write)(struct usage_service *s, struct asking *a); /* fills the body, on the worker's thread */
    struct usage_question question;                           /* write_report */
    char zone_name[64];
    struct buf body;
};

/* -- the worker's thread -- */

static const char *environment(const char *name)
{
    return getenv(name);
}

static void open_ledger(struct usage_service *s)
{
    if (!s->is_open)
        ledger_open(&s->ledger, s->dir);
    s->is_open = true;
}

static void scan(struct usage_service *s)
{
    struct file_walk files = {.count = 0};
    file_walk_homes(&files, environment, ~0U);
    file_walk_finish(&files);
    usage_scan(&s->ledger, &files, clock_wall_us(), NULL, &s->scan);
    file_walk_deinit(&files);
    int rc = ledger_save(&s->ledger);
    if (rc != 0)
        log_warn("usage", "the ledger could not be saved", LOG_TEXT("cause", strerror(-rc)));
    if (rc == 0) { /* what was saved is behind the file as it was mapped */
        ledger_close(&s->ledger);
        ledger_open(&s->ledger, s->dir);
    }
    s->scanned_us = clock_monotonic_us();
}

static void write_report(struct usage_service *s, struct asking *a)
{
    struct usage_report r;
    bool is_fresh = s->is_open && clock_monotonic_us() - s->scanned_us < FRESH_US;
    open_ledger(s);
    if (!is_fresh)
        scan(s);
    usage_report_make(&s->ledger, &a->question, &r);
    usage_json(&r, a->zone_name, &s->scan, &a->body);
    usage_report_deinit(&r);
}

/* One run of the processor, as spec 60 T9 answers it.  A file's lines count together, so none is capped. */
static void write_run(struct usage_service *s, struct asking *a)
{
    struct json_writer w;
    open_ledger(s);
    size_t before = ledger_count(&s->ledger.file, LEDGER_ENTRIES);
    scan(s);
    const struct usage_scan_result *found = &s->scan;
    json_init(&w, &a->body);
    json_object_begin(&w);
    json_kv_bool(&w, "ok", true);
    json_key(&w, "details");
    json_object_begin(&w);
    json_kv_text(&w, "processor", "usage");
    json_kv_i64(&w, "scanned", found->files);
    json_kv_i64(&w, "processed", found->changed);
    json_kv_i64(&w, "skipped", found->files - found->changed - found->unreadable);
    json_kv_i64(&w, "capped", 0);
    json_kv_i64(&w, "errors", found->unreadable);
    json_kv_i64(&w, "items_extracted", (int64_t)(ledger_count(&s->ledger.file, LEDGER_ENTRIES) - before));
    json_key(&w, "errors_detail");
    json_array_begin(&w);
    json_array_end(&w);
    json_object_end(&w);
    json_object_end(&w);
}

static void answer_all(void *context, struct worker_job *job)
{
    for (; job; job = job->next) {
        struct asking *a = CONTAINER_OF(job, struct asking, job);
        a->write(context, a);
    }
}

/* -- the loop thread -- */

static void on_answered(struct worker_job *job)
{
    struct asking *a = CONTAINER_OF(job, struct asking, job);
    http_reply_json(a->request, 200, &a->body);
    free(a);
}

static struct asking *asking_new(struct http_request *r,
                                 void (*write)(struct usage_service *s, struct asking *a))
{
    struct asking *a = xnew(struct asking);
    a->job.done = on_answered;
    a->request = r;
    a->write = write;
    buf_init(&a->body);
    return a;
}

void usage_service_answer(struct usage_service *s, struct http_request *r, const struct usage_question *q,
                          const char *zone_name)
{
    struct asking *a = asking_new(r, write_report);
    a->question = *q;
    (void)snprintf(a->zone_name, sizeof(a->zone_name), "%s", zone_name);
    worker_post(s->worker, &a->job);
}

void usage_service_run(struct usage_service *s, struct http_request *r)
{
    worker_post(s->worker, &asking_new(r, write_run)->job);
}

struct usage_service *usage_service_new(uv_loop_t *loop, const char *data_dir)
{
    struct usage_service *s = xnew(struct usage_service);
    struct buf dir = BUF_INIT;
    buf_printf(&dir, "%s/usage", data_dir);
    s->dir = buf_take(&dir);
    s->worker = worker_new(loop, "usage", answer_all, s);
    return s;
}

struct usage_service *usage_service_free(struct usage_service *s)
{
    if (!s)
        return NULL;
    s->worker = worker_free(s->worker);
    if (s->is_open)
        ledger_close(&s->ledger);
    free(s->dir);
    free(s);
    return NULL;
}
