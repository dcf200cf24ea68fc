/* console.h -- the page that people open in a browser, from the binary (spec 95 Console).
 *
 * One bundle for every program: its script is told by the page which of them it talks to, so each program
 * sends a page of its own at / and the same files at /console/{file}.  The files hold nothing that is secret
 * and go to anybody; what they show comes from the program's API, which asks who is calling.
 *
 * The table is written at build time by tools/embed-files: from web/built, or with -Dconsole=disabled from
 * web/without, which says so.  Constant.  The handlers: loop thread. */
#pragma once
#include "io/http_server.h"

struct console_file {
    const char *name;         /* "index.html" */
    const char *content_type; /* with its charset, where it is text */
    struct str body;
};
extern const struct console_file console_files[];
extern const size_t console_file_count;

/* The page of this name, which is one of the table. */
void console_reply_page(struct http_request *r, const char *name);
/* Handler of a route with {file}; pages are not among what it gives. */
void console_handle_file(struct http_request *r, void *context);
