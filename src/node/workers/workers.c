#include "node/workers/workers_internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "io/counters.h"

int64_t workers_now(struct workers *w)
{
    return observer_look(&w->observer, w->boot_us());
}

struct worker *workers_find(const struct workers *w, struct str name)
{
    return map_get(&w->by_name, name);
}

/* -- what changes a row -- */

void workers_settle(struct workers *w, struct worker *worker, int64_t now_us)
{
    enum worker_status status = worker_status(&worker->row, now_us), previous = worker->told;
    bool flapping = worker_flapping(&worker->row, now_us);
    int64_t next_us = worker_next_us(&worker->row, now_us);
    if (next_us == INT64_MAX)
        heap_remove(&w->due, &worker->due);
    else
        heap_put(&w->due, &worker->due, next_us);
    if (status == worker->told && flapping == worker->told_flapping)
        return;
    worker->told = status;
    worker->told_flapping = flapping;
    struct buf json = BUF_INIT;
    view_status_event(w, worker, previous, now_us, &json);
    log_info("workers", "a worker's status has changed", LOG_TEXT("worker", worker->name),
             LOG_TEXT("status", worker_status_name(status)),
             LOG_TEXT("previous", worker_status_name(previous)),
             LOG_TEXT("flapping", flapping ? "yes" : "no"));
    events_publish(w->events, "event.worker.status", buf_str(&json));
    buf_deinit(&json);
}

