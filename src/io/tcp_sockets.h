/* tcp_sockets.h -- the TCP sockets of a network namespace, with what only the kernel knows of each.
 *
 * sock_diag gives all of our own namespace in one dump, with INET_DIAG_INFO: bytes received, and how long ago
 * data came last.  Where that is refused, and for processes of other namespaces, /proc/PID/net/tcp gives
 * addresses and queues only; the two figures are -1 then.  Any thread, one list at a time. */
#pragma once
#include "base/str.h"

struct tcp_socket {
    uint64_t inode;
    uint8_t state; /* TCP_ESTABLISHED, TCP_CLOSE_WAIT … of netinet/tcp.h */
    uint16_t local_port, remote_port;
    uint8_t local[16], remote[16];     /* IPv4 as ::ffff:a.b.c.d */
    int64_t receive_queue, send_queue; /* bytes */
    int64_t received_bytes;            /* acknowledged since it was opened; -1 unknown */
    int64_t last_receive_us;           /* since data came last; -1 unknown */
};
struct tcp_sockets {       /* zeroed: empty */
    struct tcp_socket *at; /* ascending by inode once tcp_sockets_sort was called */
    size_t count, capacity;
};
void tcp_sockets_deinit(struct tcp_sockets *t);
/* Our own namespace.  -errno, with nothing added, when the kernel does not tell. */
MUST_CHECK int tcp_sockets_read_diag(struct tcp_sockets *t);
/* The namespace of that process. */
void tcp_sockets_read_proc(struct tcp_sockets *t, int64_t pid);
void tcp_sockets_sort(struct tcp_sockets *t);
const struct tcp_socket *tcp_sockets_find(const struct tcp_sockets *t, uint64_t inode);
/* Something listens or talks at the other end of `s` in this list: that socket, NULL when there is none. */
const struct tcp_socket *tcp_sockets_peer(const struct tcp_sockets *t, const struct tcp_socket *s);

/* -- the parsers, for their tests: what is malformed is left out, and never read beyond its end -- */
/* One datagram of the dump.  1: the dump is complete; 0: more follows; negative: the kernel refused. */
MUST_CHECK int tcp_sockets_parse_diag(struct tcp_sockets *t, struct str datagram);
void tcp_sockets_parse_proc(struct tcp_sockets *t, struct str text, bool is_v6);
