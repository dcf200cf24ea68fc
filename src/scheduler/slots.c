#include "scheduler/scheduler_internal.h"

#include "base/clock.h"
#include "base/log.h"

/* -- rows for the ledger -- */

void slots_add_row(struct scheduler *s, size_t job, const struct ledger_row *row)
{
    struct slot *slot = &s->slots[job];
    if (slot->row_count >= SLOT_ROWS_MAX && slot->rows_sent == 0) {
        memmove(slot->rows, slot->rows + 1, (slot->row_count - 1) * sizeof(*slot->rows));
        slot->row_count--;
        s->rows_dropped++;
    }
    slot->rows = xrealloc(slot->rows, (slot->row_count + 1) * sizeof(*slot->rows));
    slot->rows[slot->row_count++] = *row;
    state_file_touch(s->state, job);
    reporter_changed(s->reporter, job);
}

void slots_drop_sent(struct scheduler *s, size_t job)
{
    struct slot *slot = &s->slots[job];
    size_t left = slot->row_count - slot->rows_sent;
    if (slot->rows_sent == 0)
        return;
    memmove(slot->rows, slot->rows + slot->rows_sent, left * sizeof(*slot->rows));
    slot->row_count = left;
    slot->rows_sent = 0;
    if (left == 0) {
        free(slot->rows);
        slot->rows = NULL;
    }
    state_file_touch(s->state, job);
}

static void on_outcome(void *arg, size_t job, const struct schedule_row *row)
{
    struct ledger_row entry = {.instant = *row, .trigger = "schedule", .at_us = row->due_us};
    slots_add_row(arg, job, &entry);
}

/* -- firings -- */

static void set_text(char **to, const char *text)
{
    free(*to);
    *to = text && text[0] ? xstrdup(text) : NULL;
}

static const char *status_word(const struct firing_result *r)
{
    return r->outcome == SCHEDULE_REFUSED_BUSY     ? "busy"
           : r->outcome == SCHEDULE_REFUSED_BUDGET ? "refused"
           : r->ok                                 ? "ok"
                                                   : "failed";
}

/* A job that goes on failing in the same way says so once; its rows and its state tell each time. */
static void log_end(const struct scheduler *s, size_t job, const struct firing_result *r)
{
    const char *name = s->table.jobs[job].name, *before = s->slots[job].last_error;
    if (r->ok || (before && strcmp(before, r->error) == 0))
        log_debug("scheduler", "fired", LOG_TEXT("schedule", name), LOG_INT("status", r->status));
    else
        log_warn("scheduler", r->outcome == SCHEDULE_FIRED ? "a job has failed" : "a job was refused",
                 LOG_TEXT("schedule", name), LOG_INT("attempts", r->attempts), LOG_TEXT("error", r->error));
}

static void on_fired(void *arg, const struct firing_result *result)
{
    struct fired *f = arg;
    struct scheduler *s = f->scheduler;
    size_t job;
    bool is_there = scheduler_find(s, str_of(f->name), &job);
    slots_forget_fired(f);
    if (!is_there)
        return; /* a reload took it away */
    struct slot *slot = &s->slots[job];
    struct ledger_row row = {.instant = {slot->fire_due_us, slot->fire_due_us, 1, result->outcome},
                             .trigger = slot->manual ? "manual" : "schedule",
                             .at_us = slot->fire_at_us,
                             .result = *result,
                             .has_result = true};
    slot->fired = NULL;
    slot->manual = false;
    log_end(s, job, result);
    set_text(&slot->last_status, status_word(result));
    set_text(&slot->last_error, result->error);
    slot->last_end_us = clock_wall_us();
    slot->last_duration_us = result->duration_us;
    slots_add_row(s, job, &row);
    schedule_engine_ended(s->engine, job,
                          result->outcome != SCHEDULE_FIRED ? SCHEDULE_NEITHER
                          : result->ok                      ? SCHEDULE_OK
                                                            : SCHEDULE_FAILED,
                          slot->last_end_us);
    scheduler_turn(s, false);
}

static void on_ahead(void *arg, size_t job)
{
    struct scheduler *s = arg;
    struct slot *slot = &s->slots[job];
    if (s->stopping) /* the next start fires it */
        return;
    if (slot->fired || schedule_engine_state(s->engine, job)->in_flight_us == SCHEDULE_NEVER)
        return;
    struct fired *f = xnew(struct fired);
    f->scheduler = s;
    (void)snprintf(f->name, sizeof(f->name), "%s", s->table.jobs[job].name);
    f->next = s->fired;
    if (f->next)
        f->next->previous = f;
    s->fired = slot->fired = f;
    f->firing = firing_start(&s->target, &s->table.jobs[job], slot->fire_due_us, on_fired, f);
}

