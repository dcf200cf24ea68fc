/* collector.h -- the node's collecting of other users' transcripts, at a request's word (spec 60 T11).
 *
 * One run at a time, on a thread of its own.  The request waits for it and is answered 200 with what was
 * found; with "Prefer: respond-async" it is answered 202 at once, and the run is an operation to follow.
 * Loop thread. */
#pragma once
#include "io/config.h"
#include "io/http_server.h"

#define COLLECTOR_KIND "session-collector"

struct operations;
struct collector;
struct collector *collector_new(uv_loop_t *loop, struct operations *operations);
/* What is being copied is given up at the next piece. */
void collector_stop(struct collector *c);
/* Answers who still waits; the HTTP server must be there.  NULL ok; returns NULL. */
struct collector *collector_free(struct collector *c);
void collector_answer(struct collector *c, struct http_request *r, const struct config *config);
