#include "io/tcp_sockets.h"

#include "base/clock.h"
#include "io/proc_details.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SOCKETS_MAX 65536
#define DATAGRAM_BYTES ((size_t)64 << 10)
#define PROC_NET_BYTES ((size_t)4 << 20)
#define STATE_LISTEN 10
/* ESTABLISHED, SYN_SENT, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK, CLOSING.  For any other the kernel walks
 * further tables as well, of which no process of ours has a socket. */
#define STATES_CONNECTED (1U << 1 | 1U << 2 | 1U << 4 | 1U << 5 | 1U << 8 | 1U << 9 | 1U << 11)
#define STATE_TIME_WAIT 6

void tcp_sockets_deinit(struct tcp_sockets *t)
{
    free(t->at);
    *t = (struct tcp_sockets){0};
}

static void add(struct tcp_sockets *t, const struct tcp_socket *s)
{
    if (s->inode == 0 || t->count == SOCKETS_MAX)
        return;
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 64;
        t->at = xrealloc(t->at, t->capacity * sizeof(*t->at));
    }
    t->at[t->count++] = *s;
}

/* -- sock_diag -- */

static void set_address(uint8_t ret[16], bool is_v6, const void *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (is_v6) {
        memcpy(ret, address, 16);
        return;
    }
    memcpy(ret, mapped, sizeof(mapped));
    memcpy(ret + sizeof(mapped), address, 4);
}

/* The kernel of today may give a longer tcp_info than we know, that of yesterday a shorter one. */
static void set_info(struct tcp_socket *s, struct str attributes)
{
    while (attributes.n >= NLA_HDRLEN) {
        struct nlattr a;
        memcpy(&a, attributes.p, sizeof(a));
        if (a.nla_len < NLA_HDRLEN || a.nla_len > attributes.n)
            return;
        size_t n = a.nla_len - (size_t)NLA_HDRLEN;
        struct tcp_info info = {0};
        if (a.nla_type == INET_DIAG_INFO && n >= offsetof(struct tcp_info, tcpi_segs_out)) {
            memcpy(&info, attributes.p + NLA_HDRLEN, MIN(n, sizeof(info)));
            s->received_bytes = info.tcpi_bytes_received > INT64_MAX ? -1 : (int64_t)info.tcpi_bytes_received;
            s->last_receive_us = (int64_t)info.tcpi_last_data_recv * USEC_PER_MSEC;
        }
        size_t step = MIN((size_t)NLA_ALIGN(a.nla_len), attributes.n);
        attributes = (struct str){attributes.p + step, attributes.n - step};
    }
}

static void add_diag(struct tcp_sockets *t, struct str payload)
{
    struct inet_diag_msg m;
    if (payload.n < sizeof(m))
        return;
    memcpy(&m, payload.p, sizeof(m));
    bool is_v6 = m.idiag_family == AF_INET6;
    struct tcp_socket s = {.inode = m.idiag_inode,
                           .state = m.idiag_state,
                           .local_port = ntohs(m.id.idiag_sport),
                           .remote_port = ntohs(m.id.idiag_dport),
                           .receive_queue = m.idiag_rqueue,
                           .send_queue = m.idiag_wqueue,
                           .received_bytes = -1,
                           .last_receive_us = -1};
    set_address(s.local, is_v6, m.id.idiag_src);
    set_address(s.remote, is_v6, m.id.idiag_dst);
    size_t head = MIN((size_t)NLMSG_ALIGN(sizeof(m)), payload.n);
    set_info(&s, (struct str){payload.p + head, payload.n - head});
    add(t, &s);
}

int tcp_sockets_parse_diag(struct tcp_sockets *t, struct str datagram)
{
    while (datagram.n >= NLMSG_HDRLEN) {
        struct nlmsghdr h;
        memcpy(&h, datagram.p, sizeof(h));
        if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > datagram.n)
            return -EBADMSG;
        struct str payload = {datagram.p + NLMSG_HDRLEN, h.nlmsg_len - (size_t)NLMSG_HDRLEN};
        if (h.nlmsg_type == NLMSG_DONE)
            return 1;
        if (h.nlmsg_type == NLMSG_ERROR) {
            int32_t code = -EBADMSG;
            if (payload.n >= sizeof(code))
                memcpy(&code, payload.p, sizeof(code));
            return code < 0 ? code : -EBADMSG;
        }
        if (h.nlmsg_type == SOCK_DIAG_BY_FAMILY)
            add_diag(t, payload);
        size_t step = MIN((size_t)NLMSG_ALIGN(h.nlmsg_len), datagram.n);
        datagram = (struct str){datagram.p + step, datagram.n - step};
    }
    return 0;
}