void slots_forget_fired(struct fired *f)
{
    *(f->previous ? &f->previous->next : &f->scheduler->fired) = f->next;
    if (f->next)
        f->next->previous = f->previous;
    free(f);
}

static void on_fire(void *arg, size_t job, int64_t due_us, int64_t at_us)
{
    struct scheduler *s = arg;
    struct slot *slot = &s->slots[job];
    slot->fire_due_us = due_us;
    slot->fire_at_us = at_us;
    reporter_changed(s->reporter, job);
    state_file_ahead(s->state, job, on_ahead, s);
}

const struct schedule_engine_ops slots_engine_ops = {on_fire, on_outcome};

/* -- JSON -- */

static void put_time(struct json_writer *w, const char *key, int64_t us)
{
    json_kv_time_or_null(w, key, us != SCHEDULE_NEVER && us != INT64_MAX, us);
}

static void put_row(struct json_writer *w, const struct ledger_row *row)
{
    const struct firing_result *r = &row->result;
    json_object_begin(w);
    put_time(w, "due", row->instant.due_us);
    json_kv_text(w, "outcome", schedule_outcome_name(row->instant.outcome));
    json_kv_text(w, "trigger", row->trigger);
    json_kv_i64(w, "count", row->instant.count);
    put_time(w, "until", row->instant.until_us);
    put_time(w, "started", row->has_result ? r->started_us : SCHEDULE_NEVER);
    json_kv_i64_or_null(w, "lateness_us", row->has_result, MAX(r->started_us - row->at_us, 0));
    json_kv_i64_or_null(w, "duration_us", row->has_result, r->duration_us);
    json_kv_i64_or_null(w, "attempts", row->has_result, r->attempts);
    json_kv_i64_or_null(w, "status", row->has_result && r->status, r->status);
    json_key(w, "ok");
    if (row->has_result && row->instant.outcome == SCHEDULE_FIRED)
        json_bool(w, r->ok);
    else
        json_null_value(w);
    json_kv_text(w, "run_id", r->run_id[0] ? r->run_id : NULL);
    json_kv_text(w, "error", r->error[0] ? r->error : NULL);
    json_object_end(w);
}

void slots_put_rows(struct scheduler *s, size_t job, struct json_writer *w, size_t max)
{
    const struct slot *slot = &s->slots[job];
    json_array_begin(w);
    for (size_t i = 0; i < slot->row_count && i < max; i++)
        put_row(w, &slot->rows[i]);
    json_array_end(w);
}

static void put_common(struct scheduler *s, size_t job, struct json_writer *w)
{
    const struct slot *slot = &s->slots[job];
    const struct schedule_state *state = schedule_engine_state(s->engine, job);
    put_time(w, "last_run", state->last_run_us);
    json_kv_text(w, "last_status", slot->last_status);
    json_kv_text(w, "last_error", slot->last_error);
    put_time(w, "last_end", slot->last_status ? slot->last_end_us : SCHEDULE_NEVER);
    json_kv_i64_or_null(w, "last_duration_us", slot->last_status != NULL, slot->last_duration_us);
    json_kv_i64(w, "consecutive_failures", state->consecutive_failures);
    put_time(w, "next_due", schedule_engine_next_due_us(s->engine, job));
    put_time(w, "in_flight", state->in_flight_us);
    json_kv_bool(w, "paused", state->paused);
}

void slots_put_report(struct scheduler *s, size_t job, struct json_writer *w)
{
    const struct schedule_job *j = &s->table.jobs[job];
    json_object_begin(w);
    json_kv_text(w, "name", j->name);
    json_kv_text(w, "when", j->when_text);
    json_kv_text(w, "zone", j->zone_name);
    json_kv_text(w, "method", j->method);
    json_kv_text(w, "path", j->path);
    json_kv_bool(w, "builtin", j->builtin);
    put_common(s, job, w);
    json_object_end(w);
}

static void render(void *arg, size_t job, struct json_writer *w)
{
    struct scheduler *s = arg;
    const struct slot *slot = &s->slots[job];
    const struct schedule_state *state = schedule_engine_state(s->engine, job);
    json_object_begin(w);
    put_common(s, job, w);
    put_time(w, "first_seen", state->first_seen_us);
    put_time(w, "handled", state->handled_us);
    put_time(w, "pending", state->pending_us);
    json_kv_bool(w, "manual", slot->manual);
    json_key(w, "rows");
    slots_put_rows(s, job, w, SIZE_MAX);
    json_object_end(w);
}

