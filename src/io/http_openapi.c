#include "io/http_internal.h"

#include "base/json.h"

static void describe_parameter(struct json_writer *w, const char *in, struct str name, struct str type,
                               struct str description)
{
    json_object_begin(w);
    json_kv_text(w, "in", in);
    json_kv_str(w, "name", name);
    json_kv_bool(w, "required", strcmp(in, "path") == 0);
    if (!str_empty(description))
        json_kv_str(w, "description", description);
    json_key(w, "schema");
    json_object_begin(w);
    json_kv_str(w, "type", type);
    json_object_end(w);
    json_object_end(w);
}

static void describe_path_parameters(struct json_writer *w, const char *pattern)
{
    struct str rest = str_of(pattern), segment;
    while (str_split(&rest, '/', &segment))
        if (segment.n > 2 && segment.p[0] == '{')
            describe_parameter(w, "path", (struct str){segment.p + 1, segment.n - 2}, STR("string"),
                               (struct str){0});
}

/* "limit:integer:At most this many;after:string:…" */
static void describe_query(struct json_writer *w, const char *query)
{
    struct str rest = str_of(query), row, name, type;
    while (query && str_split(&rest, ';', &row))
        if (str_split(&row, ':', &name) && str_split(&row, ':', &type))
            describe_parameter(w, "query", name, type, row);
}

static void describe_body(struct json_writer *w, const struct http_route *route)
{
    if (!route->body)
        return;
    json_key(w, "requestBody");
    json_object_begin(w);
    json_kv_bool(w, "required", !route->body_optional);
    json_key(w, "content");
    json_object_begin(w);
    json_key(w, "application/json");
    json_object_begin(w);
    struct buf schema = BUF_INIT;
    json_fields_schema(route->body, &schema);
    json_key(w, "schema");
    json_raw(w, buf_str(&schema));
    buf_deinit(&schema);
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}

static void describe_response(struct json_writer *w, struct str status, struct str description)
{
    json_key_str(w, status);
    json_object_begin(w);
    json_kv_str(w, "description", description);
    json_object_end(w);
}

/* "201:The job;409:It is not running", and the shape of every error. */
static void describe_responses(struct json_writer *w, const char *responses)
{
    struct str rest = str_of(responses), row, status;
    json_key(w, "responses");
    json_object_begin(w);
    while (responses && str_split(&rest, ';', &row))
        if (str_split(&row, ':', &status))
            describe_response(w, status, row);
    json_key(w, "default");
    json_object_begin(w);
    json_kv_text(w, "$ref", "#/components/responses/problem");
    json_object_end(w);
    json_object_end(w);
}

static void describe_roles(struct json_writer *w, unsigned roles)
{
    json_key(w, "x-roles");
    json_array_begin(w);
    for (unsigned role = HTTP_ROLE_ADMIN; role <= HTTP_ROLE_ANYBODY; role <<= 1)
        if (roles & role)
            json_text(w, http_role_name((enum http_role)role));
    json_array_end(w);
    if (roles & HTTP_ROLE_ANYBODY) {
        json_key(w, "security");
        json_array_begin(w);
        json_array_end(w);
    }
}

static void describe_route(struct json_writer *w, const struct http_route *route)
{
    json_object_begin(w);
    json_kv_text(w, "summary", route->summary ? route->summary : "");
    json_key(w, "parameters");
    json_array_begin(w);
    describe_path_parameters(w, route->pattern);
    describe_query(w, route->query);
    json_array_end(w);
    describe_body(w, route);
    describe_responses(w, route->responses);
    describe_roles(w, route->roles);
    json_object_end(w);
}

static void describe_path(struct json_writer *w, const struct http_path *path)
{
    static const char *const keys[HTTP_METHODS] = {"get", "post", "put", "delete", "patch"};
    json_key(w, path->pattern);
    json_object_begin(w);
    for (size_t i = 0; i < HTTP_METHODS; i++) {
        if (!path->routes[i])
            continue;
        json_key(w, keys[i]);
        describe_route(w, path->routes[i]);
    }
    json_object_end(w);
}

static const char components[] =
    "{\"responses\":{\"problem\":{\"description\":\"Why not (RFC "
    "9457).\",\"content\":{\"application/problem+json\":{"
    "\"schema\":{\"$ref\":\"#/components/schemas/problem\"}}}}},"
    "\"schemas\":{\"problem\":{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"detail\"],"
    "\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":"
    "\"integer\"},"
    "\"detail\":{\"type\":\"string\"},\"pointer\":{\"type\":\"string\"},\"request_id\":{\"type\":\"string\"}}"
    "}},"
    "\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}}}";

void http_server_openapi(const struct http_server *s, const char *title, const char *version, struct buf *out)
{
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_text(&w, "openapi", "3.1.0");
    json_key(&w, "info");
    json_object_begin(&w);
    json_kv_text(&w, "title", title);
    json_kv_text(&w, "version", version);
    json_object_end(&w);
    json_key(&w, "paths");
    json_object_begin(&w);
    for (size_t i = 0; i < s->router.path_count; i++)
        describe_path(&w, &s->router.paths[i]);
    json_object_end(&w);
    json_key(&w, "components");
    json_raw(&w, STR(components));
    json_key(&w, "security");
    json_raw(&w, STR("[{\"bearer\":[]}]"));
    json_object_end(&w);
}
