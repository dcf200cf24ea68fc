#include "io/http_exchange.h"

#include "base/parse.h"

#define COUNT(id) COUNTER_HTTP_REFUSED_##id
#define UNCOUNTED (-1)

const struct http_refusal_row http_refusals[HTTP_REFUSE_COUNT] = {
    [HTTP_REFUSE_MALFORMED] = {400, COUNT(MALFORMED), true, "the request is malformed"},
    [HTTP_REFUSE_HEADER_LARGE] = {431, COUNT(HEADER_LARGE), true, "the request's header is too large"},
    [HTTP_REFUSE_LENGTH] =
        {400, COUNT(LENGTH), true,
         "the length of the body is not clear: one Content-Length, or Transfer-Encoding: chunked"},
    [HTTP_REFUSE_ENCODING] = {501, COUNT(MALFORMED), true, "the only transfer encoding taken is chunked"},
    [HTTP_REFUSE_NO_HOST] = {400, COUNT(HOST), false, "the request has no Host"},
    [HTTP_REFUSE_HOST] =
        {421, COUNT(HOST), false,
         "this server does not answer for that Host; add the name to hosts in the configuration"},
    [HTTP_REFUSE_PATH] = {404, UNCOUNTED, false, "there is nothing at this path"},
    [HTTP_REFUSE_METHOD] = {405, UNCOUNTED, false, "this path does not take that method"},
    [HTTP_REFUSE_ORIGIN] = {403, COUNT(ORIGIN), false, "a page of another origin may not do this"},
    [HTTP_REFUSE_UNAUTHORIZED] =
        {401, COUNT(AUTH), false,
         "a valid token is needed (Authorization: Bearer …); this connection's user is not "
         "the server's own"},
    [HTTP_REFUSE_ROLE] = {403, COUNT(ROLE), false, "the caller's role may not do this"},
    [HTTP_REFUSE_MEDIA_TYPE] = {415, COUNT(MEDIA_TYPE), false, "the body must be application/json"},
    [HTTP_REFUSE_BODY_LARGE] = {413, COUNT(BODY_LARGE), false, "the body is too large"},
    [HTTP_REFUSE_STOPPING] = {503, UNCOUNTED, true, "the server is shutting down"},
};

/* -- fields -- */

static const struct {
    struct str name;
    size_t offset; /* of its slice in struct http_head */
    bool once;     /* a second one makes the request mean two things */
} known_fields[] = {
#define FIELD(text, member, single)                                                                          \
    {                                                                                                        \
        {text, sizeof(text) - 1}, offsetof(struct http_head, member), single                                 \
    }
    FIELD("Host", host, true),
    FIELD("Content-Length", content_length, true),
    FIELD("Transfer-Encoding", transfer_encoding, true),
    FIELD("Content-Type", content_type, true),
    FIELD("Origin", origin, true),
    FIELD("Authorization", authorization, true),
    FIELD("Accept-Encoding", accept_encoding, false),
    FIELD("If-None-Match", if_none_match, false),
    FIELD("X-Request-Id", request_id, false),
    FIELD("Expect", expect, false),
#undef FIELD
};

static const bool token_chars[256] =
    {/* RFC 9110 §5.6.2 */
     ['!'] = true,         ['#' ... '\''] = true, ['*'] = true,         ['+'] = true,
     ['-'] = true,         ['.'] = true,          ['0' ... '9'] = true, ['A' ... 'Z'] = true,
     ['^' ... 'z'] = true, ['|'] = true,          ['~'] = true};

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!token_chars[(unsigned char)s.p[i]])
            return false;
    return s.n > 0;
}

static bool is_field_text(struct str s) /* RFC 9110 §5.5: no control characters but TAB */
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    return true;
}

