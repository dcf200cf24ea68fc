/* beat.h -- the heartbeat of the bus itself: system.bus.health every 10 s (spec 40, Heartbeats).
 *
 * The first at once, beat k at start + k periods: a loop that was held up skips beats and does not shift
 * them.  The last one says `"state":"stopping"`.  Loop thread. */
#pragma once
#include "node/bus_port.h"

#include <uv.h>

#define BEAT_PERIOD_S 10

struct beat {
    uv_timer_t timer;
    const struct bus_port *port;
    char instance[17]; /* random per start */
    int64_t start_us, sequence;
};

void beat_start(struct beat *b, uv_loop_t *loop, const struct bus_port *port);
void beat_stop(struct beat *b); /* the last one goes out; the timer is closing then */
/* Number of the next beat after `now_us`, for the given start: pure. */
int64_t beat_next(int64_t start_us, int64_t now_us);
