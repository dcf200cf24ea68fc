/* bare_epoll.c -- the limit for GET /metrics: a server that reads, does not look, and writes the same bytes.
 *
 * usage: bare_epoll FILE      FILE holds a whole HTTP response; prints the port that the kernel picked. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char *response;
static size_t response_n;

struct connection {
    int fd;
    size_t left; /* of the response being written */
};

static void die(const char *what)
{
    fprintf(stderr, "bare_epoll: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_response(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) < 0)
        die(path);
    response_n = (size_t)ftell(f);
    rewind(f);
    response = malloc(response_n);
    if (!response || fread(response, 1, response_n, f) != response_n)
        die(path);
    (void)fclose(f);
}

static int listen_on_loopback(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &n) < 0)
        die("listen");
    printf("%d\n", ntohs(at.sin_port));
    (void)fflush(stdout);
    return fd;
}

static void add(int poll_fd, int listener)
{
    int one = 1;
    struct connection *c = calloc(1, sizeof *c);
    if (!c || (c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0)
        die("accept");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
        die("epoll_ctl");
}

static void wait_for(int poll_fd, struct connection *c, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0)
        die("epoll_ctl");
}

/* A request is taken to come in one piece, as wrk sends it. */
static void serve(int poll_fd, struct connection *c)
{
    char request[4096];
    bool resumed = c->left > 0;
    if (!resumed) {
        if (read(c->fd, request, sizeof request) <= 0) {
            close(c->fd);
            free(c);
            return;
        }
        c->left = response_n;
    }
    ssize_t n = send(c->fd, response + response_n - c->left, c->left, MSG_NOSIGNAL);
    if (n > 0)
        c->left -= (size_t)n;
    if (resumed != (c->left > 0))
        wait_for(poll_fd, c, c->left > 0 ? EPOLLOUT : EPOLLIN);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    read_response(argv[1]);
    int listener = listen_on_loopback();
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(poll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr)
                add(poll_fd, listener);
            else
                serve(poll_fd, events[i].data.ptr);
        }
    }
}
