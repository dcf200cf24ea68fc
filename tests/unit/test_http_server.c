/* test_http_server.c -- what a client gets: replies now and later, tags, compression, problems, roles, the
 * audit. */
#include "http_bench_routes.h"

#include <jansson.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <zlib.h>

#define HOST "Host: localhost\r\n"
#define JSON "Content-Type: application/json\r\n"

static struct http_bench *bench;

/* "secret" is the operator, "later" the scheduler. */
static bool authenticate(void *context, struct str token, struct http_caller *ret)
{
    (void)context;
    *ret = (struct http_caller){.uid = -1, .token_id = 7};
    (void)snprintf(ret->actor, sizeof(ret->actor), "token:%.*s", STR_ARG(token));
    ret->role = str_equal(token, STR("secret")) ? HTTP_ROLE_OPERATOR : HTTP_ROLE_SCHEDULER;
    return str_equal(token, STR("secret")) || str_equal(token, STR("later"));
}

static int set_up(void **state)
{
    (void)state;
    bench = http_bench_new();
    bench->config.authenticate = authenticate;
    bench->config.after_reply = bench_after_reply;
    struct buf body = BUF_INIT;
    for (int i = 0; i < 3000; i++)
        buf_add_char(&body, 'm');
    bench->shared = http_shared_new("text/plain; version=0.0.4", &body);
    http_bench_start(bench, bench_routes, COUNT_OF(bench_routes));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_bench_free(bench);
    return 0;
}

/* One request on a connection of its own. */
static struct http_answer ask(const char *request)
{
    struct http_client_end c = http_bench_connect(bench);
    assert_true(http_end_send(bench, &c, request));
    struct http_answer a = http_end_answer(bench, &c, str_starts_with(str_of(request), STR("HEAD")));
    http_end_close(&c);
    return a;
}

