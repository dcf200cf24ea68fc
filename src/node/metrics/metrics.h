/* metrics.h -- GET /metrics: the raw-signal snapshot (spec 30).
 *
 * One collection serves everybody who asks while it is under way and for freshness_us after (M12: one read
 * transaction of the store, one scan of /proc, one look at the queue's memory).  A snapshot is collected off
 * the loop: store reader thread, then the /proc worker, which also renders.  Each section is guarded by
 * itself (M5), and a thread that does not come back within patience_us is not waited for, nor asked again
 * before it has: its sections take their default. It changes nothing.  It meets the queue only through the
 * functions in metrics_inputs, given by node.c.  Loop thread. */
#pragma once
#include "io/http_server.h"
#include "node/metrics_inputs.h"
#include "store/store.h"

struct metrics_config { /* strings are not copied */
    bool enabled;
    int64_t freshness_us;
    const char *proc_root; /* "/proc"; a reload does not change it */
    const char *version;
    int64_t
        max_label_values; /* bound for stage/agent/model label values in OpenMetrics; the rest is "other" */
    int64_t patience_us;  /* for the store, then again for /proc; 0: two seconds */
};
struct metrics;
struct metrics *metrics_new(uv_loop_t *loop, struct store *store, const struct http_server *http,
                            const struct metrics_config *config, const struct metrics_inputs *inputs);
/* Answers who still waits, so the HTTP server must be there; the store may be closed before or after.  The
 * memory goes with the loop's next turn. */
struct metrics *metrics_free(struct metrics *m);
void metrics_reload(struct metrics *m, const struct metrics_config *config);
/* The route's handler; content type by Accept: JSON unless OpenMetrics or text/plain;version=0.0.4 is
 * preferred. */
void metrics_handle(struct http_request *r, struct metrics *m);