static void count_faults(unsigned faults)
{
    static const struct {
        unsigned fault;
        enum counter_id counter;
    } rows[] = {{HEARTBEAT_BAD_TS, COUNTER_HEARTBEATS_BAD_TS},
                {HEARTBEAT_BAD_PERIOD, COUNTER_HEARTBEATS_BAD_PERIOD},
                {HEARTBEAT_BAD_INSTANCE, COUNTER_HEARTBEATS_BAD_INSTANCE},
                {HEARTBEAT_TRUNCATED, COUNTER_HEARTBEATS_TRUNCATED}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (faults & rows[i].fault)
            counter_add(rows[i].counter, 1);
}

static void count_refusal(int rc)
{
    static const enum counter_id rows[] = {[HEARTBEAT_E_UTF8] = COUNTER_HEARTBEATS_NOT_UTF8,
                                           [HEARTBEAT_E_SYNTAX] = COUNTER_HEARTBEATS_NOT_JSON,
                                           [HEARTBEAT_E_NOT_OBJECT] = COUNTER_HEARTBEATS_NOT_OBJECT,
                                           [HEARTBEAT_E_DEEP] = COUNTER_HEARTBEATS_TOO_DEEP};
    counter_add(COUNTER_HEARTBEATS_BAD_PAYLOAD, 1);
    counter_add(rows[rc], 1);
}

static void keep_extra(struct workers *w, struct worker *worker, const struct heartbeat *beat)
{
    bool same = worker->extra && str_equal(str_of(worker->extra), buf_str(&w->extra));
    if (!same) {
        free(worker->extra);
        worker->extra = str_dup(buf_str(&w->extra));
    }
    worker->truncated = (beat->faults & HEARTBEAT_TRUNCATED) != 0;
    view_changed(worker);
}

void workers_take(struct workers *w, struct worker *worker, struct str payload)
{
    struct heartbeat beat;
    int rc = heartbeat_parse(payload, &beat, &w->extra);
    if (rc) {
        count_refusal(rc);
        log_debug("workers", "a heartbeat's payload is no JSON object of use",
                  LOG_TEXT("worker", worker->name));
        return;
    }
    count_faults(beat.faults);
    int64_t now_us = workers_now(w), wall_us = w->wall_us();
    int64_t age_us = beat.ts_known ? MAX(wall_us - beat.ts_us, 0) : 0;
    enum worker_beat what =
        worker_row_beat(&worker->row, &beat, observer_before(&w->observer, age_us), now_us, wall_us);
    if (what == WORKER_BEAT_OLDER)
        counter_add(COUNTER_HEARTBEATS_OLDER, 1);
    if (what != WORKER_BEAT_TAKEN)
        return;
    counter_add(COUNTER_HEARTBEATS, 1);
    keep_extra(w, worker, &beat);
    workers_settle(w, worker, now_us);
    workers_arm(w, now_us);
    save_mark(w, worker);
}

/* -- the bus -- */

/* Once per name, and only so many names: a stranger may make up as many as he likes. */
static void note_unknown(struct workers *w, struct str name)
{
    counter_add(COUNTER_HEARTBEATS_UNKNOWN, 1);
    if (w->unknown_names.count >= WORKERS_UNKNOWN_NAMES_MAX || map_get(&w->unknown_names, name))
        return;
    (void)map_put(&w->unknown_names, name, w);
    log_debug("workers", "heartbeats of a worker that the configuration does not name are dropped",
              LOG_STR("worker", name));
}

static void on_message(void *arg, const struct bus_message *m)
{
    struct workers *w = arg;
    struct str name;
    if (!heartbeat_subject(m->subject, &name))
        return;
    struct worker *worker = workers_find(w, name);
    if (own_is(w, name)) {
        /* Ours come by another way: this is their echo, or somebody who claims to be us. */
        if (!own_is_echo(w, m->payload))
            counter_add(COUNTER_HEARTBEATS_OWN, 1);
    } else if (worker) {
        workers_take(w, worker, m->payload);
    } else {
        note_unknown(w, name);
    }
}

/* -- time -- */

static void settle_due(struct workers *w)
{
    int64_t now_us = workers_now(w);
    struct heap_entry *first;
    while ((first = heap_first(&w->due)) && first->due_us <= now_us) {
        struct worker *worker = CONTAINER_OF(first, struct worker, due);
        workers_settle(w, worker, now_us);
        save_mark(w, worker);
    }
    workers_arm(w, now_us);
}

/* A loop that was held up runs its timers before it reads its sockets.  The beats that wait there come first:
 * so what is due is looked at one turn later. */
static void on_due(uv_timer_t *timer)
{
    struct workers *w = timer->data;
    if (w->due_is_late) {
        w->due_is_late = false;
        settle_due(w);
        return;
    }
    w->due_is_late = true;
    (void)uv_timer_start(&w->due_timer, on_due, 0, 0);
}

void workers_arm(struct workers *w, int64_t now_us)
{
    const struct heap_entry *first = heap_first(&w->due);
    if (!first || !w->started || w->stopping || w->due_is_late)
        return;
    int64_t wait_us = MAX(first->due_us - now_us, 0);
    (void)uv_timer_start(&w->due_timer, on_due, (uint64_t)((wait_us + 999) / 1000), 0);
}

/* Also moves the clock when nothing is due; a gap has put off what the timer was armed for. */
static void on_look(uv_timer_t *timer)
{
    struct workers *w = timer->data;
    workers_arm(w, workers_now(w));
}

/* -- stop requests -- */

struct stop_request {
    struct workers *workers;
    struct worker *worker;
    void (*done)(void *arg, enum workers_stop_outcome outcome);
    void *arg;
};

static void on_stop_outcome(void *arg, enum bus_outcome outcome)
{
    static const enum workers_stop_outcome outcomes[] = {[BUS_REACHED] = WORKERS_STOP_SENT,
                                                         [BUS_NO_SUBSCRIBER] = WORKERS_STOP_NOT_LISTENING,
                                                         [BUS_DOWN] = WORKERS_STOP_BUS_DOWN};
    struct stop_request *r = arg;
    struct workers *w = r->workers;
    if (outcome == BUS_REACHED && !w->stopping) {
        int64_t now_us = workers_now(w);
        worker_row_stop(&r->worker->row, now_us);
        workers_settle(w, r->worker, now_us);
        workers_arm(w, now_us);
        save_mark(w, r->worker);
    }
    r->done(r->arg, outcomes[outcome]);
    free(r);
}

static void publish_stop(struct workers *w, struct stop_request *r, const char *requested_by)
{
    struct buf subject = BUF_INIT, payload = BUF_INIT;
    struct json_writer j;
    beat_control_subject(r->worker->name, &subject);
    json_init(&j, &payload);
    json_object_begin(&j);
    json_kv_text(&j, "action", "stop");
    json_kv_text(&j, "requested_by", requested_by);
    json_kv_micros_or_null(&j, "ts", true, w->wall_us());
    json_object_end(&j);
    w->bus.publish_reaching(w->bus.context, buf_str(&subject), buf_str(&payload), on_stop_outcome, r);
    buf_deinit(&subject);
    buf_deinit(&payload);
}

void workers_request_stop(struct workers *w, struct str name, const char *requested_by,
                          void (*done)(void *arg, enum workers_stop_outcome outcome), void *arg)
{
    struct worker *worker = workers_find(w, name);
    if (!worker) {
        done(arg, WORKERS_STOP_UNKNOWN);
    } else if (!w->started || w->stopping || !w->bus.connected(w->bus.context)) {
        done(arg, WORKERS_STOP_BUS_DOWN);
    } else if (worker->is_own) {
        done(arg, WORKERS_STOP_NOT_LISTENING); /* they stop with the node */
    } else {
        struct stop_request *r = xnew(struct stop_request);
        *r = (struct stop_request){w, worker, done, arg};
        publish_stop(w, r, requested_by);
    }
}

/* -- life -- */

static void init_rows(struct workers *w, char *const *names)
{
    while (names && names[w->count])
        w->count++;
    w->workers = xcalloc(w->count + 1, sizeof(*w->workers));
    for (size_t i = 0; i < w->count; i++) {
        w->workers[i].name = names[i];
        buf_init(&w->workers[i].head);
        buf_init(&w->workers[i].tail);
        (void)map_put(&w->by_name, str_of(names[i]), &w->workers[i]);
    }
}

struct workers *workers_new(uv_loop_t *loop, struct store *store, struct events *events,
                            const struct workers_config *config)
{
    struct workers *w = xnew(struct workers);
    w->loop = loop;
    w->store = store;
    w->events = events;
    w->wall_us = config->wall_us ? config->wall_us : clock_wall_us;
    w->boot_us = config->boot_us ? config->boot_us : clock_boot_us;
    buf_init(&w->extra);
    map_init(&w->by_name);
    map_init(&w->unknown_names);
    heap_init(&w->due);
    observer_init(&w->observer, w->boot_us());
    init_rows(w, config->names);
    own_init(w, config);
    uv_timer_t *timers[] = {&w->look_timer, &w->due_timer, &w->own_timer, &w->save_timer};
    for (size_t i = 0; i < COUNT_OF(timers); i++) {
        (void)uv_timer_init(loop, timers[i]);
        timers[i]->data = w;
    }
    return w;
}

void workers_start(struct workers *w, const struct bus_port *bus, void (*ready)(void *arg), void *arg)
{
    w->bus = *bus;
    w->ready = ready;
    w->ready_arg = arg;
    save_load(w);
}

void workers_loaded(struct workers *w)
{
    if (w->stopping)
        return;
    w->started = true;
    w->subscription = w->bus.subscribe(w->bus.context, STR("system.*.health"), on_message, w);
    (void)uv_timer_start(&w->look_timer, on_look, WORKERS_LOOK_MS, WORKERS_LOOK_MS);
    settle_due(w);
    w->ready(w->ready_arg);
}

void workers_stop(struct workers *w)
{
    if (w->stopping)
        return;
    if (w->started) {
        own_stop(w);
        w->bus.unsubscribe(w->bus.context, w->subscription);
    }
    w->stopping = true;
    save_now(w);
    uv_timer_t *timers[] = {&w->look_timer, &w->due_timer, &w->own_timer, &w->save_timer};
    for (size_t i = 0; i < COUNT_OF(timers); i++)
        uv_close((uv_handle_t *)timers[i], NULL);
}

struct workers *workers_free(struct workers *w)
{
    if (!w)
        return NULL;
    for (size_t i = 0; i < w->count; i++) {
        free(w->workers[i].extra);
        buf_deinit(&w->workers[i].head);
        buf_deinit(&w->workers[i].tail);
    }
    free(w->workers);
    free(w->own);
    heap_deinit(&w->due);
    map_deinit(&w->by_name);
    map_deinit(&w->unknown_names);
    buf_deinit(&w->extra);
    free(w);
    return NULL;
}
