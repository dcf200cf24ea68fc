#include "node/bus/external.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "io/counters.h"
#include "io/mailbox.h"
#include "io/worker.h"

#include <nats/nats.h>

#define BACKLOG_MAX 100000 /* messages on their way in either direction */
#define CONNECT_TIMEOUT_MS 2000
#define PING_INTERVAL_MS 2000 /* two without an answer: the connection is dead */
#define ANSWER_TIMEOUT_MS 2000
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 2000

/* While libnats runs it may call any of ours; `nats` is touched on the workers alone. */
struct external_bus {
    uv_loop_t *loop;
    char *url, *token;
    struct mailbox *mailbox;
    struct worker *publisher, *requester;
    natsConnection *nats;        /* publisher thread */
    natsConnection *nats_to_ask; /* loop thread, handed to requests; NULL until connecting has begun */
    bool up, stopping, closed, ever_up;
    struct bus_subscription *subscriptions;
    struct {
        bus_connected_handler on_change;
        void *arg;
    } watchers[BUS_WATCHERS_MAX];
    size_t watcher_count;
    void (*on_stopped)(void *);
    void *stopped_arg;
    uint64_t grace_ms;
};

struct bus_subscription { /* of a service, on an external bus */
    struct bus_subscription *next, **previous;
    struct external_bus *bus;
    char *pattern;
    bus_message_handler on_message; /* NULL: unsubscribed */
    void *arg;
    natsSubscription *nats; /* publisher thread */
};

/* -- from libnats' threads to the loop -- */

enum news_kind { NEWS_UP, NEWS_DOWN, NEWS_ERROR };
struct news {
    struct letter letter;
    struct external_bus *bus;
    enum news_kind kind;
    char text[128];
};

static void set_up(struct external_bus *b, bool up)
{
    if (b->up == up)
        return;
    b->up = up;
    if (up && b->ever_up)
        counter_add(COUNTER_BUS_RECONNECTS, 1);
    b->ever_up |= up;
    char *address = external_bus_address(b);
    if (up)
        log_info("bus", "connected", LOG_TEXT("bus", address));
    else if (!b->stopping)
        log_warn("bus", "the connection is lost; trying again", LOG_TEXT("bus", address));
    free(address);
    for (size_t i = 0; i < b->watcher_count; i++)
        b->watchers[i].on_change(b->watchers[i].arg, up);
}

static void open_news(struct letter *l)
{
    struct news *n = CONTAINER_OF(l, struct news, letter);
    if (n->kind == NEWS_ERROR)
        log_warn("bus", "the bus complains", LOG_TEXT("error", n->text));
    else
        set_up(n->bus, n->kind == NEWS_UP);
    free(n);
}

static void post_news(struct external_bus *b, enum news_kind kind, const char *text)
{
    struct news *n = xnew(struct news);
    n->letter.open = open_news;
    n->bus = b;
    n->kind = kind;
    (void)snprintf(n->text, sizeof(n->text), "%s", text);
    mailbox_post(b->mailbox, &n->letter);
}

static void on_up(natsConnection *nats, void *bus)
{
    (void)nats;
    post_news(bus, NEWS_UP, "");
}

static void on_down(natsConnection *nats, void *bus)
{
    (void)nats;
    post_news(bus, NEWS_DOWN, "");
}

static void on_error(natsConnection *nats, natsSubscription *subscription, natsStatus error, void *bus)
{
    const char *text = NULL;
    (void)subscription;
    if (natsConnection_GetLastError(nats, &text) != error || !text || !text[0])
        text = natsStatus_GetText(error);
    post_news(bus, NEWS_ERROR, text);
}

/* Doubles from try to try, and is spread, so that many nodes do not come back at once. */
static int64_t on_backoff(natsConnection *nats, int attempts, void *bus)
{
    (void)nats;
    (void)bus;
    int doublings = MIN(MAX(attempts - 1, 0), 10);
    int64_t ceiling = MIN((int64_t)BACKOFF_FIRST_MS << doublings, (int64_t)BACKOFF_LAST_MS);
    return ceiling / 2 + (int64_t)(hash_random_unit() * (double)ceiling / 2);
}

