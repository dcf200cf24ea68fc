/* workers.h -- the roll call: one row per background worker that the configuration names, and what its
 * heartbeats say (spec 40 W1-W10).
 *
 * The names are a closed, ordered list: no publisher can add a row.  The rules are core/worker_status.h and
 * core/heartbeat.h; here is what moves: the subscription, the clock that is looked at once a second, a heap
 * of what is due, the events, the saved rows.  A change of status or of flapping is published once, as
 * event.worker.status, when it happens.
 *
 * The node's own components beat by own.c, straight into their rows; nobody else on the bus can speak for
 * them. Loop thread. */
#pragma once
#include "io/config.h"
#include "node/bus_port.h"
#include "node/events.h"
#include "node/metrics_inputs.h"
#include "store/store.h"

struct workers;

/* A component of this process that says itself that it works. */
struct workers_own {
    const char *name;
    int64_t period_us;
    /* Asked for each beat: does it work, really?  No: no beat, and the row tells after its window.  May
     * append the inside of a JSON object ("\"connections\":3") for the beat's extra. */
    bool (*works)(void *context, struct buf *extra);
    void *context;
};

struct workers_config {
    char *const *names; /* the configuration's, NULL-terminated, distinct; must outlive the service */
    const struct workers_own *own; /* copied; those that are not in names are only published */
    size_t own_count;
    int64_t (*wall_us)(void), (*boot_us)(void); /* NULL: the real clocks; tests have others */
};
struct workers *workers_new(uv_loop_t *loop, struct store *store, struct events *events,
                            const struct workers_config *config);
/* Loads the saved rows, then listens and calls ready. */
void workers_start(struct workers *w, const struct bus_port *bus, void (*ready)(void *arg), void *arg);
/* Own components beat from now on, the first time at once: when they serve. */
void workers_start_own(struct workers *w);
/* Own components say their last word; rows are saved; no timer runs after.  Before the bus stops. */
void workers_stop(struct workers *w);
struct workers *workers_free(struct workers *w); /* after the store has been closed */

/* The body of GET /api/v1/workers. */
void workers_list(struct workers *w, struct buf *out);

enum workers_stop_outcome {
    WORKERS_STOP_SENT, /* it reached the worker; the row says "stopping" */
    WORKERS_STOP_UNKNOWN,
    WORKERS_STOP_BUS_DOWN,
    WORKERS_STOP_NOT_LISTENING,
};
/* done: once, perhaps before this returns. */
void workers_request_stop(struct workers *w, struct str name, const char *requested_by,
                          void (*done)(void *arg, enum workers_stop_outcome outcome), void *arg);

/* metrics_inputs.workers */
bool workers_metrics(void *workers, struct arena *a, struct metrics_worker **ret, size_t *ret_count);
