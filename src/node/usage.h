/* usage.h -- the node's own ledger of what agents have used, and the reports over it (spec 60 U6).
 *
 * A thread of its own keeps the ledger in DATA_DIR/usage up to date: when somebody asks and the last look is
 * more than two seconds old, so a node that nobody asks does nothing.  Rows, prices and words are those of
 * `muster usage`, to the token.  Transcripts are those of the user that the node runs as, and those below
 * sessions.roots.  Loop thread. */
#pragma once
#include "io/http_server.h"
#include "transcripts/session_watch.h"
#include "transcripts/usage_windows.h"

#include <uv.h>

struct usage_service;
struct usage_service *usage_service_new(uv_loop_t *loop, struct session_watch *files, /* live on */
                                        const char *data_dir);
/* Answers who still waits; the HTTP server must be there.  NULL ok; returns NULL. */
struct usage_service *usage_service_free(struct usage_service *s);
/* Answers the request with the report in JSON; `zone_name` is copied. */
void usage_service_answer(struct usage_service *s, struct http_request *r, const struct usage_question *q,
                          const char *zone_name);
/* Sums the windows, as the transcripts are now, then calls `done`; windows and prices live until then.  Not
 * after usage_service_free. */
void usage_service_sum(struct usage_service *s, struct usage_window *windows, size_t count,
                       const struct price_list *prices, void (*done)(void *arg), void *arg);
/* Looks at all transcripts now, then calls `done`.  Not after usage_service_free. */
void usage_service_scan(struct usage_service *s, void (*done)(void *arg), void *arg);
