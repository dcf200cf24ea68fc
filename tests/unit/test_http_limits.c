/* test_http_limits.c -- what one client may take: bytes, connections, time; the listening sockets; the end.
 */
#include "http_bench_routes.h"

#include <sys/stat.h>

#define HOST "Host: localhost\r\n"
#define JSON "Content-Type: application/json\r\n"
#define OPEN "GET /open HTTP/1.1\r\n" HOST "\r\n"

static struct http_bench *bench;

static int set_up(void **state)
{
    (void)state;
    bench = http_bench_new();
    bench->config.limits.header_bytes = 4096;
    bench->config.limits.body_bytes = 10000;
    return 0;
}

static void start(void)
{
    http_bench_start(bench, bench_routes, COUNT_OF(bench_routes));
}

static int tear_down(void **state)
{
    (void)state;
    http_bench_free(bench);
    return 0;
}

static struct http_client_end connected(const char *request)
{
    struct http_client_end c = http_bench_connect(bench);
    assert_true(http_end_send(bench, &c, request));
    return c;
}

static void assert_answer(struct http_client_end *c, int status)
{
    struct http_answer a = http_end_answer(bench, c, false);
    assert_int_equal(a.status, status);
    http_answer_deinit(&a);
}

/* Also: it is counted once, as a problem, and the connection ends. */
static void assert_refused(struct http_client_end *c, int status, enum counter_id counter, int64_t before)
{
    struct http_answer a = http_end_answer(bench, c, false);
    assert_int_equal(a.status, status);
    assert_true(str_equal(http_answer_header(&a, "Content-Type"), STR("application/problem+json")));
    assert_true(str_equal(http_answer_header(&a, "Connection"), STR("close")));
    assert_int_equal(counter_get(counter), before + 1);
    http_bench_until(bench, http_end_closed(c));
    http_answer_deinit(&a);
    http_end_close(c);
}

/* -- bytes -- */

static void a_declared_body_over_the_limit_is_refused_before_it_comes(void **state)
{
    (void)state;
    start();
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_BODY_LARGE);
    struct http_client_end c =
        connected("POST /things/1 HTTP/1.1\r\n" HOST JSON "Content-Length: 10001\r\n\r\n");
    assert_refused(&c, 413, COUNTER_HTTP_REFUSED_BODY_LARGE, before);
}

static void a_client_that_waits_to_continue_is_told_no(void **state)
{
    (void)state;
    start();
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_BODY_LARGE);
    struct http_client_end c = connected("POST /things/1 HTTP/1.1\r\n" HOST JSON
                                         "Expect: 100-continue\r\nContent-Length: 10001\r\n\r\n");
    assert_refused(&c, 413, COUNTER_HTTP_REFUSED_BODY_LARGE, before);
}

static void a_client_that_sends_on_still_reads_why(void **state)
{
    (void)state;
    start();
    struct buf body = BUF_INIT;
    for (int i = 0; i < 10000000; i++)
        buf_add_char(&body, 'x');
    struct http_client_end c =
        connected("POST /things/1 HTTP/1.1\r\n" HOST JSON "Content-Length: 10000000\r\n\r\n");
    assert_true(http_end_send_str(bench, &c, buf_str(&body)));
    assert_answer(&c, 413);
    buf_deinit(&body);
    http_end_close(&c);
}

static void a_body_of_unknown_length_is_refused_when_it_grows_too_large(void **state)
{
    (void)state;
    start();
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_BODY_LARGE);
    struct http_client_end c =
        connected("POST /things/1 HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n");
    struct buf chunk = BUF_INIT;
    buf_add_text(&chunk, "1000\r\n");
    for (int i = 0; i < 0x1000; i++)
        buf_add_char(&chunk, 'x');
    buf_add_text(&chunk, "\r\n");
    for (int i = 0; i < 3; i++) /* 12288 > 10000 */
        assert_true(http_end_send_str(bench, &c, buf_str(&chunk)));
    buf_deinit(&chunk);
    assert_refused(&c, 413, COUNTER_HTTP_REFUSED_BODY_LARGE, before);
    assert_int_equal(bench->handled, 0);
}

