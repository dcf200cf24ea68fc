/* memory.h -- the corporate memory: durable facts from what people and agents said (spec 60 V2).
 *
 * A run looks at each session and each file of notes that is new or has changed, asks a model once about it,
 * and writes what it found together with the session's state in one operation.  Whatever goes wrong with the
 * model, an outage, a refusal, a late or unreadable answer, parks the session: it is tried again later and is
 * never taken for done.  Two outages in a row end the run; the rest waits for the next.  No text of a session
 * or an answer is logged.  Loop thread. */
#pragma once
#include "io/config.h"
#include "io/http_server.h"
#include "store/store.h"
#include "transcripts/session_watch.h"

#define MEMORY_KIND "corporate-memory"
#define MEMORY_PROCESSOR "memory" /* in processor_state */

struct operations;
struct memory;
struct memory *memory_new(uv_loop_t *loop, struct store *store, struct operations *operations,
                          struct session_watch *files, const struct config *config); /* files: live on */
void memory_stop(
    struct memory *m); /* gives up what is asked of the model; the run ends, its session unchanged */
void memory_join(struct memory *m);           /* ends the thread; before the store is closed */
struct memory *memory_free(struct memory *m); /* after the store has been closed; NULL ok; returns NULL */
/* Answers with what was found; 202 at once where the request prefers that; 409 while one is under way; 503,
 * naming what to set, without an endpoint. */
void memory_run(struct memory *m, struct http_request *r, const struct config *config);
/* What is to be set before it can run; NULL: it can. */
const char *memory_lacks(const struct config *config);
