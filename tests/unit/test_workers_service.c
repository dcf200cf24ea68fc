/* test_workers_service.c -- the roll call as a service, over a bus, a store and clocks of our own (spec 40
 * W1-W10). */
#include "store_fixture.h"

#include "base/clock.h"
#include "base/json.h"
#include "io/counters.h"
#include "node/workers/workers.h"

#include <jansson.h>

/* -- clocks that the test sets -- */

static int64_t wall_us, boot_us;
static int64_t fake_wall(void)
{
    return wall_us;
}
static int64_t fake_boot(void)
{
    return boot_us;
}

/* -- a bus that the test is -- */

struct fake_bus {
    bool connected;
    bus_message_handler on_message;
    void *arg;
    int published;
    struct buf last_subject, last_payload;
    enum bus_outcome outcome; /* of what must reach somebody */
};

static void fake_publish(void *context, struct str subject, struct str payload)
{
    struct fake_bus *b = context;
    b->published++;
    buf_clear(&b->last_subject);
    buf_add_str(&b->last_subject, subject);
    buf_clear(&b->last_payload);
    buf_add_str(&b->last_payload, payload);
}

static struct bus_subscription *fake_subscribe(void *context, struct str pattern,
                                               bus_message_handler on_message, void *arg)
{
    struct fake_bus *b = context;
    assert_true(str_equal(pattern, STR("system.*.health")));
    b->on_message = on_message;
    b->arg = arg;
    return (struct bus_subscription *)b;
}

static void fake_unsubscribe(void *context, struct bus_subscription *s)
{
    assert_ptr_equal(context, s);
}

static bool fake_connected(void *context)
{
    return ((struct fake_bus *)context)->connected;
}

static void fake_reaching(void *context, struct str subject, struct str payload, bus_outcome_handler done,
                          void *arg)
{
    fake_publish(context, subject, payload);
    done(arg, ((struct fake_bus *)context)->outcome);
}

static void fake_watch(void *context, bus_connected_handler on_change, void *arg)
{
    (void)context;
    (void)on_change;
    (void)arg;
}

/* -- a node that is only this -- */

struct scene {
    char dir[64];
    uv_loop_t loop;
    struct store *store;
    struct events *events;
    struct workers *workers;
    struct fake_bus bus;
    bool ready;
};

static char *names[] = {"api", "zeta", "alpha", "reuse-correlator", NULL};

static bool api_works = true;
static bool works(void *context, struct buf *extra)
{
    (void)context;
    buf_add_text(extra, "\"connections\":3");
    return api_works;
}
static const struct workers_own own[] = {{"api", 30 * USEC_PER_SEC, works, NULL}};

static void on_ready(void *arg)
{
    ((struct scene *)arg)->ready = true;
}

static void open_scene(struct scene *s)
{
    struct workers_config config = {
        .names = names, .own = own, .own_count = 1, .wall_us = fake_wall, .boot_us = fake_boot};
    struct bus_port port = {fake_publish,  fake_subscribe, fake_unsubscribe, fake_connected,
                            fake_reaching, fake_watch,     &s->bus};
    assert_int_equal(uv_loop_init(&s->loop), 0);
    MUST(store_open(
        &s->loop,
        &(struct store_config){
            .store = "sqlite:test.db", .data_dir = s->dir, .synchronous_normal = true, .backlog_max = 1000},
        &s->store, &e));
    s->bus = (struct fake_bus){.connected = true, .last_subject = BUF_INIT, .last_payload = BUF_INIT};
    s->events = events_new();
    s->workers = workers_new(&s->loop, s->store, s->events, &config);
    s->ready = false;
    workers_start(s->workers, &port, on_ready, s);
    while (!s->ready)
        (void)uv_run(&s->loop, UV_RUN_ONCE);
    workers_start_own(s->workers);
}

static void close_scene(struct scene *s)
{
    workers_stop(s->workers);
    s->events = events_free(s->events);
    s->store = store_close(s->store);
    s->workers = NULL;
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    buf_deinit(&s->bus.last_subject);
    buf_deinit(&s->bus.last_payload);
}

static int setup(void **state)
{
    struct scene *s = xnew(struct scene);
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/muster-workers-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    wall_us = T0;
    boot_us = 5000 * USEC_PER_SEC;
    api_works = true;
    open_scene(s);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    struct workers *w = s->workers;
    if (w) {
        close_scene(s);
        (void)workers_free(w);
    }
    fixture_remove_files(s->dir);
    free(s);
    return 0;
}

