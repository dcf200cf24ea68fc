/* http_bench_routes.h -- the resources that the tests of the HTTP server ask for. */
#pragma once
#include "base/json.h"
#include "http_bench.h"

static inline void bench_echo(struct http_request *r, void *context)
{
    struct http_bench *b = context;
    struct buf out = BUF_INIT;
    struct json_writer w;
    struct str q = {0};
    b->handled++;
    json_init(&w, &out);
    json_object_begin(&w);
    json_kv_str(&w, "id", http_param(r, "id"));
    json_kv_str(&w, "body", http_body(r));
    json_kv_text(&w, "actor", http_caller(r)->actor);
    json_kv_text(&w, "q", http_query(r, "q", &q) ? str_empty(q) ? "" : arena_strdup(http_arena(r), q) : NULL);
    json_object_end(&w);
    http_reply_json(r, 200, &out);
}

static inline void bench_hold(struct http_request *r, void *context)
{
    ((struct http_bench *)context)->held = r;
}

static inline void bench_shared(struct http_request *r, void *context)
{
    http_reply_shared(r, ((struct http_bench *)context)->shared);
}

static inline void bench_big(struct http_request *r, void *context)
{
    struct buf out = BUF_INIT;
    (void)context;
    buf_add_char(&out, '"');
    for (int i = 0; i < 65534; i++)
        buf_add_char(&out, 'x');
    buf_add_char(&out, '"');
    http_reply_json(r, 200, &out);
}

static inline void bench_on_stream_closed(struct http_stream *stream, void *arg)
{
    struct http_bench *b = arg;
    assert_ptr_equal(stream, b->stream);
    b->streams_closed++;
    b->stream = NULL;
}

static inline void bench_stream(struct http_request *r, void *context)
{
    struct http_bench *b = context;
    b->stream = http_stream_open(r, bench_on_stream_closed, b);
}

static inline void bench_limit(struct http_request *r, void *context)
{
    int64_t limit;
    (void)context;
    if (http_query_i64(r, "limit", 1, 100, 20, &limit))
        http_reply_problem(r, 409, "/limit", "limit is %lld", (long long)limit);
}

static inline void bench_item(struct http_request *r, void *context)
{
    int64_t id;
    (void)context;
    if (!http_param_id(r, "id", &id))
        return;
    http_note_resource(r, "item/%lld", (long long)id);
    http_add_header(r, "Location", "/items/7");
    http_reply_empty(r, 204);
}

static inline void bench_after_reply(void *context, const struct http_request *r, int status,
                                     int64_t duration_us)
{
    struct http_bench *b = context;
    assert_true(duration_us >= 0);
    buf_printf(&b->audit, "%d %s %s %s\n", status, http_caller(r)->actor, http_noted_resource(r),
               http_noted_error(r));
}

static const struct json_field bench_body[] = {{0}};
#define BENCH_SOME (HTTP_ROLE_ADMIN | HTTP_ROLE_OPERATOR)
static const struct http_route bench_routes[] = {
    {HTTP_GET, "/metrics", HTTP_ROLE_ANYBODY, bench_shared},
    {HTTP_GET, "/open", HTTP_ROLE_ANYBODY, bench_echo},
    {HTTP_GET, "/things/{id}", BENCH_SOME, bench_echo, .summary = "A thing", .query = "q:string:Anything",
     .responses = "200:The thing"},
    {HTTP_POST, "/things/{id}", BENCH_SOME, bench_echo, .body = bench_body},
    {HTTP_GET, "/held", BENCH_SOME, bench_hold},
    {HTTP_GET, "/big", BENCH_SOME, bench_big},
    {HTTP_GET, "/stream", BENCH_SOME, bench_stream, .streams = true},
    {HTTP_GET, "/limit", BENCH_SOME, bench_limit},
    {HTTP_DELETE, "/items/{id}", BENCH_SOME, bench_item},
    {HTTP_GET, "/scheduler", HTTP_ROLE_SCHEDULER, bench_echo},
};
