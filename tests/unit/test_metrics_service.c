/* test_metrics_service.c -- who is served what, and when: freshness, sharing, and threads that don't come
 * back (spec 30 M1, M4, M5, M12).  The HTTP server and the store's threads are played here; the database and
 * /proc worker are real. */
#include "store_fixture.h"

#include "base/buf.h"
#include "node/metrics/metrics.h"
#include "store/runs.h"
#include "store/store.h"

#include <fcntl.h>
#include <sys/stat.h>

/* -- the HTTP server, as far as the service uses it -- */

struct http_shared {
    const char *content_type;
    struct buf body;
};
struct http_request {
    const char *accept;
    struct arena arena;
    int replies;
    char *body;
    const char *content_type;
    uv_loop_t *awaited_by; /* NULL unless the test sleeps until the reply */
};

const double http_latency_bounds_s[HTTP_LATENCY_BUCKETS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

struct str http_header(const struct http_request *r, const char *name)
{
    assert_string_equal(name, "Accept");
    return str_of(r->accept);
}

struct arena *http_arena(struct http_request *r)
{
    return &r->arena;
}

struct http_shared *http_shared_new(const char *content_type, struct buf *body)
{
    struct http_shared *b = xnew(struct http_shared);
    b->content_type = content_type;
    b->body = *body;
    buf_init(body);
    return b;
}

struct http_shared *http_shared_free(struct http_shared *b)
{
    if (b)
        buf_deinit(&b->body);
    free(b);
    return NULL;
}

void http_reply_shared(struct http_request *r, struct http_shared *b)
{
    r->replies++;
    free(r->body);
    r->body = xstrdup(b->body.p);
    r->content_type = b->content_type;
    if (r->awaited_by)
        uv_stop(r->awaited_by);
}

void http_server_stats(const struct http_server *s, void (*each)(void *arg, const struct http_stat *stat),
                       void *arg)
{
    static const struct http_stat stat = {.method = "GET", .pattern = "/metrics", .status = 200, .count = 1};
    (void)s;
    each(arg, &stat);
}

unsigned http_server_connections(const struct http_server *s)
{
    (void)s;
    return 1;
}

/* -- the store: reads are held until the test lets them go -- */

struct store {
    struct fixture *fixture;
    struct store_op *held;
    int reads;
    bool holds; /* else a read is answered at once */
    int rc;     /* of a transaction that cannot begin */
};

static void store_answer(struct store *s)
{
    struct store_op *op = TAKE(s->held);
    op->rc = s->rc;
    if (s->rc != 0)
        (void)err_set(&op->err, ERR_INTERNAL, s->rc, "the disk is gone");
    else
        op->rc = op->run(op, s->fixture->db, &op->err);
    op->done(op);
}

void store_read(struct store *s, struct store_op *op)
{
    assert_null(s->held);
    s->reads++;
    s->held = op;
    if (!s->holds)
        store_answer(s);
}

void store_stats(const struct store *s, struct store_stats *ret)
{
    (void)s;
    *ret = (struct store_stats){0};
}

/* -- a service -- */

struct world {
    uv_loop_t loop;
    struct store store;
    struct metrics *metrics;
    struct metrics_config config;
    bool queue_answers;
    int queue_asked;
    char proc[80];
};

static bool queue_input(void *context, struct arena *a, struct metrics_queue *ret)
{
    struct world *w = context;
    (void)a;
    w->queue_asked++;
    *ret = (struct metrics_queue){.max_concurrency = 4, .poll_interval_us = 1000000};
    return w->queue_answers;
}

static bool live_input(void *context, struct arena *a, struct metrics_live_run **ret, size_t *ret_count)
{
    struct world *w = context;
    (void)a;
    *ret = NULL;
    *ret_count = 0;
    return w->queue_answers;
}

static void start(struct world *w)
{
    struct metrics_inputs inputs = {queue_input, live_input, w};
    w->metrics = metrics_new(&w->loop, &w->store, NULL, &w->config, &inputs);
}

/* Nothing is asked twice within an hour, and a thread has an hour to answer, unless a test says otherwise. */
static int setup(void **state)
{
    struct world *w = xnew(struct world);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    w->store.fixture = fixture_new(FIXTURE_SQLITE);
    (void)snprintf(w->proc, sizeof(w->proc), "%s/proc", w->store.fixture->dir);
    assert_int_equal(mkdir(w->proc, 0700), 0);
    w->queue_answers = true;
    w->config = (struct metrics_config){.enabled = true,
                                        .freshness_us = 3600 * SECOND,
                                        .proc_root = w->proc,
                                        .version = "1",
                                        .max_label_values = 8,
                                        .patience_us = 3600 * SECOND};
    *state = w;
    return 0;
}

static void stop(struct world *w)
{
    w->metrics = metrics_free(w->metrics);
    assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
}

static int teardown(void **state)
{
    struct world *w = *state;
    if (w->metrics)
        stop(w);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    fixture_free(w->store.fixture);
    free(w);
    return 0;
}

static struct http_request *ask(struct world *w, const char *accept)
{
    struct http_request *r = xnew(struct http_request);
    r->accept = accept;
    arena_init(&r->arena);
    metrics_handle(r, w->metrics);
    return r;
}

static void forget(struct http_request *r)
{
    assert_int_equal(r->replies, 1);
    free(r->body);
    arena_reset(&r->arena);
    free(r);
}

static void wait_for_reply(struct world *w, struct http_request *r)
{
    r->awaited_by = &w->loop;
    while (r->replies == 0)
        (void)uv_run(&w->loop, UV_RUN_DEFAULT);
}

static void assert_contains(const struct http_request *r, const char *text)
{
    if (str_find(str_of(r->body), str_of(text)) < 0)
        fail_msg("no %s in %s", text, r->body);
}

static void assert_lacks(const struct http_request *r, const char *text)
{
    if (str_find(str_of(r->body), str_of(text)) >= 0)
        fail_msg("%s in %s", text, r->body);
}

static struct http_request *answered(struct world *w, const char *accept)
{
    struct http_request *r = ask(w, accept);
    wait_for_reply(w, r);
    return r;
}

/* A job that runs as `pid`, so that /proc is looked at. */
static int64_t running_job(struct world *w, int64_t pid)
{
    struct job job = {.agent = "claude", .max_attempts = 1, .run_after = T0};
    struct job claimed;
    int64_t id = fixture_job(w->store.fixture, &job, T0);
    assert_int_equal(fixture_claim(w->store.fixture, T0 + SECOND, &claimed, AGENTS("claude"), AGENTS(NULL)),
                     id);
    bool cancel;
    MUST(job_lease_extend(w->store.fixture->db, id, claimed.lease_token, T0 + SECOND, pid, 100, &cancel, &e));
    return id;
}

/* -- freshness and sharing -- */

static void m12_requests_that_come_meanwhile_share_one_collection(void **state)
{
    struct world *w = *state;
    struct http_request *r[8];
    w->store.holds = true;
    start(w);
    for (size_t i = 0; i < COUNT_OF(r); i++)
        r[i] = ask(w, "");
    assert_int_equal(w->store.reads, 1);
    store_answer(&w->store);
    for (size_t i = 0; i < COUNT_OF(r); i++) {
        wait_for_reply(w, r[i]);
        assert_string_equal(r[i]->body, r[0]->body);
    }
    assert_int_equal(w->store.reads, 1);
    assert_int_equal(w->queue_asked, 1);
    for (size_t i = 0; i < COUNT_OF(r); i++)
        forget(r[i]);
}

static void within_the_freshness_nothing_is_collected_again(void **state)
{
    struct world *w = *state;
    start(w);
    struct http_request *first = answered(w, ""), *second = ask(w, "");
    assert_int_equal(second->replies, 1); /* at once */
    assert_string_equal(first->body, second->body);
    assert_int_equal(w->store.reads, 1);
    forget(first);
    forget(second);
}

static void after_the_freshness_it_is_collected_anew(void **state)
{
    struct world *w = *state;
    w->config.freshness_us = 0;
    start(w);
    struct http_request *first = answered(w, ""), *second = answered(w, "");
    assert_string_not_equal(first->body, second->body); /* generated_at_us */
    assert_int_equal(w->store.reads, 2);
    forget(first);
    forget(second);
}

static void the_text_formats_are_made_of_the_same_snapshot(void **state)
{
    struct world *w = *state;
    start(w);
    struct http_request *json = answered(w, "");
    struct http_request *openmetrics = answered(w, "application/openmetrics-text");
    struct http_request *text = answered(w, "text/plain;version=0.0.4");
    assert_int_equal(w->store.reads, 1);
    assert_string_equal(json->content_type, "application/json");
    assert_string_equal(openmetrics->content_type,
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_string_equal(text->content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert_contains(openmetrics, "# EOF");
    assert_lacks(text, "# EOF");
    forget(json);
    forget(openmetrics);
    forget(text);
}

static void whoever_wants_another_format_meanwhile_gets_it(void **state)
{
    struct world *w = *state;
    w->store.holds = true;
    start(w);
    struct http_request *json = ask(w, "");
    store_answer(&w->store); /* now the worker renders JSON */
    struct http_request *text = ask(w, "text/plain");
    wait_for_reply(w, json);
    wait_for_reply(w, text);
    assert_int_equal(w->store.reads, 1);
    assert_contains(json, "\"schema_version\":1");
    assert_contains(text, "# TYPE muster_jobs gauge");
    forget(json);
    forget(text);
}

/* -- M1: threads that don't come back -- */

static void m1_a_store_that_does_not_answer_is_not_waited_for(void **state)
{
    struct world *w = *state;
    w->store.holds = true;
    w->config.freshness_us = 0;
    w->config.patience_us = 20000;
    start(w);
    struct http_request *r = answered(w, "");
    assert_contains(r,
                    "\"stages\":[],\"queue\":{\"counts\":null,\"depth\":null,\"retries\":null,\"breaker\":{");
    assert_contains(r,
                    "\"degraded\":[\"stages\",\"queue.counts\",\"queue.retries\",\"queue.oldest_queued_s\","
                    "\"agents\",\"cost.running\",\"cost.aggregate\"]");
    forget(r);

    r = answered(w, ""); /* and not asked again before it has answered */
    assert_int_equal(w->store.reads, 1);
    assert_contains(r, "\"queue.counts\"");
    forget(r);

    store_answer(&w->store);
    w->store.holds = false;
    r = answered(w, "");
    assert_int_equal(w->store.reads, 2);
    assert_lacks(r, "degraded");
    forget(r);
}

/* A named pipe in the place of a stat file: opening it waits for who writes. */
static void m1_a_proc_that_does_not_answer_is_not_waited_for(void **state)
{
    struct world *w = *state;
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/4711", w->proc);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/4711/stat", w->proc);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)running_job(w, 4711);
    w->config.freshness_us = 0;
    w->config.patience_us = 20000;
    start(w);
    struct http_request *r = answered(w, "");
    assert_contains(r, "\"pid\":4711,");
    assert_contains(r, "\"cpu_ticks\":null,\"start_ticks\":100,\"rss_bytes\":null");
    assert_contains(r, "\"degraded\":[\"agents.processes\"]");
    forget(r);
    r = answered(w, "text/plain"); /* while the worker is stuck */
    assert_contains(r, "muster_snapshot_degraded{section=\"agents.processes\"} 1");
    forget(r);

    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    (void)close(fd);
    while (r = answered(w, ""), str_find(str_of(r->body), STR("degraded")) >= 0) {
        forget(r);
        (void)uv_run(&w->loop, UV_RUN_ONCE);
    }
    assert_contains(r, "\"pid\":4711,");
    forget(r);
}

static void m5_a_transaction_that_cannot_begin_costs_the_stores_sections(void **state)
{
    struct world *w = *state;
    w->store.rc = -EIO;
    start(w);
    struct http_request *r = answered(w, "");
    assert_contains(r,
                    "\"max_concurrency\":4,\"poll_interval\":1.0,\"oldest_queued_s\":null},\"agents\":[],");
    assert_contains(r, "\"degraded\":[\"stages\",\"queue.counts\",");
    forget(r);
}

static void m5_a_failing_statement_costs_its_own_section_until_it_works_again(void **state)
{
    struct world *w = *state;
    struct db *db = w->store.fixture->db;
    w->config.freshness_us = 0;
    (void)running_job(w, 0);
    start(w);
    MUST(db_run(db, "ALTER TABLE tasks RENAME TO hidden", DB_NO_ARGS, NULL, &e));
    struct http_request *r = answered(w, "");
    assert_contains(r, "\"degraded\":[\"stages\"]");
    assert_contains(r, "\"counts\":{\"queued\":0,\"running\":1,");
    forget(r);
    MUST(db_run(db, "ALTER TABLE hidden RENAME TO tasks", DB_NO_ARGS, NULL, &e));
    r = answered(w, "");
    assert_lacks(r, "degraded");
    forget(r);
}

static void m7_a_queue_that_has_started_and_gives_no_answer_is_degraded(void **state)
{
    struct world *w = *state;
    w->config.freshness_us = 0;
    w->queue_answers = false;
    start(w);
    struct http_request *r = answered(w, "");
    assert_contains(r, "\"breaker\":null,\"max_concurrency\":null,\"poll_interval\":null");
    assert_lacks(r, "degraded");
    forget(r);
    w->queue_answers = true;
    forget(answered(w, ""));
    w->queue_answers = false;
    r = answered(w, "");
    assert_contains(r, "\"degraded\":[\"queue.breaker\",\"queue.max_concurrency\",\"queue.poll_interval\","
                       "\"cost.running\"]");
    forget(r);
}

static int lines_of(const char *path, const char *with)
{
    char line[1024];
    int count = 0;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        count += strstr(line, with) != NULL;
    (void)fclose(f);
    return count;
}

static void m5_a_failure_is_logged_once_however_often_it_is_seen(void **state)
{
    struct world *w = *state;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/log", w->store.fixture->dir);
    w->config.freshness_us = 0;
    w->store.rc = -EIO;
    start(w);
    int log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), before = dup(STDERR_FILENO);
    assert_true(dup2(log, STDERR_FILENO) >= 0);
    for (int i = 0; i < 3; i++)
        forget(answered(w, ""));
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    (void)close(log);
    (void)close(before);
    assert_int_equal(lines_of(path, "section=stages"), 1);
    assert_int_equal(lines_of(path, "section="), 7);
    assert_int_equal(lines_of(path, "the disk is gone"), 7);
}

