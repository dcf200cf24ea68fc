/* telemetry.h -- reports this node to a hub (spec 80 H1 to H7, H15, H16).
 *
 * Off unless it is configured as a whole; off means no connection, no timer and no row.  Windows are rows
 * with their bytes before the first attempt (store/telemetry.h), core/window.h says when one is cut and sent,
 * io/http_client.h carries it.  A restart in the middle sends the same bytes again.  Nothing here can stop
 * the node: what fails is tried again, and shown.  Loop thread. */
#pragma once
#include "io/config.h"
#include "io/http_server.h"
#include "store/store.h"

struct telemetry;
struct telemetry *telemetry_new(uv_loop_t *loop, struct store *store, const struct config *config);
void telemetry_start(struct telemetry *t);             /* says in one line whether it reports, and begins */
void telemetry_stop(struct telemetry *t);              /* at once: what is under way stays unacknowledged */
struct telemetry *telemetry_free(struct telemetry *t); /* after the store is closed */

enum telemetry_state { TELEMETRY_OFF, TELEMETRY_OK, TELEMETRY_RETRYING, TELEMETRY_FAULT };
struct telemetry_view {
    enum telemetry_state state;
    const char *why; /* it is off, or what the last attempt met; NULL for nothing */
    int64_t lag_us;  /* since the end of what the hub has */
    int64_t pending, rejected;
};
void telemetry_view(const struct telemetry *t, struct telemetry_view *ret);
/* It has looked at its windows as often as it should, or is off. */
bool telemetry_works(const struct telemetry *t);

/* Route handlers: what is sent (H16), how it stands, and a file for a hub that cannot be reached. */
void telemetry_handle_show(struct http_request *r, struct telemetry *t);
void telemetry_handle_status(struct http_request *r, struct telemetry *t);
void telemetry_handle_export(struct http_request *r, struct telemetry *t);
