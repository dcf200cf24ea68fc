/* test_http_router.c -- which pattern a path meets, and with what values. */
#include "io/http_exchange.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void nothing(struct http_request *r, void *context)
{
    (void)r;
    (void)context;
}

static const struct http_route routes[] = {
    {HTTP_GET, "/", HTTP_ROLE_ADMIN, nothing},
    {HTTP_GET, "/jobs", HTTP_ROLE_ADMIN, nothing},
    {HTTP_POST, "/jobs", HTTP_ROLE_ADMIN, nothing},
    {HTTP_GET, "/jobs/{id}", HTTP_ROLE_ADMIN, nothing},
    {HTTP_DELETE, "/jobs/{id}", HTTP_ROLE_ADMIN, nothing},
    {HTTP_GET, "/jobs/stats", HTTP_ROLE_ADMIN, nothing},
    {HTTP_GET, "/runs/{run}/files/{file}", HTTP_ROLE_ADMIN, nothing},
};
static struct http_router router;

static int set_up(void **state)
{
    (void)state;
    http_router_init(&router, routes, COUNT_OF(routes));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_router_deinit(&router);
    return 0;
}

static const char *pattern_of(const char *path)
{
    struct http_params params;
    const struct http_path *found = http_router_find(&router, str_of(path), &params);
    return found ? found->pattern : "none";
}

static void a_pattern_takes_whole_segments_and_no_empty_one(void **state)
{
    (void)state;
    assert_string_equal(pattern_of("/"), "/");
    assert_string_equal(pattern_of("/jobs"), "/jobs");
    assert_string_equal(pattern_of("/jobs/1"), "/jobs/{id}");
    assert_string_equal(pattern_of("/jobs/"), "none");
    assert_string_equal(pattern_of("/jobs/1/"), "none");
    assert_string_equal(pattern_of("/jobs/1/x"), "none");
    assert_string_equal(pattern_of("/jobsx"), "none");
    assert_string_equal(pattern_of("/Jobs"), "none");
    assert_string_equal(pattern_of("//jobs"), "none");
    assert_string_equal(pattern_of(""), "none");
    assert_string_equal(pattern_of("/runs/1/files"), "none");
    assert_string_equal(pattern_of("/runs/1/files/a"), "/runs/{run}/files/{file}");
}

static void a_literal_wins_over_a_parameter(void **state)
{
    (void)state;
    assert_string_equal(pattern_of("/jobs/stats"), "/jobs/stats");
}

static void values_are_the_segments_as_they_were_written(void **state)
{
    (void)state;
    struct http_params params;
    assert_non_null(http_router_find(&router, STR("/runs/7/files/a%2Fb"), &params));
    assert_int_equal(params.count, 2);
    assert_true(str_equal(params.names[0], STR("run")) && str_equal(params.values[0], STR("7")));
    assert_true(str_equal(params.names[1], STR("file")) && str_equal(params.values[1], STR("a%2Fb")));
    assert_non_null(http_router_find(&router, STR("/jobs"), &params));
    assert_int_equal(params.count, 0);
}

static void one_path_has_a_route_per_method(void **state)
{
    (void)state;
    struct http_params params;
    const struct http_path *job = http_router_find(&router, STR("/jobs/1"), &params);
    assert_ptr_equal(http_path_route(job, HTTP_GET), &routes[3]);
    assert_ptr_equal(http_path_route(job, HTTP_DELETE), &routes[4]);
    assert_null(http_path_route(job, HTTP_POST));
}

static void allow_lists_the_methods_and_head_with_get(void **state)
{
    (void)state;
    struct http_params params;
    struct buf allow = BUF_INIT;
    http_path_allow(http_router_find(&router, STR("/jobs/1"), &params), &allow);
    assert_string_equal(allow.p, "GET, HEAD, DELETE");
    buf_deinit(&allow);
}

static void weights_of_encodings_are_heeded(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        bool gzip;
    } rows[] = {
        /* RFC 9110 §12.5.3 */
        {"gzip", true},
        {"x-gzip", true},
        {"deflate, gzip;q=1.0", true},
        {"*", true},
        {"*;q=0, gzip", true},
        {"gzip;q=0", false},
        {"gzip ; q=0.0", false},
        {"*;q=0", false},
        {"", false},
        {"identity", false},
        {"gzipped", false},
        {"gzip;q=0, *", false},
        {"gzip;Q=0", false},
        {"gzip;q=0.1", true},
        {",,", false},
        {"br;q=1,gzip;q=0.001", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (http_accepts_gzip(str_of(rows[i].accept)) != rows[i].gzip)
            fail_msg("%s", rows[i].accept);
}

static void what_does_not_shrink_is_not_compressed(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    assert_false(http_gzip(STR("q7"), &out));
    assert_int_equal(out.n, 0);
    buf_deinit(&out);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_pattern_takes_whole_segments_and_no_empty_one), CASE(a_literal_wins_over_a_parameter),
        CASE(values_are_the_segments_as_they_were_written),    CASE(one_path_has_a_route_per_method),
        CASE(allow_lists_the_methods_and_head_with_get),       CASE(weights_of_encodings_are_heeded),
        CASE(what_does_not_shrink_is_not_compressed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