/* -- M4 -- */

static void m4_switched_off_collects_nothing_and_a_reload_switches_it_on(void **state)
{
    struct world *w = *state;
    w->config.enabled = false;
    start(w);
    struct http_request *r = ask(w, "application/openmetrics-text");
    assert_int_equal(r->replies, 1);
    assert_string_equal(r->body, "{\"schema_version\":1,\"enabled\":false}");
    assert_string_equal(r->content_type, "application/json");
    assert_int_equal(w->store.reads, 0);
    forget(r);
    w->config.enabled = true;
    metrics_reload(w->metrics, &w->config);
    r = answered(w, "");
    assert_contains(r, "\"generated_at\"");
    forget(r);
}

/* -- the end -- */

static void who_waits_at_the_end_is_answered_and_a_late_read_is_harmless(void **state)
{
    struct world *w = *state;
    w->store.holds = true;
    start(w);
    struct http_request *r = ask(w, "");
    stop(w);
    assert_contains(r, "\"degraded\":[\"stages\"");
    forget(r);
    store_answer(&w->store);
}

static void who_waits_for_the_worker_at_the_end_is_answered(void **state)
{
    struct world *w = *state;
    start(w);
    struct http_request *r = ask(w, "");
    stop(w);
    assert_contains(r, "\"schema_version\":1");
    forget(r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(m12_requests_that_come_meanwhile_share_one_collection),
        TEST(within_the_freshness_nothing_is_collected_again),
        TEST(after_the_freshness_it_is_collected_anew),
        TEST(the_text_formats_are_made_of_the_same_snapshot),
        TEST(whoever_wants_another_format_meanwhile_gets_it),
        TEST(m1_a_store_that_does_not_answer_is_not_waited_for),
        TEST(m1_a_proc_that_does_not_answer_is_not_waited_for),
        TEST(m5_a_transaction_that_cannot_begin_costs_the_stores_sections),
        TEST(m5_a_failing_statement_costs_its_own_section_until_it_works_again),
        TEST(m7_a_queue_that_has_started_and_gives_no_answer_is_degraded),
        TEST(m5_a_failure_is_logged_once_however_often_it_is_seen),
        TEST(m4_switched_off_collects_nothing_and_a_reload_switches_it_on),
        TEST(who_waits_at_the_end_is_answered_and_a_late_read_is_harmless),
        TEST(who_waits_for_the_worker_at_the_end_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
