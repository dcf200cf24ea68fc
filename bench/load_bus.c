/* load_bus.c -- the same load on any server that speaks the NATS client protocol.
 *
 *   load_bus libnats|raw PORT PUBLISHERS SUBSCRIBERS MESSAGES BYTES OTHERS
 *   load_bus idle PORT CONNECTIONS          until standard input ends
 *
 * Every subscriber must get every message, in all PUBLISHERS x their share; at most WINDOW of them are under
 * way, so that no server is asked to store what a client cannot read.  OTHERS: subscriptions to other
 * subjects, half of them with wildcards, on a connection of their own.  Prints one JSON object. */
#include <arpa/inet.h>
#include <errno.h>
#include <nats/nats.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW 16384
#define CLIENTS_MAX 64
#define SUBJECT "bench.subject"

static int port, publishers, subscribers, others;
static long messages, bytes;
static atomic_long got[CLIENTS_MAX], sent;
static char payload[1 << 20];

static void die(const char *what)
{
    (void)fprintf(stderr, "load_bus: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long slowest(void)
{
    long least = got[0];
    for (int i = 1; i < subscribers; i++)
        if (got[i] < least)
            least = got[i];
    return least;
}

static void result(double took)
{
    (void)printf("{\"per_second\":%.0f,\"seconds\":%.3f}\n", (double)messages / took, took);
}

/* -- plain sockets -- */

static void send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = send(fd, p, n, MSG_NOSIGNAL);
        if (done < 0)
            die("send");
        p += done;
        n -= (size_t)done;
    }
}

/* Reads up to and with the PONG that answers a PING: what was asked before is done then. */
static void settle(int fd)
{
    char seen[8192] = {0};
    size_t n = 0;
    send_all(fd, "PING\r\n", 6);
    while (n < 6 || memcmp(seen + n - 6, "PONG\r\n", 6) != 0) {
        ssize_t more = recv(fd, seen + n, sizeof(seen) - n, 0);
        if (more <= 0)
            die("no PONG");
        n += (size_t)more;
    }
}

static int open_raw(const char *first_words)
{
    static const char connect_line[] = "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true}\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        die("connect");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    send_all(fd, connect_line, sizeof(connect_line) - 1);
    send_all(fd, first_words, strlen(first_words));
    settle(fd);
    return fd;
}

static void open_others(void)
{
    int fd = open_raw("");
    char line[64];
    for (int i = 0; i < others; i++) {
        int n =
            snprintf(line, sizeof(line), i % 2 ? "SUB other.%d.* %d\r\n" : "SUB other.%d %d\r\n", i, i + 1);
        send_all(fd, line, (size_t)n);
    }
    settle(fd);
}

struct raw_load {
    struct pollfd fds[2 * CLIENTS_MAX]; /* subscribers, then publishers */
    size_t read_bytes[CLIENTS_MAX];
    size_t written[CLIENTS_MAX], budget[CLIENTS_MAX]; /* bytes of whole messages */
    char *batch;
    size_t one, per_batch; /* bytes of one PUB; of the batch */
    size_t delivered;      /* bytes of one MSG */
    long handed_out;       /* messages that publishers may send so far */
};

