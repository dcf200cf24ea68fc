/* shim_pump.h -- the pipes of the agent's stdout and stderr.
 *
 * What comes out of them goes to the output file and, in the foreground, on to the shim's own stdout and
 * stderr as well.  A reader of those that is slow makes the agent wait, as it would without us; one that is
 * gone ends the pipe, so that the agent gets its SIGPIPE.  Only shim_pump_finish may wait for that reader.
 * One thread. */
#pragma once
#include "run/shim_output.h"

#include <poll.h>
#include <sys/types.h>

struct shim_pump {
    int fds[2];       /* read ends of stdout, stderr; -1 once at the end */
    int agent_fds[2]; /* write ends, until shim_pump_started */
    bool passes_on;
    bool waits_for_reader[2];
    struct shim_output output;
};

/* lends_terminal: a stream of ours that is a terminal becomes the agent's own and has no pipe. */
MUST_CHECK int shim_pump_init(struct shim_pump *p, int dir_fd, int64_t max_bytes, bool passes_on,
                              bool lends_terminal);
void shim_pump_started(struct shim_pump *p); /* the agent has its ends: closes ours */
void shim_pump_prepare(struct shim_pump *p, struct pollfd ret_polls[2]);
void shim_pump_handle(struct shim_pump *p, const struct pollfd polls[2]);
/* Takes what is in the pipes now and ends, even when somebody outside still holds a write end. */
void shim_pump_finish(struct shim_pump *p);
