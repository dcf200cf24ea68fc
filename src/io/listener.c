#include "io/listener.h"

#include "base/parse.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 511

/* "127.0.0.1:6878", "[::1]:0", "name:80" into host and port. */
static bool split_address(const char *listen_on, struct str *ret_host, struct str *ret_port)
{
    struct str all = str_of(listen_on);
    size_t colon = all.n;
    while (colon > 0 && all.p[colon - 1] != ':')
        colon--;
    int64_t port;
    if (colon < 2 || !parse_i64_in((struct str){all.p + colon, all.n - colon}, 0, 65535, &port))
        return false;
    struct str host = {all.p, colon - 1};
    if (host.p[0] == '[' && host.n > 2 && host.p[host.n - 1] == ']')
        host = (struct str){host.p + 1, host.n - 2};
    else if (memchr(host.p, ':', host.n))
        return false; /* IPv6 needs its brackets */
    *ret_host = host;
    *ret_port = (struct str){all.p + colon, all.n - colon};
    return true;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 ==
               IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static bool is_any(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static int bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t bytes = sizeof(address);
    if (getsockname(fd, &address.any, &bytes) < 0)
        return -1;
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

/* A socket that listens, or -errno. */
static int listen_at(const struct sockaddr *address, socklen_t bytes)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0)
        return -errno;
    if (address->sa_family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, address, bytes) < 0 || (address->sa_family != AF_UNIX && listen(fd, BACKLOG) < 0)) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static int listen_resolved(struct listener *l, const char *key, const char *text, bool guarded,
                           const struct addrinfo *found, struct err *e)
{
    if (!is_loopback(found->ai_addr) && !guarded)
        return err_set(e, ERR_INVALID, -EINVAL,
                       "%s = \"%s\" is not loopback and no token is configured: whoever reaches it could do "
                       "anything; create a token first",
                       key, text);
    int fd = listen_at(found->ai_addr, found->ai_addrlen);
    if (fd < 0)
        return err_set(e, ERR_INTERNAL, fd, "cannot listen on %s: %s", text, strerror(-fd));
    *l = (struct listener){.fd = fd, .port = bound_port(fd), .any_address = is_any(found->ai_addr)};
    return 0;
}

int listener_tcp(struct listener *l, const char *key, const char *address, bool guarded, struct err *e)
{
    struct str host, port;
    if (!split_address(address, &host, &port))
        return err_set(e, ERR_INVALID, -EINVAL, "%s = \"%s\" is not of the form address:port", key, address);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE},
                    *found;
    char *host_text = str_dup(host), *port_text = str_dup(port);
    int rc = getaddrinfo(host_text, port_text, &hints, &found);
    free(host_text);
    free(port_text);
    if (rc != 0)
        return err_set(e, ERR_INVALID, -EINVAL, "%s = \"%s\": %s", key, address, gai_strerror(rc));
    rc = listen_resolved(l, key, address, guarded, found, e);
    freeaddrinfo(found);
    return rc;
}

/* -- the Unix socket -- */

static bool is_live(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool live =
        fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN);
    closep(&fd);
    return live;
}

/* A path that nobody listens on any more is taken away; a live one, or what is no socket at all, is not ours
 * to touch. */
static int remove_stale(const struct sockaddr_un *address, struct err *e)
{
    struct stat st;
    if (lstat(address->sun_path, &st) < 0)
        return 0; /* nothing there; any other trouble is bind's to report */
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ERR_CONFLICT, -EEXIST, "%s exists and is no socket", address->sun_path);
    if (is_live(address))
        return err_set(e, ERR_CONFLICT, -EADDRINUSE, "another process serves %s", address->sun_path);
    if (unlink(address->sun_path) < 0 && errno != ENOENT)
        return err_set(e, ERR_INTERNAL, -errno, "cannot remove the stale %s: %s", address->sun_path,
                       strerror(errno));
    return 0;
}

static int open_to_all(struct listener *l, struct err *e)
{
    struct stat st;
    if (lstat(l->path, &st) < 0 || chmod(l->path, 0666) < 0 || listen(l->fd, BACKLOG) < 0)
        return err_set(e, ERR_INTERNAL, -errno, "cannot listen on %s: %s", l->path, strerror(errno));
    l->device = st.st_dev;
    l->inode = st.st_ino;
    return 0;
}

int listener_unix(struct listener *l, const char *key, const char *path, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return err_set(e, ERR_INVALID, -ENAMETOOLONG,
                       "%s = \"%s\": longer than the %zu bytes that the kernel takes", key, path,
                       sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int rc = remove_stale(&address, e);
    if (rc)
        return rc;
    int fd = listen_at((const struct sockaddr *)&address, sizeof(address));
    if (fd < 0)
        return err_set(e, ERR_INTERNAL, fd, "cannot bind %s: %s", path, strerror(-fd));
    *l = (struct listener){.fd = fd, .port = -1, .is_unix = true};
    (void)snprintf(l->path, sizeof(l->path), "%s", path);
    return open_to_all(l, e);
}

void listener_close(struct listener *l)
{
    struct stat st;
    if (l->fd < 0)
        return;
    if (l->is_unix && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
        (void)unlink(l->path);
    closep(&l->fd);
    l->fd = -1;
}