static void note_field(struct http_head *head, struct str name, struct str value)
{
    for (size_t i = 0; i < COUNT_OF(known_fields); i++) {
        if (known_fields[i].name.n != name.n || !str_equal_nocase(known_fields[i].name, name))
            continue;
        struct str *to = (struct str *)(void *)((char *)head + known_fields[i].offset);
        if (to->p && known_fields[i].once)
            head->twice = true;
        else if (!to->p)
            *to = str_trim(value);
        return;
    }
}

/* libmicrohttpd 0.9.75 joins folded lines onto the field's NAME, and ends a value at a NUL.  Either shows in
 * that the parsed pieces do not lie one behind the other any more: name, colon, value, CR LF, next name.
 * Later releases refuse these themselves, and owe us no memory layout. */
static bool layout_is_known(void)
{
    static int known = -1;
    if (known < 0)
        known = strcmp(MHD_get_version(), "0.9.75") == 0;
    return known;
}

static enum MHD_Result on_field(void *arg, enum MHD_ValueKind kind, const char *key, size_t key_bytes,
                                const char *value, size_t value_bytes)
{
    struct http_head *head = arg;
    struct str name = {key, key_bytes}, text = {value ? value : key + key_bytes, value ? value_bytes : 0};
    (void)kind;
    head->malformed |= !is_token(name) || !is_field_text(text);
    head->malformed |= layout_is_known() && (key != head->end || text.p <= key + key_bytes);
    head->end = text.p + text.n + 2;
    note_field(head, name, text);
    return MHD_YES;
}

static size_t header_bytes(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

/* -- one check after the other; the first that refuses wins -- */

static enum http_refusal check_syntax(struct http_request *r, const char *method, const char *version)
{
    struct http_head *head = &r->head;
    size_t bytes = header_bytes(r->mhd);
    bool gap = r->target_end + 1 != version; /* a NUL in the target: its text ended early */
    head->end = version + sizeof("HTTP/1.1\r\n") - 1;
    (void)MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, on_field, head);
    if (layout_is_known())
        gap |= head->end + 2 != method + bytes;
    if (r->bad_target || gap || head->malformed)
        return HTTP_REFUSE_MALFORMED;
    return bytes > r->server->config.limits.header_bytes ? HTTP_REFUSE_HEADER_LARGE : HTTP_REFUSE_NOT;
}

static enum http_refusal check_framing(struct http_request *r)
{
    const struct http_head *head = &r->head;
    r->length = -1;
    if (head->twice || (head->content_length.p && head->transfer_encoding.p))
        return HTTP_REFUSE_LENGTH;
    if (head->transfer_encoding.p && !str_equal_nocase(head->transfer_encoding, STR("chunked")))
        return HTTP_REFUSE_ENCODING;
    if (head->content_length.p && !parse_i64_in(head->content_length, 0, INT64_MAX, &r->length))
        return HTTP_REFUSE_LENGTH;
    r->has_body = r->length > 0 || head->transfer_encoding.p;
    return HTTP_REFUSE_NOT;
}

/* "192.0.2.1", "[::1]", with or without port: no name that a foreign resolver could have turned into our
 * address. */
static bool is_literal_address(struct str host)
{
    bool v6 = host.n > 0 && host.p[0] == '[';
    for (size_t i = 0; i < host.n; i++)
        if (!strchr(v6 ? "[]:.0123456789abcdefABCDEF" : ":.0123456789", host.p[i]))
            return false;
    return host.n > 0;
}

bool http_check_host(const struct http_server *s, struct str host)
{
    for (char **ours = s->hosts; ours && *ours; ours++)
        if (str_equal_nocase(host, str_of(*ours)))
            return true;
    return s->tcp.socket.any_address && is_literal_address(host);
}

static enum http_refusal check_host(struct http_request *r)
{
    if (str_empty(r->head.host))
        return HTTP_REFUSE_NO_HOST;
    if (!r->authority.p)
        r->authority = r->head.host;
    if (r->connection->is_unix || http_check_host(r->server, r->authority))
        return HTTP_REFUSE_NOT;
    return HTTP_REFUSE_HOST;
}

