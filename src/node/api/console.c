/* / and /console: the page that people open in a browser (spec 95 Console).
 *
 * It holds nothing that is secret, so it is served to anybody; what it shows comes from the API, which asks
 * who is calling. */
#include "node/api/api.h"
#include "node/console_files.h"

/* Nothing but what this server sent is loaded or spoken to, no page may frame it, and no script stands in the
 * markup.  Each answer is asked for again and costs a 304, so that a newer binary is seen at once. */
static const struct {
    const char *name, *value;
} headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
    {"Cache-Control", "no-cache"},
};

static void reply_file(struct http_request *r, const struct console_file *file)
{
    struct buf body = BUF_INIT;
    buf_add(&body, file->body.p, file->body.n);
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        http_add_header(r, headers[i].name, headers[i].value);
    http_reply_body(r, 200, file->content_type, &body);
}

static void send_named(struct http_request *r, struct str name)
{
    for (size_t i = 0; i < console_file_count; i++)
        if (str_equal(name, str_of(console_files[i].name))) {
            reply_file(r, &console_files[i]);
            return;
        }
    http_reply_problem(r, 404, NULL, "the console has no such file");
}

static void page(struct http_request *r, void *context)
{
    (void)context;
    send_named(r, STR("index.html"));
}

static void asset(struct http_request *r, void *context)
{
    (void)context;
    send_named(r, http_param(r, "file"));
}

static const struct http_route routes[] = {
    {HTTP_GET, "/", HTTP_ROLE_ANYBODY, page, .summary = "The console, for a browser",
     .responses = "200:A page of HTML"},
    {HTTP_GET, "/console/{file}", HTTP_ROLE_ANYBODY, asset, .summary = "A file of the console",
     .responses = "200:The file;404:No such file"},
};
const struct api_routes api_console_routes = {routes, COUNT_OF(routes)};
