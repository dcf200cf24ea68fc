/* bus_port.h -- the bus as services see it: functions and a context (spec 40).
 *
 * The seam between services that never include each other, as metrics_inputs.h is: the bus fills it, node.c
 * hands a copy over, and whether the bus is the embedded one or an external NATS is nobody's business.  The
 * port is valid from before the node serves until the bus is freed.  Everything here is called on, and calls
 * back on, the loop thread.
 *
 * Delivery is at most once.  Within one publisher the order is kept.  A subscription outlives a lost
 * connection: it is made again when the bus is back.  What a service publishes is delivered to its own
 * subscriptions too.  Callbacks never run inside the call that makes them: a publish returns first. */
#pragma once
#include "base/str.h"

/* What became of a message that had to reach somebody. */
enum bus_outcome {
    BUS_REACHED,       /* at least one subscriber that could act on it was given it */
    BUS_NO_SUBSCRIBER, /* the bus works, and nobody listens to the subject */
    BUS_DOWN,          /* not connected, or no answer in time: nothing is known of the message */
};

struct bus_message { /* valid during the callback */
    struct str subject;
    struct str reply;   /* empty: no answer is expected */
    struct str headers; /* "NATS/1.0\r\n…", empty when there are none */
    struct str payload; /* foreign bytes */
};

struct bus_subscription;
typedef void (*bus_message_handler)(void *arg, const struct bus_message *m);
typedef void (*bus_outcome_handler)(void *arg, enum bus_outcome outcome);
typedef void (*bus_connected_handler)(void *arg, bool connected);

struct bus_port {
    /* `subject` has no wildcard.  Lost, and counted, when the bus is down. */
    void (*publish)(void *context, struct str subject, struct str payload);
    /* `pattern` is copied, and a valid one (core/subject.h); an invalid one is a bug.  Never NULL. */
    struct bus_subscription *(*subscribe)(void *context, struct str pattern, bus_message_handler on_message,
                                          void *arg);
    /* No callback comes after it.  Allowed within one.  NULL is fine. */
    void (*unsubscribe)(void *context, struct bus_subscription *s);
    /* The truth about the socket now: the embedded bus listens, or the connection to the external one is up.
     */
    bool (*connected)(void *context);
    /* Tells once, later in the loop, what became of it; always, also when the bus stops. */
    void (*publish_reaching)(void *context, struct str subject, struct str payload, bus_outcome_handler done,
                             void *arg);
    /* Told at each change from now on; one watcher per (on_change, arg), at most BUS_WATCHERS_MAX. */
    void (*watch_connection)(void *context, bus_connected_handler on_change, void *arg);
    void *context;
};

#define BUS_WATCHERS_MAX 8
