/* load_jobs.c -- clients that enqueue, claim and complete one job after the other, each on a connection kept
 * open.
 *
 * usage: load_jobs http|beanstalk PORT CLIENTS JOBS
 * Prints one JSON line: jobs, seconds, per_second, p50_us, p99_us (of a whole cycle), empty (claims that got
 * nothing). One thread and epoll, with as little work per answer as the protocol allows, so that the server
 * is what is measured. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define JOB                                                                                                  \
    "{\"agent\":\"bench\",\"prompt\":\"sixty-four bytes of a prompt that nobody will ever have to read\"}"
#define LEASE "{\"worker\":\"bench\",\"agents\":[\"bench\"],\"max\":1,\"lease_s\":60,\"wait_s\":5}"

enum step { ENQUEUE, CLAIM, COMPLETE, IDLE };

struct client {
    int fd;
    enum step step;
    char in[16384];
    size_t in_n;
    char id[64], token[256];
    int64_t started_us;
};

struct protocol {
    const char *name;
    int (*request)(const struct client *c, char *out, size_t capacity); /* bytes written */
    size_t (*response)(struct client *c, enum step *ret_next);          /* bytes used, 0: not whole yet */
};

static int port;
static long wanted, begun, done, empty;
static int64_t *cycle_us;

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "load_jobs: %s: %s\n", what, detail);
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Copy what stands between `before` and the first of `ends`; false when `before` is not there. */
static bool copy_value(const char *text, const char *before, const char *ends, char *to, size_t capacity)
{
    const char *at = strstr(text, before);
    if (!at)
        return false;
    at += strlen(before);
    at += strspn(at, " \"");
    size_t n = strcspn(at, ends);
    if (n == 0 || n >= capacity)
        return false;
    memcpy(to, at, n);
    to[n] = '\0';
    return true;
}

/* --- HTTP --- */

static int http_post(char *out, size_t capacity, const char *path, const char *body)
{
    return snprintf(out, capacity,
                    "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                    "Content-Length: %zu\r\n\r\n%s",
                    path, port, strlen(body), body);
}

static int http_request(const struct client *c, char *out, size_t capacity)
{
    char path[128], body[384];
    if (c->step == ENQUEUE)
        return http_post(out, capacity, "/api/v1/jobs", JOB);
    if (c->step == CLAIM)
        return http_post(out, capacity, "/api/v1/jobs/lease", LEASE);
    (void)snprintf(path, sizeof path, "/api/v1/jobs/%s/complete", c->id);
    (void)snprintf(body, sizeof body, "{\"lease_token\":\"%s\"}", c->token);
    return http_post(out, capacity, path, body);
}

static size_t http_response(struct client *c, enum step *ret_next)
{
    char *head_end = strstr(c->in, "\r\n\r\n");
    if (!head_end)
        return 0;
    const char *length = strcasestr(c->in, "\r\ncontent-length:");
    if (strncmp(c->in, "HTTP/1.1 2", 10) != 0 || (c->step != COMPLETE && (!length || length > head_end)))
        die("bad answer", c->in);
    size_t body_n = length && length < head_end ? strtoul(length + 17, NULL, 10) : 0;
    size_t whole = (size_t)(head_end - c->in) + 4 + body_n;
    if (c->in_n < whole)
        return 0;
    *ret_next = (enum step)(c->step + 1);
    if (c->step != CLAIM)
        return whole;
    if (!copy_value(head_end, "\"lease_token\":", "\"", c->token, sizeof c->token)) {
        empty++;
        *ret_next = CLAIM;
    } else if (!copy_value(head_end, "\"id\":", "\",}", c->id, sizeof c->id)) {
        die("lease without an id", c->in);
    }
    return whole;
}

/* --- beanstalkd --- */

static int beanstalk_request(const struct client *c, char *out, size_t capacity)
{
    if (c->step == ENQUEUE)
        return snprintf(out, capacity, "put 0 0 60 %zu\r\n%s\r\n", strlen(JOB), JOB);
    if (c->step == CLAIM)
        return snprintf(out, capacity, "reserve\r\n");
    return snprintf(out, capacity, "delete %s\r\n", c->id);
}

