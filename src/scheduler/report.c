/* report.c -- the scheduler's words to the node, and the node's to the scheduler.
 *
 * Every job's state and every instant's outcome go to POST /api/v1/schedules/report, in pieces, and stay here
 * until the node has them.  GET /api/v1/schedules/commands waits at the node for what people ask: pauses, and
 * runs out of turn.  A target that is no muster is left alone: it is asked again after minutes. */
#include "scheduler/scheduler_internal.h"

#include "base/clock.h"
#include "base/log.h"

#define JOBS_PER_REPORT 100
#define ROWS_PER_JOB 100
#define GATHER_MS 100
#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS 60000
#define STRANGER_MS 600000
#define REPORT_TIMEOUT_US (30 * USEC_PER_SEC)
#define WAIT_S 25

struct reporter {
    struct scheduler *scheduler;
    size_t *changed; /* indices of jobs; slot.changed says which are in it */
    size_t changed_count, changed_capacity;
    size_t sent[JOBS_PER_REPORT]; /* in the report under way */
    size_t sent_count;
    uint64_t generation, sent_generation; /* a reload moves the indices */
    int64_t sent_dropped, sent_errors;
    int64_t retry_ms, after; /* after: id of the last command */
    uv_timer_t timer, poll_timer;
    bool sending, polling, known, stopping, complained;
};

static void schedule_report(struct reporter *r, int64_t ms);
static void poll_commands(struct reporter *r, int64_t delay_ms);

/* -- what has changed -- */

void reporter_changed(struct reporter *r, size_t job)
{
    struct slot *slot = &r->scheduler->slots[job];
    if (slot->changed)
        return;
    slot->changed = true;
    if (r->changed_count == r->changed_capacity) {
        r->changed_capacity = r->changed_capacity ? 2 * r->changed_capacity : 64;
        r->changed = xrealloc(r->changed, r->changed_capacity * sizeof(*r->changed));
    }
    r->changed[r->changed_count++] = job;
    if (!r->sending && !uv_is_active((uv_handle_t *)&r->timer))
        schedule_report(r, GATHER_MS);
}

void reporter_all_changed(struct reporter *r)
{
    r->generation++;
    r->changed_count = 0;
    for (size_t i = 0; i < r->scheduler->table.count; i++)
        r->scheduler->slots[i].changed = false;
    for (size_t i = 0; i < r->scheduler->table.count; i++)
        reporter_changed(r, i);
}

/* -- the report -- */

static void put_jobs(struct reporter *r, struct json_writer *w)
{
    json_key(w, "jobs");
    json_array_begin(w);
    r->sent_count = 0;
    r->sent_generation = r->generation;
    while (r->changed_count > 0 && r->sent_count < JOBS_PER_REPORT) {
        size_t job = r->changed[--r->changed_count];
        r->scheduler->slots[job].changed = false;
        r->sent[r->sent_count++] = job;
        slots_put_report(r->scheduler, job, w);
    }
    json_array_end(w);
}

static void put_runs(struct reporter *r, struct json_writer *w)
{
    json_key(w, "runs");
    json_object_begin(w);
    for (size_t i = 0; i < r->sent_count; i++) {
        struct slot *slot = &r->scheduler->slots[r->sent[i]];
        slot->rows_sent = MIN(slot->row_count, ROWS_PER_JOB);
        if (slot->rows_sent == 0)
            continue;
        json_key_str(w, str_of(r->scheduler->table.jobs[r->sent[i]].name));
        slots_put_rows(r->scheduler, r->sent[i], w, slot->rows_sent);
    }
    json_object_end(w);
}

/* The rows that the node has are forgotten; of what it has not, everything is reported again. */
static void settle(struct reporter *r, bool taken)
{
    if (r->sent_generation != r->generation)
        return;
    for (size_t i = 0; i < r->sent_count; i++) {
        struct slot *slot = &r->scheduler->slots[r->sent[i]];
        if (taken)
            slots_drop_sent(r->scheduler, r->sent[i]);
        slot->rows_sent = 0;
        if (!taken || slot->row_count > 0)
            reporter_changed(r, r->sent[i]);
    }
    state_file_flush(r->scheduler->state);
}

static bool is_muster(const struct http_client_response *response)
{
    json_t *json = response->body.n ? json_loadb(response->body.p, response->body.n, 0, NULL) : NULL;
    bool ours = response->status == 200 && json_is_integer(json_object_get(json, "accepted"));
    json_decref(json);
    return ours;
}

static void complain(struct reporter *r, const struct http_client_response *response)
{
    if (!r->complained)
        log_warn("scheduler", "the node does not take reports; outcomes are kept until it does",
                 LOG_INT("status", response->status), LOG_TEXT("error", response->error));
    r->complained = true;
}

static void on_reported(void *arg, const struct http_client_response *response)
{
    struct reporter *r = arg;
    bool taken = is_muster(response);
    bool stranger = !taken && response->status && response->status != 429 && response->status < 500;
    r->sending = true; /* so that settle starts nothing */
    settle(r, taken);
    r->sending = false;
    if (taken) {
        r->scheduler->rows_dropped -= r->sent_dropped;
        r->scheduler->state_errors -= r->sent_errors;
        r->retry_ms = RETRY_FIRST_MS;
        r->complained = false;
        if (!r->known)
            poll_commands(r, 0);
        r->known = true;
    } else {
        complain(r, response);
    }
    if (r->changed_count > 0 && !(r->stopping && !taken))
        schedule_report(r, taken ? 0 : stranger ? STRANGER_MS : r->retry_ms);
    if (!taken)
        r->retry_ms = MIN(2 * r->retry_ms, RETRY_MAX_MS);
}

