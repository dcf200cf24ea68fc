/* listener.h -- sockets that listen: TCP on one address, or a path of their own.
 *
 * What every server of muster holds to, in one place (spec 00 HTTP, spec 40 B5, B6): anything but loopback is
 * refused unless the caller says that it is guarded; a path on which somebody listens is never taken, a stale
 * one is replaced, what is no socket is left alone, and closing never unlinks a path that another process has
 * bound since.  Non-blocking, close-on-exec.  Any thread. */
#pragma once
#include "base/err.h"

#include <sys/types.h>

#define LISTENER_PATH_MAX 108 /* sun_path, with its NUL */

struct listener {
    int fd;           /* -1: closed */
    int port;         /* TCP: the real one, also when 0 was asked for; -1 for a path */
    bool any_address; /* bound to the wildcard */
    bool is_unix;
    char path[LISTENER_PATH_MAX]; /* Unix */
    dev_t device;                 /* of the path: only that one is unlinked */
    ino_t inode;
};
#define LISTENER_CLOSED                                                                                      \
    {                                                                                                        \
        .fd = -1, .port = -1                                                                                 \
    }

/* "127.0.0.1:6878", "[::1]:0", "name:80".  `key` is the configuration key, for the reason.  `guarded`: may be
 * bound to more than loopback, since a token is asked for.  -EADDRINUSE is told apart. */
MUST_CHECK int listener_tcp(struct listener *l, const char *key, const char *address, bool guarded,
                            struct err *e);
/* Everybody may connect (0666): callers are known by uid. */
MUST_CHECK int listener_unix(struct listener *l, const char *key, const char *path, struct err *e);
void listener_close(struct listener *l); /* and its path, if it is still ours; NULL-safe on a closed one */
