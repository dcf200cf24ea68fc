/* shim.c -- the program muster-shim: starts one command, watches it to its end, and writes down how it ended.
 *
 * One per run, so that the node may come and go (spec 20 Q11 and Q12).  It speaks with nobody: what it is to
 * do and what happened are files of the run's directory, rundir.h. */
#include "run/shim_watch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char usage[] = "usage: muster-shim [--foreground] DIR\n"
                            "Runs the command that DIR/spec describes; muster starts it, people rarely do.\n";

static struct shim_watch watch; /* not on the stack: it holds the buffers */

/* Descriptors 0 to 2 exist from here on, so that none of ours becomes one of them. */
static void open_standard_fds(bool replace)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    for (int i = STDIN_FILENO; replace && i <= STDERR_FILENO; i++)
        (void)dup2(fd, i);
    (void)close(fd);
}

/* setsid refuses the leader of a group, as a shell's job is one: its child takes over. */
static void leave_session(void)
{
    if (setsid() >= 0 || getsid(0) == getpid())
        return;
    pid_t pid = fork();
    if (pid > 0)
        _exit(SHIM_EXIT_OK);
    (void)setsid();
}

static void become_watcher(bool foreground)
{
    if (!foreground) {
        (void)close_range(STDERR_FILENO + 1, ~0U, 0);
        leave_session();
    }
    open_standard_fds(!foreground);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL); /* ignored, as a caller may leave it, it would eat the exit code */
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL); /* what shim_watch does not read waits for ever */
}

static int exit_code_of(const struct run_result *r)
{
    switch (r->outcome) {
    case RUN_EXITED:
        return r->exit_code;
    case RUN_SIGNALED:
        return 128 + r->signal;
    case RUN_START_FAILED:
        return r->start_errno == ENOENT ? 127 : 126; /* as shells do */
    }
    return SHIM_EXIT_IO;
}

static int fail(const char *what, int rc)
{
    (void)fprintf(stderr, "muster-shim: %s: %s\n", what, strerror(-rc));
    return rc == -EINVAL ? SHIM_EXIT_USAGE : SHIM_EXIT_IO;
}

static int run(const char *path, bool foreground)
{
    struct shim_dir dir;
    struct shim_spec spec;
    char command[64];
    int r = shim_dir_open(path, &dir);
    if (r)
        return fail(path, r);
    r = shim_spec_read(dir.fd,
                       &spec); /* before anything is written: a directory without one is not ours to touch */
    if (r)
        return fail("spec", r);
    (void)snprintf(command, sizeof(command), "%s", spec.args[0]);
    r = shim_dir_take(&dir);
    if (r) {
        shim_spec_deinit(&spec);
        return r == SHIM_DIR_E_TAKEN ? SHIM_EXIT_TAKEN : fail("cannot write to the run's directory", r);
    }
    shim_watch_run(&watch, &dir, &spec, foreground);
    r = shim_dir_write_result(&dir, &watch.result);
    if (r)
        return fail("cannot write the result", r);
    if (foreground && watch.result.outcome == RUN_START_FAILED)
        (void)fprintf(stderr, "muster: cannot start %s: %s\n", command, strerror(watch.result.start_errno));
    return foreground ? exit_code_of(&watch.result) : SHIM_EXIT_OK;
}

int main(int argc, char **argv)
{
    bool foreground = argc > 1 && strcmp(argv[1], "--foreground") == 0;
    if (argc != 2 + foreground || argv[1 + foreground][0] == '-') {
        (void)fputs(usage, stderr);
        return SHIM_EXIT_USAGE;
    }
    char *path = argv[1 + foreground];
    become_watcher(foreground);
    return run(path, foreground);
}
