#include "node/operations.h"

#include "base/clock.h"
#include "base/json.h"

struct operation {
    char id[OPERATION_ID_MAX];
    const char *kind;
    bool ended;
    char *error, *result, *details;        /* NULL: none */
    char *actor, *action, *correlation_id; /* of the request that was answered 202; NULL: none was */
    int64_t started_us, ended_us;
};

struct operations {
    struct operation list[OPERATIONS_KEPT]; /* a ring; the oldest that has ended gives way */
    int64_t start_us, count;
    void (*on_end)(void *context, const struct operation_told *t);
    void *context;
};

struct operations *operations_new(void (*on_end)(void *context, const struct operation_told *t),
                                  void *context)
{
    struct operations *o = xnew(struct operations);
    o->on_end = on_end;
    o->context = context;
    o->start_us = clock_wall_us();
    return o;
}

static void clear(struct operation *op)
{
    free(op->actor);
    free(op->action);
    free(op->correlation_id);
    free(op->details);
    free(op->error);
    free(op->result);
    *op = (struct operation){0};
}

struct operations *operations_free(struct operations *o)
{
    for (size_t i = 0; o && i < OPERATIONS_KEPT; i++)
        clear(&o->list[i]);
    free(o);
    return NULL;
}

static struct operation *running(const struct operations *o, const char *kind)
{
    for (size_t i = 0; i < OPERATIONS_KEPT; i++) {
        const struct operation *op = &o->list[i];
        if (op->kind && !op->ended && strcmp(op->kind, kind) == 0)
            return (struct operation *)(uintptr_t)op;
    }
    return NULL;
}

static struct operation *find(const struct operations *o, struct str id)
{
    for (size_t i = 0; i < OPERATIONS_KEPT; i++)
        if (o->list[i].kind && str_equal(id, str_of(o->list[i].id)))
            return (struct operation *)(uintptr_t)&o->list[i];
    return NULL;
}

/* There are fewer kinds than places, so one is free or has ended. */
static struct operation *oldest_place(struct operations *o)
{
    struct operation *best = NULL;
    for (size_t i = 0; i < OPERATIONS_KEPT; i++) {
        struct operation *op = &o->list[i];
        if (!op->kind)
            return op;
        if (op->ended && (!best || op->ended_us < best->ended_us))
            best = op;
    }
    assert(best);
    return best;
}

const char *operation_begin(struct operations *o, const char *kind)
{
    if (running(o, kind))
        return NULL;
    struct operation *op = oldest_place(o);
    clear(op);
    op->kind = kind;
    op->started_us = clock_wall_us();
    (void)snprintf(op->id, sizeof(op->id), "%llx-%lld", (unsigned long long)o->start_us,
                   (long long)++o->count);
    return op->id;
}

static void tell_end(const struct operations *o, const struct operation *op)
{
    const struct operation_told told = {.id = op->id,
                                        .actor = op->actor,
                                        .action = op->action,
                                        .correlation_id = op->correlation_id,
                                        .error = op->error,
                                        .details = op->details,
                                        .duration_us = MAX(op->ended_us - op->started_us, 0)};
    if (op->ended && op->action && o->on_end)
        o->on_end(o->context, &told);
}

void operation_note(struct operations *o, const char *id, struct str details)
{
    struct operation *op = find(o, str_of(id));
    assert(op && !op->ended);
    free(op->details);
    op->details = str_dup(details);
}

void operation_end(struct operations *o, const char *id, const char *error, struct str result)
{
    struct operation *op = find(o, str_of(id));
    assert(op && !op->ended);
    op->ended = true;
    op->ended_us = clock_wall_us();
    op->error = error ? xstrdup(error) : NULL;
    op->result = result.n ? str_dup(result) : NULL;
    tell_end(o, op);
}

const char *operation_running(const struct operations *o, const char *kind)
{
    const struct operation *op = running(o, kind);
    return op ? op->id : NULL;
}

bool operation_wants_async(const struct http_request *r)
{
    struct str rest = http_header(r, "Prefer"), part;
    while (rest.n && str_split(&rest, ',', &part)) {
        struct str word;
        (void)str_split(&part, ';', &word);
        if (str_equal_nocase(str_trim(word), STR("respond-async")))
            return true;
    }
    return false;
}

/* One that had nothing to do has ended already. */
static void take_request(struct operations *o, struct http_request *r, const char *id)
{
    struct operation *op = find(o, str_of(id));
    const struct http_route *route = http_route(r);
    struct buf details = BUF_INIT;
    assert(op && !op->action);
    op->actor = xstrdup(http_caller(r)->actor);
    op->action = str_dup(route ? str_of(route->pattern) : http_path(r));
    op->correlation_id = xstrdup(http_request_id(r));
    buf_printf(&details, "{\"run_id\":\"%s\"}", id);
    http_note_details(r, buf_str(&details));
    buf_deinit(&details);
    tell_end(o, op);
}

void operation_reply_accepted(struct operations *o, struct http_request *r, const char *id)
{
    take_request(o, r, id);
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_text(&w, "run_id", id);
    json_kv_text(&w, "state", "running");
    json_object_end(&w);
    http_add_header(r, "Location", arena_printf(http_arena(r), "/api/v1/operations/%s", id));
    http_reply_json(r, 202, &body);
}

void operation_reply_busy(const struct operations *o, struct http_request *r, const char *kind)
{
    const char *id = operation_running(o, kind);
    http_reply_problem(r, 409, NULL, "busy: %s is under way since an earlier request, as run %s", kind,
                       id ? id : "?");
}

void operation_reply(const struct operations *o, struct http_request *r, struct str id)
{
    const struct operation *op = find(o, id);
    struct buf body = BUF_INIT;
    struct json_writer w;
    if (!op) {
        http_reply_problem(r, 404, NULL, "there is no operation %.*s of this start of the node", STR_ARG(id));
        return;
    }
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_text(&w, "run_id", op->id);
    json_kv_text(&w, "kind", op->kind);
    json_kv_text(&w, "state", !op->ended ? "running" : op->error ? "failed" : "done");
    json_kv_time_or_null(&w, "started_at", true, op->started_us);
    json_kv_time_or_null(&w, "ended_at", op->ended, op->ended_us);
    json_kv_text(&w, "error", op->error);
    json_key(&w, "result");
    if (op->result)
        json_raw(&w, str_of(op->result));
    else
        json_null_value(&w);
    json_object_end(&w);
    http_reply_json(r, 200, &body);
}
