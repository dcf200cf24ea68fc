/* test_status_collection.c -- 1,000 agents of which 10 never answer: the other 990 are kept, and the answer
 * is there at the deadline (spec 70 A2); and what is known of a tree's memory is read once (A3). */
#include "base/buf.h"
#include "base/clock.h"
#include "node/status/render.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define AGENTS 1000
#define STUCK_EVERY 100

static int gate[2]; /* who is stuck reads it until it is closed */
static atomic_int read_anew;

static void collect(struct collected_agent *a, bool with_health)
{
    char byte;
    int number = 0;
    (void)with_health;
    (void)sscanf(a->agent.id, "agent-%d", &number);
    if (number % STUCK_EVERY == 0)
        assert_int_equal(read(gate[0], &byte, 1), 0);
    if (a->known_memory_bytes < 0)
        atomic_fetch_add(&read_anew, 1);
    a->memory_bytes = a->known_memory_bytes < 0 ? 1 << 20 : a->known_memory_bytes;
    a->is_proportional = true;
    a->file_descriptors = 3;
}

static void fill(struct status_collection *c)
{
    int64_t start_ticks = procfs_start_ticks("/proc", getpid());
    c->session = (struct status_session){.id = "s", .name = "S", .count = AGENTS};
    c->session.agents = arena_alloc(&c->arena, AGENTS * sizeof(*c->session.agents));
    for (int i = 0; i < AGENTS; i++)
        c->session.agents[i] = (struct status_agent){.id = arena_printf(&c->arena, "agent-%d", i),
                                                     .name = "a",
                                                     .session_id = "s",
                                                     .status = AGENT_ACTIVE,
                                                     .is_accessible = true,
                                                     .pid = getpid(),
                                                     .start_ticks = start_ticks,
                                                     .shim_pid = -1,
                                                     .shim_start_ticks = -1};
}

static void done(struct status_collection *c, void *arg)
{
    bool *is_done = arg;
    (void)c;
    *is_done = true;
}

/* Half of them are known from before. */
static void scanned(struct status_collection *c, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < c->session.count; i += 2) {
        assert_true(c->agents[i].memory_mark != 0);
        c->agents[i].known_memory_bytes = 2 << 20;
    }
}

static json_t *document(const struct status_collection *c)
{
    struct buf text = BUF_INIT;
    status_render(c, &text);
    json_t *json = json_loadb(text.p, text.n, 0, NULL);
    buf_deinit(&text);
    assert_non_null(json);
    return json;
}

static int64_t metric(const json_t *d, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(d, "metrics"), name));
}

static void A2_of_1000_agents_10_never_answer_and_990_are_kept_at_the_deadline(void **state)
{
    (void)state;
    uv_loop_t loop;
    bool is_done = false;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(pipe(gate), 0);
    struct proc_sampler *sampler = proc_sampler_new(&loop, "/proc");
    struct pool *pool = pool_new(&loop);
    const struct status_collection_settings settings = {.sampler = sampler,
                                                        .pool = pool,
                                                        .deadline_us = 3 * USEC_PER_SEC,
                                                        .collect = collect,
                                                        .scanned = scanned};
    int64_t start_us = clock_monotonic_us(); /* the deadline is the request's: from here on */
    struct status_collection *c = status_collection_new(STATUS_COMPREHENSIVE, true, true);
    fill(c);
    status_collection_start(c, &settings, done, &is_done);
    while (!is_done)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_true(clock_monotonic_us() - start_us >= 3 * USEC_PER_SEC); /* not before: they might have come */
    json_t *d = document(c);
    assert_int_equal(metric(d, "total_agents"), AGENTS);
    assert_int_equal(metric(d, "active_agents"), 990);
    assert_int_equal(metric(d, "offline_agents"), 10); /* not accessible; each counts once */
    assert_int_equal(metric(d, "critical_issues"), 10);
    assert_int_equal(metric(d, "total_file_descriptors"), 990 * 3);
    /* the ten are even ones: 490 of 2 MiB known before, 500 of 1 MiB */
    assert_int_equal(
        (int64_t)json_number_value(json_object_get(json_object_get(d, "metrics"), "total_memory_mb")),
        490 * 2 + 500);
    assert_int_equal(atomic_load(&read_anew), 500);
    assert_string_equal(json_string_value(json_object_get(d, "session_health")),
                        "healthy"); /* 990 of 1,000 */
    assert_true(json_is_true(json_object_get(d, "partial_results")));
    assert_int_equal(json_array_size(json_object_get(d, "errors")), 10);
    for (size_t i = 0; i < AGENTS; i++) {
        const json_t *a = json_array_get(json_object_get(d, "agents"), i);
        bool late = i % STUCK_EVERY == 0;
        assert_string_equal(json_string_value(json_object_get(a, "status")), late ? "degraded" : "active");
        assert_int_equal(json_is_true(json_object_get(a, "is_accessible")), !late);
        assert_int_equal(json_is_null(json_object_get(a, "memory_mb")), late);
        if (late)
            assert_string_equal(json_string_value(json_object_get(a, "error_message")), "collection timeout");
    }
    json_decref(d);
    closep(&gate[1]);
    (void)proc_sampler_free(sampler);
    (void)pool_free(pool);
    status_collection_unref(c);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    closep(&gate[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(A2_of_1000_agents_10_never_answer_and_990_are_kept_at_the_deadline)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