static void a_body_of_exactly_the_limit_passes(void **state)
{
    (void)state;
    start();
    struct buf body = BUF_INIT;
    for (int i = 0; i < 10000; i++)
        buf_add_char(&body, 'x');
    struct http_client_end c =
        connected("POST /things/1 HTTP/1.1\r\n" HOST JSON "Content-Length: 10000\r\n\r\n");
    assert_true(http_end_send_str(bench, &c, buf_str(&body)));
    assert_answer(&c, 200);
    buf_deinit(&body);
    http_end_close(&c);
}

static void a_refused_request_with_a_body_leaves_the_connection_usable(void **state)
{
    (void)state;
    start();
    struct http_client_end c =
        connected("POST /nowhere HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}" OPEN);
    assert_answer(&c, 404);
    assert_answer(&c, 200);
    http_end_close(&c);
}

static struct buf request_with_header_of(size_t bytes) /* the whole header, to the empty line */
{
    struct buf request = BUF_INIT;
    buf_add_text(&request, "GET /open HTTP/1.1\r\n" HOST "X-Long: ");
    while (request.n < bytes - 4)
        buf_add_char(&request, 'x');
    buf_add_text(&request, "\r\n\r\n");
    return request;
}

static void a_header_over_the_limit_is_431(void **state)
{
    (void)state;
    start();
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_HEADER_LARGE);
    struct buf fits = request_with_header_of(4096), too_large = request_with_header_of(4097);
    struct http_client_end first = connected(fits.p), second = connected(too_large.p);
    assert_answer(&first, 200);
    assert_refused(&second, 431, COUNTER_HTTP_REFUSED_HEADER_LARGE, before);
    http_end_close(&first);
    buf_deinit(&fits);
    buf_deinit(&too_large);
}

static void a_header_without_end_is_refused(void **state)
{
    (void)state;
    start();
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_HEADER_LARGE);
    struct buf line = request_with_header_of(65536), target = BUF_INIT, many = BUF_INIT;
    buf_add_text(&target, "GET /");
    buf_add_text(&many, "GET /open HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 6000; i++) {
        buf_add_text(&target, "xxxxxxxxxx");
        buf_add_text(&many, "A:b\r\n");
    }
    const struct buf *floods[] = {&line, &target, &many};
    static const int statuses[] = {431, 414, 431};
    for (size_t i = 0; i < COUNT_OF(floods); i++) {
        struct http_client_end c = http_bench_connect(bench);
        (void)http_end_send_str(bench, &c, buf_str(floods[i])); /* may be cut off */
        http_bench_until(bench, http_end_closed(&c));
        assert_int_equal(http_end_status(&c), statuses[i]);
        http_end_close(&c);
    }
    assert_int_equal(counter_get(COUNTER_HTTP_REFUSED_HEADER_LARGE), before + 3);
    buf_deinit(&line);
    buf_deinit(&target);
    buf_deinit(&many);
}

/* -- connections -- */

static void one_connection_too_many_is_503_and_the_others_do_not_notice(void **state)
{
    (void)state;
    bench->config.limits.connections = 3;
    start();
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_CONNECTIONS);
    struct http_client_end c[3];
    for (size_t i = 0; i < COUNT_OF(c); i++)
        c[i] = http_bench_connect(bench);
    http_bench_until(bench, http_server_connections(bench->server) == 3);
    struct http_client_end extra = http_bench_connect(bench);
    assert_refused(&extra, 503, COUNTER_HTTP_REFUSED_CONNECTIONS, before);
    for (size_t i = 0; i < COUNT_OF(c); i++) {
        assert_true(http_end_send(bench, &c[i], OPEN));
        assert_answer(&c[i], 200);
    }
    http_end_close(&c[0]); /* and one that leaves makes room */
    http_bench_until(bench, http_server_connections(bench->server) == 2);
    extra = connected(OPEN);
    assert_answer(&extra, 200);
    http_end_close(&extra);
    http_end_close(&c[1]);
    http_end_close(&c[2]);
}