/* Time passes as it does for a node that looks each second. */
static void pass(struct scene *s, int64_t us)
{
    for (; us > 0; us -= USEC_PER_SEC) {
        wall_us += MIN(us, USEC_PER_SEC);
        boot_us += MIN(us, USEC_PER_SEC);
        struct buf out = BUF_INIT;
        workers_list(s->workers, &out);
        buf_deinit(&out);
    }
}

static void hear(struct scene *s, const char *subject, struct str payload)
{
    struct bus_message m = {.subject = str_of(subject), .payload = payload};
    s->bus.on_message(s->bus.arg, &m);
}

/* The answer of GET /api/v1/workers; borrowed rows die with it. */
static json_t *list(struct scene *s)
{
    struct buf out = BUF_INIT;
    json_error_t error;
    workers_list(s->workers, &out);
    json_t *answer = json_loadb(out.p, out.n, 0, &error);
    if (!answer)
        fail_msg("%s in %s", error.text, out.p);
    buf_deinit(&out);
    return answer;
}

static const json_t *row(const json_t *answer, const char *name)
{
    const json_t *rows = json_object_get(answer, "workers"), *r;
    size_t i;
    json_array_foreach(rows, i, r)
    {
        if (strcmp(json_string_value(json_object_get(r, "name")), name) == 0)
            return r;
    }
    return NULL;
}

static void assert_status(struct scene *s, const char *name, const char *status)
{
    json_t *answer = list(s);
    assert_string_equal(json_string_value(json_object_get(row(answer, name), "status")), status);
    json_decref(answer);
}

static void w1_the_rows_are_the_configurations_in_its_order_and_no_beat_adds_one(void **state)
{
    struct scene *s = *state;
    int64_t before = counter_get(COUNTER_HEARTBEATS_UNKNOWN);
    hear(s, "system.rogue.health", STR("{\"worker\":\"alpha\"}"));
    hear(s, "system.Alpha.health", STR("{}"));
    json_t *answer = list(s);
    const json_t *rows = json_object_get(answer, "workers");
    assert_int_equal(json_array_size(rows), 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(rows, i), "name")), names[i]);
    const json_t *alpha = row(answer, "alpha");
    assert_string_equal(json_string_value(json_object_get(alpha, "status")), "unknown");
    static const char *const null_fields[] = {"last_heartbeat_ts", "seconds_since", "instance", "restarts"};
    for (size_t i = 0; i < COUNT_OF(null_fields); i++)
        assert_true(json_is_null(json_object_get(alpha, null_fields[i])));
    assert_int_equal(json_object_size(json_object_get(alpha, "extra")), 0);
    assert_true(json_is_object(json_object_get(alpha, "extra")));
    json_decref(answer);
    assert_int_equal(counter_get(COUNTER_HEARTBEATS_UNKNOWN), before + 2);
}

static void w2_the_subject_is_the_identity_not_the_payload(void **state)
{
    struct scene *s = *state;
    hear(s, "system.zeta.health", STR("{\"worker\":\"alpha\",\"ts\":1795316645}"));
    assert_status(s, "zeta", "ok");
    assert_status(s, "alpha", "unknown");
}

static void w5_a_row_says_what_the_last_beat_said(void **state)
{
    struct scene *s = *state;
    hear(s, "system.zeta.health",
         STR("{\"worker\":\"zeta\",\"ts\":1795316644.5,\"instance\":\"i1\",\"period_s\":10,\"deep\":{\"a\":["
             "1]}}"));
    json_t *answer = list(s);
    const json_t *zeta = row(answer, "zeta");
    assert_true(json_real_value(json_object_get(zeta, "last_heartbeat_ts")) == 1795316644.5);
    assert_true(json_number_value(json_object_get(zeta, "seconds_since")) == 0.5);
    assert_string_equal(json_string_value(json_object_get(zeta, "instance")), "i1");
    assert_int_equal(json_integer_value(json_object_get(zeta, "restarts")), 0);
    assert_false(json_is_true(json_object_get(zeta, "flapping")));
    assert_false(json_is_true(json_object_get(zeta, "truncated")));
    char *extra = json_dumps(json_object_get(zeta, "extra"), JSON_COMPACT);
    assert_string_equal(extra, "{\"instance\":\"i1\",\"period_s\":10,\"deep\":{\"a\":[1]}}");
    free(extra);
    json_decref(answer);
}

