/* test_tcp_sockets.c -- sockets by sock_diag and by /proc/net/tcp: real ones of this process, and lines and
 * datagrams that are none. */
#include "io/tcp_sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
    int listener, client, server;
    uint64_t client_inode;
    uint16_t client_port, server_port;
};

static uint64_t inode_of(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t n = sizeof(a);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    return ntohs(a.sin_port);
}

static void connect_pair(struct pair *p)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    p->client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(p->listener, 1), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &n), 0);
    assert_int_equal(connect(p->client, (struct sockaddr *)&a, sizeof(a)), 0);
    p->server = accept(p->listener, NULL, NULL);
    assert_true(p->server >= 0);
    p->client_inode = inode_of(p->client);
    p->client_port = port_of(p->client);
    p->server_port = port_of(p->listener);
}

static void close_pair(struct pair *p)
{
    closep(&p->client);
    closep(&p->server);
    closep(&p->listener);
}

static const struct tcp_socket *check(const struct tcp_sockets *t, const struct pair *p, uint8_t state)
{
    const struct tcp_socket *s = tcp_sockets_find(t, p->client_inode);
    assert_non_null(s);
    assert_int_equal(s->state, state);
    assert_int_equal(s->local_port, p->client_port);
    assert_int_equal(s->remote_port, p->server_port);
    assert_int_equal(s->remote[12], 127);
    assert_int_equal(s->remote[15], 1);
    return s;
}

static void the_kernel_tells_bytes_received_and_when(void **state)
{
    struct pair p;
    struct tcp_sockets t = {0};
    char bytes[1000] = {0};
    (void)state;
    connect_pair(&p);
    assert_int_equal(write(p.server, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
    assert_int_equal(recv(p.client, bytes, sizeof(bytes), MSG_WAITALL), (ssize_t)sizeof(bytes));
    assert_int_equal(tcp_sockets_read_diag(&t), 0);
    tcp_sockets_sort(&t);
    const struct tcp_socket *s = check(&t, &p, TCP_ESTABLISHED);
    assert_int_equal(s->received_bytes, 1000);
    assert_true(s->last_receive_us >= 0 && s->last_receive_us < 60000000);
    const struct tcp_socket *peer = tcp_sockets_peer(&t, s);
    assert_non_null(peer);
    assert_int_equal(peer->inode, inode_of(p.server));
    tcp_sockets_deinit(&t);

    closep(&p.server); /* the other side closes: CLOSE_WAIT here */
    assert_int_equal(recv(p.client, bytes, 1, 0), 0);
    assert_int_equal(tcp_sockets_read_diag(&t), 0);
    tcp_sockets_sort(&t);
    (void)check(&t, &p, TCP_CLOSE_WAIT);
    tcp_sockets_deinit(&t);
    close_pair(&p);
}

static void proc_tells_addresses_and_nothing_that_it_does_not_know(void **state)
{
    struct pair p;
    struct tcp_sockets t = {0};
    (void)state;
    connect_pair(&p);
    tcp_sockets_read_proc(&t, getpid());
    tcp_sockets_sort(&t);
    const struct tcp_socket *s = check(&t, &p, TCP_ESTABLISHED);
    assert_int_equal(s->received_bytes, -1);
    assert_int_equal(s->last_receive_us, -1);
    tcp_sockets_deinit(&t);
    close_pair(&p);
}

static void lines_that_are_none_are_left_out(void **state)
{
    static const char text[] =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F90 0100007F:C350 01 00000010:00000020 00:00000000 00000000  1000        0 4242 1 "
        "0\n"
        "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4243 1 "
        "0\n"
        "   2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 0 1 0\n"
        "   3: 01007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 9 1 0\n"
        "   4: 0100007F:1F90 0100\n";
    struct tcp_sockets t = {0};
    (void)state;
    tcp_sockets_parse_proc(&t, STR(text), false);
    assert_int_equal(t.count, 1); /* neither the listener, nor one without inode, nor what is malformed */
    assert_int_equal(t.at[0].inode, 4242);
    assert_int_equal(t.at[0].local_port, 8080);
    assert_int_equal(t.at[0].remote_port, 50000);
    assert_int_equal(t.at[0].send_queue, 16);
    assert_int_equal(t.at[0].receive_queue, 32);
    tcp_sockets_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernel_tells_bytes_received_and_when),
        cmocka_unit_test(proc_tells_addresses_and_nothing_that_it_does_not_know),
        cmocka_unit_test(lines_that_are_none_are_left_out),
    };
    return cmocka_run_group_tests_name("tcp_sockets", tests, NULL, NULL);
}
