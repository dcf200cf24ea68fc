/* payload.h -- the bytes of one report, from what was counted (spec 80 H5, H15, H16).
 *
 * Figures alone: no prompt, path, name of a person, or text of a task is ever in it.  With licence_only the
 * figures that a licence is measured by are sent, and nothing of what was done.  Pure but for the buffer. Any
 * thread. */
#pragma once
#include "base/buf.h"
#include "store/telemetry.h"

struct payload_head {
    const char *instance_id, *epoch, *version, *platform;
    const char *process; /* drawn anew by each start of the node: two that take turns are clones */
    int64_t window_no, uptime_us, interval_us;
    bool licence_only;
};
void payload_write(const struct payload_head *head, const struct window *w, const struct telemetry_figures *f,
                   struct buf *out);
