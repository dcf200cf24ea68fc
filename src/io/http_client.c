#include "io/http_client.h"

#include "base/clock.h"

#include <curl/curl.h>

#define DEFAULT_TIMEOUT_US (30 * USEC_PER_SEC)
#define CONNECT_TIMEOUT_US (10 * USEC_PER_SEC)
#define DEFAULT_BODY_BYTES ((size_t)16 * 1024 * 1024)
#define HEAD_BYTES_MAX ((size_t)64 * 1024)
#define KEPT_CONNECTIONS 16L

struct exchange {
    struct exchange *prev, *next;
    struct http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    struct buf request_body, head, body;
    size_t max_body_bytes;
    bool too_large;
    char error[CURL_ERROR_SIZE];
    void (*on_done)(void *arg, const struct http_client_response *response);
    void *arg;
};

struct http_client {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer; /* libcurl's */
    struct exchange *exchanges;
    unsigned open_handles; /* of libuv: the timer and a poll per socket */
    char *no_proxy;
};

struct watched { /* one socket of libcurl */
    uv_poll_t poll;
    struct http_client *client;
    curl_socket_t fd;
};

/* -- the end of an exchange -- */

static void unlink_exchange(struct exchange *x)
{
    *(x->prev ? &x->prev->next : &x->client->exchanges) = x->next;
    if (x->next)
        x->next->prev = x->prev;
    x->prev = x->next = NULL;
}

static void free_exchange(struct exchange *x)
{
    curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->headers);
    buf_deinit(&x->request_body);
    buf_deinit(&x->head);
    buf_deinit(&x->body);
    free(x);
}

static const char *reason(const struct exchange *x, CURLcode code)
{
    if (code == CURLE_OK)
        return "";
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return "cancelled";
    if (x->too_large)
        return "the answer is larger than allowed";
    return x->error[0] ? x->error : curl_easy_strerror(code);
}

static void finish(struct exchange *x, CURLcode code)
{
    long status = 0;
    if (code == CURLE_OK)
        (void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    struct http_client_response response = {
        .curl_code = (int)code, .error = reason(x, code), .status = (int)status};
    if (code == CURLE_OK) {
        response.body = buf_str(&x->body);
        response.head = buf_str(&x->head);
    }
    unlink_exchange(x);
    (void)curl_multi_remove_handle(x->client->multi, x->easy);
    x->on_done(x->arg, &response);
    free_exchange(x);
}

static void finish_done(struct http_client *c)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(c->multi, &left))) {
        struct exchange *x;
        CURLcode code = message->data.result; /* the message is gone once the handle is removed */
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        finish(x, code);
    }
}

/* -- libcurl in the loop -- */

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watched *w = CONTAINER_OF(poll, struct watched, poll);
    struct http_client *c = w->client;
    int flags = status < 0 ? CURL_CSELECT_ERR
                           : (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                                 (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    int running;
    (void)curl_multi_socket_action(c->multi, w->fd, flags, &running); /* may close w */
    finish_done(c);
}

static void on_timeout(uv_timer_t *timer)
{
    struct http_client *c = CONTAINER_OF(timer, struct http_client, timer);
    int running;
    (void)curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    finish_done(c);
}

static int set_timer(CURLM *multi, long timeout_ms, void *client)
{
    struct http_client *c = client;
    (void)multi;
    if (timeout_ms < 0)
        (void)uv_timer_stop(&c->timer);
    else
        (void)uv_timer_start(&c->timer, on_timeout, (uint64_t)timeout_ms,
                             0); /* 0 too: never from within libcurl */
    return 0;
}

static void close_client_when_unused(struct http_client *c)
{
    if (--c->open_handles)
        return;
    free(c->no_proxy);
    free(c);
}

static void on_watched_closed(uv_handle_t *handle)
{
    struct watched *w = CONTAINER_OF((uv_poll_t *)handle, struct watched, poll);
    close_client_when_unused(w->client);
    free(w);
}

static struct watched *watch(struct http_client *c, curl_socket_t fd)
{
    struct watched *w = xnew(struct watched);
    w->client = c;
    w->fd = fd;
    if (uv_poll_init(c->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    c->open_handles++;
    (void)curl_multi_assign(c->multi, fd, w);
    return w;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *client, void *socket)
{
    struct watched *w = socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w)
            uv_close((uv_handle_t *)&w->poll, on_watched_closed);
        return 0;
    }
    if (!w && !(w = watch(client, fd)))
        return -1;
    int events = (what != CURL_POLL_OUT ? UV_READABLE : 0) | (what != CURL_POLL_IN ? UV_WRITABLE : 0);
    return uv_poll_start(&w->poll, events, on_ready) == 0 ? 0 : -1;
}

/* -- the answer -- */

static size_t on_head(char *p, size_t size, size_t n, void *exchange)
{
    struct exchange *x = exchange;
    struct str line = {p, size * n};
    if (str_starts_with(line, STR("HTTP/")))
        buf_clear(&x->head); /* a 100 came before */
    x->too_large |= x->head.n + line.n > HEAD_BYTES_MAX;
    if (x->too_large)
        return 0;
    buf_add_str(&x->head, line);
    return line.n;
}

static size_t on_body(char *p, size_t size, size_t n, void *exchange)
{
    struct exchange *x = exchange;
    x->too_large |= size * n > x->max_body_bytes - x->body.n;
    if (x->too_large)
        return 0; /* ends it with CURLE_WRITE_ERROR */
    buf_add(&x->body, p, size * n);
    return size * n;
}

struct str http_client_header(const struct http_client_response *r, const char *name)
{
    struct str rest = r->head, line, key;
    while (!str_empty(rest) && str_split(&rest, '\n', &line))
        if (str_split(&line, ':', &key) && line.p && str_equal_nocase(key, str_of(name)))
            return str_trim(line);
    return (struct str){0};
}

/* -- the request -- */

static void set_headers(struct exchange *x, const char *const *headers)
{
    x->headers = curl_slist_append(NULL, "Expect:"); /* no waiting for a 100 */
    for (size_t i = 0; headers && headers[i]; i++)
        x->headers = curl_slist_append(x->headers, headers[i]);
    (void)curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
}

static void set_method(struct exchange *x, const struct http_client_request *request)
{
    const char *method = request->method ? request->method : "GET";
    bool has_body = request->body.n || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
                    strcmp(method, "PATCH") == 0;
    if (strcmp(method, "HEAD") == 0)
        (void)curl_easy_setopt(x->easy, CURLOPT_NOBODY, 1L);
    if (has_body) {
        buf_add_str(&x->request_body, request->body);
        (void)curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->request_body.n);
        (void)curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, x->request_body.p);
    }
    (void)curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_target(struct exchange *x, const struct http_client_request *request)
{
    int64_t timeout_us = request->timeout_us > 0 ? request->timeout_us : DEFAULT_TIMEOUT_US;
    (void)curl_easy_setopt(x->easy, CURLOPT_URL, request->url);
    (void)curl_easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(x->easy, CURLOPT_NOPROXY, request->unix_socket ? "*" : x->client->no_proxy);
    (void)curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, (long)MAX(timeout_us / USEC_PER_MSEC, 1));
    (void)curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)MAX(MIN(timeout_us, CONNECT_TIMEOUT_US) / USEC_PER_MSEC, 1));
    if (request->unix_socket)
        (void)curl_easy_setopt(x->easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
    if (request->ca_file)
        (void)curl_easy_setopt(x->easy, CURLOPT_CAINFO, request->ca_file);
}