static json_t *json_of(const struct http_answer *a)
{
    json_t *root = json_loadb(a->body.p, a->body.n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    return root;
}

static void assert_member(const json_t *root, const char *name, const char *value)
{
    assert_string_equal(json_string_value(json_object_get(root, name)), value);
}

static void assert_header(const struct http_answer *a, const char *name, const char *value)
{
    struct str got = http_answer_header(a, name);
    assert_non_null(got.p);
    if (!str_equal(got, str_of(value)))
        fail_msg("%s: %.*s, not %s", name, STR_ARG(got), value);
}

static void assert_problem(const char *request, int status, const char *title)
{
    struct http_answer a = ask(request);
    assert_int_equal(a.status, status);
    assert_header(&a, "Content-Type", "application/problem+json");
    json_t *root = json_of(&a);
    assert_member(root, "title", title);
    assert_int_equal(json_integer_value(json_object_get(root, "status")), status);
    assert_true(json_string_length(json_object_get(root, "detail")) > 0);
    json_decref(root);
    http_answer_deinit(&a);
}

static void a_reply_within_the_handler_is_sent(void **state)
{
    (void)state;
    struct http_answer a = ask("GET /things/a%2Fb%20c?x=1&q=%C3%A9+%26 HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(a.status, 200);
    assert_header(&a, "Content-Type", "application/json");
    assert_header(&a, "Cache-Control", "no-store");
    assert_header(&a, "X-Content-Type-Options", "nosniff");
    json_t *root = json_of(&a);
    assert_member(root, "id", "a/b c"); /* the escaped slash is no structure */
    assert_member(root, "q", "\xc3\xa9 &");
    json_decref(root);
    http_answer_deinit(&a);
}

static void a_reply_after_the_handler_is_sent(void **state)
{
    (void)state;
    struct http_client_end c = http_bench_connect(bench);
    http_end_send(bench, &c, "GET /held HTTP/1.1\r\n" HOST "\r\n");
    http_bench_until(bench, bench->held);
    struct buf body = BUF_INIT;
    buf_add_text(&body, "[1]");
    http_reply_json(bench->held, 201, &body);
    struct http_answer a = http_end_answer(bench, &c, false);
    assert_int_equal(a.status, 201);
    assert_string_equal(a.body.p, "[1]");
    http_answer_deinit(&a);
    http_end_close(&c);
}

static void a_client_that_leaves_does_not_take_the_request_from_its_handler(void **state)
{
    (void)state;
    struct http_client_end c = http_bench_connect(bench);
    http_end_send(bench, &c, "GET /held HTTP/1.1\r\n" HOST "X-Kept: yes\r\n\r\n");
    http_bench_until(bench, bench->held);
    http_end_close(&c);
    for (int i = 0; i < 20; i++)
        http_bench_turn(bench);
    struct str kept = http_header(bench->held, "x-kept");
    assert_true(str_equal(kept, STR("yes")));
    assert_true(str_equal(http_path(bench->held), STR("/held")));
    http_reply_problem(bench->held, 409, NULL, "too late");
    http_bench_until(bench, http_server_connections(bench->server) == 0);
}

static void many_requests_are_answered_on_one_connection_in_order(void **state)
{
    (void)state;
    struct http_client_end c = http_bench_connect(bench);
    struct buf pipeline = BUF_INIT;
    for (int i = 0; i < 20; i++) {
        buf_printf(&pipeline, "GET /things/%d HTTP/1.1\r\n" HOST "\r\n", i);
        buf_printf(&pipeline, "POST /things/p%d HTTP/1.1\r\n" HOST JSON "Content-Length: 4\r\n\r\n{%2d}", i,
                   i);
    }
    assert_true(http_end_send_str(bench, &c, buf_str(&pipeline)));
    for (int i = 0; i < 40; i++) {
        struct http_answer a = http_end_answer(bench, &c, false);
        char id[16], body[16] = "";
        (void)snprintf(id, sizeof(id), i % 2 ? "p%d" : "%d", i / 2);
        if (i % 2)
            (void)snprintf(body, sizeof(body), "{%2d}", i / 2);
        json_t *root = json_of(&a);
        assert_member(root, "id", id);
        assert_member(root, "body", body);
        json_decref(root);
        http_answer_deinit(&a);
    }
    buf_deinit(&pipeline);
    http_end_close(&c);
}

static void a_body_in_pieces_is_handled_whole(void **state)
{
    (void)state;
    struct http_client_end c = http_bench_connect(bench);
    const char *request =
        "POST /things/1 HTTP/1.1\r\n" HOST JSON
        "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n5;x=y\r\n\": 1}\r\n0\r\nTrailer: t\r\n\r\n";
    for (const char *p = request; *p; p++)
        assert_true(http_end_send_str(bench, &c, (struct str){p, 1}));
    struct http_answer a = http_end_answer(bench, &c, false);
    json_t *root = json_of(&a);
    assert_member(root, "body", "{\"a\": 1}");
    json_decref(root);
    http_answer_deinit(&a);
    http_end_close(&c);
}

static void head_is_get_without_its_body(void **state)
{
    (void)state;
    struct http_client_end c = http_bench_connect(bench);
    http_end_send(bench, &c, "HEAD /big HTTP/1.1\r\n" HOST "\r\nGET /open HTTP/1.1\r\n" HOST "\r\n");
    struct http_answer head = http_end_answer(bench, &c, true), get = http_end_answer(bench, &c, false);
    assert_int_equal(head.status, 200);
    assert_header(&head, "Content-Length", "65536");
    assert_int_equal(get.status, 200); /* what follows is the next answer, no body between */
    http_answer_deinit(&head);
    http_answer_deinit(&get);
    http_end_close(&c);
}

static void a_continue_is_sent_when_it_is_awaited(void **state)
{
    (void)state;
    struct http_client_end c = http_bench_connect(bench);
    http_end_send(bench, &c,
                  "POST /things/1 HTTP/1.1\r\n" HOST JSON
                  "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    http_bench_until(bench, http_end_has(&c, "\r\n\r\n"));
    assert_string_equal(c.in.p, "HTTP/1.1 100 Continue\r\n\r\n");
    buf_clear(&c.in);
    http_end_send(bench, &c, "{}");
    struct http_answer a = http_end_answer(bench, &c, false);
    assert_int_equal(a.status, 200);
    http_answer_deinit(&a);
    http_end_close(&c);
}

/* -- problems -- */

static void refusals_are_problem_details(void **state)
{
    (void)state;
    assert_problem("GET /nowhere HTTP/1.1\r\n" HOST "\r\n", 404, "Not Found");
    assert_problem("GET /things/ HTTP/1.1\r\n" HOST "\r\n", 404,
                   "Not Found"); /* {id} takes no empty segment */
    assert_problem("GET /things/1/ HTTP/1.1\r\n" HOST "\r\n", 404, "Not Found");
    assert_problem("PATCH /things/1 HTTP/1.1\r\n" HOST "\r\n", 405, "Method Not Allowed");
    assert_problem("BREW /things/1 HTTP/1.1\r\n" HOST "\r\n", 405, "Method Not Allowed");
    assert_problem("GET /scheduler HTTP/1.1\r\n" HOST "\r\n", 403, "Forbidden");
    assert_problem("POST /things/1 HTTP/1.1\r\n" HOST "Content-Type: a/b\r\nContent-Length: 1\r\n\r\nx", 415,
                   "Unsupported Media Type");
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    (void)state;
    struct http_answer a = ask("DELETE /things/1 HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(a.status, 405);
    assert_header(&a, "Allow", "GET, HEAD, POST");
    http_answer_deinit(&a);
}

static void a_problem_names_the_field(void **state)
{
    (void)state;
    struct http_answer a = ask("GET /limit?limit=100 HTTP/1.1\r\n" HOST "X-Request-Id: me-1\r\n\r\n");
    json_t *root = json_of(&a);
    assert_int_equal(a.status, 409);
    assert_member(root, "type", "about:blank");
    assert_member(root, "detail", "limit is 100");
    assert_member(root, "pointer", "/limit");
    assert_member(root, "request_id", "me-1");
    json_decref(root);
    http_answer_deinit(&a);
}

static void a_number_in_the_query_is_a_number_in_range(void **state)
{
    (void)state;
    assert_problem("GET /limit?limit=0 HTTP/1.1\r\n" HOST "\r\n", 400, "Bad Request");
    assert_problem("GET /limit?limit=101 HTTP/1.1\r\n" HOST "\r\n", 400, "Bad Request");
    assert_problem("GET /limit?limit=2x HTTP/1.1\r\n" HOST "\r\n", 400, "Bad Request");
    assert_problem("GET /limit?limit= HTTP/1.1\r\n" HOST "\r\n", 400, "Bad Request");
    assert_problem("GET /limit?limit=1 HTTP/1.1\r\n" HOST "\r\n", 409, "Conflict");
    assert_problem("GET /limit?unlimited=1 HTTP/1.1\r\n" HOST "\r\n", 409, "Conflict");
}

static void an_id_in_the_path_is_a_positive_integer(void **state)
{
    (void)state;
    assert_problem("DELETE /items/x HTTP/1.1\r\n" HOST "\r\n", 404, "Not Found");
    assert_problem("DELETE /items/0 HTTP/1.1\r\n" HOST "\r\n", 404, "Not Found");
    struct http_answer a = ask("DELETE /items/12 HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(a.status, 204);
    assert_header(&a, "Location", "/items/7");
    http_answer_deinit(&a);
}

static void every_error_code_has_its_status(void **state)
{
    (void)state;
    static const int statuses[][2] = {
        {ERR_INTERNAL, 500},   {ERR_BAD_REQUEST, 400},       {ERR_INVALID, 422},  {ERR_UNAUTHORIZED, 401},
        {ERR_FORBIDDEN, 403},  {ERR_NOT_FOUND, 404},         {ERR_METHOD, 405},   {ERR_CONFLICT, 409},
        {ERR_TOO_LARGE, 413},  {ERR_UNSUPPORTED_MEDIA, 415}, {ERR_TOO_MANY, 429}, {ERR_STORAGE_FULL, 507},
        {ERR_UNAVAILABLE, 503}}; /* as base/err.h says */
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        assert_int_equal(http_status_of((enum err_code)statuses[i][0]), statuses[i][1]);
}

/* -- ids -- */

static void the_clients_request_id_comes_back(void **state)
{
    (void)state;
    struct http_answer a = ask("GET /open HTTP/1.1\r\n" HOST "X-Request-Id: a.b_C-9\r\n\r\n");
    assert_header(&a, "X-Request-Id", "a.b_C-9");
    http_answer_deinit(&a);
}

static void a_request_id_that_is_none_is_replaced(void **state)
{
    (void)state;
    char too_long[128];
    memset(too_long, 'a', 65);
    too_long[65] = '\0';
    const char *const given[] = {"a b", "<script>", "", too_long};
    for (size_t i = 0; i < COUNT_OF(given); i++) {
        struct buf request = BUF_INIT;
        buf_printf(&request, "GET /open HTTP/1.1\r\n" HOST "X-Request-Id: %s\r\n\r\n", given[i]);
        struct http_answer a = ask(request.p);
        struct str id = http_answer_header(&a, "X-Request-Id");
        assert_true(id.n >= 8 && id.n <= 64 && !str_equal(id, str_of(given[i])));
        http_answer_deinit(&a);
        buf_deinit(&request);
    }
}

/* -- tags and compression -- */

static char *header_text(const struct http_answer *a, const char *name)
{
    return str_dup(http_answer_header(a, name));
}

static void a_known_tag_gets_304(void **state)
{
    (void)state;
    static const char *const paths[] = {"/big", "/metrics"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct buf request = BUF_INIT;
        buf_printf(&request, "GET %s HTTP/1.1\r\n" HOST "\r\n", paths[i]);
        struct http_answer first = ask(request.p);
        char *etag CLEANUP(freep) = header_text(&first, "ETag");
        assert_true(etag[0] == '"' && etag[strlen(etag) - 1] == '"'); /* strong */
        buf_clear(&request);
        buf_printf(&request, "GET %s HTTP/1.1\r\n" HOST "If-None-Match: \"x\", W/%s\r\n\r\n", paths[i], etag);
        struct http_client_end c = http_bench_connect(bench);
        http_end_send(bench, &c, request.p);
        struct http_answer second = http_end_answer(bench, &c, true);
        assert_int_equal(second.status, 304);
        assert_header(&second, "ETag", etag);
        http_end_close(&c);
        buf_clear(&request);
        buf_printf(&request, "GET %s HTTP/1.1\r\n" HOST "If-None-Match: \"x\"\r\n\r\n", paths[i]);
        struct http_answer third = ask(request.p);
        assert_int_equal(third.status, 200);
        http_answer_deinit(&first);
        http_answer_deinit(&second);
        http_answer_deinit(&third);
        buf_deinit(&request);
    }
}

static size_t inflated(const struct http_answer *a, char *out, size_t room)
{
    z_stream z = {.next_in = (Bytef *)a->body.p,
                  .avail_in = (uInt)a->body.n,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)room};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    (void)inflateEnd(&z);
    return z.total_out;
}

static void a_large_body_is_compressed_for_who_takes_it(void **state)
{
    (void)state;
    static const struct {
        const char *path, *accept;
        bool packed;
        size_t bytes;
    } rows[] = {{"/big", "gzip", true, 65536},      {"/big", "br, GZIP;q=0.5", true, 65536},
                {"/big", "*", true, 65536},         {"/metrics", "gzip", true, 3000},
                {"/big", "gzip;q=0", false, 65536}, {"/big", "gzip;q=0.000, *;q=1", false, 65536},
                {"/big", "br", false, 65536},       {"/metrics", "identity", false, 3000}};
    char out[65537];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf request = BUF_INIT;
        buf_printf(&request, "GET %s HTTP/1.1\r\n" HOST "Accept-Encoding: %s\r\n\r\n", rows[i].path,
                   rows[i].accept);
        struct http_answer a = ask(request.p);
        assert_header(&a, "Vary", "Accept-Encoding");
        assert_int_equal(http_answer_header(&a, "Content-Encoding").p != NULL, rows[i].packed);
        assert_int_equal(rows[i].packed ? inflated(&a, out, sizeof(out)) : a.body.n, rows[i].bytes);
        http_answer_deinit(&a);
        buf_deinit(&request);
    }
}

static void the_two_encodings_have_different_tags(void **state)
{
    (void)state;
    struct http_answer plain = ask("GET /big HTTP/1.1\r\n" HOST "\r\n"),
                       packed = ask("GET /big HTTP/1.1\r\n" HOST "Accept-Encoding: gzip\r\n\r\n");
    assert_false(str_equal(http_answer_header(&plain, "ETag"), http_answer_header(&packed, "ETag")));
    http_answer_deinit(&plain);
    http_answer_deinit(&packed);
}

static void a_small_body_is_left_as_it_is(void **state)
{
    (void)state;
    struct http_answer a = ask("GET /open HTTP/1.1\r\n" HOST "Accept-Encoding: gzip\r\n\r\n");
    assert_null(http_answer_header(&a, "Content-Encoding").p);
    http_answer_deinit(&a);
}

static void a_shared_body_outlives_its_owner_while_it_is_sent(void **state)
{
    (void)state;
    struct http_client_end c = http_bench_connect(bench);
    http_end_send(bench, &c, "GET /held HTTP/1.1\r\n" HOST "\r\n");
    http_bench_until(bench, bench->held);
    http_reply_shared(bench->held, bench->shared);
    bench->shared = http_shared_free(bench->shared);
    struct http_answer a = http_end_answer(bench, &c, false);
    assert_int_equal(a.body.n, 3000);
    assert_int_equal(a.body.p[2999], 'm');
    http_answer_deinit(&a);
    http_end_close(&c);
}

static void a_shared_body_carries_the_clients_id_when_there_is_one(void **state)
{
    (void)state;
    struct http_answer a = ask("GET /metrics HTTP/1.1\r\n" HOST "X-Request-Id: abc\r\n\r\n");
    assert_header(&a, "X-Request-Id", "abc");
    assert_header(&a, "Content-Type", "text/plain; version=0.0.4");
    assert_int_equal(a.body.n, 3000);
    http_answer_deinit(&a);
}

/* -- callers -- */

static void assert_actor(const char *request, const char *actor)
{
    struct http_answer a = ask(request);
    assert_int_equal(a.status, 200);
    json_t *root = json_of(&a);
    assert_member(root, "actor", actor);
    json_decref(root);
    http_answer_deinit(&a);
}

static void our_own_user_is_admin_without_a_token(void **state)
{
    (void)state;
    char actor[32];
    (void)snprintf(actor, sizeof(actor), "uid:%d", (int)getuid());
    assert_actor("GET /things/1 HTTP/1.1\r\n" HOST "\r\n", actor);
}

/* Asks as another user, and exits with the status of the answer, less 400. */
static pid_t ask_as_other(int port)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    static const char request[] = "GET /things/1 HTTP/1.1\r\n" HOST "\r\n";
    char answer[64] = "";
    int status = 0, fd = -1;
    if (setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0)
        fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
        send(fd, request, sizeof(request) - 1, 0) < 0 || recv(fd, answer, sizeof(answer) - 1, 0) <= 0)
        _exit(255);
    (void)sscanf(answer, "HTTP/1.1 %d", &status);
    _exit(status - 400);
}

static void another_user_needs_a_token(void **state)
{
    (void)state;
    if (getuid() != 0) {
        print_message("SKIPPED: only root can become another user\n");
        skip();
    }
    pid_t pid = ask_as_other(http_server_port(bench->server));
    int status = 0;
    http_bench_until(bench, waitpid(pid, &status, WNOHANG) == pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1); /* 401 */
    assert_int_equal(bench->handled, 0);
    assert_true(str_starts_with(buf_str(&bench->audit), STR("401 uid:65534 ")));
}

static void a_token_says_who_it_is(void **state)
{
    (void)state;
    assert_actor("GET /things/1 HTTP/1.1\r\n" HOST "Authorization: Bearer secret\r\n\r\n", "token:secret");
    assert_actor("GET /things/1 HTTP/1.1\r\n" HOST "Authorization: bearer secret\r\n\r\n", "token:secret");
    assert_actor("GET /scheduler HTTP/1.1\r\n" HOST "Authorization: Bearer later\r\n\r\n", "token:later");
}

static void a_wrong_token_is_401_even_from_our_own_user(void **state)
{
    (void)state;
    static const char *const values[] = {"Bearer wrong", "Bearer ", "Basic c2VjcmV0", "secret", ""};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct buf request = BUF_INIT;
        buf_printf(&request, "GET /things/1 HTTP/1.1\r\n" HOST "Authorization: %s\r\n\r\n", values[i]);
        struct http_answer a = ask(request.p);
        assert_int_equal(a.status, 401);
        assert_true(str_starts_with(http_answer_header(&a, "WWW-Authenticate"), STR("Bearer")));
        http_answer_deinit(&a);
        buf_deinit(&request);
    }
    assert_int_equal(bench->handled, 0);
}

