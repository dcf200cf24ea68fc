/* load_hub.c -- reports to a hub over connections that are kept open, and the same rows into PostgreSQL one
 * by one.
 *
 * usage: load_hub http PORT CONNECTIONS REPORTS < KEYS      (a line "INSTANCE KEY" per connection)
 *        load_hub pq CONNINFO REPORTS ROWS                  (ROWS per report: the report's own, then those of
 * usage) Prints one JSON line: reports, seconds, per_second.  A thread per connection, with as little work as
 * it takes. */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256

static int port;
static long per_connection;
static int64_t first_window_s;

static void die(const char *what, const char *detail)
{
    (void)fprintf(stderr, "load_hub: %s: %s\n", what, detail);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int time_text(char *out, size_t capacity, int64_t at_s)
{
    struct tm tm;
    time_t t = (time_t)at_s;
    (void)gmtime_r(&t, &tm);
    return (int)strftime(out, capacity, "%Y-%m-%dT%H:%M:%S+00:00", &tm);
}

static int report_body(char *out, size_t capacity, const char *instance, int64_t start_s)
{
    char from[40], to[40];
    (void)time_text(from, sizeof(from), start_s);
    (void)time_text(to, sizeof(to), start_s + 300);
    return snprintf(
        out, capacity,
        "{\"instance_id\":\"%s\",\"window_start\":\"%s\",\"window_end\":\"%s\",\"uptime_seconds\":86400,"
        "\"metrics\":{\"agents\":{\"online_count\":3,\"offline_count\":1,\"total_count\":5},"
        "\"tasks\":{\"by_status\":{\"done\":10,\"failed\":2},"
        "\"by_type\":{\"review\":{\"count\":7,\"avg_duration_ms\":41250.5}}},"
        "\"servers\":{\"total_count\":2}},\"models\":{\"m-1\":{\"runs\":2,\"input_tokens\":1000,"
        "\"output_tokens\":500,\"cost_usd\":0.25}}}",
        instance, from, to);
}

/* -- HTTP -- */

struct connection {
    pthread_t thread;
    char instance[80], key[128];
};

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect", "refused");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static void read_answer(int fd)
{
    char in[8192];
    size_t n = 0;
    for (;;) {
        ssize_t got = read(fd, in + n, sizeof(in) - 1 - n);
        if (got <= 0)
            die("read", "closed");
        n += (size_t)got;
        in[n] = '\0';
        const char *end = strstr(in, "\r\n\r\n"), *length = strcasestr(in, "\r\ncontent-length:");
        if (!end || !length)
            continue;
        if (strncmp(in, "HTTP/1.1 200", 12) != 0)
            die("answer", in);
        if (n >= (size_t)(end - in) + 4 + strtoul(length + 17, NULL, 10))
            return;
    }
}

static void *send_all(void *arg)
{
    const struct connection *c = arg;
    int fd = dial();
    for (long i = 0; i < per_connection; i++) {
        char body[1024], out[2048];
        int body_n = report_body(body, sizeof(body), c->instance, first_window_s + i * 300);
        int n = snprintf(
            out, sizeof(out),
            "POST /api/v1/instances/%s/telemetry HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Hub-Api-Key: %s\r\n"
            "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
            c->instance, port, c->key, body_n, body);
        if (write(fd, out, (size_t)n) != n)
            die("write", "cut short");
        read_answer(fd);
    }
    (void)close(fd);
    return NULL;
}

static long over_http(int connections, long reports)
{
    static struct connection all[CONNECTIONS_MAX];
    per_connection = reports / connections;
    first_window_s = 1700000000 + (int64_t)getpid() % 30000 * 86400; /* windows of their own in each round */
    for (int i = 0; i < connections; i++)
        if (scanf("%79s %127s", all[i].instance, all[i].key) != 2)
            die("keys", "fewer than connections");
    for (int i = 0; i < connections; i++)
        (void)pthread_create(&all[i].thread, NULL, send_all, &all[i]);
    for (int i = 0; i < connections; i++)
        (void)pthread_join(all[i].thread, NULL);
    return per_connection * connections;
}

/* -- libpq -- */

static void sql(PGconn *c, const char *text, int count, const char *const *values)
{
    PGresult *r = count ? PQexecPrepared(c, text, count, values, NULL, NULL, 0) : PQexec(c, text);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        die("postgres", PQerrorMessage(c));
    PQclear(r);
}

static void prepare(PGconn *c, const char *name, const char *text)
{
    PGresult *r = PQprepare(c, name, text, 0, NULL);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        die("prepare", PQerrorMessage(c));
    PQclear(r);
}

static long one_by_one(const char *conninfo, long reports, int rows)
{
    PGconn *c = PQconnectdb(conninfo);
    if (PQstatus(c) != CONNECTION_OK)
        die("postgres", PQerrorMessage(c));
    sql(c, "SET client_min_messages = warning", 0, NULL);
    sql(c,
        "CREATE TABLE IF NOT EXISTS bench_reports (id BIGSERIAL PRIMARY KEY, instance TEXT, at BIGINT, body "
        "TEXT)",
        0, NULL);
    sql(c,
        "CREATE TABLE IF NOT EXISTS bench_usage (id BIGSERIAL PRIMARY KEY, kind TEXT, key TEXT, bucket "
        "BIGINT, tasks BIGINT,"
        " runs BIGINT, cost BIGINT)",
        0, NULL);
    prepare(c, "report", "INSERT INTO bench_reports (instance, at, body) VALUES ($1, $2, $3)");
    prepare(
        c, "usage",
        "INSERT INTO bench_usage (kind, key, bucket, tasks, runs, cost) VALUES ($1, $2, $3, 12, 2, 250000)");
    for (long i = 0; i < reports; i++) {
        char body[1024], at[32];
        (void)report_body(body, sizeof(body), "n1", 1700000000 + i * 300);
        (void)snprintf(at, sizeof(at), "%ld", 1700000000 + i * 300);
        sql(c, "report", 3, (const char *const[]){"n1", at, body});
        for (int row = 1; row < rows; row++)
            sql(c, "usage", 3, (const char *const[]){"instance", "n1", at});
    }
    PQfinish(c);
    return reports;
}

int main(int argc, char **argv)
{
    bool http = argc == 5 && strcmp(argv[1], "http") == 0, pq = argc == 5 && strcmp(argv[1], "pq") == 0;
    if (!http && !pq)
        die("usage", "http PORT CONNECTIONS REPORTS, or pq CONNINFO REPORTS ROWS");
    port = http ? (int)strtol(argv[2], NULL, 10) : 0;
    double start_s = now_s();
    long done = http ? over_http((int)strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10))
                     : one_by_one(argv[2], strtol(argv[3], NULL, 10), (int)strtol(argv[4], NULL, 10));
    double seconds = now_s() - start_s;
    (void)printf("{\"reports\":%ld,\"seconds\":%.6f,\"per_second\":%.1f}\n", done, seconds,
                 (double)done / seconds);
    return 0;
}
