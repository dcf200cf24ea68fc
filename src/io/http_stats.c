#include "io/http_internal.h"

#include "base/clock.h"

const double http_latency_bounds_s[HTTP_LATENCY_BUCKETS] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                            0.05,   0.1,   0.25,   0.5,   1,    2.5};
static const int64_t bounds_us[HTTP_LATENCY_BUCKETS] = {500,   1000,   2500,   5000,   10000,   25000,
                                                        50000, 100000, 250000, 500000, 1000000, 2500000};

/* The row of a status; made when it is seen for the first time.  A status too many shares the last row. */
static struct http_stat *row_of(struct http_route_stats *stats, const struct http_route *route, int status)
{
    size_t i = 0;
    while (i < HTTP_STATUSES_MAX - 1 && stats->by_status[i] && stats->by_status[i]->status != status)
        i++;
    if (!stats->by_status[i]) {
        struct http_stat *row = stats->by_status[i] = xnew(struct http_stat);
        row->method = route ? http_method_name(route->method) : "";
        row->pattern = route ? route->pattern : "";
        row->status = status;
    }
    return stats->by_status[i];
}

void http_stats_add(struct http_server *s, const struct http_route *route, int status, int64_t duration_us)
{
    size_t index = route ? (size_t)(route - s->router.routes) : s->router.route_count;
    struct http_stat *row = row_of(&s->stats[index], route, status);
    size_t bucket = 0;
    while (bucket < HTTP_LATENCY_BUCKETS && duration_us > bounds_us[bucket])
        bucket++;
    row->count++;
    row->sum_us += duration_us;
    row->buckets[bucket]++;
}

void http_server_stats(const struct http_server *s, void (*each)(void *arg, const struct http_stat *stat),
                       void *arg)
{
    for (size_t i = 0; i <= s->router.route_count; i++)
        for (size_t k = 0; k < HTTP_STATUSES_MAX && s->stats[i].by_status[k]; k++)
            each(arg, s->stats[i].by_status[k]);
}