static int dump(struct tcp_sockets *t, int fd, uint8_t family, char *datagram)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } request = {
        .head = {.nlmsg_len = sizeof(request),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_ext = 1 << (INET_DIAG_INFO - 1),
                 .idiag_states = STATES_CONNECTED},
    };
    if (send(fd, &request, sizeof(request), 0) != (ssize_t)sizeof(request))
        return -errno;
    for (;;) {
        ssize_t n = recv(fd, datagram, DATAGRAM_BYTES, 0);
        if (n < 0)
            return -errno;
        int rc = tcp_sockets_parse_diag(t, (struct str){datagram, (size_t)n});
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
}

int tcp_sockets_read_diag(struct tcp_sockets *t)
{
    size_t before = t->count;
    const struct timeval patience = {.tv_sec = 2};
    CLEANUP(closep) int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    char *datagram = xcalloc(1, DATAGRAM_BYTES);
    int rc = dump(t, fd, AF_INET, datagram);
    if (rc == 0)
        rc = dump(t, fd, AF_INET6, datagram);
    free(datagram);
    if (rc < 0)
        t->count = before;
    return rc;
}

/* -- /proc/PID/net/tcp -- */

/* Addresses are printed as 32-bit words in the machine's order. */
static bool parse_address(const char *hex, bool is_v6, uint8_t ret[16])
{
    uint32_t words[4] = {0};
    for (int i = 0; i < (is_v6 ? 4 : 1); i++)
        if (sscanf(hex + 8 * i, "%8x", &words[i]) != 1)
            return false;
    set_address(ret, is_v6, words);
    return true;
}

static void add_line(struct tcp_sockets *t, const char *line, bool is_v6)
{
    char local[33], remote[33];
    unsigned local_port, remote_port, state, send_queue, receive_queue;
    unsigned long long inode;
    if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%4x %32[0-9A-Fa-f]:%4x %2x %8x:%8x %*x:%*x %*x %*u %*u %llu",
               local, &local_port, remote, &remote_port, &state, &send_queue, &receive_queue, &inode) != 8)
        return;
    size_t digits = is_v6 ? 32 : 8;
    struct tcp_socket s = {.inode = inode,
                           .state = (uint8_t)state,
                           .local_port = (uint16_t)local_port,
                           .remote_port = (uint16_t)remote_port,
                           .receive_queue = receive_queue,
                           .send_queue = send_queue,
                           .received_bytes = -1,
                           .last_receive_us = -1};
    if (strlen(local) != digits || strlen(remote) != digits || state == STATE_LISTEN ||
        state == STATE_TIME_WAIT || !parse_address(local, is_v6, s.local) ||
        !parse_address(remote, is_v6, s.remote))
        return;
    add(t, &s);
}

void tcp_sockets_parse_proc(struct tcp_sockets *t, struct str text, bool is_v6)
{
    struct str line;
    char copy[256];
    while (str_split(&text, '\n', &line)) {
        if (line.n == 0 || line.n >= sizeof(copy))
            continue;
        memcpy(copy, line.p, line.n);
        copy[line.n] = '\0';
        add_line(t, copy, is_v6);
    }
}

void tcp_sockets_read_proc(struct tcp_sockets *t, int64_t pid)
{
    struct buf text = BUF_INIT;
    if (proc_file(pid, "net/tcp", PROC_NET_BYTES, &text))
        tcp_sockets_parse_proc(t, buf_str(&text), false);
    buf_clear(&text);
    if (proc_file(pid, "net/tcp6", PROC_NET_BYTES, &text))
        tcp_sockets_parse_proc(t, buf_str(&text), true);
    buf_deinit(&text);
}

/* -- looking up -- */

static int compare(const void *x, const void *y)
{
    uint64_t a = ((const struct tcp_socket *)x)->inode, b = ((const struct tcp_socket *)y)->inode;
    return (a > b) - (a < b);
}

void tcp_sockets_sort(struct tcp_sockets *t)
{
    if (t->count > 0)
        qsort(t->at, t->count, sizeof(*t->at), compare);
}

const struct tcp_socket *tcp_sockets_find(const struct tcp_sockets *t, uint64_t inode)
{
    const struct tcp_socket wanted = {.inode = inode};
    return t->count ? bsearch(&wanted, t->at, t->count, sizeof(*t->at), compare) : NULL;
}

const struct tcp_socket *tcp_sockets_peer(const struct tcp_sockets *t, const struct tcp_socket *s)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct tcp_socket *o = &t->at[i];
        if (o->local_port == s->remote_port && o->remote_port == s->local_port &&
            memcmp(o->local, s->remote, sizeof(o->local)) == 0 &&
            memcmp(o->remote, s->local, sizeof(o->remote)) == 0)
            return o;
    }
    return NULL;
}