static void one_connection_too_many_from_an_address_is_429(void **state)
{
    (void)state;
    bench->config.limits.connections_per_address = 2;
    start();
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_PER_ADDRESS);
    struct http_client_end a = connected(OPEN), b = connected(OPEN), extra = http_bench_connect(bench);
    assert_refused(&extra, 429, COUNTER_HTTP_REFUSED_PER_ADDRESS, before);
    assert_answer(&a, 200);
    assert_answer(&b, 200);
    http_end_close(&a);
    http_end_close(&b);
}

/* -- time -- */

static void a_slow_header_is_408(void **state)
{
    (void)state;
    bench->config.limits.header_us = 100 * USEC_PER_MSEC;
    start();
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_HEADER_SLOW), begun_us = clock_monotonic_us();
    struct http_client_end c = connected("GET /open HTTP/1.1\r\nHo"); /* and no more */
    struct http_client_end fine = connected(OPEN);
    assert_refused(&c, 408, COUNTER_HTTP_REFUSED_HEADER_SLOW, before);
    assert_true(clock_monotonic_us() - begun_us >= 100 * USEC_PER_MSEC);
    assert_answer(&fine, 200);
    http_end_close(&fine);
}

static void a_header_that_trickles_is_408_all_the_same(void **state)
{
    (void)state;
    bench->config.limits.header_us = 200 * USEC_PER_MSEC;
    start();
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_HEADER_SLOW), next_us = 0;
    struct http_client_end c = connected("GET /open HTTP/1.1\r\n" HOST "X-Slow: ");
    while (!http_end_has(&c, "HTTP/1.1 408 ")) { /* a byte each 10 ms: never idle for long */
        assert_false(c.ended);
        if (clock_monotonic_us() >= next_us) {
            (void)send(c.fd, "x", 1, MSG_NOSIGNAL);
            next_us = clock_monotonic_us() + 10 * USEC_PER_MSEC;
        }
        http_bench_turn(bench);
    }
    assert_int_equal(counter_get(COUNTER_HTTP_REFUSED_HEADER_SLOW), before + 1);
    http_end_close(&c);
}

static void a_trickle_on_a_kept_connection_gets_a_headers_time(void **state)
{
    (void)state;
    bench->config.limits.header_us = 200 * USEC_PER_MSEC; /* idle_us is 75 s */
    start();
    struct http_client_end c = connected(OPEN);
    assert_answer(&c, 200);
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_HEADER_SLOW), next_us = 0;
    while (!http_end_closed(&c)) {
        if (clock_monotonic_us() >= next_us) {
            (void)send(c.fd, "G", 1, MSG_NOSIGNAL);
            next_us = clock_monotonic_us() + 20 * USEC_PER_MSEC;
        }
        http_bench_turn(bench);
    }
    assert_int_equal(http_end_status(&c), 408);
    assert_int_equal(counter_get(COUNTER_HTTP_REFUSED_HEADER_SLOW), before + 1);
    http_end_close(&c);
}

static void a_connection_that_says_nothing_is_closed(void **state)
{
    (void)state;
    bench->config.limits.header_us = 50 * USEC_PER_MSEC;
    start();
    struct http_client_end c = http_bench_connect(bench);
    http_bench_until(bench, http_end_closed(&c));
    assert_int_equal(http_end_status(&c), 408);
    http_end_close(&c);
}

static void a_slow_body_is_408(void **state)
{
    (void)state;
    bench->config.limits.total_us = 100 * USEC_PER_MSEC;
    start();
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_BODY_SLOW);
    struct http_client_end c =
        connected("POST /things/1 HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{");
    assert_refused(&c, 408, COUNTER_HTTP_REFUSED_BODY_SLOW, before);
    assert_int_equal(bench->handled, 0);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    (void)state;
    bench->config.limits.idle_us = 100 * USEC_PER_MSEC;
    start();
    struct http_client_end c = connected(OPEN);
    assert_answer(&c, 200);
    http_bench_until(bench, http_end_closed(&c));
    assert_int_equal(c.in.n, 0);
    http_end_close(&c);
}

