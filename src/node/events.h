/* events.h -- what has happened, for those who listen: GET /api/v1/events (spec 00 HTTP), and the bus (spec
 * 40 B7) by events_tap.
 *
 * An event has a subject and a JSON object, and gets an id that grows.  The last EVENTS_KEPT are kept, so
 * that a stream that comes back with Last-Event-ID goes on where it stopped; when that is too far back it
 * gets an `event: gap` first. The store is the truth: a lost event costs latency, never correctness.  Loop
 * thread. */
#pragma once
#include "io/http_server.h"

#define EVENTS_KEPT 4096

struct events;
struct events *events_new(void);
struct events *events_free(struct events *ev); /* closes its streams */
/* `json` is one JSON object; copied.  Subjects are those of spec 40 B7: event.job.state, event.run.exit, … */
void events_publish(struct events *ev, const char *subject, struct str json);
/* Called with each event that is published from now on. */
void events_tap(struct events *ev, void (*tap)(void *arg, const char *subject, struct str json), void *arg);
/* Route handler; ?subject= takes a subject pattern with * and >. */
void events_handle(struct http_request *r, struct events *ev);
