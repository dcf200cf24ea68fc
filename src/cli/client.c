#include "cli/client.h"

#include "base/clock.h"
#include "io/config.h"

#include <curl/curl.h>

#define ANSWER_BYTES_MAX ((size_t)64 << 20)
#define TIMEOUT_US (30 * USEC_PER_SEC)

void reply_deinit(struct reply *r)
{
    buf_deinit(&r->body);
    json_decref(r->json);
    r->json = NULL;
}

/* -- the transfer -- */

struct exchange {                          /* what is sent where, and what came of it */
    const char *url, *socket_path, *token; /* socket_path, token: NULL for none */
    const char *method, *path, *body;
    int64_t timeout_us;
    struct buf *answer;
    const char *last_id;                          /* of a stream; NULL: none */
    bool (*on_part)(void *arg, struct str bytes); /* a stream's; NULL: all goes to the answer */
    void *part_arg;
    CURL *curl; /* while it runs */
    bool opened;
    long status;
    char why[CURL_ERROR_SIZE]; /* nobody answered */
};

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct buf *out = arg;
    if (out->n + size * n > ANSWER_BYTES_MAX)
        return 0;
    buf_add(out, p, size * n);
    return size * n;
}

/* What is no stream is an answer that says why. */
static size_t on_stream(char *p, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    (void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &x->status);
    if (x->status != 200)
        return on_body(p, size, n, x->answer);
    x->opened = true;
    return x->on_part(x->part_arg, (struct str){p, size * n}) ? size * n : 0;
}

static struct curl_slist *request_headers(const struct exchange *x)
{
    struct curl_slist *headers =
        curl_slist_append(NULL, x->on_part ? "Accept: text/event-stream" : "Accept: application/json");
    if (x->last_id) {
        struct buf line = BUF_INIT;
        buf_printf(&line, "Last-Event-ID: %s", x->last_id);
        headers = curl_slist_append(headers, line.p);
        buf_deinit(&line);
    }
    if (strcmp(x->method, "GET") != 0) /* libcurl would call even an empty body a form */
        headers = curl_slist_append(headers, "Content-Type: application/json");
    if (x->token) {
        struct buf line = BUF_INIT;
        buf_printf(&line, "Authorization: Bearer %s", x->token);
        headers = curl_slist_append(headers, line.p);
        buf_deinit(&line);
    }
    return headers;
}

static void set_request(CURL *curl, struct exchange *x)
{
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, x->method);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(x->timeout_us / USEC_PER_MSEC));
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, x->on_part ? on_stream : on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, x->on_part ? (void *)x : x->answer);
    if (x->socket_path) {
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, x->socket_path);
        (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    if (x->body || strcmp(x->method, "POST") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, x->body ? x->body : "");
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)(x->body ? strlen(x->body) : 0));
    }
}

/* False when nobody answered; x->why says why. */
static bool transfer(struct exchange *x)
{
    CURL *curl = curl_easy_init();
    long os_error = 0;
    struct buf url = BUF_INIT;
    struct str base = str_of(x->url);
    while (base.n > 0 && base.p[base.n - 1] == '/')
        base.n--;
    buf_printf(&url, "%.*s%s", STR_ARG(base), x->path);
    struct curl_slist *headers = request_headers(x);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, x->why);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url.p);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    x->curl = curl;
    set_request(curl, x);
    CURLcode code = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &x->status);
    (void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    buf_deinit(&url);
    if (code == CURLE_COULDNT_CONNECT && os_error) /* libcurl would speak of a port, also for a Unix socket */
        (void)snprintf(x->why, sizeof(x->why), "%s", strerror((int)os_error));
    if (code != CURLE_OK && !x->why[0])
        (void)snprintf(x->why, sizeof(x->why), "%s", curl_easy_strerror(code));
    return code == CURLE_OK;
}

/* -- what went wrong, in one line -- */

static int unreachable(const struct invocation *in, const struct exchange *x)
{
    (void)command_fail(in, "no node answers on %s: %s; start one with muster up, or name one with --url",
                       x->socket_path ? x->socket_path : x->url, x->why);
    return EXIT_UNREACHABLE;
}

