/* sweep.h -- retention: what is old enough goes, a little each minute (spec 10 D7).
 *
 * Rows of the store, and the directories of ended runs.  Runs on the store's threads and the loop's timer;
 * never more than SWEEP_ROWS rows and SWEEP_DIRS directories at a time.  Loop thread. */
#pragma once
#include "io/config.h"
#include "store/store.h"

#include <uv.h>

#define SWEEP_EVERY_MS (60 * 1000)
#define SWEEP_ROWS 500
#define SWEEP_DIRS 200

struct sweep;
struct sweep *sweep_new(uv_loop_t *loop, struct store *store, const char *ended_dir);
void sweep_set_config(struct sweep *s, const struct config *config); /* from now on; starts it */
void sweep_stop(struct sweep *s);                                    /* no further one begins */
struct sweep *sweep_free(struct sweep *s); /* after the store has been closed; the loop turns once more */
