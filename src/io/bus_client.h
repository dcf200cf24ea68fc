/* bus_client.h -- a small NATS client in the loop: publishes, subscribes, reconnects (spec 40 Heartbeats).
 *
 * For programs that beat and listen to control messages: the scheduler, the watchdog, `muster beat`.  It
 * speaks the core of the NATS client protocol over TCP or a Unix socket, so the embedded bus and any
 * nats-server are alike to it.  Whoever uses it works on without a bus: what is published while there is none
 * is dropped, and the caller is told so.  After a loss it comes back by itself, with backoff, and subscribes
 * anew.  No TLS, no headers, no request/reply: a program that needs those uses libnats.  Loop thread. */
#pragma once
#include "base/str.h"

#include <uv.h>

struct bus_client;
struct bus_client_config { /* copied */
    const char *url;       /* "nats://[USER:PASSWORD@|TOKEN@]HOST[:PORT]", "unix:PATH" */
    const char *token;     /* NULL for none; one in the url wins */
    const char *name;      /* what the server's list of clients shows */
    /* At each change.  `why` is a sentence when it is not connected; NULL ok. */
    void (*on_state)(void *arg, bool connected, const char *why);
    void *arg;
};

/* -EINVAL when the url is none that it can use: see bus_client_url_valid. */
MUST_CHECK int bus_client_new(uv_loop_t *loop, const struct bus_client_config *config,
                              struct bus_client **ret);
bool bus_client_url_valid(const char *url);
void bus_client_start(struct bus_client *c);
bool bus_client_connected(const struct bus_client *c); /* the handshake is done, and the socket stands */
/* False: not connected, or too much is waiting to be sent; the message is dropped. */
bool bus_client_publish(struct bus_client *c, struct str subject, struct str payload);
/* One subject or pattern; now or before it is connected.  At most BUS_CLIENT_SUBSCRIPTIONS_MAX. */
#define BUS_CLIENT_SUBSCRIPTIONS_MAX 16
void bus_client_subscribe(struct bus_client *c, const char *subject,
                          void (*on_message)(void *arg, struct str subject, struct str payload), void *arg);
/* Waits until the server has read all that was published, or there is no connection, or `timeout_us` is over;
 * then closes and calls done, after which the client may be freed. */
void bus_client_stop(struct bus_client *c, int64_t timeout_us, void (*done)(void *arg), void *arg);
struct bus_client *bus_client_free(struct bus_client *c); /* stopped, or never started */
