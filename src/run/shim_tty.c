#include "run/shim_tty.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_pipe(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

void shim_tty_init(struct shim_tty *t, bool foreground)
{
    *t = (struct shim_tty){.fd = -1, .own_group = true};
    if (!foreground)
        return;
    t->fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (t->fd < 0)
        return;
    t->own_group = t->may_lend = !is_pipe(STDIN_FILENO) && !is_pipe(STDOUT_FILENO);
    t->has_modes = t->may_lend && tcgetattr(t->fd, &t->modes) == 0;
}

bool shim_tty_is_ours(const struct shim_tty *t)
{
    return t->may_lend && tcgetpgrp(t->fd) == getpgrp();
}

void shim_tty_lend(struct shim_tty *t)
{
    if (t->agent_group > 0 && shim_tty_is_ours(t))
        (void)tcsetpgrp(t->fd, t->agent_group);
}

void shim_tty_take_back(struct shim_tty *t, bool mend)
{
    if (!t->may_lend || t->agent_group == 0)
        return;
    pid_t group = tcgetpgrp(t->fd);
    /* A shell that runs as the agent lends it on to groups of its own, which are gone when the agent is. */
    bool is_lent = group == t->agent_group || (group > 0 && kill(-group, 0) < 0 && errno == ESRCH);
    if (!is_lent)
        return;
    (void)tcsetpgrp(t->fd, getpgrp());
    if (mend && t->has_modes)
        (void)tcsetattr(t->fd, TCSADRAIN, &t->modes);
}

/* By SIGTSTP, which the kernel ignores where nobody could continue us, and not by SIGSTOP, which it would
 * obey. */
void shim_tty_stop_self(const struct shim_tty *t)
{
    sigset_t stop;
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTSTP);
    (void)kill(t->own_group ? 0 : getpid(), SIGTSTP);
    (void)sigprocmask(SIG_UNBLOCK, &stop, NULL);
    (void)sigprocmask(SIG_BLOCK, &stop, NULL);
}
