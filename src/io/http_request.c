#include "io/http_exchange.h"

#include "base/parse.h"

#define KEPT_BODY_BYTES 65536 /* a larger body buffer is not kept for the next request */

struct http_request *http_request_new(struct http_connection *c)
{
    struct http_request *r = xnew(struct http_request);
    r->server = c->server;
    r->connection = c;
    r->mhd = c->mhd;
    buf_init(&r->target);
    buf_init(&r->body);
    arena_init(&r->arena);
    return r;
}

void http_request_clear(struct http_request *r)
{
    http_release_response(r);
    if (r->arena.blocks)
        arena_reset(&r->arena);
    buf_clear(&r->target);
    buf_clear(&r->body);
    if (r->body.capacity > KEPT_BODY_BYTES)
        buf_deinit(&r->body);
    r->stage = HTTP_STAGE_HEAD;
    r->suspended = r->bad_target = r->has_body = false;
    r->caller = NULL;
    r->method = 0;
    r->refusal = HTTP_REFUSE_NOT;
    r->authority = r->path = r->query = (struct str){0};
    r->head = (struct http_head){0};
    r->matched = NULL;
    r->route = NULL;
    r->params.count = 0;
    r->body_seen = 0;
    r->id[0] = '\0';
    r->headers = NULL;
    r->resource = r->details = r->error = NULL;
}

struct http_request *http_request_free(struct http_request *r)
{
    if (!r)
        return NULL;
    http_release_response(r);
    arena_reset(&r->arena);
    buf_deinit(&r->target);
    buf_deinit(&r->body);
    free(r);
    return NULL;
}

/* -- the target -- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Visible ASCII without '#', every '%' with its two digits, and no escaped NUL (RFC 3986 §3). */
static bool is_clean_target(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '#')
            return false;
        if (s.p[i] != '%')
            continue;
        if (s.n - i < 3 || hex_digit(s.p[i + 1]) < 0 || hex_digit(s.p[i + 2]) < 0 ||
            (s.p[i + 1] == '0' && s.p[i + 2] == '0'))
            return false;
    }
    return s.n > 0;
}

/* "http://host/path" leaves "/path" and the host as the authority (RFC 9112 §3.2.2). */
static struct str without_authority(struct http_request *r, struct str target)
{
    struct str http = STR("http://"), https = STR("https://");
    size_t skip = str_starts_with(target, http) ? http.n : str_starts_with(target, https) ? https.n : 0;
    if (!skip)
        return target;
    struct str rest = {target.p + skip, target.n - skip};
    const char *slash = memchr(rest.p, '/', rest.n);
    size_t n = slash ? (size_t)(slash - rest.p) : rest.n;
    r->authority = (struct str){rest.p, n};
    return slash ? (struct str){slash, rest.n - n} : STR("/");
}

void http_request_target(struct http_request *r, const char *target)
{
    size_t n = strlen(target);
    r->target_end = target + n;
    buf_add(&r->target, target, n);
    r->bad_target = !is_clean_target(buf_str(&r->target));
    struct str rest = without_authority(r, buf_str(&r->target));
    const char *mark = memchr(rest.p, '?', rest.n);
    r->path = (struct str){rest.p, mark ? (size_t)(mark - rest.p) : rest.n};
    r->query = mark ? (struct str){mark + 1, rest.n - r->path.n - 1} : (struct str){0};
    r->bad_target |= str_empty(r->path) || r->path.p[0] != '/';
}