static void a_role_that_the_route_does_not_list_is_403(void **state)
{
    (void)state;
    assert_problem("GET /things/1 HTTP/1.1\r\n" HOST "Authorization: Bearer later\r\n\r\n", 403, "Forbidden");
    assert_int_equal(bench->handled, 0);
}

static void role_names_read_back(void **state)
{
    (void)state;
    enum http_role role;
    for (unsigned bit = HTTP_ROLE_ADMIN; bit < HTTP_ROLE_ANYBODY; bit <<= 1) {
        assert_true(http_role_of(str_of(http_role_name((enum http_role)bit)), &role));
        assert_int_equal(role, bit);
    }
    assert_false(http_role_of(STR("anybody"), &role));
    assert_false(http_role_of(STR("root"), &role));
}

/* -- the audit -- */

static void every_request_that_was_routed_is_told_to_the_audit(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "DELETE /items/5 HTTP/1.1\r\n" HOST "Authorization: Bearer secret\r\n\r\n",
        "DELETE /items/5 HTTP/1.1\r\n" HOST "Authorization: Bearer wrong\r\n\r\n",
        "DELETE /items/5 HTTP/1.1\r\n" HOST "Authorization: Bearer later\r\n\r\n",
        "DELETE /nowhere HTTP/1.1\r\n" HOST "Authorization: Bearer secret\r\n\r\n",
        "DELETE /open HTTP/1.1\r\n" HOST "Authorization: Bearer secret\r\n\r\n",
        "DELETE /items/5 HTTP/1.1\r\n" HOST "Authorization: Bearer secret\r\nOrigin: null\r\n\r\n",
        "POST /things/1 HTTP/1.1\r\n" HOST "Authorization: Bearer secret\r\nContent-Length: 1\r\n\r\nx",
        "DELETE /items/5 HTTP/1.1\r\nHost: evil.example\r\n\r\n", /* never got that far */
    };
    static const char *const lines[] = {
        "204 token:secret item/5 \n", "401 anonymous  ",    "403 token:later  ",  "404 token:secret  ",
        "405 token:secret  ",         "403 token:secret  ", "415 token:secret  ", ""};
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        buf_clear(&bench->audit);
        struct http_answer a = ask(requests[i]);
        if (!str_starts_with(buf_str(&bench->audit), str_of(lines[i])) || !lines[i][0] != !bench->audit.n)
            fail_msg("%s: %s", requests[i], bench->audit.p);
        http_answer_deinit(&a);
    }
}

