#include "node/usage.h"

#include "base/clock.h"
#include "base/log.h"
#include "io/counters.h"
#include "io/worker.h"
#include "transcripts/usage_json.h"

#define FRESH_US (2 * USEC_PER_SEC)

struct usage_service {
    struct worker *worker;
    char *dir; /* owned */
    struct session_watch *files;
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
    void (*done)(void *arg); /* only_scan, sum_windows */
    void *arg;
    struct usage_window *windows; /* sum_windows */
    size_t window_count;
    const struct price_list *prices;
};

/* -- the worker's thread -- */

static void open_ledger(struct usage_service *s)
{
    if (!s->is_open)
        ledger_open(&s->ledger, s->dir);
    s->is_open = true;
}

static void scan(struct usage_service *s)
{
    struct file_walk files;
    session_watch_files(s->files, &files);
    usage_scan(&s->ledger, &files, clock_wall_us(), NULL, &s->scan);
    file_walk_deinit(&files);
    counter_add(COUNTER_TRANSCRIPT_BYTES_LEDGER, s->scan.bytes_read);
    int rc = ledger_save(&s->ledger);
    if (rc != 0)
        log_warn("usage", "the ledger could not be saved", LOG_TEXT("cause", strerror(-rc)));
    if (rc == 0) { /* what was saved is behind the file as it was mapped */
        ledger_close(&s->ledger);
        ledger_open(&s->ledger, s->dir);
    }
    s->scanned_us = clock_monotonic_us();
}

static void freshen(struct usage_service *s)
{
    bool is_fresh = s->is_open && clock_monotonic_us() - s->scanned_us < FRESH_US;
    open_ledger(s);
    if (!is_fresh)
        scan(s);
}

static void sum_windows(struct usage_service *s, struct asking *a)
{
    freshen(s);
    usage_windows_sum(&s->ledger, a->prices, a->windows, a->window_count);
}

static void write_report(struct usage_service *s, struct asking *a)
{
    struct usage_report r;
    freshen(s);
    usage_report_make(&s->ledger, &a->question, &r);
    usage_json(&r, a->zone_name, &s->scan, &a->body);
    usage_report_deinit(&r);
}

static void only_scan(struct usage_service *s, struct asking *a)
{
    (void)a;
    open_ledger(s);
    scan(s);
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

static void on_scanned(struct worker_job *job)
{
    struct asking *a = CONTAINER_OF(job, struct asking, job);
    a->done(a->arg);
    free(a);
}

void usage_service_answer(struct usage_service *s, struct http_request *r, const struct usage_question *q,
                          const char *zone_name)
{
    struct asking *a = xnew(struct asking);
    *a = (struct asking){.job.done = on_answered, .request = r, .write = write_report, .question = *q};
    buf_init(&a->body);
    (void)snprintf(a->zone_name, sizeof(a->zone_name), "%s", zone_name);
    worker_post(s->worker, &a->job);
}

void usage_service_sum(struct usage_service *s, struct usage_window *windows, size_t count,
                       const struct price_list *prices, void (*done)(void *arg), void *arg)
{
    struct asking *a = xnew(struct asking);
    *a = (struct asking){.job.done = on_scanned,
                         .write = sum_windows,
                         .done = done,
                         .arg = arg,
                         .windows = windows,
                         .window_count = count,
                         .prices = prices};
    worker_post(s->worker, &a->job);
}

void usage_service_scan(struct usage_service *s, void (*done)(void *arg), void *arg)
{
    struct asking *a = xnew(struct asking);
    *a = (struct asking){.job.done = on_scanned, .write = only_scan, .done = done, .arg = arg};
    worker_post(s->worker, &a->job);
}

struct usage_service *usage_service_new(uv_loop_t *loop, struct session_watch *files, const char *data_dir)
{
    struct usage_service *s = xnew(struct usage_service);
    s->files = files;
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