static size_t beanstalk_response(struct client *c, enum step *ret_next)
{
    static const char *const good[] = {"INSERTED ", "RESERVED ", "DELETED\r\n"};
    char *line_end = strstr(c->in, "\r\n");
    if (!line_end)
        return 0;
    if (strncmp(c->in, good[c->step], strlen(good[c->step])) != 0)
        die("bad answer", c->in);
    size_t whole = (size_t)(line_end - c->in) + 2;
    if (c->step == CLAIM) {
        const char *size = strchr(c->in + 9, ' ');
        whole += (size ? strtoul(size, NULL, 10) : 0) + 2;
        if (c->in_n < whole)
            return 0;
        if (!copy_value(c->in, "RESERVED ", " ", c->id, sizeof c->id))
            die("reserved without an id", c->in);
    }
    *ret_next = (enum step)(c->step + 1);
    return whole;
}

static const struct protocol protocols[] = {
    {.name = "http", .request = http_request, .response = http_response},
    {.name = "beanstalk", .request = beanstalk_request, .response = beanstalk_response},
};

/* --- clients --- */

static void client_send(struct client *c, const struct protocol *protocol)
{
    char out[2048];
    if (c->step == ENQUEUE) {
        if (begun == wanted) {
            c->step = IDLE;
            return;
        }
        begun++;
        c->started_us = now_us();
    }
    int n = protocol->request(c, out, sizeof out);
    if (write(c->fd, out, (size_t)n) != n) /* far smaller than a socket's buffer */
        die("write", strerror(errno));
}

static void client_receive(struct client *c, const struct protocol *protocol)
{
    ssize_t n = read(c->fd, c->in + c->in_n, sizeof c->in - 1 - c->in_n);
    if (n <= 0)
        die("read", n == 0 ? "connection closed" : strerror(errno));
    c->in_n += (size_t)n;
    c->in[c->in_n] = '\0';
    enum step next = c->step;
    size_t used = protocol->response(c, &next);
    if (used == 0)
        return;
    c->in_n -= used;
    memmove(c->in, c->in + used, c->in_n + 1);
    if (next == IDLE) {
        cycle_us[done++] = now_us() - c->started_us;
        next = ENQUEUE;
    }
    c->step = next;
    client_send(c, protocol);
}

static void client_connect(struct client *c, int poll_fd)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("connect", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void report(int64_t took_us)
{
    qsort(cycle_us, (size_t)done, sizeof *cycle_us, by_size);
    printf(
        "{\"jobs\":%ld,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_us\":%lld,\"p99_us\":%lld,\"empty\":%ld}\n",
        done, (double)took_us / 1e6, (double)done * 1e6 / (double)took_us, (long long)cycle_us[done / 2],
        (long long)cycle_us[done * 99 / 100], empty);
}

int main(int argc, char **argv)
{
    const struct protocol *protocol = NULL;
    for (size_t i = 0; argc == 5 && i < sizeof protocols / sizeof *protocols; i++)
        if (strcmp(argv[1], protocols[i].name) == 0)
            protocol = &protocols[i];
    if (!protocol)
        die("usage", "load_jobs http|beanstalk PORT CLIENTS JOBS");
    port = (int)strtol(argv[2], NULL, 10);
    long count = strtol(argv[3], NULL, 10);
    wanted = strtol(argv[4], NULL, 10);
    if (count < 1 || wanted < 1)
        die("usage", "CLIENTS and JOBS are at least 1");
    struct client *clients = calloc((size_t)count, sizeof *clients);
    cycle_us = calloc((size_t)wanted, sizeof *cycle_us);
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (long i = 0; i < count; i++)
        client_connect(&clients[i], poll_fd);
    int64_t start_us = now_us();
    for (long i = 0; i < count; i++)
        client_send(&clients[i], protocol);
    while (done < wanted) {
        struct epoll_event events[64];
        int n = epoll_wait(poll_fd, events, 64, 30000);
        if (n <= 0)
            die("epoll_wait", n == 0 ? "no answer for 30 s" : strerror(errno));
        for (int i = 0; i < n; i++)
            client_receive(events[i].data.ptr, protocol);
    }
    report(now_us() - start_us);
    return 0;
}
