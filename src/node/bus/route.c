/* route.c -- from one message to all who want it. */
#include "node/bus/server_internal.h"

#define PATIENCE_MS 100
#define UNFLUSHED_MAX ((size_t)16 << 20) /* of one turn: many subscribers */
#define STATUS_NO_RESPONDERS "NATS/1.0 503\r\n\r\n"

/* -- subscriptions -- */

void subscription_init(struct subscription *sub, struct str pattern, struct str queue, struct str sid)
{
    sub->text = xcalloc(1, pattern.n + queue.n + sid.n + 1);
    memcpy(sub->text, pattern.p, pattern.n);
    if (queue.n)
        memcpy(sub->text + pattern.n, queue.p, queue.n);
    if (sid.n)
        memcpy(sub->text + pattern.n + queue.n, sid.p, sid.n);
    sub->entry.pattern = (struct str){sub->text, pattern.n};
    sub->entry.queue = (struct str){sub->text + pattern.n, queue.n};
    sub->sid = (struct str){sub->text + pattern.n + queue.n, sid.n};
}

struct subscription *subscription_new(struct bus_connection *c, struct str pattern, struct str queue,
                                      struct str sid)
{
    struct subscription *sub = xnew(struct subscription);
    sub->connection = c;
    subscription_init(sub, pattern, queue, sid);
    (void)map_put(&c->subscriptions, sub->sid, sub);
    interest_add(&c->server->interest, &sub->entry);
    return sub;
}

/* What matched may be being walked right now: it goes out of the tables when that is over. */
void subscription_end(struct bus_server *s, struct subscription *sub)
{
    if (sub->over)
        return;
    sub->over = true;
    sub->next_over = s->over;
    s->over = sub;
}

void bus_route_settle(struct bus_server *s)
{
    while (s->over) {
        struct subscription *sub = s->over;
        s->over = sub->next_over;
        interest_remove(&s->interest, &sub->entry);
        if (sub->connection)
            (void)map_remove(&sub->connection->subscriptions, sub->sid);
        free(sub->text);
        free(sub);
    }
}

/* -- one delivery -- */

struct delivery { /* a message on its way: what is the same for all who get it */
    struct bus_server *server;
    struct bus_connection *from;
    const struct bus_message *message;
    struct bus_reach reach;
    bool crowded; /* somebody's outbox is long */
};

static char *put(char *at, struct str s)
{
    if (s.n)
        memcpy(at, s.p, s.n);
    return at + s.n;
}

static char *put_number(char *at, size_t n)
{
    char digits[20];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + n % 10);
    while (n /= 10);
    while (count)
        *at++ = digits[--count];
    return at;
}

#define LINE_EXTRA 64 /* verb, two numbers, spaces, CR LF */

/* "MSG subject sid [reply] bytes", or HMSG with its two numbers, for those who take headers. */
static char *put_line(char *at, const struct subscription *sub, const struct bus_message *m, bool headers)
{
    at = put(at, headers ? STR("HMSG ") : STR("MSG "));
    at = put(at, m->subject);
    *at++ = ' ';
    at = put(at, sub->sid);
    *at++ = ' ';
    if (m->reply.n) {
        at = put(at, m->reply);
        *at++ = ' ';
    }
    if (headers) {
        at = put_number(at, m->headers.n);
        *at++ = ' ';
    }
    at = put_number(at, (headers ? m->headers.n : 0) + m->payload.n);
    return put(at, STR("\r\n"));
}

static char *put_body(char *at, const struct bus_message *m, bool headers)
{
    if (headers)
        at = put(at, m->headers);
    return put(put(at, m->payload), STR("\r\n"));
}

static void send_large(struct bus_connection *c, const struct subscription *sub, const struct bus_message *m,
                       bool headers)
{
    struct outbox_pool *pool = &c->server->pool;
    struct buf *line = &c->server->line;
    buf_clear(line);
    buf_reserve(line, m->subject.n + m->reply.n + sub->sid.n + LINE_EXTRA);
    char *end = put_line(line->p, sub, m, headers);
    outbox_add(&c->outbox, pool, (struct str){line->p, (size_t)(end - line->p)});
    if (headers)
        outbox_add(&c->outbox, pool, m->headers);
    outbox_add(&c->outbox, pool, m->payload);
    outbox_add(&c->outbox, pool, STR("\r\n"));
}

