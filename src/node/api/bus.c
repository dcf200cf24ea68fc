/* Monitoring of the bus under /bus/, in the shape in which nats-server has it. */
#include "node/api/api.h"
#include "node/bus/server.h"

#define CONNZ_LIMIT_DEFAULT 1024
#define CONNZ_LIMIT_MAX 65536

/* The embedded bus; answers and returns NULL when there is another. */
static const struct bus_server *embedded(struct http_request *r, const struct node *n)
{
    const struct bus_server *s = bus_embedded(n->bus);
    if (!s)
        http_reply_problem(r, 404, NULL, "the bus is an external one, which has monitoring of its own: %s",
                           "ask the nats-server on its monitoring port");
    return s;
}

static void reply(struct http_request *r, const struct bus_server *s,
                  void (*put)(const struct bus_server *, struct json_writer *))
{
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    put(s, &w);
    http_reply_json(r, 200, &body);
}

static void varz(struct http_request *r, void *context)
{
    const struct bus_server *s = embedded(r, context);
    if (s)
        reply(r, s, bus_server_varz);
}

static void subsz(struct http_request *r, void *context)
{
    const struct bus_server *s = embedded(r, context);
    if (s)
        reply(r, s, bus_server_subsz);
}

static void connz(struct http_request *r, void *context)
{
    int64_t limit, offset, subs;
    const struct bus_server *s = embedded(r, context);
    if (!s || !http_query_i64(r, "limit", 1, CONNZ_LIMIT_MAX, CONNZ_LIMIT_DEFAULT, &limit) ||
        !http_query_i64(r, "offset", 0, INT64_MAX, 0, &offset) || !http_query_i64(r, "subs", 0, 1, 0, &subs))
        return;
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    bus_server_connz(s, offset, limit, subs == 1, &w);
    http_reply_json(r, 200, &body);
}

/* Also of an external bus: whether this node is connected to it. */
static void healthz(struct http_request *r, void *context)
{
    const struct node *n = context;
    const struct bus_port *port = bus_port_of(n->bus);
    bool up = port->connected(port->context);
    struct buf body = BUF_INIT;
    buf_add_text(&body,
                 up ? "{\"status\":\"ok\"}" : "{\"status\":\"unavailable\",\"error\":\"not connected\"}");
    http_reply_json(r, up ? 200 : 503, &body);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/bus/varz", API_VIEWERS, varz, .summary = "The embedded bus: configuration and totals",
     .responses = "200:As nats-server's /varz;404:The bus is an external one"},
    {HTTP_GET, "/bus/connz", API_VIEWERS, connz, .summary = "The clients of the embedded bus",
     .query = "limit:integer:At most this many;offset:integer:After so many;subs:integer:1: with their "
              "subscriptions",
     .responses = "200:As nats-server's /connz;404:The bus is an external one"},
    {HTTP_GET, "/bus/subsz", API_VIEWERS, subsz, .summary = "The subscriptions of the embedded bus, counted",
     .responses = "200:As nats-server's /subsz;404:The bus is an external one"},
    {HTTP_GET, "/bus/healthz", HTTP_ROLE_ANYBODY, healthz, .summary = "The bus works",
     .responses = "200:It does;503:It does not"},
};
const struct api_routes api_bus_routes = {routes, COUNT_OF(routes)};
