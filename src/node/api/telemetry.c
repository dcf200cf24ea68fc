/* /api/v1/telemetry: what is reported to the hub, how it stands, and a file for where no hub can be reached
 * (spec 80 H16). */
#include "node/api/api.h"
#include "node/telemetry/telemetry.h"

static void status(struct http_request *r, void *context)
{
    const struct node *n = context;
    telemetry_handle_status(r, n->telemetry);
}

static void show(struct http_request *r, void *context)
{
    const struct node *n = context;
    telemetry_handle_show(r, n->telemetry);
}

static void export_reports(struct http_request *r, void *context)
{
    const struct node *n = context;
    http_note_resource(r, "telemetry");
    telemetry_handle_export(r, n->telemetry);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/telemetry", API_VIEWERS, status,
     .summary = "The windows that are reported to the hub",
     .responses = "200:State, lag, and the windows that wait or were set aside"},
    {HTTP_GET, "/api/v1/telemetry/next", API_VIEWERS, show, .summary = "The body of the next report, exactly",
     .responses = "200:The body;409:The last window has only just ended"},
    {HTTP_POST, "/api/v1/telemetry/export", HTTP_ROLE_ADMIN, export_reports,
     .summary = "Reports as signed lines, for muster hub import",
     .responses = "200:One JSON object per line;409:There is no key to sign them with"},
};
const struct api_routes api_telemetry_routes = {routes, COUNT_OF(routes)};