static void a_handler_may_take_longer_than_any_deadline(void **state)
{
    (void)state;
    bench->config.limits.header_us = bench->config.limits.total_us = bench->config.limits.idle_us =
        40 * USEC_PER_MSEC;
    start();
    struct http_client_end c = connected("GET /held HTTP/1.1\r\n" HOST "\r\n");
    int64_t until_us = clock_monotonic_us() + 200 * USEC_PER_MSEC;
    http_bench_until(bench, clock_monotonic_us() > until_us);
    assert_false(http_end_closed(&c));
    http_reply_empty(bench->held, 204);
    assert_answer(&c, 204);
    http_end_close(&c);
}

/* -- listening -- */

static int start_failure(struct http_bench *b, struct err *e)
{
    b->server = http_server_new(&b->loop, &b->config, bench_routes, COUNT_OF(bench_routes));
    return http_server_start(b->server, e);
}

static void without_a_token_only_loopback_is_bound(void **state)
{
    (void)state;
    static const char *const open_addresses[] = {"0.0.0.0:0", "[::]:0"};
    for (size_t i = 0; i < COUNT_OF(open_addresses); i++) {
        struct http_bench *b = http_bench_new();
        struct err e = {0};
        b->config.listen = open_addresses[i];
        assert_int_not_equal(start_failure(b, &e), 0);
        assert_int_equal(e.code, ERR_INVALID);
        assert_non_null(strstr(e.text, "token"));
        http_bench_free(b);
    }
    bench->config.listen = "0.0.0.0:0";
    bench->config.have_token = true;
    start();
    assert_true(http_server_port(bench->server) > 0);
}

static void an_address_that_is_none_is_an_error(void **state)
{
    (void)state;
    static const char *const wrong[] = {"6878",        "127.0.0.1", "127.0.0.1:",  "127.0.0.1:65536",
                                        "127.0.0.1:x", "::1:80",    "999.1.1.1:80"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct http_bench *b = http_bench_new();
        struct err e = {0};
        b->config.listen = wrong[i];
        assert_int_not_equal(start_failure(b, &e), 0);
        assert_true(e.text[0]);
        http_bench_free(b);
    }
    start();
}

static void a_port_that_is_taken_is_an_error(void **state)
{
    (void)state;
    char listen_on[32];
    struct http_bench *b = http_bench_new();
    struct err e = {0};
    start();
    (void)snprintf(listen_on, sizeof(listen_on), "127.0.0.1:%d", http_server_port(bench->server));
    b->config.listen = listen_on;
    assert_int_equal(start_failure(b, &e), -EADDRINUSE);
    http_bench_free(b);
}

static void a_live_unix_socket_is_not_stolen(void **state)
{
    (void)state;
    char folder[] = "/tmp/http-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/s", folder);
    bench->config.unix_socket = path;
    start();
    struct http_bench *second = http_bench_new();
    struct err e = {0};
    second->config.unix_socket = path;
    assert_int_equal(start_failure(second, &e), -EADDRINUSE);
    http_bench_free(second);
    struct http_client_end c = http_bench_connect_unix(path); /* the first one is still there */
    assert_true(http_end_send(bench, &c, OPEN));
    assert_answer(&c, 200);
    http_end_close(&c);
    http_bench_free(bench);
    bench = http_bench_new();
    start();
    assert_int_equal(rmdir(folder), 0);
}

static void a_stale_unix_socket_is_replaced(void **state)
{
    (void)state;
    char folder[] = "/tmp/http-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    close(fd); /* the path stays, nobody listens */
    bench->config.unix_socket = address.sun_path;
    start();
    struct http_client_end c = http_bench_connect_unix(address.sun_path);
    assert_true(http_end_send(bench, &c, OPEN));
    assert_answer(&c, 200);
    http_end_close(&c);
    http_bench_free(bench);
    bench = http_bench_new();
    start();
    assert_int_equal(rmdir(folder), 0);
}

static void what_is_no_socket_is_not_replaced(void **state)
{
    (void)state;
    char path[] = "/tmp/http-XXXXXX";
    struct http_bench *b = http_bench_new();
    struct err e = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    b->config.unix_socket = path;
    assert_int_equal(start_failure(b, &e), -EEXIST);
    http_bench_free(b);
    assert_int_equal(unlink(path), 0); /* still there */
    start();
}

