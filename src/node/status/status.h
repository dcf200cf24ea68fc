/* status.h -- GET /api/v1/sessions/{id}/status: how a group of agents is, in one document (spec 70).
 *
 * One collection serves everybody who asks the same question meanwhile (A9), and for cache_us after (A8); a
 * question is session, strategy and the include flags.  A session whose agents change is collected anew.  It
 * meets the fleet only through the functions in status_inputs, given by node.c.  Loop thread. */
#pragma once
#include "io/http_server.h"
#include "node/status/status_collection.h"

#define STATUS_CACHE_MAX 1024

struct status_config {
    int64_t deadline_us; /* A2 */
    int64_t cache_us;    /* A8; 0: nothing is kept */
    /* NULL: status_collection_read_agent.  Tests give their own. */
    void (*collect)(struct collected_agent *agent, bool with_health);
};
struct status;
struct status *status_new(uv_loop_t *loop, struct proc_sampler *sampler, const struct status_config *config,
                          const struct status_inputs *inputs);
/* Answers who still waits, so the HTTP server must be there; the sampler too. */
struct status *status_free(struct status *s);
void status_reload(struct status *s, const struct status_config *config);

/* Route handlers; {id} is the session. */
void status_handle(struct http_request *r, struct status *s);
void status_handle_stats(struct http_request *r, struct status *s);
/* An agent of this session has changed its status (A8). */
void status_drop_session(struct status *s, const char *session_id);
