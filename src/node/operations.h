/* operations.h -- work of the node that outlives the request which began it (spec 50 S11).
 *
 * The request is answered 202 with a run id and Location: /api/v1/operations/ID, and whoever asked follows it
 * there.  One of a kind runs at a time: a second start is `busy`, which is 409.  Kept in memory, the last
 * OPERATIONS_KEPT; ids begin with this start's, so that an id of an earlier node is unknown and not somebody
 * else's.  Loop thread. */
#pragma once
#include "io/http_server.h"

#define OPERATIONS_KEPT 64
#define OPERATION_ID_MAX 40

struct operations;
/* An operation that a request did not wait for, once it has ended: who began it, and what came of it.  Texts
 * are NULL when unset and live as long as the call. */
struct operation_told {
    const char *id, *actor, *action, *correlation_id, *error, *details;
    int64_t duration_us;
};
struct operations *operations_new(void (*on_end)(void *context, const struct operation_told *t),
                                  void *context); /* NULL on_end: nobody is told */
struct operations *operations_free(struct operations *o);

/* A new one; NULL when one of its kind runs.  `kind` is a literal.  The id is valid until it has ended. */
MUST_CHECK const char *operation_begin(struct operations *o, const char *kind);
/* `error` NULL: it went well.  `result` is one JSON value, "" for none; copied. */
void operation_end(struct operations *o, const char *id, const char *error, struct str result);
/* What is to be told of the one that runs when it ends: a JSON object, copied. */
void operation_note(struct operations *o, const char *id, struct str details);
/* The id of the one that runs, NULL: none. */
const char *operation_running(const struct operations *o, const char *kind);
/* Whether the request says "Prefer: respond-async" (RFC 7240 §4.1). */
bool operation_wants_async(const struct http_request *r);
/* Replies 202 with run_id and Location; from now on its end is told. */
void operation_reply_accepted(struct operations *o, struct http_request *r, const char *id);
/* Replies 409 busy. */
void operation_reply_busy(const struct operations *o, struct http_request *r, const char *kind);
/* GET /api/v1/operations/{id} */
void operation_reply(const struct operations *o, struct http_request *r, struct str id);