static void request(struct reporter *r, const char *method, const char *path, struct str body,
                    int64_t timeout_us, void (*on_done)(void *, const struct http_client_response *))
{
    const struct firing_target *t = &r->scheduler->target;
    struct buf url = BUF_INIT, authorization = BUF_INIT;
    buf_printf(&url, "%s%s", t->node_url, path);
    if (t->token)
        buf_printf(&authorization, "Authorization: Bearer %s", t->token);
    const char *headers[] = {"Content-Type: application/json", t->token ? authorization.p : NULL, NULL};
    const struct http_client_request q = {.method = method,
                                          .url = url.p,
                                          .headers = headers,
                                          .body = body,
                                          .timeout_us = timeout_us,
                                          .unix_socket = t->unix_socket};
    http_client_send(t->client, &q, on_done, r);
    buf_deinit(&url);
    buf_deinit(&authorization);
}

static void on_timer(uv_timer_t *timer)
{
    struct reporter *r = CONTAINER_OF(timer, struct reporter, timer);
    struct buf body = BUF_INIT;
    struct json_writer w;
    if (r->sending || r->changed_count == 0)
        return;
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_text(&w, "instance", r->scheduler->instance);
    r->sent_dropped = r->scheduler->rows_dropped;
    r->sent_errors = r->scheduler->state_errors;
    json_kv_i64(&w, "rows_dropped", r->sent_dropped);
    json_kv_i64(&w, "state_errors", r->sent_errors);
    put_jobs(r, &w);
    put_runs(r, &w);
    json_object_end(&w);
    r->sending = true;
    request(r, "POST", "/api/v1/schedules/report", buf_str(&body), REPORT_TIMEOUT_US, on_reported);
    buf_deinit(&body);
}

static void schedule_report(struct reporter *r, int64_t ms)
{
    (void)uv_timer_start(&r->timer, on_timer, (uint64_t)ms, 0);
}

/* -- commands -- */

static void apply_pauses(struct reporter *r, const json_t *paused)
{
    struct scheduler *s = r->scheduler;
    bool *wanted = xcalloc(s->table.count + 1, sizeof(*wanted));
    size_t i, job;
    const json_t *name;
    json_array_foreach(paused, i, name) if (json_is_string(name) &&
                                            scheduler_find(s, str_of(json_string_value(name)), &job))
        wanted[job] = true;
    for (job = 0; job < s->table.count; job++)
        scheduler_pause(s, job, wanted[job]);
    free(wanted);
}

static void apply_runs(struct reporter *r, const json_t *runs)
{
    size_t i;
    const json_t *run;
    json_array_foreach(runs, i, run)
    {
        const char *name = json_string_value(json_object_get(run, "name"));
        const char *at = json_string_value(json_object_get(run, "at"));
        int64_t at_us;
        if (name && at && clock_parse_rfc3339(str_of(at), &at_us))
            scheduler_run_now(r->scheduler, str_of(name), at_us);
    }
}

static void on_commands(void *arg, const struct http_client_response *response)
{
    struct reporter *r = arg;
    r->polling = false;
    if (r->stopping)
        return;
    json_t *json = response->status == 200 ? json_loadb(response->body.p, response->body.n, 0, NULL) : NULL;
    const json_t *after = json_object_get(json, "after"), *paused = json_object_get(json, "paused");
    bool ok = json_is_integer(after) && json_is_array(paused);
    if (ok) {
        apply_pauses(r, paused);
        apply_runs(r, json_object_get(json, "run"));
        r->after = json_integer_value(after);
    }
    json_decref(json);
    poll_commands(r, ok ? 0 : RETRY_MAX_MS / 12);
}

static void on_poll_timer(uv_timer_t *timer)
{
    struct reporter *r = CONTAINER_OF(timer, struct reporter, poll_timer);
    struct buf path = BUF_INIT;
    buf_printf(&path, "/api/v1/schedules/commands?wait_s=%d", WAIT_S);
    if (r->after >= 0)
        buf_printf(&path, "&after=%lld", (long long)r->after);
    r->polling = true;
    request(r, "GET", path.p, (struct str){0}, (WAIT_S + 15) * USEC_PER_SEC, on_commands);
    buf_deinit(&path);
}

static void poll_commands(struct reporter *r, int64_t delay_ms)
{
    if (!r->stopping && !r->polling)
        (void)uv_timer_start(&r->poll_timer, on_poll_timer, (uint64_t)delay_ms, 0);
}

/* -- life -- */

struct reporter *reporter_new(struct scheduler *s)
{
    struct reporter *r = xnew(struct reporter);
    r->scheduler = s;
    r->retry_ms = RETRY_FIRST_MS;
    r->after = -1; /* what was asked for before this start is no business of ours */
    (void)uv_timer_init(&s->loop, &r->timer);
    (void)uv_timer_init(&s->loop, &r->poll_timer);
    return r;
}

void reporter_stop(struct reporter *r)
{
    r->stopping = true;
    (void)uv_timer_stop(&r->poll_timer);
    if (r->known && r->changed_count > 0 && !r->sending)
        schedule_report(r, 0);
    else if (!r->known)
        (void)uv_timer_stop(&r->timer);
}

bool reporter_is_idle(const struct reporter *r)
{
    return !r->known || (!r->sending && !uv_is_active((const uv_handle_t *)&r->timer));
}

static void on_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_timer_t *)handle, struct reporter, poll_timer));
}

struct reporter *reporter_free(struct reporter *r)
{
    if (!r)
        return NULL;
    r->stopping = true;
    free(r->changed);
    r->changed = NULL;
    r->changed_count = r->changed_capacity = 0;
    uv_close((uv_handle_t *)&r->timer, NULL);
    uv_close((uv_handle_t *)&r->poll_timer, on_closed);
    return NULL;
}
