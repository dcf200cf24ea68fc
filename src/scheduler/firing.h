/* firing.h -- one due instant on its way to the node and back (spec 50 S8, S10, S11).
 *
 * The request, the retries inside one firing, and the following of a run that was answered with 202: the
 * client's timeout is not the job's end.  Retries come on network errors, 429 and 5xx alone, with full jitter
 * and not before Retry-After; never after a timeout, since what was asked for may still be under way.
 *
 * Belongs to its job's slot in the scheduler.  Loop thread. */
#pragma once
#include "core/schedule_engine.h"
#include "io/http_client.h"

#define FIRING_TEXT_MAX 256

struct firing_target {
    struct http_client *client;
    uv_loop_t *loop;
    const char *node_url, *token; /* token NULL: no Authorization */
    const char *unix_socket;      /* of the node, instead of the URL's host; NULL: none */
};

struct firing_result {
    enum schedule_outcome outcome; /* FIRED, REFUSED_BUSY or REFUSED_BUDGET */
    bool ok;
    int status; /* HTTP, 0 without an answer */
    int64_t attempts, duration_us;
    int64_t started_us;                                   /* wall */
    char run_id[FIRING_TEXT_MAX], error[FIRING_TEXT_MAX]; /* "" when there is none */
};

struct firing;
/* The job's strings are copied; on_done comes once, never from within, unless it is abandoned before. */
struct firing *firing_start(const struct firing_target *target, const struct schedule_job *job,
                            int64_t due_us, void (*on_done)(void *arg, const struct firing_result *result),
                            void *arg);
/* No on_done.  The request's end is not waited for. */
void firing_abandon(struct firing *f);
/* It was answered with 202, and only the news of its end are waited for. */
bool firing_is_followed(const struct firing *f);
/* "NAME/2026-06-07T05:00:00Z" */
void firing_key(const char *job, int64_t due_us, struct buf *out);
