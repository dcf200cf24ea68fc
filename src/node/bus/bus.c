#include "node/bus/bus.h"

#include "node/bus/external.h"
#include "node/bus/server.h"

struct bus {
    uv_loop_t *loop;
    struct bus_server *server; /* one of these two */
    struct external_bus *external;
    struct bus_port port;
};

struct bus *bus_new(uv_loop_t *loop, const struct config *config)
{
    struct bus *b = xnew(struct bus);
    b->loop = loop;
    if (config->bus_url[0]) {
        b->external = external_bus_new(loop, config->bus_url, config->bus_token);
        b->port = external_bus_port(b->external);
    } else {
        b->server = bus_server_new(loop, config);
        b->port = bus_server_port(b->server);
    }
    return b;
}

int bus_start(struct bus *b, struct err *e)
{
    return b->server ? bus_server_start(b->server, e) : external_bus_start(b->external, e);
}

void bus_stop(struct bus *b, int64_t grace_us, void (*on_stopped)(void *), void *arg)
{
    if (b->server)
        bus_server_stop(b->server, grace_us, on_stopped, arg);
    else
        external_bus_stop(b->external, grace_us, on_stopped, arg);
}

struct bus *bus_free(struct bus *b)
{
    if (!b)
        return NULL;
    b->server = bus_server_free(b->server);
    b->external = external_bus_free(b->external);
    free(b);
    return NULL;
}

const struct bus_port *bus_port_of(const struct bus *b)
{
    return &b->port;
}

char *bus_address(const struct bus *b)
{
    return b->server ? bus_server_address(b->server) : external_bus_address(b->external);
}

void bus_event(void *bus, const char *subject, struct str json)
{
    struct bus *b = bus;
    b->port.publish(b->port.context, str_of(subject), json);
}

const struct bus_server *bus_embedded(const struct bus *b)
{
    return b->server;
}
