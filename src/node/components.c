#include "node/components.h"

#include "base/clock.h"
#include "core/beat.h"
#include "node/telemetry/telemetry.h"

#include <unistd.h>

#define BUS_PERIOD_US (10 * USEC_PER_SEC) /* spec 40 Heartbeats */
#define QUEUE_LOOKS_MISSED 3
#define QUEUE_PATIENCE_US (30 * USEC_PER_SEC)

/* It accepts connections and has room for one more. */
static bool api_works(void *context, struct buf *extra)
{
    const struct node *n = context;
    unsigned connections = http_server_connections(n->http);
    buf_printf(extra, "\"pid\":%d,\"connections\":%u", (int)getpid(), connections);
    return n->ready && !n->stopping && connections < (unsigned)n->config->http_max_connections;
}

/* It has looked at what is queued, and the store has answered, as often as it should. */
static bool queue_works(void *context, struct buf *extra)
{
    const struct node *n = context;
    struct store_stats store;
    store_stats(n->store, &store);
    int64_t patience_us = MAX(QUEUE_LOOKS_MISSED * n->config->poll_interval_us, QUEUE_PATIENCE_US);
    int64_t since_us = clock_monotonic_us() - queue_last_look_us(n->queue);
    buf_printf(extra, "\"live_runs\":%lld,\"store_backlog\":%zu", (long long)queue_live_count(n->queue),
               store.backlog);
    return queue_started(n->queue) && !n->stopping && (since_us < patience_us || !n->ready);
}

/* The embedded one listens, or the connection to the external one stands. */
static bool bus_works(void *context, struct buf *extra)
{
    const struct node *n = context;
    const struct bus_port *port = bus_port_of(n->bus);
    buf_printf(extra, "\"pid\":%d", (int)getpid());
    return port->connected(port->context);
}

static bool telemetry_component_works(void *context, struct buf *extra)
{
    const struct node *n = context;
    struct telemetry_view view;
    telemetry_view(n->telemetry, &view);
    buf_printf(extra, "\"pending\":%lld", (long long)view.pending);
    return !n->stopping && view.state != TELEMETRY_OFF && telemetry_works(n->telemetry);
}

size_t components_list(struct node *n, struct workers_own ret[COMPONENTS_MAX])
{
    const struct workers_own all[] = {{"api", BEAT_PERIOD_US, api_works, n},
                                      {"bus", BUS_PERIOD_US, bus_works, n},
                                      {"queue", BEAT_PERIOD_US, queue_works, n},
                                      {"telemetry", BEAT_PERIOD_US, telemetry_component_works, n}};
    size_t count = COUNT_OF(all) - !n->config->telemetry_enabled; /* its row is the last */
    memcpy(ret, all, count * sizeof(*all));
    return count;
}