struct seen {
    int64_t ok, missing, buckets;
};

static void look(void *arg, const struct http_stat *stat)
{
    struct seen *seen = arg;
    if (strcmp(stat->pattern, "/things/{id}") == 0 && stat->status == 200) {
        assert_string_equal(stat->method, "GET");
        seen->ok = stat->count;
        for (size_t i = 0; i <= HTTP_LATENCY_BUCKETS; i++)
            seen->buckets += stat->buckets[i];
    } else if (stat->status == 404) {
        assert_string_equal(stat->pattern, "");
        seen->missing = stat->count;
    }
}

static void requests_are_counted_by_route_and_status(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(http_bench_status(bench, STR("GET /things/9 HTTP/1.1\r\n" HOST "\r\n")), 200);
    assert_int_equal(http_bench_status(bench, STR("GET /x HTTP/1.1\r\n" HOST "\r\n")), 404);
    struct seen seen = {0};
    http_server_stats(bench->server, look, &seen);
    assert_int_equal(seen.ok, 3);
    assert_int_equal(seen.buckets, 3);
    assert_int_equal(seen.missing, 1);
}

static void the_openapi_document_lists_every_route(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    http_server_openapi(bench->server, "muster", "1.2", &out);
    json_t *root = json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_member(root, "openapi", "3.1.0");
    json_t *paths = json_object_get(root, "paths");
    for (size_t i = 0; i < COUNT_OF(bench_routes); i++)
        assert_non_null(json_object_get(paths, bench_routes[i].pattern));
    json_t *thing = json_object_get(paths, "/things/{id}");
    assert_member(json_object_get(thing, "get"), "summary", "A thing");
    json_t *parameters = json_object_get(json_object_get(thing, "get"), "parameters");
    assert_int_equal(json_array_size(parameters), 2); /* {id} and q */
    assert_member(json_array_get(parameters, 0), "in", "path");
    assert_member(json_array_get(parameters, 1), "name", "q");
    assert_non_null(json_object_get(json_object_get(thing, "post"), "requestBody"));
    json_decref(root);
    buf_deinit(&out);
}

