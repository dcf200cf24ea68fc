#include "node/api/api.h"

#include "base/hash.h"
#include "store/idempotency.h"

/* -- an operation that answers -- */

static int op_run(struct store_op *op, struct db *db, struct err *e)
{
    struct api_op *api = CONTAINER_OF(op, struct api_op, op);
    json_init(&api->json, &api->body);
    return api->work(api, db, e);
}

static void op_done(struct store_op *op)
{
    struct api_op *api = CONTAINER_OF(op, struct api_op, op);
    if (op->rc == 0 && api->after && !api->replayed)
        api->after(api);
    if (api->location)
        http_add_header(api->request, "Location", api->location);
    if (api->next)
        http_add_header(api->request, "Link", api->next);
    if (api->replayed)
        http_add_header(api->request, "Idempotent-Replayed", "true");
    if (op->rc != 0)
        http_reply_err(api->request, &op->err);
    else if (api->body.n == 0)
        http_reply_empty(api->request, api->status);
    else
        http_reply_json(api->request, api->status, &api->body);
    buf_deinit(&api->body);
    free(api);
}

struct api_op *api_op_new(struct http_request *r, struct node *n,
                          int (*work)(struct api_op *, struct db *, struct err *))
{
    struct api_op *api = xnew(struct api_op);
    api->node = n;
    api->request = r;
    api->config = n->config;
    api->arena = http_arena(r);
    api->status = 200;
    api->work = work;
    api->op.run = op_run;
    api->op.done = op_done;
    buf_init(&api->body);
    return api;
}

void api_write(struct api_op *op)
{
    store_write(op->node->store, &op->op);
}

void api_read(struct api_op *op)
{
    store_read(op->node->store, &op->op);
}

/* -- input -- */

bool api_body(struct http_request *r, void *ret)
{
    struct err e = {0};
    struct str body = http_body(r);
    const struct http_route *route = http_route(r);
    if (body.n == 0 && route->body_optional)
        return true;
    if (json_fields_decode(route->body, body, http_arena(r), ret, &e) == 0)
        return true;
    http_reply_err(r, &e);
    return false;
}

bool api_page(struct http_request *r, int64_t *ret_limit, int64_t *ret_after)
{
    return http_query_i64(r, "limit", 1, API_LIMIT_MAX, API_LIMIT_DEFAULT, ret_limit) &&
           http_query_i64(r, "after", 0, INT64_MAX, 0, ret_after);
}

/* What stands in a Link header between < and >; the rest was escaped by the caller already. */
static void add_pair(struct buf *out, struct str pair)
{
    for (size_t i = 0; i < pair.n; i++) {
        char c = pair.p[i];
        if (c > ' ' && c < 0x7f && !strchr("<>\"", c))
            buf_add_char(out, c);
        else
            buf_printf(out, "%%%02X", (unsigned char)c);
    }
    buf_add_char(out, '&');
}

void api_next_page(struct api_op *op, int64_t limit, size_t count, int64_t last_id)
{
    struct buf url = BUF_INIT;
    struct str rest = http_query_string(op->request), pair;
    if ((int64_t)count < limit)
        return;
    while (rest.p && str_split(&rest, '&', &pair))
        if (pair.n > 0 && !str_starts_with(pair, STR("limit=")) && !str_starts_with(pair, STR("after=")))
            add_pair(&url, pair);
    op->next = arena_printf(op->arena, "<%.*s?%slimit=%lld&after=%lld>; rel=\"next\"",
                            STR_ARG(http_path(op->request)), url.n ? url.p : "", (long long)limit,
                            (long long)last_id);
    buf_deinit(&url);
}

static bool query_choice(struct http_request *r, const char *name, const char *yes, const char *no, bool *ret)
{
    struct str value;
    CLEANUP(buf_deinit) struct buf pointer = BUF_INIT;
    bool given = http_query(r, name, &value);
    if (given && !str_equal(value, str_of(yes)) && !str_equal(value, str_of(no))) {
        buf_printf(&pointer, "/%s", name);
        http_reply_problem(r, 400, pointer.p, "%s must be %s or %s", name, yes, no);
        return false;
    }
    *ret = given && str_equal(value, str_of(yes));
    return true;
}

