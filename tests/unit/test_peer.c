/* test_peer.c -- the owner of the other end, asked of the kernel.  The parts that need a second user need
 * root. */
#include "io/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OTHER_UID 65534

struct pair {
    int ours, theirs;
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int listening(union address *address, socklen_t bytes)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, &address->any, bytes), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, &address->any, &bytes), 0);
    return fd;
}

static struct pair connected(union address *server, socklen_t server_bytes, const union address *target,
                             socklen_t target_bytes)
{
    union address to = *target;
    int listener = listening(server, server_bytes);
    if (to.any.sa_family == AF_INET)
        to.v4.sin_port = server->v4.sin_port; /* at the same offset in both */
    else
        to.v6.sin6_port = server->v6.sin6_port;
    struct pair p = {.theirs = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(p.theirs, &to.any, target_bytes), 0);
    p.ours = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(p.ours >= 0);
    close(listener);
    return p;
}

static struct pair connected_v4(void)
{
    union address a = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    union address to = a;
    return connected(&a, sizeof(a.v4), &to, sizeof(to.v4));
}

static void pair_close(struct pair *p)
{
    closep(&p->ours);
    closep(&p->theirs);
}

static void the_other_end_over_ipv4_is_ours(void **state)
{
    (void)state;
    struct pair p = connected_v4();
    assert_int_equal(peer_uid(p.ours), getuid());
    assert_int_equal(peer_uid(p.theirs), getuid()); /* and the other way round */
    pair_close(&p);
}

static void the_other_end_over_ipv6_is_ours(void **state)
{
    (void)state;
    union address a = {.v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}}, to = a;
    int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool have = probe >= 0 && bind(probe, &to.any, sizeof(to.v6)) == 0;
    closep(&probe);
    if (!have) {
        print_message("SKIPPED: this machine has no IPv6 loopback\n");
        skip();
    }
    struct pair p = connected(&a, sizeof(a.v6), &to, sizeof(to.v6));
    assert_int_equal(peer_uid(p.ours), getuid());
    pair_close(&p);
}

static void a_mapped_address_is_the_ipv4_one(void **state)
{
    (void)state;
    union address a = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    union address to = {.v6 = {.sin6_family = AF_INET6}};
    (void)inet_pton(AF_INET6, "::ffff:127.0.0.1", &to.v6.sin6_addr);
    int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        print_message("SKIPPED: this machine has no IPv6\n");
        skip();
    }
    closep(&probe);
    struct pair p = connected(&a, sizeof(a.v4), &to, sizeof(to.v6));
    assert_int_equal(peer_uid(p.ours), getuid());
    assert_int_equal(peer_uid(p.theirs), getuid());
    pair_close(&p);
}

static void the_other_end_of_a_unix_socket_is_ours(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(peer_uid(fds[0]), getuid());
    close(fds[0]);
    close(fds[1]);
}

static void an_end_that_is_closed_is_nobodys(void **state)
{
    (void)state;
    struct pair p = connected_v4();
    close(p.theirs);
    p.theirs = -1;
    assert_int_equal(peer_uid(p.ours), -1);
    pair_close(&p);
}

static void what_is_no_connection_is_unknown(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(peer_uid(fds[0]), -1);
    assert_int_equal(peer_uid(-1), -1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(peer_uid(fd), -1);
    close(fd);
    close(fds[0]);
    close(fds[1]);
}

/* Connects as another user and keeps the connection until it is killed. */
static pid_t connect_as_other(const union address *to)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int fd = -1;
    if (setresgid(OTHER_UID, OTHER_UID, OTHER_UID) == 0 && setresuid(OTHER_UID, OTHER_UID, OTHER_UID) == 0)
        fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, &to->any, sizeof(to->v4)) < 0)
        _exit(1);
    for (;;)
        pause();
}

static void another_users_end_is_that_users(void **state)
{
    (void)state;
    if (getuid() != 0) {
        print_message("SKIPPED: only root can become another user\n");
        skip();
    }
    union address a = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    int listener = listening(&a, sizeof(a.v4));
    pid_t pid = connect_as_other(&a);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(peer_uid(fd), OTHER_UID);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fd);
    close(listener);
}

static void a_client_that_got_no_answer_was_ignored(void **state)
{
    (void)state;
    struct pair p = connected_v4();
    char byte;
    assert_false(peer_was_ignored(p.ours)); /* it has said nothing */
    assert_int_equal(send(p.theirs, "ab", 2, 0), 2);
    assert_int_equal(recv(p.ours, &byte, 1, 0), 1);
    assert_true(peer_was_ignored(p.ours));
    assert_int_equal(send(p.ours, "c", 1, 0), 1);
    assert_false(peer_was_ignored(p.ours));
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_other_end_over_ipv4_is_ours),
        cmocka_unit_test(the_other_end_over_ipv6_is_ours),
        cmocka_unit_test(a_mapped_address_is_the_ipv4_one),
        cmocka_unit_test(the_other_end_of_a_unix_socket_is_ours),
        cmocka_unit_test(an_end_that_is_closed_is_nobodys),
        cmocka_unit_test(what_is_no_connection_is_unknown),
        cmocka_unit_test(another_users_end_is_that_users),
        cmocka_unit_test(a_client_that_got_no_answer_was_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
