/* fuzz_http_request.c -- any bytes on a connection to the HTTP server.
 *
 * Every request that is answered gets one whole answer, the connection ends once the client has said all, and
 * where the bytes were split on their way makes no difference to what is answered. */
#include "base/clock.h"
#include "base/json.h"
#include "io/http_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_US (20 * USEC_PER_SEC)
#define QUIET_TURNS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uv_loop_t loop;
static struct http_server *server;
static char folder[] = "/tmp/fuzz-http-XXXXXX", path[64];

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void echo(struct http_request *r, void *context)
{
    struct buf out = BUF_INIT;
    struct json_writer w;
    struct str q = {0};
    int64_t limit;
    (void)context;
    if (!http_query_i64(r, "limit", 1, 100, 20, &limit))
        return;
    json_init(&w, &out);
    json_object_begin(&w);
    json_kv_str(&w, "id", http_param(r, "id"));
    json_kv_str(&w, "q", http_query(r, "q", &q) ? q : STR("none"));
    json_kv_str(&w, "body", http_body(r));
    json_object_end(&w);
    http_reply_json(r, 200, &out);
}

static const struct http_route routes[] = {{HTTP_GET, "/open", HTTP_ROLE_ANYBODY, echo},
                                           {HTTP_GET, "/things/{id}", HTTP_ROLE_ADMIN, echo},
                                           {HTTP_POST, "/things/{id}", HTTP_ROLE_ADMIN, echo}};

static void remove_files(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

static void start(void)
{
    must(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/s", folder);
    (void)atexit(remove_files);
    struct http_config config = {.unix_socket = path, .limits = http_limits_default};
    config.limits.header_bytes = 2048;
    config.limits.body_bytes = 4096;
    must(uv_loop_init(&loop) == 0);
    server = http_server_new(&loop, &config, routes, COUNT_OF(routes));
    must(http_server_start(server, NULL) == 0);
}

static int connected(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void turns(int count)
{
    while (count-- > 0)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
}

static void send_all(int fd, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return; /* it has heard enough */
        if (n > 0)
            bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
        turns(1);
    }
}

static void read_to_end(int fd, struct buf *out)
{
    char bytes[65536];
    int64_t give_up_us = clock_monotonic_us() + PATIENCE_US;
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return;
        if (n > 0)
            buf_add(out, bytes, (size_t)n);
        must(clock_monotonic_us() < give_up_us); /* it does not end */
        turns(1);
    }
}

/* The statuses of the answers, one byte each hundred's digit would lose: written out. */
static void list_statuses(struct str answers, struct buf *out)
{
    while (answers.n) {
        ptrdiff_t end = str_find(answers, STR("\r\n\r\n"));
        must(end > 0 && str_starts_with(answers, STR("HTTP/1.1 ")) && answers.n > 12);
        buf_add(out, answers.p + 9, 3);
        struct str head = {answers.p, (size_t)end}, line;
        size_t body = 0;
        while (str_split(&head, '\n', &line))
            if (str_starts_with(line, STR("Content-Length: ")))
                body = strtoul(line.p + 16, NULL, 10);
        if (body > answers.n - (size_t)end - 4)
            body = answers.n - (size_t)end - 4; /* HEAD announces a body and has none */
        if (str_starts_with((struct str){answers.p + end + 4, body}, STR("HTTP/1.1 ")))
            body = 0;
        answers = (struct str){answers.p + end + 4 + body, answers.n - (size_t)end - 4 - body};
    }
}

static void play(struct str bytes, size_t split, struct buf *statuses)
{
    struct buf answers = BUF_INIT;
    int fd = connected();
    turns(QUIET_TURNS);
    send_all(fd, (struct str){bytes.p, split});
    turns(QUIET_TURNS);
    send_all(fd, (struct str){bytes.p + split, bytes.n - split});
    turns(QUIET_TURNS);
    (void)shutdown(fd, SHUT_WR);
    read_to_end(fd, &answers);
    close(fd);
    list_statuses(buf_str(&answers), statuses);
    buf_deinit(&answers);
    while (http_server_connections(server))
        turns(1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = BUF_INIT, parts = BUF_INIT;
    if (!server)
        start();
    if (size < 2)
        return 0;
    struct str bytes = {(const char *)data + 1, size - 1};
    play(bytes, 0, &whole);
    play(bytes, data[0] * bytes.n / 256, &parts);
    must(str_equal(buf_str(&whole), buf_str(&parts)));
    buf_deinit(&whole);
    buf_deinit(&parts);
    return 0;
}