struct arrival {
    struct letter letter;
    struct bus_subscription *to;
    struct buf bytes;
    size_t subject, reply, headers; /* lengths; the payload is the rest */
};

static void open_arrival(struct letter *l)
{
    struct arrival *a = CONTAINER_OF(l, struct arrival, letter);
    const char *p = a->bytes.p;
    size_t before = a->subject + a->reply + a->headers;
    struct bus_message m = {.subject = {p, a->subject},
                            .reply = {p + a->subject, a->reply},
                            .headers = {p + a->subject + a->reply, a->headers},
                            .payload = {p + before, a->bytes.n - before}};
    if (a->to->on_message && !a->to->bus->stopping)
        a->to->on_message(a->to->arg, &m);
    buf_deinit(&a->bytes);
    free(a);
}

static void add_headers(natsMsg *m, struct buf *out)
{
    const char **keys = NULL, **values = NULL;
    int key_count = 0, value_count = 0;
    if (natsMsgHeader_Keys(m, &keys, &key_count) != NATS_OK)
        return;
    buf_add_text(out, "NATS/1.0\r\n");
    for (int k = 0; k < key_count; k++) {
        if (natsMsgHeader_Values(m, keys[k], &values, &value_count) != NATS_OK)
            continue;
        for (int v = 0; v < value_count; v++)
            buf_printf(out, "%s: %s\r\n", keys[k], values[v]);
        free((void *)values);
    }
    buf_add_text(out, "\r\n");
    free((void *)keys);
}

static void on_message(natsConnection *nats, natsSubscription *subscription, natsMsg *m, void *to)
{
    struct bus_subscription *s = to;
    (void)nats;
    (void)subscription;
    if (mailbox_count(s->bus->mailbox) > BACKLOG_MAX) {
        counter_add(COUNTER_BUS_LOST_BACKLOG, 1);
        natsMsg_Destroy(m);
        return;
    }
    struct arrival *a = xnew(struct arrival);
    buf_init(&a->bytes);
    a->letter.open = open_arrival;
    a->to = s;
    buf_add_text(&a->bytes, natsMsg_GetSubject(m));
    a->subject = a->bytes.n;
    if (natsMsg_GetReply(m))
        buf_add_text(&a->bytes, natsMsg_GetReply(m));
    a->reply = a->bytes.n - a->subject;
    add_headers(m, &a->bytes);
    a->headers = a->bytes.n - a->subject - a->reply;
    buf_add(&a->bytes, natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m));
    natsMsg_Destroy(m);
    mailbox_post(s->bus->mailbox, &a->letter);
}

/* -- work that may block -- */

struct task {
    struct worker_job job;
    struct external_bus *bus;
    void (*work)(struct task *t);  /* worker thread */
    void (*after)(struct task *t); /* loop thread; NULL: nothing */
    struct bus_subscription *subscription;
    char *subject;
    struct buf payload;
    natsConnection *nats; /* for requests, and what connecting gave */
    natsStatus status;
    bus_outcome_handler done;
    void *done_arg;
    enum bus_outcome outcome;
};

static void run_tasks(void *context, struct worker_job *first)
{
    (void)context;
    for (struct worker_job *job = first; job; job = job->next) {
        struct task *t = CONTAINER_OF(job, struct task, job);
        t->work(t);
    }
}

static void task_done(struct worker_job *job)
{
    struct task *t = CONTAINER_OF(job, struct task, job);
    if (t->after)
        t->after(t);
    buf_deinit(&t->payload);
    free(t->subject);
    free(t);
}

static struct task *task_new(struct external_bus *b, void (*work)(struct task *),
                             void (*after)(struct task *))
{
    struct task *t = xnew(struct task);
    t->bus = b;
    t->work = work;
    t->after = after;
    t->job.done = task_done;
    buf_init(&t->payload);
    return t;
}

/* -- connecting -- */

