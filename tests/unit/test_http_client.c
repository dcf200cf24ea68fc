/* test_http_client.c -- the client against the server of this very program, in one loop. */
#include "io/http_client.h"

#include "certificate.h"
#include "http_bench_routes.h"

#include <curl/curl.h>

static struct http_bench *bench;
static struct http_client *client;
static char folder[] = "/tmp/http-XXXXXX", socket_path[64], certificate_path[64], key_path[64];

struct result { /* what on_done saw, copied */
    int calls, status, code;
    struct buf body;
    char error[256], etag[64], missing[8];
};

static void on_done(void *arg, const struct http_client_response *response)
{
    struct result *r = arg;
    r->calls++;
    r->status = response->status;
    r->code = response->curl_code;
    buf_clear(&r->body);
    buf_add_str(&r->body, response->body);
    (void)snprintf(r->error, sizeof(r->error), "%s", response->error);
    (void)snprintf(r->etag, sizeof(r->etag), "%.*s", STR_ARG(http_client_header(response, "etag")));
    (void)snprintf(r->missing, sizeof(r->missing), "%.*s",
                   STR_ARG(http_client_header(response, "X-Missing")));
}

static int set_up_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(socket_path, sizeof(socket_path), "%s/s", folder);
    (void)snprintf(certificate_path, sizeof(certificate_path), "%s/c", folder);
    (void)snprintf(key_path, sizeof(key_path), "%s/k", folder);
    return certificate_write(certificate_path, key_path) ? 0 : -1;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(certificate_path);
    (void)unlink(key_path);
    return rmdir(folder);
}

static void start(bool tls)
{
    bench = http_bench_new();
    bench->config.unix_socket = socket_path;
    bench->config.tls_certificate_file = tls ? certificate_path : NULL;
    bench->config.tls_key_file = tls ? key_path : NULL;
    http_bench_start(bench, bench_routes, COUNT_OF(bench_routes));
    client = http_client_new(&bench->loop);
}

static int set_up(void **state)
{
    (void)state;
    start(false);
    return 0;
}