static const char *name_of(void *arg, size_t job)
{
    const struct scheduler *s = arg;
    return s->table.jobs[job].name;
}

static void trouble(void *arg, const char *what)
{
    struct scheduler *s = arg;
    s->state_errors++;
    log_error("scheduler", "state", LOG_TEXT("error", what));
}

/* -- reading them back -- */

struct restored { /* of one name in the state file */
    struct schedule_state state;
    struct slot slot;
};

static int64_t time_at(const json_t *object, const char *key)
{
    int64_t us;
    const char *text = json_string_value(json_object_get(object, key));
    return text && clock_parse_rfc3339(str_of(text), &us) ? us : SCHEDULE_NEVER;
}

static int64_t integer_at(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool read_row(const json_t *json, struct ledger_row *ret)
{
    const char *outcome = text_at(json, "outcome"), *trigger = text_at(json, "trigger");
    struct ledger_row row = {.trigger = trigger && strcmp(trigger, "manual") == 0 ? "manual" : "schedule"};
    row.instant.due_us = time_at(json, "due");
    row.instant.until_us = time_at(json, "until");
    row.instant.count = MAX(integer_at(json, "count"), 1);
    row.result.started_us = time_at(json, "started");
    row.has_result = row.result.started_us != SCHEDULE_NEVER;
    row.at_us = row.result.started_us - (row.has_result ? integer_at(json, "lateness_us") : 0);
    row.result.duration_us = integer_at(json, "duration_us");
    row.result.attempts = integer_at(json, "attempts");
    row.result.status = (int)integer_at(json, "status");
    row.result.ok = json_is_true(json_object_get(json, "ok"));
    (void)snprintf(row.result.run_id, FIRING_TEXT_MAX, "%s",
                   text_at(json, "run_id") ? text_at(json, "run_id") : "");
    (void)snprintf(row.result.error, FIRING_TEXT_MAX, "%s",
                   text_at(json, "error") ? text_at(json, "error") : "");
    *ret = row;
    return row.instant.due_us != SCHEDULE_NEVER && outcome &&
           schedule_outcome_of(str_of(outcome), &ret->instant.outcome);
}

static void found(void *arg, struct str name, const json_t *value)
{
    struct scheduler *s = arg;
    struct restored *r = xnew(struct restored);
    r->state = (struct schedule_state){.first_seen_us = time_at(value, "first_seen"),
                                       .last_run_us = time_at(value, "last_run"),
                                       .handled_us = time_at(value, "handled"),
                                       .in_flight_us = time_at(value, "in_flight"),
                                       .pending_us = time_at(value, "pending"),
                                       .consecutive_failures = integer_at(value, "consecutive_failures"),
                                       .paused = json_is_true(json_object_get(value, "paused"))};
    set_text(&r->slot.last_status, text_at(value, "last_status"));
    set_text(&r->slot.last_error, text_at(value, "last_error"));
    r->slot.last_end_us = time_at(value, "last_end");
    r->slot.last_duration_us = integer_at(value, "last_duration_us");
    r->slot.manual = json_is_true(json_object_get(value, "manual"));
    const json_t *rows = json_object_get(value, "rows");
    r->slot.rows = xcalloc(json_array_size(rows), sizeof(*r->slot.rows));
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (read_row(json_array_get(rows, i), &r->slot.rows[r->slot.row_count]))
            r->slot.row_count++;
    struct restored *older = map_put(&s->restored, name, r);
    if (older)
        slots_free(&older->slot, 1);
    free(older);
}

const struct state_file_ops slots_state_ops = {render, name_of, found, trouble};

static void free_slot(struct slot *slot)
{
    free(slot->rows);
    free(slot->last_status);
    free(slot->last_error);
}

void slots_free(struct slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free_slot(&slots[i]);
}

void slots_move(struct slot *to, struct slot *from)
{
    *to = *from;
    *from = (struct slot){0};
}

struct schedule_state *slots_take_states(struct scheduler *s)
{
    struct schedule_state *states = xcalloc(s->table.count, sizeof(*states));
    for (size_t i = 0; i < s->table.count; i++) {
        struct restored *r = map_get(&s->restored, str_of(s->table.jobs[i].name));
        states[i] = SCHEDULE_STATE_INIT;
        if (!r)
            continue;
        states[i] = r->state;
        slots_move(&s->slots[i], &r->slot);
    }
    return states;
}

void slots_forget_restored(struct scheduler *s)
{
    struct str name;
    void *value;
    for (size_t at = 0; map_next(&s->restored, &at, &name, &value);) {
        struct restored *r = value;
        slots_free(&r->slot, 1);
        free(r);
    }
    map_deinit(&s->restored);
    map_init(&s->restored);
}
