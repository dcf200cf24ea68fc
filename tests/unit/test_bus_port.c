/* The embedded bus as a service of the node sees it, with one client on its Unix socket. */
#include "base/clock.h"
#include "node/bus/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
    uv_loop_t loop;
    char dir[64], conf[96], path[96];
    struct config *config;
    struct bus_server *server;
    struct bus_port port;
    struct buf got;
    int outcomes[4], answers;
    bool stopped;
};

static void set_up(struct bench *b)
{
    struct err e = {0};
    *b = (struct bench){.got = BUF_INIT, .dir = "/tmp/muster-test-bus-XXXXXX"};
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->conf, sizeof(b->conf), "%s/muster.conf", b->dir);
    (void)snprintf(b->path, sizeof(b->path), "%s/bus.sock", b->dir);
    FILE *f = fopen(b->conf, "w");
    assert_non_null(f);
    (void)fprintf(f, "data_dir = \"%s\"\nsocket = \"%s/node.sock\"\nbus { listen = \"\" }\n", b->dir, b->dir);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(config_load(b->conf, &b->config, NULL, &e), 0);
    assert_int_equal(uv_loop_init(&b->loop), 0);
    b->server = bus_server_new(&b->loop, b->config);
    b->port = bus_server_port(b->server);
}

static void on_stopped(void *arg)
{
    ((struct bench *)arg)->stopped = true;
}

static void tear_down(struct bench *b)
{
    bus_server_stop(b->server, USEC_PER_SEC, on_stopped, b);
    while (!b->stopped)
        (void)uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_not_equal(access(b->path, F_OK), 0);
    b->server = bus_server_free(b->server);
    (void)uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    (void)config_free(b->config);
    buf_deinit(&b->got);
    (void)unlink(b->conf);
    assert_int_equal(rmdir(b->dir), 0);
}

static int open_client(struct bench *b, const char *words)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char seen[1024];
    (void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", b->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_true(send(fd, words, strlen(words), 0) > 0);
    struct buf all = BUF_INIT;
    while (str_find(buf_str(&all), STR("PONG\r\n")) < 0) { /* the words end with a PING */
        (void)uv_run(&b->loop, UV_RUN_NOWAIT);
        ssize_t n = recv(fd, seen, sizeof(seen), MSG_DONTWAIT);
        if (n > 0)
            buf_add(&all, seen, (size_t)n);
    }
    buf_deinit(&all);
    return fd;
}

static void on_message(void *arg, const struct bus_message *m)
{
    struct bench *b = arg;
    buf_printf(&b->got, "%.*s=%.*s;", STR_ARG(m->subject), STR_ARG(m->payload));
}

static void on_outcome(void *arg, enum bus_outcome outcome)
{
    struct bench *b = arg;
    b->outcomes[b->answers++] = (int)outcome;
}

static void a_service_hears_itself_and_clients_but_never_inside_a_call(void **state)
{
    struct bench b;
    struct err e = {0};
    (void)state;
    set_up(&b);
    assert_int_equal(bus_server_start(b.server, &e), 0);
    struct bus_subscription *sub = b.port.subscribe(b.port.context, STR("system.*.health"), on_message, &b);
    b.port.publish(b.port.context, STR("system.own.health"), STR("1"));
    b.port.publish(b.port.context, STR("system.own.control"), STR("2"));
    assert_int_equal(b.got.n, 0);
    int fd = open_client(&b, "CONNECT {\"verbose\":false}\r\nPUB system.x.health 3\r\nabc\r\nPING\r\n");
    for (int turns = 0; turns < 4; turns++)
        (void)uv_run(&b.loop, UV_RUN_NOWAIT);
    assert_string_equal(b.got.p, "system.own.health=1;system.x.health=abc;");
    b.port.publish(b.port.context, STR("system.own.health"), STR("4"));
    b.port.unsubscribe(b.port.context, sub); /* what waits for it is not handed over any more */
    (void)uv_run(&b.loop, UV_RUN_NOWAIT);
    (void)uv_run(&b.loop, UV_RUN_NOWAIT);
    assert_string_equal(b.got.p, "system.own.health=1;system.x.health=abc;");
    (void)close(fd);
    tear_down(&b);
}

static void publish_reaching_tells_whom_it_reached(void **state)
{
    struct bench b;
    struct err e = {0};
    (void)state;
    set_up(&b);
    (void)b.port.subscribe(b.port.context, STR("system.>"), on_message,
                           &b); /* the node itself does not count */
    assert_false(b.port.connected(b.port.context));
    b.port.publish_reaching(b.port.context, STR("system.x.control"), STR("0"), on_outcome, &b);
    assert_int_equal(bus_server_start(b.server, &e), 0);
    assert_true(b.port.connected(b.port.context));
    b.port.publish_reaching(b.port.context, STR("system.x.control"), STR("1"), on_outcome, &b);
    assert_int_equal(b.answers, 0);
    int fd = open_client(&b, "CONNECT {\"verbose\":false}\r\nSUB system.x.control 1\r\nPING\r\n");
    b.port.publish_reaching(b.port.context, STR("system.x.control"), STR("2"), on_outcome, &b);
    while (b.answers < 3)
        (void)uv_run(&b.loop, UV_RUN_NOWAIT);
    assert_int_equal(b.outcomes[0], BUS_DOWN);
    assert_int_equal(b.outcomes[1], BUS_NO_SUBSCRIBER);
    assert_int_equal(b.outcomes[2], BUS_REACHED);
    (void)close(fd);
    tear_down(&b);
    assert_int_equal(b.answers, 3);
}

static void an_answer_that_is_due_comes_also_when_the_bus_stops(void **state)
{
    struct bench b;
    struct err e = {0};
    (void)state;
    set_up(&b);
    assert_int_equal(bus_server_start(b.server, &e), 0);
    b.port.publish_reaching(b.port.context, STR("a"), STR(""), on_outcome, &b);
    tear_down(&b);
    assert_int_equal(b.answers, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_hears_itself_and_clients_but_never_inside_a_call),
        cmocka_unit_test(publish_reaching_tells_whom_it_reached),
        cmocka_unit_test(an_answer_that_is_due_comes_also_when_the_bus_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
