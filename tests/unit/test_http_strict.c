/* test_http_strict.c -- requests that mean two things, or nothing, byte by byte.
 *
 * The probes of request smuggling (RFC 9112 §6.1, §11.2) and of DNS rebinding; each is refused and counted,
 * and no handler runs. */
#include "http_bench_routes.h"

static struct http_bench *bench;

static int set_up(void **state)
{
    (void)state;
    bench = http_bench_new();
    http_bench_start(bench, bench_routes, COUNT_OF(bench_routes));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_bench_free(bench);
    return 0;
}

static int status_of(const char *request)
{
    return http_bench_status(bench, str_of(request));
}

/* Refused with `status`, counted once under `counter`, the connection closed, and no handler called. */
static void assert_refused_str(struct str request, int status, enum counter_id counter)
{
    int64_t before = counter_get(counter);
    struct http_client_end c = http_bench_connect(bench);
    (void)http_end_send_str(bench, &c, request);
    struct http_answer a = http_end_answer(bench, &c, false);
    assert_int_equal(a.status, status);
    assert_int_equal(counter_get(counter), before + 1);
    http_bench_until(bench, http_end_closed(&c));
    assert_int_equal(bench->handled, 0);
    http_answer_deinit(&a);
    http_end_close(&c);
}

static void assert_refused(const char *request, int status, enum counter_id counter)
{
    assert_refused_str(str_of(request), status, counter);
}

#define HOST "Host: localhost\r\n"
#define JSON "Content-Type: application/json\r\n"

static void a_plain_request_passes(void **state)
{
    (void)state;
    assert_int_equal(status_of("GET /open HTTP/1.1\r\n" HOST "\r\n"), 200);
    assert_int_equal(
        status_of("GET /open HTTP/1.1\r\nHost:localhost\r\nX-A:\r\nX-B:  spaced out \t \r\n\r\n"), 200);
    assert_int_equal(status_of("\r\nGET /open HTTP/1.1\r\n" HOST "Cookie: a=b; c=d\r\n\r\n"), 200);
    assert_int_equal(status_of("POST /things/1 HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}"), 200);
    assert_int_equal(status_of("POST /things/1 HTTP/1.1\r\n" HOST JSON
                               "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
                     200);
}

static void content_length_with_transfer_encoding_is_refused(void **state)
{
    (void)state;
    assert_refused(
        "POST /things/1 HTTP/1.1\r\n" HOST JSON
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /open HTTP/1.1\r\n" HOST "\r\n",
        400, COUNTER_HTTP_REFUSED_LENGTH);
    assert_refused("POST /things/1 HTTP/1.1\r\n" HOST JSON
                   "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
                   400, COUNTER_HTTP_REFUSED_LENGTH);
}

static void two_content_lengths_are_refused_even_when_equal(void **state)
{
    (void)state;
    assert_refused("POST /things/1 HTTP/1.1\r\n" HOST JSON
                   "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
                   400, COUNTER_HTTP_REFUSED_LENGTH);
    assert_refused("POST /things/1 HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\ncontent-length: 2\r\n\r\n{}",
                   400, COUNTER_HTTP_REFUSED_LENGTH);
}

static void a_content_length_that_is_no_plain_number_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"+4", "-1", "0x4", "4,4", "4 4", "", "four", "4;"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct buf request = BUF_INIT;
        buf_printf(&request, "POST /things/1 HTTP/1.1\r\n" HOST JSON "Content-Length: %s\r\n\r\nabcd",
                   values[i]);
        assert_refused(request.p, 400, COUNTER_HTTP_REFUSED_MALFORMED);
        buf_deinit(&request);
    }
}

