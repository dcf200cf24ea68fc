/* shim_agent.h -- starting the agent.
 *
 * Fork, then everything that has to be right before the first instruction of the agent: its session or group,
 * its end with the shim's, its cgroup, its stdin, its working directory, clean signals.  No shell is involved
 * at any point: a script without "#!" fails with ENOEXEC.  What goes wrong comes back through a pipe that
 * exec closes.  One thread. */
#pragma once
#include "run/shim_spec.h"

#include <sys/types.h>

struct shim_agent_start {
    const struct shim_spec *spec;
    bool own_session, own_group; /* one of them, or none: a pipeline of the caller's shell stays one group */
    bool keeps_ignored; /* SIGHUP, SIGINT, SIGQUIT stay as the caller had them, as after nohup or "&" */
    int tty_fd;         /* terminal whose foreground group the agent becomes, or -1 */
    int out_fd, err_fd; /* or -1: the shim's own */
    const char *cgroup; /* directory, or "" */
};

enum shim_agent_what { SHIM_AGENT_NO_CGROUP, SHIM_AGENT_NOT_STARTED };
struct shim_agent_report { /* what comes through the pipe, if anything */
    enum shim_agent_what what;
    int error; /* errno */
};

/* *ret_report_fd gives reports until end of file, which means that exec succeeded or the process is gone. */
MUST_CHECK int shim_agent_fork(const struct shim_agent_start *start, pid_t *ret_pid, int *ret_report_fd);
