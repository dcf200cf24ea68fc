/* session.c -- the operations of one client, one at a time. */
#include "node/bus/server_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "core/subject.h"

#define SHOWN_MAX 128 /* of a foreign subject in an -ERR */

/* -- INFO -- */

static void put_info(const struct bus_connection *c, struct json_writer *w)
{
    const struct bus_server *s = c->server;
    json_object_begin(w);
    json_kv_text(w, "server_id", s->id);
    json_kv_text(w, "server_name", "muster");
    json_kv_text(w, "version", MUSTER_VERSION);
    json_kv_i64(w, "proto", 1);
    json_kv_text(w, "host", c->is_unix ? s->local.path : s->host);
    json_kv_i64(w, "port", c->is_unix ? 0 : s->tcp.port);
    json_kv_bool(w, "headers", true);
    json_kv_i64(w, "max_payload", s->config->bus_max_payload);
    json_kv_i64(w, "client_id", c->id);
    if (c->peer[0])
        json_kv_text(w, "client_ip", c->peer);
    if (c->must_authenticate)
        json_kv_bool(w, "auth_required", true);
    if (s->stopping)
        json_kv_bool(w, "ldm", true);
    json_object_end(w);
}

void bus_session_info(struct bus_connection *c)
{
    struct buf line = BUF_INIT;
    struct json_writer w;
    buf_add_text(&line, "INFO ");
    json_init(&w, &line);
    put_info(c, &w);
    buf_add_text(&line, "\r\n");
    bus_connection_put(c, buf_str(&line));
    buf_deinit(&line);
}

/* Who may do what before, or without, CONNECT: root and our own user everything, other local users a little
 * (spec 40 B5).  Where credentials are asked for, only the Unix socket of our own user goes without. */
static struct bus_permissions permissions_by_uid(const struct bus_connection *c)
{
    const struct config *config = c->server->config;
    if (c->trusted)
        return (struct bus_permissions){0};
    return (struct bus_permissions){(const char *const *)config->bus_local_publish,
                                    (const char *const *)config->bus_local_subscribe};
}

void bus_session_begin(struct bus_connection *c)
{
    const struct config *config = c->server->config;
    c->may = permissions_by_uid(c);
    c->must_authenticate = c->server->auth_required && !(c->is_unix && c->trusted);
    bus_session_info(c);
    if (c->must_authenticate)
        bus_connection_deadline(c, BUS_DEADLINE_AUTH, c->start_us + config->bus_auth_timeout_us);
    else
        bus_connection_deadline(c, BUS_DEADLINE_PING, c->start_us + config->bus_ping_interval_us);
}

/* -- small things -- */

static bool lives(const struct bus_connection *c)
{
    return c->phase < BUS_PHASE_ENDING;
}

static void acknowledge(struct bus_connection *c)
{
    if (c->options.verbose)
        bus_connection_put_text(c, "+OK\r\n");
}

/* A foreign subject as it may stand in an -ERR: one line, not too long, no quotes of ours broken. */
static const char *shown(struct str subject, char text[static SHOWN_MAX + 1])
{
    size_t n = MIN(subject.n, (size_t)SHOWN_MAX);
    for (size_t i = 0; i < n; i++)
        text[i] = (unsigned char)subject.p[i] < ' ' || subject.p[i] == '\'' ? '?' : subject.p[i];
    text[n] = '\0';
    return text;
}

static void log_violation(struct bus_connection *c, const char *what, const char *subject)
{
    if (log_limit_allows(&c->server->violations, clock_monotonic_us(), 5, 60 * USEC_PER_SEC))
        log_warn("bus", what, LOG_TEXT("subject", subject), LOG_INT("client", c->id),
                 LOG_TEXT("name", c->options.name), LOG_INT("uid", c->uid));
}

/* -- CONNECT -- */

static bool same(const char *given, const char *wanted)
{
    return given && hash_equal_constant_time(str_of(given), str_of(wanted));
}

static bool by_token(struct bus_connection *c)
{
    const struct config *config = c->server->config;
    const char *given = c->options.auth_token ? c->options.auth_token : c->options.password;
    if (!config->bus_token[0] || !same(given, config->bus_token))
        return false;
    c->may = (struct bus_permissions){0};
    return true;
}

static bool by_user(struct bus_connection *c)
{
    const struct config *config = c->server->config;
    for (size_t i = 0; c->options.user && i < config->bus_user_count; i++) {
        const struct bus_user *u = &config->bus_users[i];
        if (!str_equal(str_of(u->name), str_of(c->options.user)) || !same(c->options.password, u->password))
            continue;
        c->may = (struct bus_permissions){(const char *const *)u->publish, (const char *const *)u->subscribe};
        return true;
    }
    return false;
}

static bool is_known(struct bus_connection *c)
{
    if (by_user(c) || by_token(c))
        return true;
    c->may = permissions_by_uid(c);
    return !c->must_authenticate;
}