static const struct {
    struct str name;
    enum http_method method;
} methods[] = {{{"GET", 3}, HTTP_GET}, {{"POST", 4}, HTTP_POST},     {{"HEAD", 4}, HTTP_GET},
               {{"PUT", 3}, HTTP_PUT}, {{"DELETE", 6}, HTTP_DELETE}, {{"PATCH", 5}, HTTP_PATCH}};

static enum http_refusal check_route(struct http_request *r, const char *method)
{
    struct str name = str_of(method);
    for (size_t i = 0; i < COUNT_OF(methods) && !r->method; i++)
        if (str_equal(methods[i].name, name))
            r->method = methods[i].method;
    r->matched = http_router_find(&r->server->router, r->path, &r->params);
    if (!r->matched)
        return HTTP_REFUSE_PATH;
    r->route = r->method ? http_path_route(r->matched, r->method) : NULL;
    return r->route ? HTTP_REFUSE_NOT : HTTP_REFUSE_METHOD;
}

/* The origin of a page that we served ourselves: http(s):// and the authority that it was asked from. */
static bool is_own_origin(struct str origin, struct str authority)
{
    struct str http = STR("http://"), https = STR("https://");
    size_t skip = str_starts_with(origin, http) ? http.n : str_starts_with(origin, https) ? https.n : 0;
    return skip && str_equal_nocase((struct str){origin.p + skip, origin.n - skip}, authority);
}

static bool changes_state(const struct http_request *r)
{
    return r->method != HTTP_GET;
}

static enum http_refusal check_origin(struct http_request *r)
{
    if (!changes_state(r) || !r->head.origin.p || is_own_origin(r->head.origin, r->authority))
        return HTTP_REFUSE_NOT;
    return HTTP_REFUSE_ORIGIN;
}

/* A wrong token is told as such, even where the connection alone would do. */
static enum http_refusal check_caller(struct http_request *r)
{
    if (r->route->roles & HTTP_ROLE_ANYBODY)
        return HTTP_REFUSE_NOT;
    unsigned role = http_caller_find(r)->role;
    if (role == 0)
        return HTTP_REFUSE_UNAUTHORIZED;
    return role & r->route->roles ? HTTP_REFUSE_NOT : HTTP_REFUSE_ROLE;
}

static bool is_json(struct str content_type)
{
    struct str type = {0};
    (void)str_split(&content_type, ';', &type);
    return str_equal_nocase(str_trim(type), STR("application/json"));
}

/* A form of a browser can send any of its own types across origins without asking, JSON it cannot. */
static enum http_refusal check_media_type(struct http_request *r)
{
    if (!changes_state(r))
        return HTTP_REFUSE_NOT;
    bool type_needed = r->has_body || r->head.origin.p;
    if (r->head.content_type.p ? is_json(r->head.content_type) : !type_needed)
        return HTTP_REFUSE_NOT;
    return HTTP_REFUSE_MEDIA_TYPE;
}

static enum http_refusal check_length(struct http_request *r)
{
    if (r->length > (int64_t)r->server->config.limits.body_bytes)
        return HTTP_REFUSE_BODY_LARGE;
    return r->server->stopping ? HTTP_REFUSE_STOPPING : HTTP_REFUSE_NOT;
}

void http_check_head(struct http_request *r, const char *method, const char *version)
{
    enum http_refusal refusal;
    if ((refusal = check_syntax(r, method, version)) == HTTP_REFUSE_NOT &&
        (refusal = check_framing(r)) == HTTP_REFUSE_NOT && (refusal = check_host(r)) == HTTP_REFUSE_NOT &&
        (refusal = check_route(r, method)) == HTTP_REFUSE_NOT &&
        (refusal = check_origin(r)) == HTTP_REFUSE_NOT && (refusal = check_caller(r)) == HTTP_REFUSE_NOT &&
        (refusal = check_media_type(r)) == HTTP_REFUSE_NOT)
        refusal = check_length(r);
    r->refusal = refusal;
}
