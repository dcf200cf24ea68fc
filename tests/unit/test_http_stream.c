/* test_http_stream.c -- event streams: prompt, coalesced, bounded, and closed once. */
#include "http_bench_routes.h"

#define HOST "Host: localhost\r\n"

static struct http_bench *bench;

static int set_up(void **state)
{
    (void)state;
    bench = http_bench_new();
    bench->config.limits.stream_pending_bytes = 100000;
    bench->config.limits.idle_us = 200 * USEC_PER_MSEC; /* so that the sweep comes often */
    http_bench_start(bench, bench_routes, COUNT_OF(bench_routes));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_bench_free(bench);
    return 0;
}

static struct http_client_end streaming(void)
{
    struct http_client_end c = http_bench_connect(bench);
    assert_true(http_end_send(bench, &c, "GET /stream HTTP/1.1\r\n" HOST "\r\n"));
    http_bench_until(bench, http_end_has(&c, "\r\n\r\n"));
    assert_int_equal(http_end_status(&c), 200);
    assert_true(http_end_has(&c, "Content-Type: text/event-stream\r\n"));
    assert_non_null(bench->stream);
    return c;
}

/* What the chunks hold (RFC 9112 §7.1), and whether the last one was there. */
static struct buf dechunked(const struct http_client_end *c, bool *ret_last)
{
    struct buf out = BUF_INIT;
    ptrdiff_t head = str_find(buf_str(&c->in), STR("\r\n\r\n"));
    const char *at = c->in.p + head + 4, *end = c->in.p + c->in.n;
    *ret_last = false;
    while (at < end && !*ret_last) {
        char *data;
        size_t n = strtoul(at, &data, 16);
        *ret_last = n == 0;
        if (n + 4 > (size_t)(end - data))
            break;
        buf_add(&out, data + 2, n);
        at = data + 2 + n + 2;
    }
    return out;
}

static bool has_event(struct http_client_end *c, const char *text)
{
    bool last;
    (void)http_end_closed(c);
    struct buf events = dechunked(c, &last);
    bool found = str_find(buf_str(&events), str_of(text)) >= 0;
    buf_deinit(&events);
    return found;
}

static void an_event_arrives_without_waiting_for_more(void **state)
{
    (void)state;
    struct http_client_end c = streaming();
    for (int i = 0; i < 3; i++) {
        char event[64];
        int64_t sent_us = clock_monotonic_us();
        (void)snprintf(event, sizeof(event), "id: %d\ndata: x\n\n", i);
        http_stream_send(bench->stream, str_of(event));
        http_bench_until(bench, has_event(&c, event));
        assert_true(clock_monotonic_us() - sent_us <
                    150 * USEC_PER_MSEC); /* a corked socket holds for 200 ms */
    }
    http_end_close(&c);
}

static void events_of_one_turn_are_sent_together_and_in_order(void **state)
{
    (void)state;
    struct http_client_end c = streaming();
    struct buf all = BUF_INIT;
    for (int i = 0; i < 1000; i++) {
        char event[32];
        (void)snprintf(event, sizeof(event), "id: %d\n\n", i);
        buf_add_text(&all, event);
        http_stream_send(bench->stream, str_of(event));
    }
    http_bench_until(bench, has_event(&c, "id: 999\n\n"));
    assert_true(has_event(&c, all.p));
    buf_deinit(&all);
    http_end_close(&c);
}

static void a_closed_stream_ends_in_order_and_says_so_once(void **state)
{
    (void)state;
    struct http_client_end c = streaming();
    http_stream_send(bench->stream, STR("data: last\n\n"));
    http_stream_close(bench->stream);
    assert_int_equal(bench->streams_closed, 0); /* never from within the call */
    http_bench_until(bench, bench->streams_closed == 1);
    http_bench_until(bench, http_end_has(&c, "0\r\n\r\n"));
    bool last;
    struct buf events = dechunked(&c, &last);
    assert_true(last);
    assert_true(str_ends_with(buf_str(&events), STR("data: last\n\n")));
    buf_deinit(&events);
    http_end_close(&c);
    http_bench_until(bench, http_server_connections(bench->server) == 0);
    assert_int_equal(bench->streams_closed, 1);
}

static void a_reader_that_left_is_noticed_without_an_event(void **state)
{
    (void)state;
    struct http_client_end c = streaming();
    http_end_close(&c);
    http_bench_until(bench, bench->streams_closed == 1);
    http_bench_until(bench, http_server_connections(bench->server) == 0);
}

static void a_reader_that_does_not_read_is_dropped_and_counted(void **state)
{
    (void)state;
    struct http_client_end c = streaming();
    int64_t before = counter_get(COUNTER_SSE_DROPPED);
    char event[1000];
    memset(event, 'x', sizeof(event));
    for (int i = 0; i < 2000 && bench->stream; i++) { /* 100 MB, which no socket buffer takes */
        for (int k = 0; k < 50 && bench->stream; k++)
            http_stream_send(bench->stream, (struct str){event, sizeof(event)});
        http_bench_turn(bench);
    }
    assert_null(bench->stream);
    assert_int_equal(bench->streams_closed, 1);
    assert_int_equal(counter_get(COUNTER_SSE_DROPPED), before + 1);
    http_bench_until(bench, http_server_connections(bench->server) == 0);
    http_end_close(&c);
}

static void a_stream_is_exempt_from_the_deadlines(void **state)
{
    (void)state;
    struct http_client_end c = streaming();
    int64_t until_us = clock_monotonic_us() + 500 * USEC_PER_MSEC; /* idle_us is 200 ms */
    http_bench_until(bench, clock_monotonic_us() > until_us);
    assert_false(http_end_closed(&c));
    assert_int_equal(bench->streams_closed, 0);
    http_end_close(&c);
}

static void stopping_ends_streams_in_order(void **state)
{
    (void)state;
    struct http_client_end c = streaming();
    http_stream_send(bench->stream, STR("data: goodbye\n\n"));
    http_server_stop(bench->server, 60 * USEC_PER_SEC, http_bench_on_stopped, bench);
    http_bench_until(bench, bench->stopped);
    http_bench_until(bench, http_end_closed(&c));
    assert_true(has_event(&c, "data: goodbye\n\n"));
    bool last;
    struct buf events = dechunked(&c, &last);
    assert_true(last);
    buf_deinit(&events);
    assert_int_equal(bench->streams_closed, 1);
    http_end_close(&c);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_event_arrives_without_waiting_for_more),
        CASE(events_of_one_turn_are_sent_together_and_in_order),
        CASE(a_closed_stream_ends_in_order_and_says_so_once),
        CASE(a_reader_that_left_is_noticed_without_an_event),
        CASE(a_reader_that_does_not_read_is_dropped_and_counted),
        CASE(a_stream_is_exempt_from_the_deadlines),
        CASE(stopping_ends_streams_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