/* -- the Unix socket -- */

static void the_unix_socket_takes_any_host_and_knows_its_caller(void **state)
{
    (void)state;
    char folder[] = "/tmp/http-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/s", folder);
    struct http_bench *b = http_bench_new();
    b->config.listen = NULL;
    b->config.unix_socket = path;
    http_bench_start(b, bench_routes, COUNT_OF(bench_routes));
    assert_int_equal(http_server_port(b->server), -1);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666);
    struct http_client_end c = http_bench_connect_unix(path);
    http_end_send(b, &c, "GET /things/1 HTTP/1.1\r\nHost: anything.example\r\n\r\n");
    struct http_answer a = http_end_answer(b, &c, false);
    assert_int_equal(a.status, 200);
    http_answer_deinit(&a);
    http_end_close(&c);
    http_bench_free(b);
    assert_int_equal(access(path, F_OK), -1); /* taken away at the end */
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_reply_within_the_handler_is_sent),
        CASE(a_reply_after_the_handler_is_sent),
        CASE(a_client_that_leaves_does_not_take_the_request_from_its_handler),
        CASE(many_requests_are_answered_on_one_connection_in_order),
        CASE(a_body_in_pieces_is_handled_whole),
        CASE(head_is_get_without_its_body),
        CASE(a_continue_is_sent_when_it_is_awaited),
        CASE(refusals_are_problem_details),
        CASE(a_wrong_method_is_told_the_right_ones),
        CASE(a_problem_names_the_field),
        CASE(a_number_in_the_query_is_a_number_in_range),
        CASE(an_id_in_the_path_is_a_positive_integer),
        CASE(every_error_code_has_its_status),
        CASE(the_clients_request_id_comes_back),
        CASE(a_request_id_that_is_none_is_replaced),
        CASE(a_known_tag_gets_304),
        CASE(a_large_body_is_compressed_for_who_takes_it),
        CASE(the_two_encodings_have_different_tags),
        CASE(a_small_body_is_left_as_it_is),
        CASE(a_shared_body_outlives_its_owner_while_it_is_sent),
        CASE(a_shared_body_carries_the_clients_id_when_there_is_one),
        CASE(our_own_user_is_admin_without_a_token),
        CASE(another_user_needs_a_token),
        CASE(a_token_says_who_it_is),
        CASE(a_wrong_token_is_401_even_from_our_own_user),
        CASE(a_role_that_the_route_does_not_list_is_403),
        CASE(role_names_read_back),
        CASE(every_request_that_was_routed_is_told_to_the_audit),
        CASE(requests_are_counted_by_route_and_status),
        CASE(the_openapi_document_lists_every_route),
        CASE(the_unix_socket_takes_any_host_and_knows_its_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
