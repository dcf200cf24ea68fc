/* http_router.h -- from a path to its routes.
 *
 * Patterns are grouped by text, so that 405 knows what is allowed; those without {x} are looked up in one
 * step.  A {x} takes one segment, never an empty one; escapes are not decoded here, so that an escaped '/' is
 * no structure.  Of the HTTP server's own files only. */
#pragma once
#include "base/map.h"
#include "io/http_server.h"

#define HTTP_METHODS 5 /* bits of enum http_method */

struct http_path { /* one pattern with all its methods */
    const char *pattern;
    const struct http_route *routes[HTTP_METHODS]; /* by bit number, NULL when there is none */
    bool literal;                                  /* holds no {x} */
};
struct http_router {
    const struct http_route *routes; /* the caller's, not owned */
    size_t route_count;
    struct http_path *paths;
    size_t path_count;
    struct map literals; /* pattern -> struct http_path */
};
struct http_params { /* {name} = value, as written in the target */
    struct str names[HTTP_PATH_PARAMS_MAX], values[HTTP_PATH_PARAMS_MAX];
    size_t count;
};
void http_router_init(struct http_router *router, const struct http_route *routes, size_t route_count);
void http_router_deinit(struct http_router *router);
/* NULL when no pattern matches.  Literal patterns win. */
const struct http_path *http_router_find(const struct http_router *router, struct str path,
                                         struct http_params *ret);
const struct http_route *http_path_route(const struct http_path *path, enum http_method method);
void http_path_allow(const struct http_path *path, struct buf *out); /* "GET, HEAD, POST" */