/* R10: each of these costs one counter, and the next good beat counts. */
static void w6_poison_costs_one_counter_and_the_next_good_beat_counts(void **state)
{
    struct scene *s = *state;
    struct buf deep = BUF_INIT, large = BUF_INIT;
    for (int i = 0; i < 10000; i++)
        buf_add_text(&deep, "{\"a\":");
    buf_add_text(&large, "{\"pad\":\"");
    while (large.n < (1 << 20) - 2)
        buf_add_char(&large, 'x');
    buf_add_text(&large, "\"}");
    const struct {
        struct str payload;
        enum counter_id counter;
        bool taken;
    } rows[] = {
        {STR("{\"ts\":null}"), COUNTER_HEARTBEATS_BAD_TS, true},
        {STR("{\"ts\":\"abc\"}"), COUNTER_HEARTBEATS_BAD_TS, true},
        {STR("{\"ts\":[]}"), COUNTER_HEARTBEATS_BAD_TS, true},
        {STR("{\"ts\":true}"), COUNTER_HEARTBEATS_BAD_TS, true},
        {STR("{\"ts\":1e400}"), COUNTER_HEARTBEATS_BAD_TS, true},
        {STR("{\"ts\":123456789012345678901234567890}"), COUNTER_HEARTBEATS_BAD_TS, true},
        {STR("[1,2]"), COUNTER_HEARTBEATS_BAD_PAYLOAD, false},
        {STR("\"x\""), COUNTER_HEARTBEATS_BAD_PAYLOAD, false},
        {STR("no json"), COUNTER_HEARTBEATS_BAD_PAYLOAD, false},
        {STR(""), COUNTER_HEARTBEATS_BAD_PAYLOAD, false},
        {STR("{\"a\":\"\xff\"}"), COUNTER_HEARTBEATS_BAD_PAYLOAD, false},
        {buf_str(&deep), COUNTER_HEARTBEATS_BAD_PAYLOAD, false},
        {buf_str(&large), COUNTER_HEARTBEATS_TRUNCATED, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t before = counter_get(rows[i].counter);
        pass(s, 100 * USEC_PER_SEC); /* nobody beat: not ok */
        hear(s, "system.zeta.health", rows[i].payload);
        assert_int_equal(counter_get(rows[i].counter), before + 1);
        assert_status(s, "zeta", rows[i].taken ? "ok" : i == 0 ? "unknown" : "stale");
        hear(s, "system.zeta.health", STR("{\"fine\":1}"));
        assert_status(s, "zeta", "ok");
    }
    buf_deinit(&deep);
    buf_deinit(&large);
}

static void w4_a_wall_step_of_an_hour_either_way_changes_no_status(void **state)
{
    struct scene *s = *state;
    hear(s, "system.zeta.health", STR("{\"ts\":1795316645}"));
    pass(s, 10 * USEC_PER_SEC);
    wall_us += 3600 * USEC_PER_SEC;
    assert_status(s, "zeta", "ok");
    wall_us -= 7200 * USEC_PER_SEC;
    assert_status(s, "zeta", "ok");
    pass(s, 79 * USEC_PER_SEC);
    assert_status(s, "zeta", "ok");
    pass(s, USEC_PER_SEC);
    assert_status(s, "zeta", "stale");
}

static void w4_a_suspend_is_not_charged(void **state)
{
    struct scene *s = *state;
    hear(s, "system.zeta.health", STR("{}"));
    wall_us += 8 * 3600 * USEC_PER_SEC;
    boot_us += 8 * 3600 * USEC_PER_SEC;
    assert_status(s, "zeta", "ok");
}

static void w9_the_nodes_own_row_needs_no_echo_and_nobody_can_speak_for_it(void **state)
{
    struct scene *s = *state;
    assert_status(s, "api", "ok");
    assert_string_equal(s->bus.last_subject.p, "system.api.health");
    hear(s, "system.api.health", buf_str(&s->bus.last_payload)); /* the echo */
    int64_t before = counter_get(COUNTER_HEARTBEATS_OWN);
    hear(s, "system.api.health", STR("{\"state\":\"stopping\",\"instance\":\"other\"}"));
    assert_int_equal(counter_get(COUNTER_HEARTBEATS_OWN), before + 1);
    assert_status(s, "api", "ok");
    json_t *answer = list(s);
    assert_int_equal(json_integer_value(json_object_get(row(answer, "api"), "restarts")), 0);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(row(answer, "api"), "extra"), "connections")), 3);
    json_decref(answer);
}

