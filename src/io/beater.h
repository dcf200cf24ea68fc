/* beater.h -- a program of its own tells the roll call that it works (spec 40 Heartbeats).
 *
 * The timing and the words are core/beat.h, the wire is io/bus_client.h; this joins them: the first beat at
 * once, then every period without drift, one more as soon as a lost bus is back, and "stopping" as the last
 * word.  It listens to system.NAME.control, where {"action":"stop"} asks it to end; other messages there,
 * garbage too, are ignored and the next one is still heard.  Without a bus the program works on.  Loop
 * thread.
 */
#pragma once
#include "base/buf.h"
#include "io/bus_client.h"

struct beater;
struct beater_config {     /* texts are copied */
    const char *worker;    /* beat_worker_valid */
    const char *bus_url;   /* bus_client_url_valid */
    const char *bus_token; /* NULL for none */
    int64_t period_us;
    /* Before each beat: does the program work, really?  No: no beat, but for the last word.  May append the
     * inside of a JSON object,
     * "\"queue_depth\":3".  NULL: it works. */
    bool (*works)(void *arg, struct buf *extra);
    void (*on_stop)(void *arg); /* asked to end; NULL: not to be asked, and no listener */
    void (*on_bus)(void *arg, bool connected, const char *why); /* NULL ok */
    void *arg;
};
MUST_CHECK int beater_new(uv_loop_t *loop, const struct beater_config *config, struct beater **ret);
void beater_start(struct beater *b);
bool beater_connected(const struct beater *b);
/* The last word, at most `timeout_us` for it to arrive, then done; then it may be freed. */
void beater_stop(struct beater *b, int64_t timeout_us, void (*done)(void *arg), void *arg);
struct beater *beater_free(struct beater *b);