static void set_callbacks(struct exchange *x)
{
    (void)curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
    (void)curl_easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->error);
    (void)curl_easy_setopt(x->easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    (void)curl_easy_setopt(x->easy, CURLOPT_USERAGENT, "muster/" MUSTER_VERSION);
    (void)curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_head);
    (void)curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, x);
    (void)curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
}

void http_client_send(struct http_client *c, const struct http_client_request *request,
                      void (*on_done)(void *arg, const struct http_client_response *response), void *arg)
{
    struct exchange *x = xnew(struct exchange);
    *x = (struct exchange){.next = c->exchanges, .client = c, .on_done = on_done, .arg = arg};
    if (x->next)
        x->next->prev = x;
    c->exchanges = x;
    buf_init(&x->request_body);
    buf_init(&x->head);
    buf_init(&x->body);
    x->max_body_bytes = request->max_body_bytes ? request->max_body_bytes : DEFAULT_BODY_BYTES;
    x->easy = curl_easy_init();
    if (!x->easy)
        abort(); /* no memory */
    set_callbacks(x);
    set_target(x, request);
    set_headers(x, request->headers);
    set_method(x, request);
    (void)curl_multi_add_handle(c->multi, x->easy);
}

/* -- life -- */

/* What the environment exempts, and this host. */
static char *no_proxy_list(void)
{
    const char *from_environment = getenv("no_proxy") ? getenv("no_proxy") : getenv("NO_PROXY");
    struct buf list = BUF_INIT;
    buf_add_text(&list, "localhost,127.0.0.1,::1");
    if (from_environment && from_environment[0])
        buf_printf(&list, ",%s", from_environment);
    return buf_take(&list);
}

struct http_client *http_client_new(uv_loop_t *loop)
{
    static bool initialised;
    if (!initialised && curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        abort();
    initialised = true;
    struct http_client *c = xnew(struct http_client);
    c->loop = loop;
    c->no_proxy = no_proxy_list();
    c->multi = curl_multi_init();
    if (!c->multi)
        abort();
    (void)uv_timer_init(loop, &c->timer);
    c->open_handles = 1;
    (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    (void)curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    return c;
}

static void on_timer_closed(uv_handle_t *handle)
{
    close_client_when_unused(CONTAINER_OF((uv_timer_t *)handle, struct http_client, timer));
}

struct http_client *http_client_free(struct http_client *c)
{
    if (!c)
        return NULL;
    while (c->exchanges) /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): finish takes it off the list first */
        finish(c->exchanges, CURLE_ABORTED_BY_CALLBACK);
    (void)curl_multi_cleanup(c->multi); /* closes the kept connections, and with them what is watched */
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    return NULL;
}
