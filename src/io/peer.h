/* peer.h -- which user is at the other end of a local connection.
 *
 * A Unix socket tells (SO_PEERCRED).  For TCP over loopback the kernel is asked for the owner of the socket
 * whose local address is our remote one (sock_diag): what the other end owns, not what it says.  Anything
 * else is unknown. Each call asks the kernel; the caller keeps the answer for the life of the connection. Any
 * thread. */
#pragma once
#include "base/base.h"

/* The uid, or -1: not local, already closed, or the kernel would not say. */
int64_t peer_uid(int fd);

/* Bytes that the other end of a TCP connection has sent so far; -1 when the kernel does not say. */
int64_t peer_bytes(int fd);
/* True when the other end of a TCP connection has sent bytes and got none back.  False when the kernel does
 * not say. */
bool peer_was_ignored(int fd);
