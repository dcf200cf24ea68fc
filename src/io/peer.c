#include "io/peer.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
};

/* ::ffff:127.0.0.1 is 127.0.0.1, which is how the kernel knows that socket. */
static void unmap(union address *a)
{
    if (a->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
        return;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = a->v6.sin6_port};
    memcpy(&v4.sin_addr, a->v6.sin6_addr.s6_addr + 12, sizeof(v4.sin_addr));
    a->v4 = v4;
}

static bool is_loopback(const union address *a)
{
    if (a->any.sa_family == AF_INET)
        return ntohl(a->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

static void put_address(const union address *a, __be32 to[4], __be16 *port)
{
    if (a->any.sa_family == AF_INET) {
        memcpy(to, &a->v4.sin_addr, sizeof(a->v4.sin_addr));
        *port = a->v4.sin_port;
    } else {
        memcpy(to, &a->v6.sin6_addr, sizeof(a->v6.sin6_addr));
        *port = a->v6.sin6_port;
    }
}

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 diag;
};

/* One socket, not a dump: `theirs` is its local address, `ours` what it is connected to. */
static bool ask(int netlink, const union address *ours, const union address *theirs)
{
    struct question q = {
        .header = {.nlmsg_len = sizeof(q), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .diag = {.sdiag_family = (uint8_t)theirs->any.sa_family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = ~0u},
    };
    put_address(theirs, q.diag.id.idiag_src, &q.diag.id.idiag_sport);
    put_address(ours, q.diag.id.idiag_dst, &q.diag.id.idiag_dport);
    q.diag.id.idiag_cookie[0] = q.diag.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return send(netlink, &q, sizeof(q), 0) == (ssize_t)sizeof(q);
}

static int64_t read_answer(int netlink)
{
    union {
        struct nlmsghdr header;
        char bytes[1024];
    } answer;
    struct sockaddr_nl from = {0};
    socklen_t from_bytes = sizeof(from);
    ssize_t n = recvfrom(netlink, &answer, sizeof(answer), 0, (struct sockaddr *)&from, &from_bytes);
    if (from.nl_pid != 0 || n < (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)) ||
        !NLMSG_OK(&answer.header, (size_t)n) || answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return -1;
    const struct inet_diag_msg *m = NLMSG_DATA(&answer.header);
    return m->idiag_inode ? (int64_t)m->idiag_uid : -1; /* no inode: orphaned, nobody's any more */
}

static int64_t tcp_uid(const union address *ours, const union address *theirs)
{
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return -1;
    struct timeval patience = {.tv_usec =
                                   200000}; /* the kernel answers at once; this is for the day it does not */
    (void)setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    int64_t uid = ask(netlink, ours, theirs) ? read_answer(netlink) : -1;
    close(netlink);
    return uid;
}

static int64_t unix_uid(int fd)
{
    struct ucred credentials;
    socklen_t bytes = sizeof(credentials);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) < 0 || credentials.uid == (uid_t)-1)
        return -1;
    return credentials.uid;
}

int64_t peer_uid(int fd)
{
    union address ours = {0}, theirs = {0};
    socklen_t bytes = sizeof(ours);
    if (getsockname(fd, &ours.any, &bytes) < 0)
        return -1;
    if (ours.any.sa_family == AF_UNIX)
        return unix_uid(fd);
    bytes = sizeof(theirs);
    if (getpeername(fd, &theirs.any, &bytes) < 0)
        return -1;
    unmap(&ours);
    unmap(&theirs);
    return is_loopback(&ours) && is_loopback(&theirs) ? tcp_uid(&ours, &theirs) : -1;
}

static bool tcp_info(int fd, struct tcp_info *ret)
{
    socklen_t bytes = sizeof(*ret);
    *ret = (struct tcp_info){0};
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret, &bytes) == 0;
}

int64_t peer_bytes(int fd)
{
    struct tcp_info info;
    return tcp_info(fd, &info) ? (int64_t)info.tcpi_bytes_received : -1;
}

bool peer_was_ignored(int fd)
{
    struct tcp_info info;
    return tcp_info(fd, &info) && info.tcpi_bytes_sent == 0 &&
           info.tcpi_bytes_received > 1; /* the kernel counts a FIN as one byte */
}