static void read_raw(struct raw_load *l, int i)
{
    static char buffer[1 << 18];
    ssize_t n = recv(l->fds[i].fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (n == 0)
        die("a subscriber was dropped");
    if (n > 0)
        l->read_bytes[i] += (size_t)n;
    got[i] = (long)(l->read_bytes[i] / l->delivered);
}

/* Hands the window out in equal shares. */
static void refill(struct raw_load *l)
{
    long room = slowest() + WINDOW - l->handed_out, left = messages - l->handed_out;
    long each = (room < left ? room : left) / publishers;
    if (each < 1 || (each < WINDOW / 4 / publishers && each * publishers < left))
        return;
    for (int i = 0; i < publishers; i++)
        l->budget[i] += (size_t)each * l->one;
    l->handed_out += each * publishers;
}

static void write_raw(struct raw_load *l, int i)
{
    size_t at = l->written[i] % l->per_batch, left = l->budget[i] - l->written[i];
    size_t n = l->per_batch - at < left ? l->per_batch - at : left;
    ssize_t done = send(l->fds[subscribers + i].fd, l->batch + at, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done < 0 && errno != EAGAIN)
        die("a publisher was dropped");
    if (done > 0)
        l->written[i] += (size_t)done;
}

static void prepare_raw(struct raw_load *l)
{
    char head[64];
    int n = snprintf(head, sizeof(head), "PUB " SUBJECT " %ld\r\n", bytes);
    l->one = (size_t)n + (size_t)bytes + 2;
    long count = 65536 / (long)l->one + 1;
    l->per_batch = (size_t)count * l->one;
    l->batch = malloc(l->per_batch);
    for (long i = 0; i < count; i++) {
        char *at = l->batch + (size_t)i * l->one;
        memcpy(at, head, (size_t)n);
        memcpy(at + n, payload, (size_t)bytes);
        memcpy(at + n + bytes, "\r\n", 2);
    }
    l->delivered =
        (size_t)snprintf(head, sizeof(head), "MSG " SUBJECT " 1 %ld\r\n", bytes) + (size_t)bytes + 2;
    for (int i = 0; i < subscribers; i++)
        l->fds[i] = (struct pollfd){open_raw("SUB " SUBJECT " 1\r\n"), POLLIN, 0};
    for (int i = 0; i < publishers; i++)
        l->fds[subscribers + i] = (struct pollfd){open_raw(""), 0, 0};
}

static void run_raw(void)
{
    static struct raw_load l;
    prepare_raw(&l);
    messages -= messages % publishers;
    double start = seconds();
    while (slowest() < messages) {
        refill(&l);
        for (int i = 0; i < publishers; i++)
            l.fds[subscribers + i].events = l.written[i] < l.budget[i] ? POLLOUT : 0;
        if (poll(l.fds, (nfds_t)(subscribers + publishers), 10000) <= 0)
            die("nothing moves");
        for (int i = 0; i < subscribers; i++)
            if (l.fds[i].revents)
                read_raw(&l, i);
        for (int i = 0; i < publishers; i++)
            if (l.fds[subscribers + i].revents & POLLOUT)
                write_raw(&l, i);
    }
    result(seconds() - start);
}

/* -- libnats -- */

static natsConnection *open_nats(void)
{
    natsOptions *o = NULL;
    natsConnection *nc = NULL;
    char url[64];
    (void)snprintf(url, sizeof(url), "nats://127.0.0.1:%d", port);
    if (natsOptions_Create(&o) != NATS_OK || natsOptions_SetURL(o, url) != NATS_OK ||
        natsConnection_Connect(&nc, o) != NATS_OK)
        die("libnats does not connect");
    natsOptions_Destroy(o);
    return nc;
}

static void on_message(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *arg)
{
    (void)nc;
    (void)sub;
    natsMsg_Destroy(m);
    atomic_fetch_add_explicit((atomic_long *)arg, 1, memory_order_relaxed);
}

static void *publish_nats(void *nc)
{
    long mine = messages / publishers;
    for (long i = 0; i < mine; i++) {
        while (i % 64 == 0 && sent - slowest() > WINDOW)
            (void)sched_yield();
        if (natsConnection_Publish(nc, SUBJECT, payload, (int)bytes) != NATS_OK)
            die("libnats does not publish");
        if (i % 64 == 63)
            sent += 64;
    }
    (void)natsConnection_Flush(nc);
    return NULL;
}

static void run_nats(void)
{
    pthread_t threads[CLIENTS_MAX];
    natsConnection *to[CLIENTS_MAX];
    messages -= messages % (64L * publishers);
    for (int i = 0; i < subscribers; i++) {
        natsSubscription *sub = NULL;
        natsConnection *nc = open_nats();
        if (natsConnection_Subscribe(&sub, nc, SUBJECT, on_message, &got[i]) != NATS_OK ||
            natsSubscription_SetPendingLimits(sub, -1, -1) != NATS_OK || natsConnection_Flush(nc) != NATS_OK)
            die("libnats does not subscribe");
    }
    for (int i = 0; i < publishers; i++)
        to[i] = open_nats();
    double start = seconds();
    for (int i = 0; i < publishers; i++)
        (void)pthread_create(&threads[i], NULL, publish_nats, to[i]);
    for (int i = 0; i < publishers; i++)
        (void)pthread_join(threads[i], NULL);
    while (slowest() < messages)
        (void)usleep(100);
    result(seconds() - start);
}

static void run_idle(int connections)
{
    char c;
    for (int i = 0; i < connections; i++)
        (void)open_raw("SUB idle.* 1\r\n");
    (void)printf("{\"connections\":%d}\n", connections);
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &c, 1) > 0)
        ;
}

int main(int argc, char **argv)
{
    port = argc > 2 ? atoi(argv[2]) : 0;
    if (argc == 4 && strcmp(argv[1], "idle") == 0) {
        run_idle(atoi(argv[3]));
        return 0;
    }
    if (argc != 8)
        return 2;
    publishers = atoi(argv[3]);
    subscribers = atoi(argv[4]);
    messages = atol(argv[5]);
    bytes = atol(argv[6]);
    others = atoi(argv[7]);
    if (publishers < 1 || publishers > CLIENTS_MAX || subscribers < 1 || subscribers > CLIENTS_MAX ||
        bytes < 0 || bytes > (long)sizeof(payload))
        return 2;
    memset(payload, 'x', (size_t)bytes);
    if (others)
        open_others();
    if (strcmp(argv[1], "raw") == 0)
        run_raw();
    else
        run_nats();
    return 0;
}
