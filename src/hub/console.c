/* / and /console: the hub's page for a browser (spec 95 Console). */
#include "io/console.h"
#include "hub/hub_internal.h"

static void page(struct http_request *r, void *context)
{
    (void)context;
    console_reply_page(r, "hub.html");
}

static const struct http_route routes[] = {
    {HTTP_GET, "/", HTTP_ROLE_ANYBODY, page, .summary = "The console, for a browser",
     .responses = "200:A page of HTML"},
    {HTTP_GET, "/instances/{id}", HTTP_ROLE_ANYBODY, page, .summary = "The console's page of one instance",
     .responses = "200:A page of HTML"},
    {HTTP_GET, "/console/{file}", HTTP_ROLE_ANYBODY, console_handle_file, .summary = "A file of the console",
     .responses = "200:The file;404:No such file"},
};
const struct hub_routes hub_console_routes = {routes, COUNT_OF(routes)};