/* What is asked for and not had, in words (spec 40 B1). */
static const char *not_had(const struct bus_connect_options *o)
{
    if (o->tls_required)
        return "TLS Not Supported by the embedded bus: name a nats-server in bus.url";
    if (o->foreign_auth)
        return "Accounts, JWT And NKeys Not Supported by the embedded bus: name a nats-server in bus.url";
    if (o->no_responders && !o->headers)
        return "No Responders Requires Headers Support";
    return NULL;
}

static void on_connect(struct bus_connection *c, const struct bus_operation *op)
{
    const struct config *config = c->server->config;
    if (!bus_connect_options_read(op->text, &c->options)) {
        bus_connection_end(c, COUNTER_BUS_REFUSED_PROTOCOL, "Parser Error");
        return;
    }
    const char *missing = not_had(&c->options);
    if (missing) {
        bus_connection_end(c, COUNTER_BUS_REFUSED_PROTOCOL, missing);
        return;
    }
    bool known = is_known(c);
    bus_connect_options_forget(&c->options);
    if (!known) {
        bus_connection_end(c, COUNTER_BUS_REFUSED_AUTH, "Authorization Violation");
        return;
    }
    c->phase = BUS_PHASE_READY;
    if (c->deadline == BUS_DEADLINE_AUTH)
        bus_connection_deadline(c, BUS_DEADLINE_PING, clock_monotonic_us() + config->bus_ping_interval_us);
    acknowledge(c);
}

/* -- PUB, HPUB -- */

/* Both are part of the protocol of other servers, and a client that asks here should hear why it gets no
 * answer. */
static bool is_jetstream(struct str subject)
{
    return str_starts_with(subject, STR("$JS.")) || str_starts_with(subject, STR("$KV.")) ||
           str_starts_with(subject, STR("$O."));
}

static bool may_publish(struct bus_connection *c, const struct bus_operation *op)
{
    char text[SHOWN_MAX + 1];
    bool reply_is_bad = op->reply.n && !bus_may_ask_reply(&c->may, op->reply);
    if (bus_may_publish(&c->may, op->subject) && !reply_is_bad)
        return true;
    (void)shown(reply_is_bad ? op->reply : op->subject, text);
    log_violation(c, "a client may not publish that", text);
    bus_connection_complain(c, COUNTER_BUS_REFUSED_PUBLISH, "Permissions Violation for Publish%s to \"%s\"",
                            reply_is_bad ? " with Reply" : "", text);
    return false;
}

static bool may_be_published(struct bus_connection *c, const struct bus_operation *op)
{
    if (op->verb == BUS_VERB_HPUB && !c->options.headers) {
        bus_connection_end(c, COUNTER_BUS_REFUSED_PROTOCOL, "Message Headers Not Supported");
        return false;
    }
    if (c->may.publish && (!subject_valid(op->subject) || (op->reply.n && !subject_valid(op->reply))))
        return true; /* what it is, the routing says */
    return !c->may.publish || may_publish(c, op);
}

static void invalid_subject(struct bus_connection *c)
{
    bus_connection_complain(c, COUNTER_BUS_INVALID_SUBJECT, "Invalid Subject");
}

static void count_in(struct bus_connection *c, const struct bus_operation *op)
{
    int64_t bytes = (int64_t)(op->payload.n + op->headers.n);
    c->traffic.in_messages++;
    c->traffic.in_bytes += bytes;
    c->server->traffic.in_messages++;
    c->server->traffic.in_bytes += bytes;
}

static void on_publish(struct bus_connection *c, const struct bus_operation *op)
{
    struct bus_message m = {op->subject, op->reply, op->headers, op->payload};
    struct bus_reach reach;
    count_in(c, op);
    if (!may_be_published(c, op))
        return;
    if (op->bad_subject || (op->reply.n && !subject_valid(op->reply)) ||
        (c->options.verbose && !subject_valid(op->subject))) {
        invalid_subject(c);
        return;
    }
    acknowledge(c); /* before its own message, as servers do */
    if (!bus_route(c->server, c, &m, &reach)) {
        invalid_subject(c);
        return;
    }
    if (reach.all > 0)
        return;
    if (is_jetstream(op->subject))
        bus_connection_complain(c, COUNTER_BUS_UNSUPPORTED,
                                "JetStream Not Supported by the embedded bus: name a nats-server in bus.url");
    if (op->reply.n && c->options.no_responders)
        bus_route_no_responders(c, op->reply);
}

/* -- SUB, UNSUB -- */

