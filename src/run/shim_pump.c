#include "run/shim_pump.h"

#include <fcntl.h>
#include <unistd.h>

#define READ_BYTES ((size_t)32 << 10)
#define PASS_BYTES ((size_t)4096) /* PIPE_BUF: a pipe that polls writable takes as much without blocking */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static int own_fd(int stream)
{
    return stream == 0 ? STDOUT_FILENO : STDERR_FILENO;
}

int shim_pump_init(struct shim_pump *p, int dir_fd, int64_t max_bytes, bool passes_on, bool lends_terminal)
{
    p->passes_on = passes_on;
    for (int i = 0; i < 2; i++) {
        p->fds[i] = p->agent_fds[i] = -1;
        p->waits_for_reader[i] = false;
    }
    shim_output_init(&p->output, dir_fd, max_bytes);
    for (int i = 0; i < 2; i++) {
        int ends[2];
        if (lends_terminal && isatty(own_fd(i)))
            continue;
        if (pipe2(ends, O_CLOEXEC) < 0)
            return -errno;
        p->fds[i] = ends[0];
        p->agent_fds[i] = ends[1];
        (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

void shim_pump_started(struct shim_pump *p)
{
    close_fd(&p->agent_fds[0]);
    close_fd(&p->agent_fds[1]);
}

void shim_pump_prepare(struct shim_pump *p, struct pollfd ret_polls[2])
{
    for (int i = 0; i < 2; i++) {
        bool waits = p->waits_for_reader[i] && p->fds[i] >= 0;
        ret_polls[i] =
            (struct pollfd){.fd = waits ? own_fd(i) : p->fds[i], .events = waits ? POLLOUT : POLLIN};
    }
}

static bool reader_is_ready(struct shim_pump *p, int stream)
{
    struct pollfd ready = {.fd = own_fd(stream), .events = POLLOUT};
    p->waits_for_reader[stream] = poll(&ready, 1, 0) == 0;
    return !p->waits_for_reader[stream];
}

static bool pass_on(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t r = write(fd, p, n);
        if (r < 0 && errno == EAGAIN) { /* the caller's choice, not ours: wait for room */
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            (void)poll(&room, 1, -1);
            continue;
        }
        if (r <= 0)
            return false;
        p += r;
        n -= (size_t)r;
    }
    return true;
}

/* Bytes read, or 0 when there is nothing to be had now. */
static size_t read_stream(struct shim_pump *p, int stream, bool passes_on)
{
    char bytes[READ_BYTES];
    if (p->fds[stream] < 0)
        return 0;
    ssize_t n = read(p->fds[stream], bytes, passes_on ? PASS_BYTES : sizeof(bytes));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n > 0) {
        shim_output_feed(&p->output, stream, bytes, (size_t)n);
        if (!passes_on || pass_on(own_fd(stream), bytes, (size_t)n))
            return (size_t)n;
    }
    close_fd(&p->fds[stream]);
    return 0;
}

void shim_pump_handle(struct shim_pump *p, const struct pollfd polls[2])
{
    for (int i = 0; i < 2; i++)
        if (polls[i].revents && p->fds[i] >= 0 && (!p->passes_on || reader_is_ready(p, i)))
            (void)read_stream(p, i, p->passes_on);
    shim_output_flush(&p->output);
}

void shim_pump_finish(struct shim_pump *p)
{
    for (int i = 0; i < 2; i++) {
        int left = p->fds[i] < 0 ? 0 : fcntl(p->fds[i], F_GETPIPE_SZ);
        for (size_t n; left > 0 && (n = read_stream(p, i, p->passes_on)) > 0;)
            left -= (int)n;
        close_fd(&p->fds[i]);
    }
    shim_pump_started(p);
    shim_output_deinit(&p->output);
}
