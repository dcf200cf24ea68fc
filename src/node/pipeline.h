/* pipeline.h -- runs the processors of transcripts over what is new (spec 60 T6 to T9).
 *
 * A run is asked for over the API.  It takes the processor's lease in the store, reads on a thread of the
 * processor's own, within its budgets, and writes all that it found in one operation, with the state of each
 * file, which also gives the lease back: a crash loses a run and nothing else.  A file that cannot be
 * processed has its error kept and delays no other.  Loop thread. */
#pragma once
#include "io/http_server.h"
#include "node/operations.h"
#include "store/store.h"
#include "transcripts/session_watch.h"

struct pipeline;
struct pipeline *pipeline_new(uv_loop_t *loop, struct store *store, struct operations *operations,
                              struct session_watch *files); /* lives on */
/* Ends the run at the next line; before the store is closed. */
void pipeline_stop(struct pipeline *p);
struct pipeline *
pipeline_free(struct pipeline *p); /* after the store has been closed; NULL ok; returns NULL */

/* Runs one of transcripts/processor.h, by its name.  Answers with what the run did, or 202 at once where the
 * request prefers that; 409 while one is under way. */
void pipeline_run(struct pipeline *p, const char *name, struct http_request *r);
bool pipeline_is_running(const struct pipeline *p, const char *name);
