/* schedule_waits.h -- schedulers that wait at GET /api/v1/schedules/commands until somebody asks for
 * something.
 *
 * Holds requests, so it must end them before the server stops.  Loop thread. */
#pragma once
#include "io/http_server.h"

#include <uv.h>

struct schedule_waits;
struct schedule_waits *schedule_waits_new(uv_loop_t *loop);
/* `answer` is called once, now or at the latest after wait_us. */
void schedule_waits_add(struct schedule_waits *w, struct http_request *r, int64_t after, int64_t wait_us,
                        void (*answer)(struct http_request *r, int64_t after, void *arg), void *arg);
void schedule_waits_wake(struct schedule_waits *w); /* something was asked for: all are answered */
void schedule_waits_stop(struct schedule_waits *w); /* all are answered, and further ones at once */
struct schedule_waits *schedule_waits_free(struct schedule_waits *w); /* the loop turns once more */
