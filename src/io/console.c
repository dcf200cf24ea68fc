#include "io/console.h"

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

static const struct console_file *find(struct str name)
{
    for (size_t i = 0; i < console_file_count; i++)
        if (str_equal(name, str_of(console_files[i].name)))
            return &console_files[i];
    return NULL;
}

static void reply(struct http_request *r, const struct console_file *file)
{
    struct buf body = BUF_INIT;
    buf_add(&body, file->body.p, file->body.n);
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        http_add_header(r, headers[i].name, headers[i].value);
    http_reply_body(r, 200, file->content_type, &body);
}

void console_reply_page(struct http_request *r, const char *name)
{
    const struct console_file *file = find(str_of(name));
    assert(file);
    reply(r, file);
}

void console_handle_file(struct http_request *r, void *context)
{
    (void)context;
    struct str name = http_param(r, "file");
    const struct console_file *file = str_ends_with(name, STR(".html")) ? NULL : find(name);
    if (file)
        reply(r, file);
    else
        http_reply_problem(r, 404, NULL, "the console has no such file");
}