static void a_path_that_is_somebody_elses_by_now_is_left_alone(void **state)
{
    (void)state;
    char folder[] = "/tmp/http-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/s", folder);
    bench->config.unix_socket = path;
    start();
    assert_int_equal(unlink(path), 0);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    http_bench_free(bench);
    bench = http_bench_new();
    start();
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* -- stopping -- */

static void stopping_waits_for_what_is_under_way(void **state)
{
    (void)state;
    start();
    int port = http_server_port(bench->server);
    struct http_client_end c = connected("GET /held HTTP/1.1\r\n" HOST "\r\n");
    http_bench_until(bench, bench->held);
    http_server_stop(bench->server, 60 * USEC_PER_SEC, http_bench_on_stopped, bench);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), -1); /* nobody new */
    close(fd);
    for (int i = 0; i < 20; i++)
        http_bench_turn(bench);
    assert_false(bench->stopped);
    http_reply_empty(bench->held, 204);
    assert_answer(&c, 204);
    http_bench_until(bench, bench->stopped);
    http_end_close(&c);
}

static void after_the_grace_a_held_request_is_let_go_and_its_reply_is_harmless(void **state)
{
    (void)state;
    start();
    struct http_client_end c = connected("GET /held HTTP/1.1\r\n" HOST "X-Kept: yes\r\n\r\n");
    http_bench_until(bench, bench->held);
    http_server_stop(bench->server, 20 * USEC_PER_MSEC, http_bench_on_stopped, bench);
    http_bench_until(bench, bench->stopped);
    http_bench_until(bench, http_end_closed(&c));
    assert_int_equal(http_end_status(&c), 503);
    bench->server = http_server_free(bench->server);
    assert_true(str_equal(http_path(bench->held), STR("/held")));
    assert_null(http_header(bench->held, "X-Kept").p);
    http_reply_problem(bench->held, 500, NULL, "nobody hears this");
    http_end_close(&c);
}

static void idle_connections_do_not_hold_up_the_end(void **state)
{
    (void)state;
    start();
    struct http_client_end idle = connected(OPEN), mute = http_bench_connect(bench);
    assert_answer(&idle, 200);
    int64_t begun_us = clock_monotonic_us();
    http_server_stop(bench->server, 60 * USEC_PER_SEC, http_bench_on_stopped, bench);
    http_bench_until(bench, bench->stopped);
    assert_true(clock_monotonic_us() - begun_us < 5 * USEC_PER_SEC);
    http_end_close(&idle);
    http_end_close(&mute);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_declared_body_over_the_limit_is_refused_before_it_comes),
        CASE(a_client_that_waits_to_continue_is_told_no),
        CASE(a_client_that_sends_on_still_reads_why),
        CASE(a_body_of_unknown_length_is_refused_when_it_grows_too_large),
        CASE(a_body_of_exactly_the_limit_passes),
        CASE(a_refused_request_with_a_body_leaves_the_connection_usable),
        CASE(a_header_over_the_limit_is_431),
        CASE(a_header_without_end_is_refused),
        CASE(one_connection_too_many_is_503_and_the_others_do_not_notice),
        CASE(one_connection_too_many_from_an_address_is_429),
        CASE(a_slow_header_is_408),
        CASE(a_header_that_trickles_is_408_all_the_same),
        CASE(a_trickle_on_a_kept_connection_gets_a_headers_time),
        CASE(a_connection_that_says_nothing_is_closed),
        CASE(a_slow_body_is_408),
        CASE(an_idle_connection_is_closed_without_a_word),
        CASE(a_handler_may_take_longer_than_any_deadline),
        CASE(without_a_token_only_loopback_is_bound),
        CASE(an_address_that_is_none_is_an_error),
        CASE(a_port_that_is_taken_is_an_error),
        CASE(a_live_unix_socket_is_not_stolen),
        CASE(a_stale_unix_socket_is_replaced),
        CASE(what_is_no_socket_is_not_replaced),
        CASE(a_path_that_is_somebody_elses_by_now_is_left_alone),
        CASE(stopping_waits_for_what_is_under_way),
        CASE(after_the_grace_a_held_request_is_let_go_and_its_reply_is_harmless),
        CASE(idle_connections_do_not_hold_up_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
