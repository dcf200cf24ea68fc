/* monitor.c -- what is told about the embedded bus, in the shape of nats-server's monitoring. */
#include "node/bus/server_internal.h"

#include "base/clock.h"
#include "base/parse.h"
#include "io/file.h"

static void put_duration(struct json_writer *w, const char *key, int64_t us)
{
    char text[PARSE_DURATION_MAX];
    json_kv_text(w, key, format_duration(us, text));
}

static void put_traffic(struct json_writer *w, const struct bus_traffic *t)
{
    json_kv_i64(w, "in_msgs", t->in_messages);
    json_kv_i64(w, "out_msgs", t->out_messages);
    json_kv_i64(w, "in_bytes", t->in_bytes);
    json_kv_i64(w, "out_bytes", t->out_bytes);
}

static void put_limits(struct json_writer *w, const struct config *c)
{
    json_kv_i64(w, "max_connections", c->bus_max_connections);
    json_kv_i64(w, "max_subscriptions", c->bus_max_subscriptions);
    json_kv_i64(w, "max_payload", c->bus_max_payload);
    json_kv_i64(w, "max_control_line", c->bus_max_control_line);
    json_kv_i64(w, "max_pending", c->bus_max_pending);
    json_kv_i64(w, "ping_interval", c->bus_ping_interval_us * 1000); /* nanoseconds, as nats-server's */
    json_kv_i64(w, "ping_max", c->bus_max_pings_out);
    json_kv_double(w, "auth_timeout", (double)c->bus_auth_timeout_us / (double)USEC_PER_SEC);
}

void bus_server_varz(const struct bus_server *s, struct json_writer *w)
{
    int64_t uptime_us = clock_monotonic_us() - s->start_us;
    json_object_begin(w);
    json_kv_text(w, "server_id", s->id);
    json_kv_text(w, "server_name", "muster");
    json_kv_text(w, "version", MUSTER_VERSION);
    json_kv_i64(w, "proto", 1);
    json_kv_text(w, "host", s->host);
    json_kv_i64(w, "port", s->tcp.port);
    json_kv_text(w, "socket", s->local.path[0] ? s->local.path : NULL);
    json_kv_bool(w, "auth_required", s->auth_required);
    put_limits(w, s->config);
    json_kv_time_or_null(w, "start", true, s->start_wall_us);
    json_kv_time_or_null(w, "now", true, clock_wall_us());
    put_duration(w, "uptime", uptime_us - uptime_us % USEC_PER_SEC);
    json_kv_i64(w, "connections", (int64_t)s->connection_count);
    json_kv_i64(w, "total_connections", s->total_connections);
    json_kv_i64(w, "subscriptions", (int64_t)s->interest.count);
    json_kv_i64(w, "slow_consumers", s->slow_consumers);
    put_traffic(w, &s->traffic);
    json_object_end(w);
}

static void put_subscriptions(struct json_writer *w, const struct bus_connection *c)
{
    size_t at = 0;
    struct str sid;
    void *sub;
    json_key(w, "subscriptions_list");
    json_array_begin(w);
    while (map_next(&c->subscriptions, &at, &sid, &sub))
        json_str(w, ((const struct subscription *)sub)->entry.pattern);
    json_array_end(w);
}

static void put_connection(struct json_writer *w, const struct bus_connection *c, int64_t now_us,
                           bool subscriptions)
{
    int64_t wall_us = clock_wall_us(), uptime_us = now_us - c->start_us, idle_us = now_us - c->active_us;
    json_object_begin(w);
    json_kv_i64(w, "cid", c->id);
    json_kv_text(w, "kind", "Client");
    json_kv_text(w, "type", "nats");
    json_kv_text(w, "ip", c->is_unix ? NULL : c->peer);
    json_kv_i64(w, "port", c->port);
    json_kv_i64_or_null(w, "uid", c->uid >= 0, c->uid);
    json_kv_time_or_null(w, "start", true, c->start_wall_us);
    json_kv_time_or_null(w, "last_activity", true, wall_us - idle_us);
    put_duration(w, "uptime", uptime_us - uptime_us % USEC_PER_SEC);
    put_duration(w, "idle", MAX(idle_us - idle_us % USEC_PER_SEC, 0));
    json_kv_i64(w, "pending_bytes", (int64_t)c->outbox.n);
    put_traffic(w, &c->traffic);
    json_kv_i64(w, "subscriptions", (int64_t)c->subscriptions.count);
    if (subscriptions)
        put_subscriptions(w, c);
    json_kv_text(w, "name", c->options.name);
    json_kv_text(w, "lang", c->options.lang);
    json_kv_text(w, "version", c->options.version);
    json_object_end(w);
}

void bus_server_connz(const struct bus_server *s, int64_t offset, int64_t limit, bool subscriptions,
                      struct json_writer *w)
{
    int64_t now_us = clock_monotonic_us(), at = 0, shown = 0;
    json_object_begin(w);
    json_kv_text(w, "server_id", s->id);
    json_kv_time_or_null(w, "now", true, clock_wall_us());
    json_key(w, "connections");
    json_array_begin(w);
    for (const struct bus_connection *c = s->connections; c && shown < limit; c = c->next, at++) {
        if (at < offset)
            continue;
        put_connection(w, c, now_us, subscriptions);
        shown++;
    }
    json_array_end(w);
    json_kv_i64(w, "num_connections", shown);
    json_kv_i64(w, "total", (int64_t)s->connection_count);
    json_kv_i64(w, "offset", offset);
    json_kv_i64(w, "limit", limit);
    json_object_end(w);
}

void bus_server_subsz(const struct bus_server *s, struct json_writer *w)
{
    const struct interest *i = &s->interest;
    int64_t asked = i->hits + i->misses;
    json_object_begin(w);
    json_kv_text(w, "server_id", s->id);
    json_kv_time_or_null(w, "now", true, clock_wall_us());
    json_kv_i64(w, "num_subscriptions", (int64_t)i->count);
    json_kv_i64(w, "num_wildcards", (int64_t)i->wildcard_count);
    json_kv_i64(w, "num_cache", (int64_t)i->cache.count);
    json_kv_i64(w, "num_matches", asked);
    json_key(w, "cache_hit_rate");
    if (asked)
        json_double(w, (double)i->hits / (double)asked);
    else
        json_null_value(w);
    json_object_end(w);
}