static natsStatus set_servers(natsOptions *options, const char *urls)
{
    const char *each[32];
    int count = 0;
    char *copy = xstrdup(urls), *rest = copy;
    for (char *one; count < (int)COUNT_OF(each) && (one = strsep(&rest, ", ")) != NULL;)
        if (one[0])
            each[count++] = one;
    natsStatus s =
        count == 1 ? natsOptions_SetURL(options, each[0]) : natsOptions_SetServers(options, each, count);
    free(copy);
    return s;
}

static natsStatus set_options(natsOptions *o, struct external_bus *b)
{
    natsStatus steps[] = {
        set_servers(o, b->url),
        b->token[0] ? natsOptions_SetToken(o, b->token) : NATS_OK,
        natsOptions_SetName(o, "muster"),
        natsOptions_SetTimeout(o, CONNECT_TIMEOUT_MS),
        natsOptions_SetPingInterval(o, PING_INTERVAL_MS),
        natsOptions_SetMaxPingsOut(o, 2),
        natsOptions_SetMaxReconnect(o, -1),
        natsOptions_SetRetryOnFailedConnect(o, true, on_up, b),
        natsOptions_SetReconnectedCB(o, on_up, b),
        natsOptions_SetDisconnectedCB(o, on_down, b),
        natsOptions_SetClosedCB(o, on_down, b),
        natsOptions_SetErrorHandler(o, on_error, b),
        natsOptions_SetCustomReconnectDelay(o, on_backoff, b),
        natsOptions_UseGlobalMessageDelivery(o, true),
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        if (steps[i] != NATS_OK)
            return steps[i];
    return NATS_OK;
}

static void connect_work(struct task *t)
{
    natsOptions *options = NULL;
    t->status = natsOptions_Create(&options);
    if (t->status == NATS_OK)
        t->status = set_options(options, t->bus);
    if (t->status == NATS_OK)
        t->status = natsConnection_Connect(&t->nats, options);
    natsOptions_Destroy(options);
    t->bus->nats = t->nats;
}

static void connect_after(struct task *t)
{
    t->bus->nats_to_ask = t->nats;
    if (t->status == NATS_OK)
        set_up(t->bus, true);
    else if (t->status != NATS_NOT_YET_CONNECTED)
        log_error("bus", "the external bus cannot be used", LOG_TEXT("error", natsStatus_GetText(t->status)));
    else if (!t->bus->up)
        log_warn("bus", "the external bus does not answer yet; trying on",
                 LOG_TEXT("error", "not connected"));
}

/* -- tasks of the port -- */

static void publish_work(struct task *t)
{
    t->status = t->bus->nats
                    ? natsConnection_Publish(t->bus->nats, t->subject, t->payload.p, (int)t->payload.n)
                    : NATS_CONNECTION_DISCONNECTED;
    if (t->status != NATS_OK)
        counter_add(COUNTER_BUS_LOST_DOWN, 1);
}

static void subscribe_work(struct task *t)
{
    struct bus_subscription *s = t->subscription;
    t->status = t->bus->nats ? natsConnection_Subscribe(&s->nats, t->bus->nats, s->pattern, on_message, s)
                             : NATS_CONNECTION_DISCONNECTED;
}

static void subscribe_after(struct task *t)
{
    if (t->status != NATS_OK)
        log_error("bus", "a subscription is refused", LOG_TEXT("subject", t->subscription->pattern),
                  LOG_TEXT("error", natsStatus_GetText(t->status)));
}

static struct bus_subscription *subscription_free(struct bus_subscription *s)
{
    *s->previous = s->next;
    if (s->next)
        s->next->previous = s->previous;
    natsSubscription_Destroy(s->nats);
    free(s->pattern);
    free(s);
    return NULL;
}

struct farewell {
    struct letter letter;
    struct bus_subscription *subscription;
};

static void open_farewell(struct letter *l)
{
    struct farewell *f = CONTAINER_OF(l, struct farewell, letter);
    (void)subscription_free(f->subscription);
    free(f);
}

/* libnats has called on_message for the last time: only now may the subscription go. */
static void on_complete(void *subscription)
{
    struct bus_subscription *s = subscription;
    struct farewell *f = xnew(struct farewell);
    f->letter.open = open_farewell;
    f->subscription = s;
    mailbox_post(s->bus->mailbox, &f->letter);
}

static void unsubscribe_work(struct task *t)
{
    struct bus_subscription *s = t->subscription;
    t->status = NATS_INVALID_SUBSCRIPTION;
    if (s->nats && natsSubscription_SetOnCompleteCB(s->nats, on_complete, s) == NATS_OK)
        t->status = natsSubscription_Unsubscribe(s->nats);
}

/* Asks somebody who cannot be there, and then whether the server got that far: what it had to say of the
 * first, it has said by then. */
static enum bus_outcome ask(const struct task *t)
{
    natsInbox *inbox = NULL;
    natsSubscription *answers = NULL;
    natsMsg *m = NULL;
    enum bus_outcome outcome = BUS_DOWN;
    natsStatus s = natsInbox_Create(&inbox);
    if (s == NATS_OK)
        s = natsConnection_SubscribeSync(&answers, t->nats, inbox);
    if (s == NATS_OK)
        s = natsConnection_PublishRequest(t->nats, t->subject, inbox, t->payload.p, (int)t->payload.n);
    if (s == NATS_OK)
        s = natsConnection_FlushTimeout(t->nats, ANSWER_TIMEOUT_MS);
    if (s == NATS_OK)
        outcome =
            natsSubscription_NextMsg(&m, answers, 1) == NATS_NO_RESPONDERS ? BUS_NO_SUBSCRIBER : BUS_REACHED;
    natsMsg_Destroy(m);
    natsSubscription_Destroy(answers);
    natsInbox_Destroy(inbox);
    return outcome;
}

static void reach_work(struct task *t)
{
    t->outcome = t->nats && natsConnection_Status(t->nats) == NATS_CONN_STATUS_CONNECTED ? ask(t) : BUS_DOWN;
}

static void reach_after(struct task *t)
{
    t->done(t->done_arg, t->outcome);
}

/* -- the functions of the port -- */

static void publish(void *context, struct str subject, struct str payload)
{
    struct external_bus *b = context;
    if (!b->up || worker_backlog(b->publisher) > BACKLOG_MAX) {
        counter_add(b->up ? COUNTER_BUS_LOST_BACKLOG : COUNTER_BUS_LOST_DOWN, 1);
        return;
    }
    struct task *t = task_new(b, publish_work, NULL);
    t->subject = str_dup(subject);
    buf_add_str(&t->payload, payload);
    worker_post(b->publisher, &t->job);
}

static struct bus_subscription *subscribe(void *context, struct str pattern, bus_message_handler handler,
                                          void *arg)
{
    struct external_bus *b = context;
    struct bus_subscription *s = xnew(struct bus_subscription);
    *s = (struct bus_subscription){
        .next = b->subscriptions, .bus = b, .pattern = str_dup(pattern), .on_message = handler, .arg = arg};
    s->previous = &b->subscriptions;
    if (s->next)
        s->next->previous = &s->next;
    b->subscriptions = s;
    struct task *t = task_new(b, subscribe_work, subscribe_after);
    t->subscription = s;
    worker_post(b->publisher, &t->job);
    return s;
}

static void unsubscribe(void *context, struct bus_subscription *s)
{
    struct external_bus *b = context;
    if (!s)
        return;
    s->on_message = NULL;
    if (b->stopping)
        return; /* freed with the bus */
    struct task *t = task_new(b, unsubscribe_work, NULL);
    t->subscription = s;
    worker_post(b->publisher, &t->job);
}

static bool connected(void *context)
{
    const struct external_bus *b = context;
    return b->up && !b->stopping;
}

static void publish_reaching(void *context, struct str subject, struct str payload, bus_outcome_handler done,
                             void *arg)
{
    struct external_bus *b = context;
    struct task *t = task_new(b, reach_work, reach_after);
    t->nats = b->up ? b->nats_to_ask : NULL;
    t->subject = str_dup(subject);
    t->done = done;
    t->done_arg = arg;
    buf_add_str(&t->payload, payload);
    worker_post(b->requester, &t->job);
}

static void watch_connection(void *context, bus_connected_handler on_change, void *arg)
{
    struct external_bus *b = context;
    assert(b->watcher_count < BUS_WATCHERS_MAX);
    b->watchers[b->watcher_count].on_change = on_change;
    b->watchers[b->watcher_count++].arg = arg;
}

struct bus_port external_bus_port(struct external_bus *b)
{
    return (struct bus_port){.publish = publish,
                             .subscribe = subscribe,
                             .unsubscribe = unsubscribe,
                             .connected = connected,
                             .publish_reaching = publish_reaching,
                             .watch_connection = watch_connection,
                             .context = b};
}

/* -- life -- */

struct external_bus *external_bus_new(uv_loop_t *loop, const char *url, const char *token)
{
    struct external_bus *b = xnew(struct external_bus);
    b->loop = loop;
    b->url = xstrdup(url);
    b->token = xstrdup(token);
    b->mailbox = mailbox_new(loop);
    b->publisher = worker_new(loop, "bus-publish", run_tasks, NULL);
    b->requester = worker_new(loop, "bus-request", run_tasks, NULL);
    worker_post(b->publisher, &task_new(b, connect_work, connect_after)->job);
    return b;
}

int external_bus_start(struct external_bus *b, struct err *e)
{
    (void)b;
    (void)e;
    return 0; /* connecting has begun in _new, so that subscriptions find a connection */
}

static void close_work(struct task *t)
{
    int64_t wait_ms = (int64_t)t->bus->grace_ms;
    if (t->bus->nats && natsConnection_Status(t->bus->nats) == NATS_CONN_STATUS_CONNECTED)
        (void)natsConnection_FlushTimeout(t->bus->nats, MAX(wait_ms / 2, 1));
    if (t->bus->nats)
        natsConnection_Close(t->bus->nats);
}

static void close_after(struct task *t)
{
    struct external_bus *b = t->bus;
    set_up(b, false);
    b->closed = true;
    b->on_stopped(b->stopped_arg);
}

void external_bus_stop(struct external_bus *b, int64_t grace_us, void (*on_stopped)(void *), void *arg)
{
    b->stopping = true;
    b->on_stopped = on_stopped;
    b->stopped_arg = arg;
    b->grace_ms = (uint64_t)(grace_us / 1000);
    worker_post(b->publisher, &task_new(b, close_work, close_after)->job);
}

struct external_bus *external_bus_free(struct external_bus *b)
{
    if (!b)
        return NULL;
    b->stopping = true;
    b->watcher_count = 0;
    b->requester = worker_free(b->requester);
    b->publisher = worker_free(b->publisher);
    for (struct bus_subscription *s = b->subscriptions; s; s = s->next) {
        natsSubscription_Destroy(s->nats);
        s->nats = NULL;
    }
    natsConnection_Destroy(b->nats);
    (void)nats_CloseAndWait(ANSWER_TIMEOUT_MS); /* no thread of libnats calls us any more */
    b->mailbox = mailbox_free(b->mailbox);
    while (b->subscriptions)
        (void)subscription_free(b->subscriptions);
    free(b->url);
    free(b->token);
    free(b);
    return NULL;
}

char *external_bus_address(const struct external_bus *b)
{
    struct buf text = BUF_INIT;
    struct str rest = str_of(b->url), one;
    while (str_split(&rest, ',', &one)) {
        ptrdiff_t scheme = str_find(one, STR("://"));
        size_t start = scheme < 0 ? 0 : (size_t)scheme + 3, host = start;
        for (size_t i = start; i < one.n; i++)
            if (one.p[i] == '@')
                host = i + 1;
        buf_printf(&text, "%s%.*s%.*s", text.n ? "," : "", (int)start, one.p, (int)(one.n - host),
                   one.p + host);
    }
    return buf_take(&text);
}
