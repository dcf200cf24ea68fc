/* http_client.h -- HTTP requests that run in the loop, by libcurl.
 *
 * Any number at once; connections are kept alive between them.  The answer is bounded, decompressed, and
 * given whole. Redirects are not followed: a token must not travel to where an answer points.  A proxy from
 * the environment is used for other hosts, never for this one.  Loop thread only. */
#pragma once
#include "base/buf.h"

#include <uv.h>

struct http_client;

struct http_client_request {    /* all of it is copied */
    const char *method;         /* "GET" when NULL */
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value", NULL-terminated; NULL for none */
    struct str body;            /* sent when not empty, and with POST, PUT and PATCH */
    int64_t timeout_us;         /* for the whole; 0: 30 s */
    size_t max_body_bytes;      /* of the answer; 0: 16 MiB */
    const char *unix_socket;    /* path to connect to instead of the URL's host, NULL for none */
    const char *ca_file;        /* certificates to trust instead of the system's, NULL for those */
};

struct http_client_response { /* valid during on_done */
    int curl_code;            /* 0: there is an answer, whatever its status */
    const char *error;        /* why there is none, "" when there is one */
    int status;               /* 0 when there is none */
    struct str body;
    struct str head; /* status line and fields of the answer, for http_client_header */
};
struct str http_client_header(const struct http_client_response *r, const char *name); /* empty when absent */

struct http_client *http_client_new(uv_loop_t *loop);
/* Every exchange that is not done gets its on_done now, as cancelled.  Not from within an on_done.  NULL ok;
 * returns NULL; the loop must turn once more. */
struct http_client *http_client_free(struct http_client *c);
/* on_done runs once, never from within this call; it may send again. */
void http_client_send(struct http_client *c, const struct http_client_request *request,
                      void (*on_done)(void *arg, const struct http_client_response *response), void *arg);