static void w9_rows_survive_a_restart_of_the_node_marked_by_their_age(void **state)
{
    struct scene *s = *state;
    hear(s, "system.zeta.health", STR("{\"ts\":1795316645,\"instance\":\"a\",\"n\":1}"));
    hear(s, "system.zeta.health", STR("{\"ts\":1795316645,\"instance\":\"b\",\"n\":2}"));
    pass(s, 10 * USEC_PER_SEC);
    struct workers *w = s->workers;
    close_scene(s);
    (void)workers_free(w);
    boot_us += 40 * USEC_PER_SEC;
    wall_us += 3600 * USEC_PER_SEC; /* and somebody sets the clock meanwhile */
    open_scene(s);
    json_t *answer = list(s);
    const json_t *zeta = row(answer, "zeta");
    assert_string_equal(json_string_value(json_object_get(zeta, "status")), "ok");
    assert_true(json_number_value(json_object_get(zeta, "seconds_since")) == 50.0);
    assert_true(json_number_value(json_object_get(zeta, "last_heartbeat_ts")) == 1795316645.0);
    assert_int_equal(json_integer_value(json_object_get(zeta, "restarts")), 1);
    assert_string_equal(json_string_value(json_object_get(zeta, "instance")), "b");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(zeta, "extra"), "n")), 2);
    assert_string_equal(json_string_value(json_object_get(row(answer, "alpha"), "status")), "unknown");
    json_decref(answer);
    pass(s, 40 * USEC_PER_SEC);
    assert_status(s, "zeta", "stale");
}

static enum workers_stop_outcome outcome;
static void on_outcome(void *arg, enum workers_stop_outcome o)
{
    ++*(int *)arg;
    outcome = o;
}

static void a_stop_request_is_answered_by_what_became_of_it(void **state)
{
    struct scene *s = *state;
    int answers = 0;
    workers_request_stop(s->workers, STR("nobody"), "uid:0", on_outcome, &answers);
    assert_int_equal(outcome, WORKERS_STOP_UNKNOWN);
    s->bus.connected = false;
    workers_request_stop(s->workers, STR("zeta"), "uid:0", on_outcome, &answers);
    assert_int_equal(outcome, WORKERS_STOP_BUS_DOWN);
    s->bus.connected = true;
    s->bus.outcome = BUS_NO_SUBSCRIBER;
    workers_request_stop(s->workers, STR("zeta"), "uid:0", on_outcome, &answers);
    assert_int_equal(outcome, WORKERS_STOP_NOT_LISTENING);
    assert_status(s, "zeta", "unknown");
    hear(s, "system.zeta.health", STR("{}"));
    s->bus.outcome = BUS_REACHED;
    workers_request_stop(s->workers, STR("zeta"), "uid:0", on_outcome, &answers);
    assert_int_equal(outcome, WORKERS_STOP_SENT);
    assert_string_equal(s->bus.last_subject.p, "system.zeta.control");
    assert_string_equal(s->bus.last_payload.p,
                        "{\"action\":\"stop\",\"requested_by\":\"uid:0\",\"ts\":1795316645}");
    assert_int_equal(answers, 4);
    assert_status(s, "zeta", "stopping");
    hear(s, "system.zeta.health", STR("{\"state\":\"stopping\"}"));
    assert_status(s, "zeta", "stopping");
    pass(s, 2 * USEC_PER_SEC);
    assert_status(s, "zeta", "stopped");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(w1_the_rows_are_the_configurations_in_its_order_and_no_beat_adds_one),
        T(w2_the_subject_is_the_identity_not_the_payload),
        T(w5_a_row_says_what_the_last_beat_said),
        T(w6_poison_costs_one_counter_and_the_next_good_beat_counts),
        T(w4_a_wall_step_of_an_hour_either_way_changes_no_status),
        T(w4_a_suspend_is_not_charged),
        T(w9_the_nodes_own_row_needs_no_echo_and_nobody_can_speak_for_it),
        T(w9_rows_survive_a_restart_of_the_node_marked_by_their_age),
        T(a_stop_request_is_answered_by_what_became_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
