/* weird.c -- a process that is hard to read, for the tests of what /proc says: its name looks like fields of
 * its own stat line, one child that worked has been waited for, one orphan that worked is left in a session
 * of its own.
 *
 * usage: weird FILE MILLISECONDS    each of the three uses that much CPU; then "ready" is written to FILE,
 * and it waits. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void burn(long milliseconds)
{
    struct timespec used;
    do
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < milliseconds);
}

static void wait_for(pid_t child)
{
    if (child < 0 || waitpid(child, NULL, 0) != child)
        exit(1);
}

/* Returns when the orphan has done its work, told by the end of a pipe. */
static void leave_an_orphan(long milliseconds)
{
    int done[2];
    char byte;
    if (pipe(done) != 0)
        exit(1);
    pid_t child = fork();
    if (child == 0 && fork() == 0) {
        (void)setsid();
        burn(milliseconds);
        (void)close(done[0]);
        (void)close(done[1]);
        for (;;)
            (void)pause();
    } else if (child == 0) {
        _exit(0);
    }
    wait_for(child);
    (void)close(done[1]);
    if (read(done[0], &byte, 1) != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 3 || prctl(PR_SET_NAME, "we) ird (name") != 0)
        return 2;
    long milliseconds = strtol(argv[2], NULL, 10);
    burn(milliseconds);
    pid_t child = fork();
    if (child == 0) {
        burn(milliseconds);
        _exit(0);
    }
    wait_for(child);
    leave_an_orphan(milliseconds);
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "ready", 5) != 5 || close(fd) != 0)
        return 1;
    for (;;)
        (void)pause();
}
