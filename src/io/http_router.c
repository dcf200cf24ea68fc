#include "io/http_router.h"

static const char *const method_names[HTTP_METHODS] = {"GET", "POST", "PUT", "DELETE", "PATCH"};

static unsigned method_bit(enum http_method method)
{
    return (unsigned)__builtin_ctz((unsigned)method);
}

const char *http_method_name(enum http_method method)
{
    return method_names[method_bit(method)];
}

static struct http_path *path_of_pattern(struct http_router *router, const char *pattern)
{
    for (size_t i = 0; i < router->path_count; i++)
        if (strcmp(router->paths[i].pattern, pattern) == 0)
            return &router->paths[i];
    struct http_path *path = &router->paths[router->path_count++];
    path->pattern = pattern;
    path->literal = !strchr(pattern, '{');
    return path;
}

void http_router_init(struct http_router *router, const struct http_route *routes, size_t route_count)
{
    *router = (struct http_router){.routes = routes, .route_count = route_count};
    router->paths =
        xcalloc(MAX(route_count, 1), sizeof(*router->paths)); /* never moves: the map points into it */
    map_init(&router->literals);
    for (size_t i = 0; i < route_count; i++) {
        struct http_path *path = path_of_pattern(router, routes[i].pattern);
        unsigned bit = method_bit(routes[i].method);
        assert(!path->routes[bit]); /* one route per method and pattern */
        path->routes[bit] = &routes[i];
        if (path->literal)
            (void)map_put(&router->literals, str_of(path->pattern), path);
    }
}

void http_router_deinit(struct http_router *router)
{
    map_deinit(&router->literals);
    free(router->paths);
    *router = (struct http_router){0};
}

/* "{id}" takes a whole segment, and no empty one. */
static bool match_segment(struct str pattern, struct str segment, struct http_params *params)
{
    if (pattern.n < 3 || pattern.p[0] != '{')
        return str_equal(pattern, segment);
    if (str_empty(segment))
        return false;
    assert(params->count < HTTP_PATH_PARAMS_MAX);
    params->names[params->count] = (struct str){pattern.p + 1, pattern.n - 2};
    params->values[params->count++] = segment;
    return true;
}

static bool match_pattern(const char *pattern, struct str path, struct http_params *ret)
{
    struct str pattern_rest = str_of(pattern), path_rest = path, p, s;
    struct http_params params = {.count = 0};
    while (str_split(&pattern_rest, '/', &p))
        if (!str_split(&path_rest, '/', &s) || !match_segment(p, s, &params))
            return false;
    if (str_split(&path_rest, '/', &s))
        return false;
    *ret = params;
    return true;
}

const struct http_path *http_router_find(const struct http_router *router, struct str path,
                                         struct http_params *ret)
{
    const struct http_path *literal = map_get(&router->literals, path);
    ret->count = 0;
    if (literal)
        return literal;
    for (size_t i = 0; i < router->path_count; i++)
        if (!router->paths[i].literal && match_pattern(router->paths[i].pattern, path, ret))
            return &router->paths[i];
    return NULL;
}

const struct http_route *http_path_route(const struct http_path *path, enum http_method method)
{
    return path->routes[method_bit(method)];
}

void http_path_allow(const struct http_path *path, struct buf *out)
{
    for (unsigned bit = 0; bit < HTTP_METHODS; bit++) {
        if (!path->routes[bit])
            continue;
        buf_printf(out, "%s%s", out->n ? ", " : "", method_names[bit]);
        if ((1u << bit) == HTTP_GET)
            buf_add_text(out, ", HEAD");
    }
}
