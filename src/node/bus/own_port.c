/* own_port.c -- the node's own place on the embedded bus: what services publish and subscribe.
 *
 * A message for a service is copied and handed over in the loop's next turn, so that no callback runs inside
 * the call that made it and none changes what is being walked. */
#include "node/bus/server_internal.h"

struct bus_subscription {     /* of the node, on the embedded bus */
    struct subscription base; /* first: it is freed as one */
    struct bus_subscription *next, **previous;
    bus_message_handler on_message;
    void *arg;
};

struct own_message { /* or, with `done`, the answer to a publish_reaching */
    struct own_message *next;
    struct bus_subscription *to; /* NULL: it has gone meanwhile */
    bus_outcome_handler done;
    void *done_arg;
    enum bus_outcome outcome;
    size_t lengths[4]; /* subject, reply, headers, payload, one behind the other */
    char bytes[];
};

static void enqueue(struct bus_server *s, struct own_message *m)
{
    *s->own_last = m;
    s->own_last = &m->next;
    s->own_count++;
    if (!uv_is_active((uv_handle_t *)&s->own_turn) && !uv_is_closing((uv_handle_t *)&s->own_turn))
        (void)uv_idle_start(&s->own_turn, own_port_turn);
}

void own_port_deliver(struct bus_server *s, struct subscription *sub, const struct bus_message *m)
{
    const struct str parts[4] = {m->subject, m->reply, m->headers, m->payload};
    size_t total = m->subject.n + m->reply.n + m->headers.n + m->payload.n, used = 0;
    struct own_message *copy = xcalloc(1, sizeof(*copy) + total + 1);
    copy->to = CONTAINER_OF(sub, struct bus_subscription, base);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i].n)
            memcpy(copy->bytes + used, parts[i].p, parts[i].n);
        copy->lengths[i] = parts[i].n;
        used += parts[i].n;
    }
    enqueue(s, copy);
}

static void hand_over(const struct own_message *m)
{
    struct str parts[4];
    const char *at = m->bytes;
    if (m->done) {
        m->done(m->done_arg, m->outcome);
        return;
    }
    if (!m->to)
        return;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        parts[i] = (struct str){at, m->lengths[i]};
        at += m->lengths[i];
    }
    struct bus_message message = {parts[0], parts[1], parts[2], parts[3]};
    m->to->on_message(m->to->arg, &message);
}

/* What arrives while this runs waits for the next turn: two services that answer each other do not stop the
 * loop. */
static void run_waiting(struct bus_server *s)
{
    for (size_t n = s->own_count; n > 0 && s->own_first; n--) {
        struct own_message *m = s->own_first;
        s->own_first = m->next;
        if (!s->own_first)
            s->own_last = &s->own_first;
        s->own_count--;
        hand_over(m);
        free(m);
    }
}

void own_port_turn(uv_idle_t *idle)
{
    struct bus_server *s = idle->data;
    run_waiting(s);
    if (!s->own_first)
        (void)uv_idle_stop(idle);
}

/* Answers are given; messages are for services that go on. */
void own_port_stop(struct bus_server *s)
{
    while (s->own_first) {
        struct own_message *m = s->own_first;
        s->own_first = m->next;
        if (m->done)
            m->done(m->done_arg, m->outcome);
        free(m);
    }
    s->own_last = &s->own_first;
    s->own_count = 0;
}

void own_port_deinit(struct bus_server *s)
{
    while (s->own) {
        struct bus_subscription *sub = s->own;
        s->own = sub->next;
        subscription_end(s, &sub->base);
    }
    bus_route_settle(s);
    own_port_stop(s);
}

/* -- the functions of the port -- */

static void publish(void *context, struct str subject, struct str payload)
{
    struct bus_message m = {.subject = subject, .payload = payload};
    struct bus_reach reach;
    bool valid = bus_route(context, NULL, &m, &reach);
    assert(valid);
}

static struct bus_subscription *subscribe(void *context, struct str pattern, bus_message_handler on_message,
                                          void *arg)
{
    struct bus_server *s = context;
    struct bus_subscription *sub = xnew(struct bus_subscription);
    subscription_init(&sub->base, pattern, (struct str){0}, (struct str){0});
    sub->on_message = on_message;
    sub->arg = arg;
    sub->next = s->own;
    sub->previous = &s->own;
    if (sub->next)
        sub->next->previous = &sub->next;
    s->own = sub;
    interest_add(&s->interest, &sub->base.entry);
    return sub;
}

static void unsubscribe(void *context, struct bus_subscription *sub)
{
    struct bus_server *s = context;
    if (!sub)
        return;
    for (struct own_message *m = s->own_first; m; m = m->next)
        if (m->to == sub)
            m->to = NULL;
    *sub->previous = sub->next;
    if (sub->next)
        sub->next->previous = sub->previous;
    subscription_end(s, &sub->base);
    bus_route_settle(s);
}

static bool connected(void *context)
{
    const struct bus_server *s = context;
    return s->started && !s->stopping && (s->tcp.fd >= 0 || s->local.fd >= 0);
}

static void publish_reaching(void *context, struct str subject, struct str payload, bus_outcome_handler done,
                             void *arg)
{
    struct bus_server *s = context;
    struct bus_message m = {.subject = subject, .payload = payload};
    struct bus_reach reach = {0};
    struct own_message *answer = xcalloc(1, sizeof(*answer) + 1);
    bool up = connected(s), valid = !up || bus_route(s, NULL, &m, &reach);
    assert(valid);
    answer->done = done;
    answer->done_arg = arg;
    answer->outcome = !up ? BUS_DOWN : reach.clients ? BUS_REACHED : BUS_NO_SUBSCRIBER;
    enqueue(s, answer);
}

static void watch_connection(void *context, bus_connected_handler on_change, void *arg)
{
    struct bus_server *s = context;
    assert(s->watcher_count < BUS_WATCHERS_MAX);
    s->watchers[s->watcher_count++] = (struct bus_watcher){on_change, arg};
}

struct bus_port bus_server_port(struct bus_server *s)
{
    return (struct bus_port){.publish = publish,
                             .subscribe = subscribe,
                             .unsubscribe = unsubscribe,
                             .connected = connected,
                             .publish_reaching = publish_reaching,
                             .watch_connection = watch_connection,
                             .context = s};
}
