#include "run/shim_agent.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"

static void report(int fd, enum shim_agent_what what, int error)
{
    const struct shim_agent_report r = {.what = what, .error = error};
    (void)!write(fd, &r, sizeof(r));
}

static void join_cgroup(const char *cgroup, int report_fd)
{
    char path[300];
    if (!cgroup[0])
        return;
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) < 0)
        report(report_fd, SHIM_AGENT_NO_CGROUP, errno);
    if (fd >= 0)
        (void)close(fd);
}

static bool connect_stdin(const char *how)
{
    if (strcmp(how, "inherit") == 0)
        return true;
    int fd = open(strcmp(how, "null") == 0 ? "/dev/null" : how, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && dup2(fd, STDIN_FILENO) >= 0;
}

/* By the system call: the C library refuses the two signals that it keeps for itself, and whoever was started
 * by its posix_spawn, as by make, has those ignored. */
static void reset_signals(bool keeps_ignored)
{
    static const struct {
        unsigned long handler, flags, restorer, mask;
    } fresh = {0};
    for (int i = 1; i <= SIGRTMAX; i++)
        if (!keeps_ignored || (i != SIGHUP && i != SIGINT && i != SIGQUIT))
            (void)syscall(SYS_rt_sigaction, i, &fresh, NULL, sizeof(fresh.mask));
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static const char *path_of(char **env)
{
    for (; *env; env++)
        if (strncmp(*env, "PATH=", 5) == 0)
            return *env + 5;
    return PATH_DEFAULT;
}

/* As execvp, but no shell is tried for a file without a format, and an empty element of PATH, which would
 * mean the working directory and so a repository of strangers, is passed over.  Returns the errno of the
 * failure. */
static int execute(char **args, char **env)
{
    char path[PATH_MAX];
    int error = ENOENT;
    if (strchr(args[0], '/')) {
        (void)execve(args[0], args, env);
        return errno;
    }
    for (const char *at = path_of(env), *end; args[0][0]; at = end + 1) {
        end = strchrnul(at, ':');
        int n = snprintf(path, sizeof(path), "%.*s/%s", (int)(end - at), at, args[0]);
        if (end > at && (size_t)n < sizeof(path)) {
            (void)execve(path, args, env);
            if (errno != ENOENT && errno != ENOTDIR)
                error = errno;
            if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
                return errno;
        }
        if (!*end)
            break;
    }
    return error;
}

static _Noreturn void become_agent(const struct shim_agent_start *a, pid_t shim, int report_fd)
{
    if (a->own_session)
        (void)setsid();
    else if (a->own_group)
        (void)setpgid(0, 0);
    if (a->tty_fd >= 0)
        (void)tcsetpgrp(a->tty_fd, getpgrp());
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != shim)
        _exit(EXIT_FAILURE); /* it died before that could be asked for */
    join_cgroup(a->cgroup, report_fd);
    bool ok = connect_stdin(a->spec->stdin_path) && (a->out_fd < 0 || dup2(a->out_fd, STDOUT_FILENO) >= 0) &&
              (a->err_fd < 0 || dup2(a->err_fd, STDERR_FILENO) >= 0) &&
              (!a->spec->workdir[0] || chdir(a->spec->workdir) == 0);
    int error = errno;
    if (ok) {
        reset_signals(a->keeps_ignored);
        error = execute(a->spec->args, a->spec->env);
    }
    report(report_fd, SHIM_AGENT_NOT_STARTED, error);
    _exit(EXIT_FAILURE);
}

int shim_agent_fork(const struct shim_agent_start *start, pid_t *ret_pid, int *ret_report_fd)
{
    int pipe_fds[2];
    pid_t shim = getpid();
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        become_agent(start, shim, pipe_fds[1]);
    int error = errno;
    (void)close(pipe_fds[1]);
    if (pid < 0) {
        (void)close(pipe_fds[0]);
        return -error;
    }
    if (start->own_group && !start->own_session)
        (void)setpgid(pid, pid); /* whoever comes first */
    (void)fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    *ret_pid = pid;
    *ret_report_fd = pipe_fds[0];
    return 0;
}