static void a_transfer_encoding_other_than_chunked_is_refused(void **state)
{
    (void)state;
    assert_refused("POST /things/1 HTTP/1.1\r\n" HOST JSON
                   "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                   501, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("POST /things/1 HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                   501, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("POST /things/1 HTTP/1.1\r\n" HOST JSON
                   "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
                   400, COUNTER_HTTP_REFUSED_LENGTH);
}

static void a_malformed_chunk_is_refused(void **state)
{
    (void)state;
    assert_refused("POST /things/1 HTTP/1.1\r\n" HOST JSON
                   "Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
                   400, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("POST /things/1 HTTP/1.1\r\n" HOST JSON
                   "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
                   400, COUNTER_HTTP_REFUSED_MALFORMED);
}

static void a_space_before_the_colon_is_refused(void **state)
{
    (void)state;
    assert_refused("GET /open HTTP/1.1\r\n" HOST "X-A : b\r\n\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("GET /open HTTP/1.1\r\nHost : localhost\r\n\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("POST /things/1 HTTP/1.1\r\n" HOST JSON "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
                   400, COUNTER_HTTP_REFUSED_MALFORMED);
}

static void a_folded_header_line_is_refused(void **state)
{
    (void)state;
    assert_refused("GET /open HTTP/1.1\r\n" HOST "X-A: b\r\n c\r\n\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("GET /open HTTP/1.1\r\n" HOST "X-A: b\r\n\tc\r\nX-B: d\r\n\r\n", 400,
                   COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("GET /open HTTP/1.1\r\n X-A: b\r\n" HOST "\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
}

static void nul_is_refused_wherever_it_is(void **state)
{
    (void)state;
    assert_refused_str(STR("GET /open HTTP/1.1\r\n" HOST "X-A: b\0c\r\n\r\n"), 400,
                       COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused_str(STR("GET /open HTTP/1.1\r\n" HOST "X-A: b\0c\r\nX-B: d\r\n\r\n"), 400,
                       COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused_str(STR("GET /open HTTP/1.1\r\n" HOST "X\0A: b\r\n\r\n"), 400,
                       COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused_str(STR("GET /open\0x HTTP/1.1\r\n" HOST "\r\n"), 400, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("GET /open%00 HTTP/1.1\r\n" HOST "\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
}

static void control_characters_in_a_value_are_refused(void **state)
{
    (void)state;
    assert_refused("GET /open HTTP/1.1\r\n" HOST "X-A: b\rc\r\n\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("GET /open HTTP/1.1\r\n" HOST "X-A: \x01\r\n\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
}

static void a_header_name_is_a_token(void **state)
{
    (void)state;
    assert_refused("GET /open HTTP/1.1\r\n" HOST "X A: b\r\n\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("GET /open HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("GET /open HTTP/1.1\r\n" HOST "no colon\r\n\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
}

static void lines_end_with_cr_lf(void **state)
{
    (void)state;
    assert_refused("GET /open HTTP/1.1\r\n" HOST "X-A: b\nX-B: c\r\n\r\n", 400,
                   COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("GET /open HTTP/1.1\n" HOST "\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
}

static void a_target_is_visible_ascii_with_whole_escapes(void **state)
{
    (void)state;
    static const char *const targets[] = {"/op en", "/open#x", "/open%",    "/open%4", "/open%zz",
                                          "open",   "*",       "/\xc3\xa9", "/a\x7f"};
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct buf request = BUF_INIT;
        buf_printf(&request, "GET %s HTTP/1.1\r\n" HOST "\r\n", targets[i]);
        assert_refused(request.p, 400, COUNTER_HTTP_REFUSED_MALFORMED);
        buf_deinit(&request);
    }
}

static void an_http_version_that_is_not_1_x_is_refused(void **state)
{
    (void)state;
    assert_refused("GET /open HTTP/2.0\r\n" HOST "\r\n", 505, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("GET /open HTTX/1.1\r\n" HOST "\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
    assert_refused("GET /open\r\n" HOST "\r\n", 400, COUNTER_HTTP_REFUSED_MALFORMED);
}

static void what_is_no_http_at_all_is_counted_though_it_gets_no_answer(void **state)
{
    (void)state;
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_MALFORMED);
    struct http_client_end c = http_bench_connect(bench);
    (void)http_end_send(bench, &c, "nonsense\r\n\r\n");
    http_bench_until(bench, http_end_closed(&c));
    http_bench_until(bench, counter_get(COUNTER_HTTP_REFUSED_MALFORMED) == before + 1);
    assert_int_equal(c.in.n, 0);
    http_end_close(&c);
}

static void a_client_that_says_nothing_is_not_counted(void **state)
{
    (void)state;
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_MALFORMED);
    struct http_client_end c = http_bench_connect(bench);
    http_bench_until(bench, http_server_connections(bench->server) == 1);
    http_end_close(&c);
    http_bench_until(bench, http_server_connections(bench->server) == 0);
    assert_int_equal(counter_get(COUNTER_HTTP_REFUSED_MALFORMED), before);
}

/* -- Host -- */

static int status_for_host(const char *format, int port)
{
    struct buf request = BUF_INIT;
    buf_add_text(&request, "GET /open HTTP/1.1\r\nHost: ");
    for (const char *p = format; *p; p++)
        if (*p == '$')
            buf_add_i64(&request, port);
        else
            buf_add_char(&request, *p);
    buf_add_text(&request, "\r\n\r\n");
    int status = http_bench_status(bench, buf_str(&request));
    buf_deinit(&request);
    return status;
}

static void a_missing_host_is_refused(void **state)
{
    (void)state;
    assert_int_equal(status_of("GET /open HTTP/1.1\r\n\r\n"), 400);
    assert_int_equal(status_of("GET /open HTTP/1.0\r\n\r\n"), 400);
    assert_int_equal(status_of("GET /open HTTP/1.1\r\nHost:\r\n\r\n"), 400);
    assert_int_equal(bench->handled, 0);
}

static void two_hosts_are_refused(void **state)
{
    (void)state;
    assert_refused("GET /open HTTP/1.1\r\n" HOST HOST "\r\n", 400, COUNTER_HTTP_REFUSED_LENGTH);
}

static void our_own_names_are_answered_with_our_port_or_none(void **state)
{
    (void)state;
    int port = http_server_port(bench->server);
    static const char *const ours[] = {"localhost", "LOCALHOST:$", "127.0.0.1", "127.0.0.1:$", "[::1]:$"};
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        assert_int_equal(status_for_host(ours[i], port), 200);
}

static void a_foreign_host_is_refused(void **state)
{
    (void)state;
    int port = http_server_port(bench->server);
    int64_t before = counter_get(COUNTER_HTTP_REFUSED_HOST);
    static const char *const foreign[] = {"evil.example",           "evil.example:$",           "localhost:1",
                                          "localhost.evil.example", "127.0.0.1.evil.example:$", "192.0.2.1"};
    for (size_t i = 0; i < COUNT_OF(foreign); i++)
        assert_int_equal(status_for_host(foreign[i], port), 421);
    assert_int_equal(counter_get(COUNTER_HTTP_REFUSED_HOST), before + (int64_t)COUNT_OF(foreign));
    assert_int_equal(bench->handled, 0);
}

static void an_absolute_target_is_held_to_its_own_host(void **state)
{
    (void)state;
    assert_int_equal(status_of("GET http://localhost/open HTTP/1.1\r\n" HOST "\r\n"), 200);
    assert_int_equal(status_of("GET http://evil.example/open HTTP/1.1\r\n" HOST "\r\n"), 421);
    assert_int_equal(status_of("GET http://localhost/open HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 200);
}

/* -- pages in a browser -- */

static void a_foreign_origin_may_not_change_state(void **state)
{
    (void)state;
    static const char *const origins[] = {"http://evil.example", "null", "https://localhost:1", "localhost",
                                          ""};
    for (size_t i = 0; i < COUNT_OF(origins); i++) {
        struct buf request = BUF_INIT;
        buf_printf(&request,
                   "POST /things/1 HTTP/1.1\r\n" HOST JSON "Origin: %s\r\nContent-Length: 2\r\n\r\n{}",
                   origins[i]);
        assert_int_equal(http_bench_status(bench, buf_str(&request)), 403);
        buf_deinit(&request);
    }
    assert_int_equal(bench->handled, 0);
    assert_int_equal(status_of("POST /things/1 HTTP/1.1\r\n" HOST JSON
                               "Origin: http://localhost\r\nContent-Length: 2\r\n\r\n{}"),
                     200);
    assert_int_equal(status_of("GET /things/1 HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n\r\n"), 200);
}

static void a_body_is_json_or_refused(void **state)
{
    (void)state;
    static const char *const types[] = {"text/plain", "application/x-www-form-urlencoded",
                                        "application/jsonx", "multipart/form-data", ""};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct buf request = BUF_INIT;
        buf_printf(&request,
                   "POST /things/1 HTTP/1.1\r\n" HOST "Content-Type: %s\r\nContent-Length: 2\r\n\r\n{}",
                   types[i]);
        assert_int_equal(http_bench_status(bench, buf_str(&request)), 415);
        buf_deinit(&request);
    }
    assert_int_equal(status_of("POST /things/1 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}"), 415);
    assert_int_equal(
        status_of("POST /things/1 HTTP/1.1\r\n" HOST
                  "Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"),
        200);
}

static void a_request_without_body_needs_a_type_when_a_page_sends_it(void **state)
{
    (void)state;
    assert_int_equal(status_of("POST /things/1 HTTP/1.1\r\n" HOST "\r\n"), 200);
    assert_int_equal(status_of("POST /things/1 HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\n\r\n"), 415);
    assert_int_equal(status_of("POST /things/1 HTTP/1.1\r\n" HOST "Origin: http://localhost\r\n\r\n"), 415);
    assert_int_equal(status_of("POST /things/1 HTTP/1.1\r\n" HOST JSON "Origin: http://localhost\r\n\r\n"),
                     200);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_plain_request_passes),
        CASE(content_length_with_transfer_encoding_is_refused),
        CASE(two_content_lengths_are_refused_even_when_equal),
        CASE(a_content_length_that_is_no_plain_number_is_refused),
        CASE(a_transfer_encoding_other_than_chunked_is_refused),
        CASE(a_malformed_chunk_is_refused),
        CASE(a_space_before_the_colon_is_refused),
        CASE(a_folded_header_line_is_refused),
        CASE(nul_is_refused_wherever_it_is),
        CASE(control_characters_in_a_value_are_refused),
        CASE(a_header_name_is_a_token),
        CASE(lines_end_with_cr_lf),
        CASE(a_target_is_visible_ascii_with_whole_escapes),
        CASE(an_http_version_that_is_not_1_x_is_refused),
        CASE(what_is_no_http_at_all_is_counted_though_it_gets_no_answer),
        CASE(a_client_that_says_nothing_is_not_counted),
        CASE(a_missing_host_is_refused),
        CASE(two_hosts_are_refused),
        CASE(our_own_names_are_answered_with_our_port_or_none),
        CASE(a_foreign_host_is_refused),
        CASE(an_absolute_target_is_held_to_its_own_host),
        CASE(a_foreign_origin_may_not_change_state),
        CASE(a_body_is_json_or_refused),
        CASE(a_request_without_body_needs_a_type_when_a_page_sends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