bool api_query_flag(struct http_request *r, const char *name, bool *ret)
{
    return query_choice(r, name, "true", "false", ret);
}

bool api_query_newest(struct http_request *r, bool *ret)
{
    return query_choice(r, "order", "newest", "oldest", ret);
}

const char *api_query_text(struct http_request *r, const char *name)
{
    struct str value;
    return http_query(r, name, &value) && value.n ? arena_strdup(http_arena(r), value) : NULL;
}

const char *api_text(struct api_op *op, struct str s)
{
    return s.p ? arena_strdup(op->arena, s) : NULL;
}

/* -- Idempotency-Key -- */

#define IDEMPOTENCY_KEY_MAX 255

struct idempotency {
    struct str key, scope;
    char hash[HASH_SHA256_HEX];
};

/* The scope holds the caller, so that one cannot read the answer of another. */
static bool idempotency_of(struct api_op *op, struct idempotency *ret)
{
    ret->key = http_header(op->request, "Idempotency-Key");
    if (ret->key.n == 0)
        return false;
    ret->scope = str_of(
        arena_printf(op->arena, "%s %s", http_route(op->request)->pattern, http_caller(op->request)->actor));
    hash_sha256_hex(http_body(op->request), ret->hash);
    return true;
}

int api_replay(struct api_op *op, struct db *db, struct err *e)
{
    struct idempotency i;
    struct str body;
    if (!idempotency_of(op, &i))
        return 0;
    if (i.key.n > IDEMPOTENCY_KEY_MAX)
        return err_set(e, ERR_BAD_REQUEST, -EINVAL, "Idempotency-Key is longer than %d bytes",
                       IDEMPOTENCY_KEY_MAX);
    int rc =
        idempotency_get(db, i.key, i.scope, str_of(i.hash), op->op.now_us, op->arena, &op->status, &body, e);
    if (rc == IDEMPOTENCY_E_ABSENT)
        return 0;
    if (rc == IDEMPOTENCY_E_MISMATCH)
        return err_set(e, ERR_INVALID, -EINVAL,
                       "this Idempotency-Key was used with another body; use a new one");
    if (rc != 0)
        return rc;
    buf_clear(&op->body);
    buf_add_str(&op->body, body);
    op->replayed = true;
    return 1;
}

int api_remember(struct api_op *op, struct db *db, struct err *e)
{
    struct idempotency i;
    if (!idempotency_of(op, &i))
        return 0;
    return idempotency_put(db, i.key, i.scope, str_of(i.hash), op->status, buf_str(&op->body), op->op.now_us,
                           e);
}

/* -- routes -- */

struct http_route *api_all_routes(size_t *ret_count)
{
    static const struct api_routes *const tables[] = {
        /* clang-format off */
        &api_status_routes,
        &api_health_routes,
        &api_tasks_routes,
        &api_jobs_routes,
        &api_leases_routes,
        &api_runs_routes,
        &api_agents_routes,
        &api_profiles_routes,
        &api_sessions_routes,
        &api_words_routes,
        &api_queue_routes,
        &api_tokens_routes,
        &api_audit_routes,
        &api_bus_routes,
        &api_workers_routes,
        &api_schedules_routes,
        &api_verification_routes,
        &api_processors_routes,
        &api_scripts_routes,
        &api_usage_routes,
        &api_session_event_routes,
        &api_session_admin_routes, &api_knowledge_routes,
        &api_console_routes,
        &api_telemetry_routes,
        /* clang-format on */
    };
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        count += tables[i]->count;
    struct http_route *all = xcalloc(count, sizeof(*all));
    size_t used = 0;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        memcpy(all + used, tables[i]->routes, tables[i]->count * sizeof(*all));
        used += tables[i]->count;
    }
    *ret_count = count;
    return all;
}