struct str http_percent_decode(struct arena *arena, struct str s, bool plus_is_space)
{
    if (s.n == 0 || (!memchr(s.p, '%', s.n) && !(plus_is_space && memchr(s.p, '+', s.n))))
        return s;
    char *out = arena_alloc(arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && s.n - i > 2) {
            out[n++] = (char)(hex_digit(s.p[i + 1]) * 16 + hex_digit(s.p[i + 2]));
            i += 2;
        } else {
            out[n++] = plus_is_space && s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    return (struct str){out, n};
}

/* -- accessors -- */

enum http_method http_method(const struct http_request *r)
{
    return r->method;
}

struct str http_path(const struct http_request *r)
{
    return r->path;
}

const struct http_route *http_route(const struct http_request *r)
{
    return r->route;
}

struct arena *http_arena(struct http_request *r)
{
    return &r->arena;
}

static struct arena *arena_of(const struct http_request *r)
{
    return &((struct http_request *)(uintptr_t)r)
                ->arena; /* what a look-up decodes is no change to the request */
}

struct str http_param(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->params.count; i++)
        if (str_equal(r->params.names[i], str_of(name)))
            return http_percent_decode(arena_of(r), r->params.values[i], false);
    return (struct str){0};
}

bool http_query(const struct http_request *r, const char *name, struct str *ret)
{
    struct str rest = r->query, pair, key = {0};
    while (rest.p && str_split(&rest, '&', &pair)) {
        if (!str_split(&pair, '=', &key) ||
            !str_equal(http_percent_decode(arena_of(r), key, true), str_of(name)))
            continue;
        *ret = pair.p ? http_percent_decode(arena_of(r), pair, true) : STR("");
        return true;
    }
    return false;
}

struct str http_query_string(const struct http_request *r)
{
    return r->query;
}

bool http_query_i64(struct http_request *r, const char *name, int64_t min, int64_t max, int64_t fallback,
                    int64_t *ret)
{
    struct str text;
    int64_t value = fallback;
    if (http_query(r, name, &text) && !parse_i64_in(text, min, max, &value)) {
        CLEANUP(buf_deinit) struct buf pointer = BUF_INIT;
        buf_printf(&pointer, "/%s", name);
        http_reply_problem(r, 400, pointer.p, "%s must be an integer from %lld to %lld", name, (long long)min,
                           (long long)max);
        return false;
    }
    *ret = value;
    return true;
}

bool http_param_id(struct http_request *r, const char *name, int64_t *ret)
{
    struct str text = http_param(r, name);
    if (parse_i64_in(text, 1, INT64_MAX, ret))
        return true;
    http_reply_problem(r, 404, NULL, "there is no %.*s here", STR_ARG(text));
    return false;
}

/* Copied: the handler may keep it for longer than the connection lasts. */
struct str http_header(const struct http_request *r, const char *name)
{
    const char *value = r->mhd ? MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name) : NULL;
    if (!value)
        return (struct str){0};
    struct str text = str_trim(str_of(value));
    return (struct str){arena_strdup(arena_of(r), text), text.n};
}

struct str http_body(const struct http_request *r)
{
    return buf_str(&r->body);
}

const struct http_caller *http_caller(const struct http_request *r)
{
    return http_caller_find((struct http_request *)(uintptr_t)r);
}

static bool is_request_id(struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", id.p[i]))
            return false;
    return id.n >= 1 && id.n <= 64;
}

static void make_id(struct http_request *r)
{
    struct str given = r->connection ? r->head.request_id : (struct str){0};
    if (is_request_id(given))
        (void)snprintf(r->id, sizeof(r->id), "%.*s", STR_ARG(given));
    else if (r->server)
        (void)snprintf(r->id, sizeof(r->id), "%016llx-%llx", (unsigned long long)r->server->request_seed,
                       (unsigned long long)++r->server->request_count);
}

const char *http_request_id(const struct http_request *r)
{
    if (!r->id[0])
        make_id((struct http_request *)(uintptr_t)r);
    return r->id;
}

/* -- notes -- */

void http_note_resource(struct http_request *r, const char *format, ...)
{
    struct buf text = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    r->resource = arena_strdup(&r->arena, buf_str(&text));
    buf_deinit(&text);
}

void http_note_details(struct http_request *r, struct str json)
{
    r->details = arena_strdup(&r->arena, json);
}

const char *http_noted_details(const struct http_request *r)
{
    return r->details ? r->details : "";
}

const char *http_noted_resource(const struct http_request *r)
{
    return r->resource ? r->resource : "";
}

const char *http_noted_error(const struct http_request *r)
{
    return r->error ? r->error : "";
}