static const char *text_of(json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static const char *advice(int status)
{
    switch (status) {
    case 401:
        return "; set MUSTER_TOKEN to a token of that node";
    case 403:
        return "; a token with another role is needed";
    default:
        return "";
    }
}

/* The problem's words (RFC 9457). */
static int refused(const struct invocation *in, const struct reply *r)
{
    const char *detail = text_of(r->json, "detail"), *title = text_of(r->json, "title"),
               *pointer = text_of(r->json, "pointer");
    if (!detail)
        detail = title ? title : "the answer cannot be understood: is that a node?";
    (void)command_fail(in, "%s%s%s%s%s", detail, pointer ? " (" : "", pointer ? pointer : "",
                       pointer ? ")" : "", advice(r->status));
    return r->status == 401 || r->status == 403 ? EXIT_DENIED : EXIT_FAILED;
}

static int judge(const struct invocation *in, struct reply *r)
{
    json_error_t error;
    bool empty = r->body.n == 0;
    r->json = empty ? NULL : json_loadb(r->body.p, r->body.n, JSON_DECODE_ANY, &error);
    if (r->status >= 200 && r->status < 300 && (empty || r->json))
        return 0;
    return refused(in, r);
}

/* -- calls -- */

/* r: where the exchange puts the answer. */
static int call(const struct invocation *in, struct exchange *x, struct reply *r)
{
    bool answered = transfer(x);
    r->status = (int)x->status;
    return answered ? judge(in, r) : unreachable(in, x);
}

static int call_raw(const struct invocation *in, struct exchange *x, struct reply *r)
{
    bool answered = transfer(x);
    r->status = (int)x->status;
    if (!answered)
        return unreachable(in, x);
    return r->status >= 200 && r->status < 300 ? 0 : judge(in, r);
}

static int call_node(const struct invocation *in, const char *method, const char *path, const json_t *body,
                     int (*how)(const struct invocation *, struct exchange *, struct reply *),
                     struct reply *ret)
{
    const char *url = command_option(in, "url"), *token = getenv("MUSTER_TOKEN");
    struct reply r = {.body = BUF_INIT};
    struct config *config = NULL;
    int rc = url ? 0 : command_config(in, &config);
    if (rc != 0)
        return rc;
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct exchange x = {.url = url ? url : "http://localhost",
                         .socket_path = config ? config->socket : NULL,
                         .token = token && token[0] ? token : NULL,
                         .method = method,
                         .path = path,
                         .body = text,
                         .timeout_us = TIMEOUT_US,
                         .answer = &r.body};
    rc = how(in, &x, &r);
    if (rc == 0)
        *ret = r;
    else
        reply_deinit(&r);
    free(text);
    (void)config_free(config);
    return rc;
}

int client_call(const struct invocation *in, const char *method, const char *path, const json_t *body,
                struct reply *ret)
{
    return call_node(in, method, path, body, call, ret);
}

int client_fetch(const struct invocation *in, const char *method, const char *path, struct buf *ret)
{
    struct reply r;
    int rc = call_node(in, method, path, NULL, call_raw, &r);
    if (rc == 0)
        buf_add_str(ret, buf_str(&r.body));
    if (rc == 0)
        reply_deinit(&r);
    return rc;
}

int client_stream(const struct invocation *in, const char *path, const char *last_id, bool say,
                  bool (*on_part)(void *arg, struct str bytes), void *arg, bool *ret_opened)
{
    const char *url = command_option(in, "url"), *token = getenv("MUSTER_TOKEN");
    struct reply r = {.body = BUF_INIT};
    struct config *config = NULL;
    int rc = url ? 0 : command_config(in, &config);
    if (rc != 0)
        return rc;
    struct exchange x = {.url = url ? url : "http://localhost",
                         .socket_path = config ? config->socket : NULL,
                         .token = token && token[0] ? token : NULL,
                         .method = "GET",
                         .path = path,
                         .last_id = last_id,
                         .on_part = on_part,
                         .part_arg = arg,
                         .answer = &r.body};
    bool answered = transfer(&x) || x.status != 0;
    r.status = (int)x.status;
    *ret_opened = x.opened;
    if (!x.opened && answered && r.status != 200)
        rc = judge(in, &r);
    else if (!x.opened && say)
        rc = unreachable(in, &x);
    reply_deinit(&r);
    (void)config_free(config);
    return rc;
}

/* The status of the answer, 0 when nobody answered. */
static int ask(const struct exchange *question)
{
    struct buf answer = BUF_INIT;
    struct exchange x = *question;
    x.url = "http://localhost";
    x.answer = &answer;
    bool answered = transfer(&x);
    buf_deinit(&answer);
    return answered ? (int)x.status : 0;
}

int client_ask(const char *socket_path, const char *method, const char *path, int64_t timeout_us)
{
    struct exchange x = {.socket_path = socket_path,
                         .method = method,
                         .path = path,
                         .timeout_us = timeout_us,
                         .body = strcmp(method, "POST") == 0 ? "{}" : NULL};
    return ask(&x);
}

bool client_try(const char *socket_path, const char *method, const char *path, int64_t timeout_us)
{
    int status = client_ask(socket_path, method, path, timeout_us);
    return status >= 200 && status < 300;
}

bool client_tell(const char *socket_path, const char *token, const char *path, const char *body,
                 int64_t timeout_us)
{
    struct exchange x = {.socket_path = socket_path,
                         .token = token,
                         .method = "POST",
                         .path = path,
                         .timeout_us = timeout_us,
                         .body = body};
    int status = ask(&x);
    return status >= 200 && status < 300;
}

void client_add_escaped(struct buf *url, const char *text)
{
    for (const char *p = text; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                     strchr("-._~", *p);
        if (plain)
            buf_add_char(url, *p);
        else
            buf_printf(url, "%%%02X", (unsigned char)*p);
    }
}

void client_add_query(struct buf *url, const struct invocation *in, const char *option)
{
    const char *value = command_option(in, option);
    if (!value)
        return;
    buf_printf(url, "%c%s=", strchr(url->p, '?') ? '&' : '?', option);
    client_add_escaped(url, value);
}