static void send_message(struct bus_connection *c, const struct subscription *sub,
                         const struct bus_message *m)
{
    bool headers = m->headers.n && c->options.headers;
    size_t most = m->subject.n + m->reply.n + sub->sid.n + m->headers.n + m->payload.n + LINE_EXTRA;
    char *start = outbox_room(&c->outbox, &c->server->pool, most);
    if (start)
        outbox_commit(&c->outbox, (size_t)(put_body(put_line(start, sub, m, headers), m, headers) - start));
    else
        send_large(c, sub, m, headers);
    int64_t bytes = (int64_t)(m->payload.n + (headers ? m->headers.n : 0));
    c->traffic.out_messages++;
    c->traffic.out_bytes += bytes;
    c->server->traffic.out_messages++;
    c->server->traffic.out_bytes += bytes;
    c->server->unflushed += most;
    bus_connection_touch(c);
}

/* Whether there is room for it, if need be after sending what waits: a burst within one turn is no slowness.
 */
static bool has_room(struct bus_connection *c, size_t more)
{
    size_t limit = (size_t)c->server->config->bus_max_pending;
    if (c->outbox.n + more > limit)
        bus_connection_flush(c);
    return c->phase < BUS_PHASE_ENDING && c->outbox.n + more <= limit;
}

/* Waiting helps only where something moves: who has read nothing for a moment is not waited for. */
static bool is_moving(struct bus_connection *c)
{
    int64_t now = (int64_t)uv_now(c->server->loop);
    if (c->sent_bytes != c->stuck_bytes) {
        c->stuck_bytes = c->sent_bytes;
        c->stuck_ms = now;
    }
    return now - c->stuck_ms < PATIENCE_MS;
}

static bool give_to_client(struct delivery *d, struct subscription *sub)
{
    struct bus_connection *c = sub->connection;
    const struct bus_message *m = d->message;
    if (c->phase >= BUS_PHASE_ENDING || (c == d->from && !c->options.echo))
        return false;
    if (!has_room(c, m->subject.n + m->reply.n + sub->sid.n + m->headers.n + m->payload.n + LINE_EXTRA)) {
        if (c->phase < BUS_PHASE_ENDING) {
            d->server->slow_consumers++;
            bus_connection_end(c, COUNTER_BUS_SLOW_CONSUMERS, "Slow Consumer");
        }
        return false;
    }
    send_message(c, sub, m);
    d->crowded |= c->outbox.n > bus_connection_crowded_at(d->server) && is_moving(c);
    d->reach.clients++;
    return true;
}

static bool give(struct delivery *d, struct subscription *sub)
{
    if (sub->over)
        return false;
    if (!sub->connection)
        own_port_deliver(d->server, sub, d->message);
    else if (!give_to_client(d, sub))
        return false;
    d->reach.all++;
    if (++sub->delivered == sub->max)
        subscription_end(d->server, sub);
    return true;
}

static struct subscription *of(struct interest_entry *entry)
{
    return CONTAINER_OF(entry, struct subscription, entry);
}

static uint64_t next_random(struct bus_server *s) /* xorshift64: fair enough to spread load */
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random;
}

/* One of the group, starting anywhere: who cannot take it passes it on. */
static void give_to_one(struct delivery *d, const struct interest_list *group)
{
    size_t start = next_random(d->server) % group->count;
    for (size_t k = 0; k < group->count; k++)
        if (give(d, of(group->items[(start + k) % group->count])))
            return;
}

bool bus_route(struct bus_server *s, struct bus_connection *from, const struct bus_message *m,
               struct bus_reach *ret)
{
    const struct interest_match *match = interest_find(&s->interest, m->subject);
    if (!match)
        return false;
    struct delivery d = {.server = s, .from = from, .message = m};
    for (size_t i = 0; i < match->plain.count; i++)
        (void)give(&d, of(match->plain.items[i]));
    for (size_t g = 0; g < match->group_count; g++)
        give_to_one(&d, &match->groups[g]);
    if (d.crowded && from)
        bus_connection_rest(from);
    if (s->unflushed > UNFLUSHED_MAX)
        bus_connection_flush_all(s);
    bus_connection_settle(s);
    bus_route_settle(s);
    *ret = d.reach;
    return true;
}

/* The requester hears at once that nobody is there: a message with a status and nothing else. */
void bus_route_no_responders(struct bus_connection *c, struct str reply)
{
    const struct interest_match *match = interest_find(&c->server->interest, reply);
    struct bus_message m = {.subject = reply, .headers = STR(STATUS_NO_RESPONDERS)};
    struct delivery d = {.server = c->server, .message = &m};
    for (size_t i = 0; match && i < match->plain.count; i++) {
        struct subscription *sub = of(match->plain.items[i]);
        if (sub->connection == c && give(&d, sub))
            break;
    }
    bus_connection_settle(c->server);
    bus_route_settle(c->server);
}
