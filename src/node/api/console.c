/* / and /console: the node's page for a browser (spec 95 Console). */
#include "io/console.h"
#include "node/api/api.h"

static void page(struct http_request *r, void *context)
{
    (void)context;
    console_reply_page(r, "index.html");
}

static const struct http_route routes[] = {
    {HTTP_GET, "/", HTTP_ROLE_ANYBODY, page, .summary = "The console, for a browser",
     .responses = "200:A page of HTML"},
    {HTTP_GET, "/agents/{id}", HTTP_ROLE_ANYBODY, page, .summary = "The console's page of one agent",
     .responses = "200:A page of HTML"},
    {HTTP_GET, "/console/{file}", HTTP_ROLE_ANYBODY, console_handle_file, .summary = "A file of the console",
     .responses = "200:The file;404:No such file"},
};
const struct api_routes api_console_routes = {routes, COUNT_OF(routes)};
