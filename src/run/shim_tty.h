/* shim_tty.h -- the caller's terminal, lent to the agent of `muster run` (spec 20 Q15).
 *
 * The agent gets a group of its own and the terminal's foreground, so that Ctrl-C and Ctrl-Z are its affair;
 * when it stops, the shim takes the terminal back and stops as well, and the caller's shell sees a stopped
 * job.  In a pipeline the foreground group holds others too: there the agent stays in it and nothing is lent.
 * One thread. */
#pragma once
#include "base/base.h"

#include <sys/types.h>
#include <termios.h>

struct shim_tty {
    int fd;         /* the controlling terminal, or -1 */
    bool own_group; /* the agent leads a group of its own */
    bool may_lend;
    pid_t agent_group; /* 0: not started */
    bool has_modes;
    struct termios modes; /* as the caller left them */
};

void shim_tty_init(struct shim_tty *t, bool foreground);
bool shim_tty_is_ours(const struct shim_tty *t); /* our group is the foreground and may lend it */
void shim_tty_lend(struct shim_tty *t);          /* to the agent's group, if it is ours */
/* Takes it back from an agent that has stopped or gone.  `mend`: it could not tidy up, so the modes are put
 * back. */
void shim_tty_take_back(struct shim_tty *t, bool mend);
void shim_tty_stop_self(const struct shim_tty *t); /* returns when the shell continues the job */
