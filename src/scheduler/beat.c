/* beat.c -- the scheduler's heartbeat in the roll call (spec 50 S13).  Without a bus it works on. */
#include "base/log.h"
#include "core/beat.h"
#include "io/beater.h"
#include "scheduler/scheduler_internal.h"

#define LAST_WORD_US (1000 * 1000)

static char *bus_url(const struct config *c)
{
    struct buf url = BUF_INIT;
    if (c->bus_url[0])
        buf_add_text(&url, c->bus_url);
    else if (c->bus_socket[0])
        buf_printf(&url, "unix:%s", c->bus_socket);
    else
        buf_printf(&url, "nats://%s", c->bus_listen);
    return buf_take(&url);
}

/* That this runs says that the loop turns, and the loop is all there is. */
static bool works(void *arg, struct buf *extra)
{
    const struct scheduler *s = arg;
    size_t in_flight = 0;
    for (const struct fired *f = s->fired; f; f = f->next)
        in_flight++;
    buf_printf(extra, "\"jobs\":%zu,\"in_flight\":%zu", s->table.count, in_flight);
    return true;
}

void beat_start(struct scheduler *s)
{
    char *url = bus_url(s->config);
    const struct beater_config config = {.worker = "scheduler",
                                         .bus_url = url,
                                         .bus_token = s->config->bus_token[0] ? s->config->bus_token : NULL,
                                         .period_us = BEAT_PERIOD_US,
                                         .works = works,
                                         .arg = s};
    if (beater_new(&s->loop, &config, &s->beater) == 0)
        beater_start(s->beater);
    else
        log_warn("scheduler", "no heartbeats: this is no bus", LOG_TEXT("bus", url));
    free(url);
}

static void on_stopped(void *arg)
{
    struct scheduler *s = arg;
    s->beater_ended = true;
}

void beat_stop(struct scheduler *s)
{
    if (s->beater)
        beater_stop(s->beater, LAST_WORD_US, on_stopped, s);
    else
        s->beater_ended = true;
}
