/* test_bus_client.c -- the small NATS client against a server that the test is. */
#include "io/bus_client.h"

#include "base/buf.h"
#include "base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* -- the server: one connection at a time, its bytes kept, its words written by the test -- */

struct scene {
    uv_loop_t loop;
    uv_tcp_t listener, peer;
    bool accepted, peer_gone, greets;
    int connections;
    struct buf received;
    size_t answered; /* of it: up to here PINGs have their PONG */
    char url[64];
    struct bus_client *client;
    int ups, downs;
    char why[160];
    struct buf heard;
    bool stopped;
};

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
    static char bytes[4096];
    (void)handle;
    (void)wanted;
    *ret = uv_buf_init(bytes, sizeof(bytes));
}

static void on_peer_closed(uv_handle_t *handle)
{
    struct scene *s = handle->data;
    s->accepted = false;
    s->peer_gone = true;
}

static void say(struct scene *s, const char *text)
{
    uv_buf_t part = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
    assert_int_equal(uv_try_write((uv_stream_t *)&s->peer, &part, 1), strlen(text));
}

static void on_peer_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct scene *s = stream->data;
    if (n < 0) {
        if (!uv_is_closing((uv_handle_t *)stream))
            uv_close((uv_handle_t *)stream, on_peer_closed);
        return;
    }
    buf_add(&s->received, bytes->base, (size_t)n);
    /* PINGs are answered as a real server does, unless the scene wants silence */
    const char *ping;
    while (s->greets && (ping = strstr(s->received.p + s->answered, "PING\r\n"))) {
        s->answered = (size_t)(ping - s->received.p) + 6;
        say(s, "PONG\r\n");
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct scene *s = listener->data;
    assert_int_equal(status, 0);
    (void)uv_tcp_init(&s->loop, &s->peer);
    s->peer.data = s;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&s->peer), 0);
    s->accepted = true;
    s->connections++;
    buf_clear(&s->received);
    s->answered = 0;
    (void)uv_read_start((uv_stream_t *)&s->peer, on_alloc, on_peer_read);
    if (s->greets)
        say(s, "INFO {\"server_id\":\"test\"}\r\n");
}

static void close_peer(struct scene *s)
{
    if (s->accepted && !uv_is_closing((uv_handle_t *)&s->peer))
        uv_close((uv_handle_t *)&s->peer, on_peer_closed);
}

/* -- the client's side -- */

static void on_state(void *arg, bool connected, const char *why)
{
    struct scene *s = arg;
    s->ups += connected;
    s->downs += !connected;
    (void)snprintf(s->why, sizeof(s->why), "%s", why ? why : "");
}

static void on_message(void *arg, struct str subject, struct str payload)
{
    struct scene *s = arg;
    buf_printf(&s->heard, "%.*s=%.*s;", STR_ARG(subject), STR_ARG(payload));
}

static void on_stopped(void *arg)
{
    ((struct scene *)arg)->stopped = true;
}

static int setup(void **state)
{
    struct scene *s = xnew(struct scene);
    struct sockaddr_storage address;
    int n = sizeof(address);
    buf_init(&s->received);
    buf_init(&s->heard);
    s->greets = true;
    (void)uv_loop_init(&s->loop);
    (void)uv_tcp_init(&s->loop, &s->listener);
    s->listener.data = s;
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, (struct sockaddr_in *)&address), 0);
    assert_int_equal(uv_tcp_bind(&s->listener, (const struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&s->listener, 8, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&s->listener, (struct sockaddr *)&address, &n), 0);
    (void)snprintf(s->url, sizeof(s->url), "nats://127.0.0.1:%d",
                   ntohs(((struct sockaddr_in *)&address)->sin_port));
    *state = s;
    return 0;
}

#define UNTIL(s, condition)                                                                                  \
    while (!(condition))                                                                                     \
    (void)uv_run(&(s)->loop, UV_RUN_ONCE)

static int teardown(void **state)
{
    struct scene *s = *state;
    if (s->client && !s->stopped)
        bus_client_stop(s->client, 0, on_stopped, s);
    UNTIL(s, !s->client || s->stopped);
    (void)bus_client_free(s->client);
    close_peer(s);
    uv_close((uv_handle_t *)&s->listener, NULL);
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    buf_deinit(&s->received);
    buf_deinit(&s->heard);
    free(s);
    return 0;
}

static void start(struct scene *s, const char *url, const char *token)
{
    struct bus_client_config config = {
        .url = url, .token = token, .name = "t", .on_state = on_state, .arg = s};
    assert_int_equal(bus_client_new(&s->loop, &config, &s->client), 0);
    bus_client_subscribe(s->client, "system.t.control", on_message, s);
    bus_client_start(s->client);
}

