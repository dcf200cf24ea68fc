/* /api/v1/audit, and the writing of it: every state-changing call, the refused ones too (spec 10 D8). */
#include "node/api/api.h"
#include "base/log.h"
#include "node/operations.h"
#include "store/audit.h"

#define PARAM_BYTES_MAX 200 /* of one that is kept */

struct audit_op {
    struct store_op op;
    struct arena arena;
    struct audit_entry entry;
};

static int audit_run(struct store_op *op, struct db *db, struct err *e)
{
    struct audit_op *a = CONTAINER_OF(op, struct audit_op, op);
    return audit_append(db, &a->entry, op->now_us, e);
}

static void audit_done(struct store_op *op)
{
    struct audit_op *a = CONTAINER_OF(op, struct audit_op, op);
    static struct log_limit limit;
    if (op->rc != 0 && log_limit_allows(&limit, clock_monotonic_us(), 1, 60 * USEC_PER_SEC))
        log_error("api", "a call could not be written to the audit log", LOG_TEXT("action", a->entry.action),
                  LOG_TEXT("error", op->err.text));
    arena_reset(&a->arena);
    free(a);
}

static const char *result_of(int status)
{
    if (status < 400)
        return "success";
    if (status == 401 || status == 403)
        return "denied";
    return status == 409 ? "busy" : "error";
}

/* What the caller asked for, as far as the route declares it: no secret is a parameter of any. */
static const char *params_of(const struct http_request *r, const struct http_route *route, struct arena *a)
{
    struct str rest = str_of(route ? route->query : NULL), row, name, value;
    struct buf params = BUF_INIT;
    struct json_writer w;
    size_t count = 0;
    json_init(&w, &params);
    json_object_begin(&w);
    while (rest.n && str_split(&rest, ';', &row)) {
        (void)str_split(&row, ':', &name);
        const char *text = arena_strdup(a, name);
        if (!http_query(r, text, &value))
            continue;
        json_kv_str(&w, text, (struct str){value.p, MIN(value.n, (size_t)PARAM_BYTES_MAX)});
        count++;
    }
    json_object_end(&w);
    const char *told = count ? arena_strdup(a, buf_str(&params)) : NULL;
    buf_deinit(&params);
    return told;
}

static void append(struct node *n, struct audit_op *a)
{
    a->op.run = audit_run;
    a->op.done = audit_done;
    store_write_soon(n->store, &a->op);
}

static char *kept(struct audit_op *a, const char *text) /* "" is none */
{
    return text && text[0] ? arena_strdup(&a->arena, str_of(text)) : NULL;
}

void api_audit_operation(void *node, const struct operation_told *t)
{
    struct node *n = node;
    if (n->stopping)
        return;
    struct audit_op *a = xnew(struct audit_op);
    arena_init(&a->arena);
    a->entry = (struct audit_entry){.actor = kept(a, t->actor),
                                    .action = arena_printf(&a->arena, "END %s", t->action),
                                    .resource = arena_printf(&a->arena, "operation:%s", t->id),
                                    .result = t->error ? "error" : "success",
                                    .error = kept(a, t->error),
                                    .duration_us = t->duration_us,
                                    .correlation_id = kept(a, t->correlation_id),
                                    .details = kept(a, t->details)};
    append(n, a);
}

void api_audit_reply(void *node, const struct http_request *r, int status, int64_t duration_us)
{
    struct node *n = node;
    const struct http_route *route = http_route(r);
    enum http_method method = http_method(r);
    if (method == HTTP_GET || n->stopping)
        return;
    static const char *const names[] = {
        [HTTP_POST] = "POST", [HTTP_PUT] = "PUT", [HTTP_DELETE] = "DELETE", [HTTP_PATCH] = "PATCH"};
    struct audit_op *a = xnew(struct audit_op);
    arena_init(&a->arena);
    char *path = arena_strdup(&a->arena, http_path(r));
    const char *resource = http_noted_resource(r);
    a->entry = (struct audit_entry){
        .actor = arena_strdup(&a->arena, str_of(http_caller(r)->actor)),
        .action = arena_printf(&a->arena, "%s %s", names[method], route ? route->pattern : path),
        .resource = resource[0] ? arena_strdup(&a->arena, str_of(resource)) : path,
        .result = result_of(status),
        .params = params_of(r, route, &a->arena),
        .error = kept(a, http_noted_error(r)),
        .duration_us = duration_us,
        .correlation_id = arena_strdup(&a->arena, str_of(http_request_id(r))),
        .details = kept(a, http_noted_details(r)),
    };
    append(n, a);
}

struct list_input {
    int64_t after, limit;
};

static void put_json(struct json_writer *w, const char *name, const char *text)
{
    json_key(w, name);
    if (text)
        json_raw(w, str_of(text));
    else
        json_null_value(w);
}

static void put_entry(struct json_writer *w, const struct audit_entry *entry)
{
    json_object_begin(w);
    json_kv_i64(w, "id", entry->id);
    json_kv_time_or_null(w, "at", true, entry->at);
    json_kv_text(w, "actor", entry->actor);
    json_kv_text(w, "action", entry->action);
    json_kv_text(w, "resource", entry->resource);
    put_json(w, "params", entry->params);
    json_kv_text(w, "result", entry->result);
    put_json(w, "details", entry->details);
    json_kv_text(w, "error", entry->error);
    json_kv_i64(w, "duration_us", entry->duration_us);
    json_kv_text(w, "correlation_id", entry->correlation_id);
    json_object_end(w);
}

static int list_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct list_input *in = op->input;
    struct audit_entry *entries;
    size_t count;
    int rc = audit_list(db, in->after, in->limit, op->arena, &entries, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "entries");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++)
        put_entry(&op->json, &entries[i]);
    json_array_end(&op->json);
    json_object_end(&op->json);
    api_next_page(op, in->limit, count, count ? entries[count - 1].id : 0);
    return 0;
}

static void list(struct http_request *r, void *context)
{
    struct list_input page;
    if (!api_page(r, &page.limit, &page.after))
        return;
    struct api_op *op = api_op_new(r, context, list_work);
    struct list_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    *in = page;
    api_read(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/audit", HTTP_ROLE_ADMIN, list, .summary = "The audit log",
     .query = "limit:integer:At most this many;after:integer:Ids above this one",
     .responses = "200:Entries in order of id"},
};
const struct api_routes api_audit_routes = {routes, COUNT_OF(routes)};