static int set_up_tls(void **state)
{
    (void)state;
    start(true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    client = http_client_free(client);
    http_bench_free(bench);
    return 0;
}

static const char *url_of(const char *scheme, const char *path)
{
    static char url[256];
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%d%s", scheme, http_server_port(bench->server), path);
    return url;
}

static struct result ask(const struct http_client_request *request)
{
    struct result r = {.body = BUF_INIT};
    http_client_send(client, request, on_done, &r);
    assert_int_equal(r.calls, 0); /* never from within the call */
    http_bench_until(bench, r.calls);
    assert_int_equal(r.calls, 1);
    return r;
}

static void assert_answered(struct result *r, int status, const char *in_body)
{
    if (r->code)
        fail_msg("%s", r->error);
    assert_string_equal(r->error, "");
    assert_int_equal(r->status, status);
    assert_non_null(strstr(r->body.p, in_body));
    buf_deinit(&r->body);
}

static void assert_failed(struct result *r, int code)
{
    assert_int_equal(r->code, code);
    assert_int_equal(r->status, 0);
    assert_int_equal(r->body.n, 0);
    assert_true(r->error[0]);
    buf_deinit(&r->body);
}

static void an_answer_comes_with_status_fields_and_body(void **state)
{
    (void)state;
    struct result r = ask(&(struct http_client_request){.url = url_of("http", "/things/7")});
    assert_int_equal(r.etag[0], '"');
    assert_string_equal(r.missing, "");
    assert_answered(&r, 200, "\"id\":\"7\"");
}

static void a_body_is_sent_with_its_type(void **state)
{
    (void)state;
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct result r = ask(&(struct http_client_request){
        .method = "POST", .url = url_of("http", "/things/1"), .headers = headers, .body = STR("{\"a\":1}")});
    assert_answered(&r, 200, "{\\\"a\\\":1}");
}

static void a_problem_is_an_answer_too(void **state)
{
    (void)state;
    struct result r = ask(&(struct http_client_request){.url = url_of("http", "/nowhere")});
    assert_answered(&r, 404, "\"status\":404");
    r = ask(&(struct http_client_request){.method = "DELETE", .url = url_of("http", "/items/3")});
    assert_answered(&r, 204, "");
}

static void a_compressed_answer_is_given_plain(void **state)
{
    (void)state;
    struct result r = ask(&(struct http_client_request){.url = url_of("http", "/big")});
    assert_int_equal(r.body.n, 65536);
    assert_answered(&r, 200, "xxxx");
}

static void an_answer_that_is_too_large_is_none(void **state)
{
    (void)state;
    struct result r =
        ask(&(struct http_client_request){.url = url_of("http", "/big"), .max_body_bytes = 65535});
    assert_failed(&r, CURLE_WRITE_ERROR);
    r = ask(&(struct http_client_request){.url = url_of("http", "/big"), .max_body_bytes = 65536});
    assert_answered(&r, 200, "xxxx");
}

static void the_unix_socket_is_reached_by_its_path(void **state)
{
    (void)state;
    struct result r =
        ask(&(struct http_client_request){.url = "http://node/things/1", .unix_socket = socket_path});
    assert_answered(&r, 200, "\"actor\":\"uid:");
}

static void connections_are_kept_alive(void **state)
{
    (void)state;
    int64_t before = counter_get(COUNTER_HTTP_CONNECTIONS);
    for (int i = 0; i < 5; i++) {
        struct result r = ask(&(struct http_client_request){.url = url_of("http", "/open")});
        assert_answered(&r, 200, "");
    }
    assert_int_equal(counter_get(COUNTER_HTTP_CONNECTIONS), before + 1);
}

static void many_run_at_once(void **state)
{
    (void)state;
    struct result results[50];
    for (size_t i = 0; i < COUNT_OF(results); i++) {
        char path[32];
        results[i] = (struct result){.body = BUF_INIT};
        (void)snprintf(path, sizeof(path), "/things/n%zu", i);
        http_client_send(client, &(struct http_client_request){.url = url_of("http", path)}, on_done,
                         &results[i]);
    }
    for (size_t i = 0; i < COUNT_OF(results); i++) {
        char id[32];
        http_bench_until(bench, results[i].calls == 1);
        (void)snprintf(id, sizeof(id), "\"id\":\"n%zu\"", i);
        assert_answered(&results[i], 200, id);
    }
}

static void nobody_there_is_told(void **state)
{
    (void)state;
    struct result r = ask(&(struct http_client_request){.url = "http://127.0.0.1:1/"});
    assert_failed(&r, CURLE_COULDNT_CONNECT);
    r = ask(&(struct http_client_request){.url = "http://node/", .unix_socket = "/nonexistent/s"});
    assert_failed(&r, CURLE_COULDNT_CONNECT);
}

static void what_is_no_http_url_is_refused(void **state)
{
    (void)state;
    struct result r = ask(&(struct http_client_request){.url = "file:///etc/passwd"});
    assert_failed(&r, CURLE_UNSUPPORTED_PROTOCOL);
}

static void no_answer_in_time_is_told(void **state)
{
    (void)state;
    struct result r =
        ask(&(struct http_client_request){.url = url_of("http", "/held"), .timeout_us = 100 * USEC_PER_MSEC});
    assert_failed(&r, CURLE_OPERATION_TIMEDOUT);
    http_reply_empty(bench->held, 204);
}

static void freeing_cancels_what_is_under_way(void **state)
{
    (void)state;
    struct result r = {.body = BUF_INIT};
    http_client_send(client, &(struct http_client_request){.url = url_of("http", "/held")}, on_done, &r);
    http_bench_until(bench, bench->held);
    client = http_client_free(client);
    assert_int_equal(r.calls, 1);
    assert_string_equal(r.error, "cancelled");
    assert_failed(&r, CURLE_ABORTED_BY_CALLBACK);
    http_reply_empty(bench->held, 204);
}

static void freeing_none_is_fine(void **state)
{
    (void)state;
    assert_null(http_client_free(NULL));
}

/* -- TLS -- */

static void tls_serves_who_trusts_the_certificate(void **state)
{
    (void)state;
    struct result r = ask(
        &(struct http_client_request){.url = url_of("https", "/things/tls"), .ca_file = certificate_path});
    assert_answered(&r, 200, "\"actor\":\"uid:"); /* the other end of a TLS connection has an owner too */
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    r = ask(&(struct http_client_request){.method = "POST",
                                          .url = url_of("https", "/things/tls"),
                                          .ca_file = certificate_path,
                                          .headers = headers,
                                          .body = STR("{}")});
    assert_answered(&r, 200, "\"id\":\"tls\"");
}

static void a_certificate_that_is_not_trusted_is_refused(void **state)
{
    (void)state;
    struct result r = ask(&(struct http_client_request){.url = url_of("https", "/open")});
    assert_failed(&r, CURLE_PEER_FAILED_VERIFICATION);
}

static void the_tls_port_speaks_no_plain_http(void **state)
{
    (void)state;
    struct http_client_end c = http_bench_connect(bench);
    (void)http_end_send(bench, &c, "GET /open HTTP/1.1\r\nHost: localhost\r\n\r\n");
    http_bench_until(bench, http_end_closed(&c));
    assert_null(strstr(c.in.p, "HTTP/1.1"));
    assert_int_equal(bench->handled, 0);
    http_end_close(&c);
}

static void the_unix_socket_stays_plain(void **state)
{
    (void)state;
    struct result r =
        ask(&(struct http_client_request){.url = "http://node/open", .unix_socket = socket_path});
    assert_answered(&r, 200, "");
}

static void a_held_reply_and_a_stream_work_over_tls(void **state)
{
    (void)state;
    struct result r = {.body = BUF_INIT}, s = {.body = BUF_INIT};
    struct http_client_request held = {.url = url_of("https", "/held"), .ca_file = certificate_path};
    http_client_send(client, &held, on_done, &r);
    http_bench_until(bench, bench->held);
    http_reply_problem(bench->held, 409, NULL, "not now");
    http_bench_until(bench, r.calls);
    assert_answered(&r, 409, "not now");
    struct http_client_request stream = {.url = url_of("https", "/stream"), .ca_file = certificate_path};
    http_client_send(client, &stream, on_done, &s);
    http_bench_until(bench, bench->stream);
    http_stream_send(bench->stream, STR("data: one\n\n"));
    http_stream_close(bench->stream);
    http_bench_until(bench, s.calls);
    assert_answered(&s, 200, "data: one\n\n");
}

static void a_key_that_does_not_fit_is_an_error_at_the_start(void **state)
{
    (void)state;
    struct http_bench *b = http_bench_new();
    struct err e = {0};
    b->config.tls_certificate_file = certificate_path;
    b->config.tls_key_file = certificate_path;
    b->server = http_server_new(&b->loop, &b->config, bench_routes, COUNT_OF(bench_routes));
    assert_int_not_equal(http_server_start(b->server, &e), 0);
    assert_non_null(strstr(e.text, "TLS"));
    http_bench_free(b);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TLS_CASE(name) cmocka_unit_test_setup_teardown(name, set_up_tls, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_answer_comes_with_status_fields_and_body),
        CASE(a_body_is_sent_with_its_type),
        CASE(a_problem_is_an_answer_too),
        CASE(a_compressed_answer_is_given_plain),
        CASE(an_answer_that_is_too_large_is_none),
        CASE(the_unix_socket_is_reached_by_its_path),
        CASE(connections_are_kept_alive),
        CASE(many_run_at_once),
        CASE(nobody_there_is_told),
        CASE(what_is_no_http_url_is_refused),
        CASE(no_answer_in_time_is_told),
        CASE(freeing_cancels_what_is_under_way),
        cmocka_unit_test(freeing_none_is_fine),
        TLS_CASE(tls_serves_who_trusts_the_certificate),
        TLS_CASE(a_certificate_that_is_not_trusted_is_refused),
        TLS_CASE(the_tls_port_speaks_no_plain_http),
        TLS_CASE(the_unix_socket_stays_plain),
        TLS_CASE(a_held_reply_and_a_stream_work_over_tls),
        cmocka_unit_test(a_key_that_does_not_fit_is_an_error_at_the_start),
    };
    return cmocka_run_group_tests(tests, set_up_files, remove_files);
}
