/* child.h -- a program that is run for its exit code and its few lines of output.
 *
 * The program of this house that has children also adopts orphans, and reaps whatever ends; child_reap_all
 * does that for all, so that nobody's exit code is taken by somebody else.  Whoever owns SIGCHLD calls it.
 * posix_spawn and not fork, since there may be threads; in a session of its own, so that all of it can be
 * ended.  Runs of agents are no children of this kind: they have a shim.  Loop thread. */
#pragma once
#include "base/buf.h"

#include <sys/types.h>
#include <uv.h>

#define CHILD_OUTPUT_MAX 8192 /* of each stream; the rest is read and dropped */

struct child;
struct child_result {
    int exit_code;       /* -1 when a signal ended it */
    int signal;          /* 0: none */
    struct str out, err; /* valid during the call */
};
/* argv[0] is looked up in PATH; envp is all that it gets.  on_exit comes once both streams have ended too.  0
 * or -errno. */
MUST_CHECK int child_start(uv_loop_t *loop, char *const *argv, char *const *envp,
                           void (*on_exit)(void *arg, const struct child_result *result), void *arg,
                           struct child **ret);
/* Standard output goes there in parts, all of it, and not into the result. */
void child_on_output(struct child *c, void (*on_output)(void *arg, struct str part));
/* The same, reading from `stdin_fd` what the caller has put there; it stays the caller's. */
MUST_CHECK int child_start_reading(uv_loop_t *loop, int stdin_fd, char *const *argv, char *const *envp,
                                   void (*on_exit)(void *arg, const struct child_result *result), void *arg,
                                   struct child **ret);
void child_kill(struct child *c); /* everything in its session; on_exit still comes */
void child_reap_all(void);
