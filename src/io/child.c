#include "io/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

struct child_stream {
    uv_pipe_t pipe;
    struct child *owner;
    struct buf text;
    char bytes[2048];
};

struct child {
    struct child *next; /* of all that have not been reaped */
    pid_t pid;
    bool reaped;
    int status, open; /* open: handles that are not closed */
    struct child_stream out, err;
    void (*on_exit)(void *arg, const struct child_result *result);
    void (*on_output)(void *arg, struct str part); /* NULL: it is kept */
    void *arg;
};

static struct child *alive;

/* -- the end -- */

static void finish_when_over(struct child *c)
{
    if (!c->reaped || c->open > 0)
        return;
    bool exited = WIFEXITED(c->status);
    const struct child_result result = {.exit_code = exited ? WEXITSTATUS(c->status) : -1,
                                        .signal = exited ? 0 : WTERMSIG(c->status),
                                        .out = buf_str(&c->out.text),
                                        .err = buf_str(&c->err.text)};
    c->on_exit(c->arg, &result);
    buf_deinit(&c->out.text);
    buf_deinit(&c->err.text);
    free(c);
}

static struct child *take(pid_t pid)
{
    for (struct child **at = &alive; *at; at = &(*at)->next) {
        struct child *c = *at;
        if (c->pid == pid) {
            *at = c->next;
            return c;
        }
    }
    return NULL;
}

void child_reap_all(void)
{
    siginfo_t info = {.si_pid = 0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid > 0) {
        struct child *c = take(info.si_pid);
        int status;
        if (c)
            (void)kill(-c->pid, SIGKILL); /* what it left would hold the pipes; its pid is still its own */
        if (waitpid(info.si_pid, &status, WNOHANG) != info.si_pid)
            status = 0;
        if (c) {
            c->reaped = true;
            c->status = status;
            finish_when_over(c);
        }
        info.si_pid = 0;
    }
}

void child_on_output(struct child *c, void (*on_output)(void *arg, struct str part))
{
    c->on_output = on_output;
}

void child_kill(struct child *c)
{
    if (!c->reaped)
        (void)kill(-c->pid, SIGKILL);
}

/* -- its output -- */

static void on_closed(uv_handle_t *handle)
{
    struct child_stream *s = CONTAINER_OF((uv_pipe_t *)handle, struct child_stream, pipe);
    s->owner->open--;
    finish_when_over(s->owner);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct child_stream *s = CONTAINER_OF((uv_pipe_t *)handle, struct child_stream, pipe);
    (void)suggested;
    *ret = uv_buf_init(s->bytes, sizeof(s->bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct child_stream *s = CONTAINER_OF((uv_pipe_t *)stream, struct child_stream, pipe);
    if (n > 0 && s == &s->owner->out && s->owner->on_output)
        s->owner->on_output(s->owner->arg, (struct str){bytes->base, (size_t)n});
    else if (n > 0)
        buf_add(&s->text, bytes->base, MIN((size_t)n, CHILD_OUTPUT_MAX - s->text.n));
    else if (n < 0 && !uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, on_closed);
}

static void read_stream(uv_loop_t *loop, struct child *c, struct child_stream *s, int fd)
{
    s->owner = c;
    c->open++;
    (void)uv_pipe_init(loop, &s->pipe, 0);
    if (uv_pipe_open(&s->pipe, fd) != 0)
        (void)close(fd);
    else if (uv_read_start((uv_stream_t *)&s->pipe, on_allocate, on_read) == 0)
        return;
    uv_close((uv_handle_t *)&s->pipe, on_closed);
}

/* -- the start -- */

static int spawn(pid_t *ret, char *const *argv, char *const *envp, int in_fd, int out_fd, int err_fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes,
                                   POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    (void)posix_spawn_file_actions_init(&actions);
    if (in_fd >= 0)
        (void)posix_spawn_file_actions_adddup2(&actions, in_fd, 0);
    else
        (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
    (void)posix_spawn_file_actions_adddup2(&actions, err_fd, 2);
    int rc = posix_spawnp(ret, argv[0], &actions, &attributes, argv, envp);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return -rc;
}

int child_start_reading(uv_loop_t *loop, int stdin_fd, char *const *argv, char *const *envp,
                        void (*on_exit)(void *arg, const struct child_result *result), void *arg,
                        struct child **ret)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, rc = 0;
    struct child *c = xnew(struct child);
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        rc = -errno;
    if (rc == 0)
        rc = spawn(&c->pid, argv, envp, stdin_fd, out[1], err[1]);
    closep(&out[1]);
    closep(&err[1]);
    if (rc != 0) {
        closep(&out[0]);
        closep(&err[0]);
        free(c);
        return rc;
    }
    c->on_exit = on_exit;
    c->arg = arg;
    buf_init(&c->out.text);
    buf_init(&c->err.text);
    c->next = alive;
    alive = c;
    read_stream(loop, c, &c->out, out[0]);
    read_stream(loop, c, &c->err, err[0]);
    *ret = c;
    return 0;
}

int child_start(uv_loop_t *loop, char *const *argv, char *const *envp,
                void (*on_exit)(void *arg, const struct child_result *result), void *arg, struct child **ret)
{
    return child_start_reading(loop, -1, argv, envp, on_exit, arg, ret);
}