static void it_shakes_hands_subscribes_publishes_and_hears(void **state)
{
    struct scene *s = *state;
    start(s, s->url, "secret");
    assert_false(bus_client_publish(s->client, STR("a"), STR("lost")));
    UNTIL(s, s->ups == 1);
    assert_true(bus_client_connected(s->client));
    assert_true(bus_client_publish(s->client, STR("system.t.health"), STR("{}")));
    UNTIL(s, strstr(s->received.p, "PUB system.t.health 2\r\n{}\r\n"));
    assert_non_null(strstr(s->received.p, "\"auth_token\":\"secret\""));
    assert_non_null(strstr(s->received.p, "SUB system.t.control 1\r\n"));
    assert_null(strstr(s->received.p, "lost"));
    say(s, "MSG system.t.control 1 2\r\n{}\r\nMSG other 7 1\r\nx\r\nPING\r\n");
    UNTIL(s, strstr(s->received.p, "PONG\r\n"));
    assert_string_equal(s->heard.p, "system.t.control={};");
}

static void a_lost_bus_is_told_once_and_comes_back_with_its_subscriptions(void **state)
{
    struct scene *s = *state;
    start(s, s->url, NULL);
    for (int round = 1; round <= 3; round++) {
        UNTIL(s, s->ups == round && strstr(s->received.p, "SUB system.t.control 1\r\n"));
        assert_int_equal(s->downs, round - 1);
        close_peer(s);
        UNTIL(s, s->downs == round);
        assert_false(bus_client_connected(s->client));
        assert_false(bus_client_publish(s->client, STR("a"), STR("x")));
    }
    UNTIL(s, s->ups == 4);
    assert_int_equal(s->downs, 3);
}

static void no_server_is_told_once_however_often_it_is_tried(void **state)
{
    struct scene *s = *state;
    start(s, "nats://127.0.0.1:1", NULL);
    UNTIL(s, s->downs == 1);
    int64_t end_us = clock_monotonic_us() + USEC_PER_SEC / 2;
    UNTIL(s, clock_monotonic_us() >= end_us); /* its timer turns the loop meanwhile */
    assert_int_equal(s->downs, 1);
    assert_int_equal(s->ups, 0);
}

static void what_is_no_nats_server_is_left(void **state)
{
    struct scene *s = *state;
    s->greets = false;
    start(s, s->url, NULL);
    UNTIL(s, s->accepted);
    say(s, "HTTP/1.1 400 Bad Request\r\n\r\n");
    UNTIL(s, s->downs == 1);
    assert_non_null(strstr(s->why, "no NATS server"));
}

static void a_refusal_says_the_servers_words(void **state)
{
    struct scene *s = *state;
    s->greets = false;
    start(s, s->url, NULL);
    UNTIL(s, s->accepted);
    say(s, "INFO {}\r\n-ERR 'Authorization Violation'\r\n");
    UNTIL(s, s->downs == 1);
    assert_non_null(strstr(s->why, "Authorization Violation"));
}

static void a_refused_subject_leaves_the_connection_alone(void **state)
{
    struct scene *s = *state;
    start(s, s->url, NULL);
    UNTIL(s, s->ups == 1);
    say(s, "-ERR 'Permissions Violation for Publish to \"x\"'\r\nPING\r\n");
    UNTIL(s, strstr(s->received.p, "PONG\r\n"));
    assert_true(bus_client_connected(s->client));
    assert_int_equal(s->downs, 0);
}

static void stopping_waits_until_the_server_has_read_all(void **state)
{
    struct scene *s = *state;
    start(s, s->url, NULL);
    UNTIL(s, s->ups == 1);
    for (int i = 0; i < 100; i++)
        assert_true(bus_client_publish(s->client, STR("a"), STR("word")));
    assert_true(bus_client_publish(s->client, STR("a"), STR("last")));
    bus_client_stop(s->client, 60 * USEC_PER_SEC, on_stopped, s);
    UNTIL(s, s->stopped);
    assert_non_null(strstr(s->received.p, "last\r\nPING\r\n"));
}

static void a_silent_server_delays_no_stop_beyond_its_time(void **state)
{
    struct scene *s = *state;
    start(s, s->url, NULL);
    UNTIL(s, s->ups == 1);
    s->greets = false;
    bus_client_stop(s->client, USEC_PER_SEC / 20, on_stopped, s);
    UNTIL(s, s->stopped);
}

static void an_address_is_a_nats_url_or_a_socket(void **state)
{
    (void)state;
    static const char *const good[] = {
        "nats://localhost", "nats://127.0.0.1:4222",     "nats://[::1]:4222", "nats://tok@host:1",
        "nats://u:p@host",  "unix:/run/muster/bus.sock", "nats://host:4222/"};
    static const char *const bad[] = {
        "",           "localhost:4222",        "nats://",    "nats://host:0", "nats://host:x", "unix:",
        "tls://host", "nats://host:4222/path", "http://host"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (!bus_client_url_valid(good[i]))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (bus_client_url_valid(bad[i]))
            fail_msg("%s", bad[i]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(it_shakes_hands_subscribes_publishes_and_hears),
        T(a_lost_bus_is_told_once_and_comes_back_with_its_subscriptions),
        T(no_server_is_told_once_however_often_it_is_tried),
        T(what_is_no_nats_server_is_left),
        T(a_refusal_says_the_servers_words),
        T(a_refused_subject_leaves_the_connection_alone),
        T(stopping_waits_until_the_server_has_read_all),
        T(a_silent_server_delays_no_stop_beyond_its_time),
        cmocka_unit_test(an_address_is_a_nats_url_or_a_socket),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