static bool may_subscribe(struct bus_connection *c, const struct bus_operation *op)
{
    char text[SHOWN_MAX + 1], queue[SHOWN_MAX + 1];
    if (bus_may_subscribe(&c->may, op->subject))
        return true;
    (void)shown(op->subject, text);
    log_violation(c, "a client may not subscribe to that", text);
    if (op->queue.n)
        bus_connection_complain(c, COUNTER_BUS_REFUSED_SUBSCRIBE,
                                "Permissions Violation for Subscription to \"%s\" using queue \"%s\"", text,
                                shown(op->queue, queue));
    else
        bus_connection_complain(c, COUNTER_BUS_REFUSED_SUBSCRIBE,
                                "Permissions Violation for Subscription to \"%s\"", text);
    return false;
}

static void on_subscribe(struct bus_connection *c, const struct bus_operation *op)
{
    if (!subject_pattern_valid(op->subject)) {
        invalid_subject(c);
        return;
    }
    if (!may_subscribe(c, op))
        return;
    if (map_get(&c->subscriptions, op->sid)) { /* again: nothing new, as servers have it */
        acknowledge(c);
        return;
    }
    if (c->subscriptions.count >= (size_t)c->server->config->bus_max_subscriptions) {
        bus_connection_complain(c, COUNTER_BUS_REFUSED_SUBSCRIPTIONS, "maximum subscriptions exceeded");
        return;
    }
    (void)subscription_new(c, op->subject, op->queue, op->sid);
    acknowledge(c);
}

/* With a number it ends once that many were delivered since it began. */
static void on_unsubscribe(struct bus_connection *c, const struct bus_operation *op)
{
    struct subscription *sub = map_get(&c->subscriptions, op->sid);
    if (sub && op->max > sub->delivered)
        sub->max = op->max;
    else if (sub)
        subscription_end(c->server, sub);
    bus_route_settle(c->server);
    acknowledge(c);
}

/* -- the rest -- */

static void on_ping(struct bus_connection *c, const struct bus_operation *op)
{
    (void)op;
    bus_connection_put_text(c, "PONG\r\n");
}

static void on_pong(struct bus_connection *c, const struct bus_operation *op)
{
    (void)op;
    c->pings_out = 0;
}

static void on_nothing(struct bus_connection *c, const struct bus_operation *op)
{
    (void)c;
    (void)op;
}

static void on_client_error(struct bus_connection *c, const struct bus_operation *op)
{
    char text[SHOWN_MAX + 1];
    log_info("bus", "a client complains", LOG_TEXT("error", shown(op->text, text)), LOG_INT("client", c->id),
             LOG_TEXT("name", c->options.name));
    bus_connection_end(c, COUNTER_COUNT, NULL);
}

static void on_cluster(struct bus_connection *c, const struct bus_operation *op)
{
    (void)op;
    bus_connection_end(
        c, COUNTER_BUS_REFUSED_PROTOCOL,
        "Clusters And Leaf Nodes Not Supported by the embedded bus: name a nats-server in bus.url");
}

static const struct {
    void (*handle)(struct bus_connection *c, const struct bus_operation *op);
    bool needs_auth;
} operations[] = {
    [BUS_VERB_CONNECT] = {on_connect, false},    [BUS_VERB_PUB] = {on_publish, true},
    [BUS_VERB_HPUB] = {on_publish, true},        [BUS_VERB_SUB] = {on_subscribe, true},
    [BUS_VERB_UNSUB] = {on_unsubscribe, true},   [BUS_VERB_PING] = {on_ping, true},
    [BUS_VERB_PONG] = {on_pong, true},           [BUS_VERB_OK] = {on_nothing, true},
    [BUS_VERB_ERROR] = {on_client_error, false}, [BUS_VERB_INFO] = {on_nothing, true},
    [BUS_VERB_CLUSTER] = {on_cluster, false},
};

bool bus_session_operation(void *connection, const struct bus_operation *op)
{
    struct bus_connection *c = connection;
    if (operations[op->verb].needs_auth && c->must_authenticate && c->phase == BUS_PHASE_OPEN)
        bus_connection_end(c, COUNTER_BUS_REFUSED_AUTH, "Authorization Violation");
    else
        operations[op->verb].handle(c, op);
    return lives(c);
}

void bus_session_parse_error(struct bus_connection *c, enum bus_parser_error error)
{
    static const struct {
        enum counter_id counter;
        const char *text;
    } errors[] = {
        [BUS_PARSER_E_VERB] = {COUNTER_BUS_REFUSED_PROTOCOL, "Unknown Protocol Operation"},
        [BUS_PARSER_E_LINE] = {COUNTER_BUS_REFUSED_LINE, "Maximum Control Line Exceeded"},
        [BUS_PARSER_E_WORDS] = {COUNTER_BUS_REFUSED_PROTOCOL, "Parser Error"},
        [BUS_PARSER_E_PAYLOAD] = {COUNTER_BUS_REFUSED_PAYLOAD, "Maximum Payload Violation"},
        [BUS_PARSER_E_PAYLOAD_TAIL] = {COUNTER_BUS_REFUSED_PROTOCOL, "Unknown Protocol Operation"},
    };
    bus_connection_end(c, errors[error].counter, errors[error].text);
}
