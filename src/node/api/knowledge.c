/* /api/v1/knowledge: durable facts, and what people decide about them (spec 60 V2). */
#include "node/api/api.h"
#include "store/knowledge.h"

/* -- how one looks -- */

static void put_evidence(struct json_writer *w, const struct knowledge_item *item)
{
    json_key(w, "evidence");
    json_array_begin(w);
    for (size_t i = 0; i < item->evidence_count; i++) {
        const struct knowledge_evidence *row = &item->evidence[i];
        json_object_begin(w);
        json_kv_text(w, "user", row->user);
        json_kv_text(w, "session", row->session);
        json_kv_text(w, "kind", row->kind);
        json_kv_text(w, "quote", row->quote);
        json_kv_time_or_null(w, "at", true, row->at);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_item(struct json_writer *w, const struct knowledge_item *item)
{
    json_object_begin(w);
    json_kv_i64(w, "id", item->id);
    json_kv_text(w, "kind", item->kind);
    json_kv_text(w, "title", item->title);
    json_kv_text(w, "content", item->content);
    json_kv_text(w, "status", item->status);
    json_kv_micros_or_null(w, "confidence", true, item->confidence_micros);
    json_kv_i64(w, "evidence_count", (int64_t)item->evidence_count);
    put_evidence(w, item);
    json_key(w, "contradicts");
    json_array_begin(w);
    for (size_t i = 0; i < item->contradicts_count; i++)
        json_i64(w, item->contradicts[i]);
    json_array_end(w);
    json_kv_time_or_null(w, "created_at", true, item->created_at);
    json_kv_time_or_null(w, "updated_at", true, item->updated_at);
    json_kv_time_or_null(w, "decided_at", item->decided_at != 0, item->decided_at);
    json_kv_text(w, "decided_by", item->decided_by);
    json_object_end(w);
}

static int absent(int rc, int64_t id, struct err *e)
{
    if (rc == KNOWLEDGE_E_ABSENT)
        return err_set(e, ERR_NOT_FOUND, rc, "there is no item %lld", (long long)id);
    return rc;
}

static int show(struct api_op *op, struct db *db, int64_t id, struct err *e)
{
    struct knowledge_item item;
    int rc = absent(knowledge_get(db, id, op->arena, &item, e), id, e);
    if (rc == 0)
        put_item(&op->json, &item);
    return rc;
}

/* -- reading -- */

struct list_input {
    int64_t after, limit;
    const char *status;
};

static int list_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct list_input *in = op->input;
    struct knowledge_item *items;
    size_t count;
    int rc = knowledge_list(db, in->status, in->after, in->limit, op->arena, &items, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "items");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++)
        put_item(&op->json, &items[i]);
    json_array_end(&op->json);
    json_object_end(&op->json);
    api_next_page(op, in->limit, count, count ? items[count - 1].id : 0);
    return 0;
}

static bool status_fits(struct http_request *r, const char *status)
{
    static const char *const statuses[] = {"pending", "approved", "rejected"};
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (!status || strcmp(status, statuses[i]) == 0)
            return true;
    http_reply_problem(r, 400, "/status", "status=%.60s: pending, approved or rejected is expected", status);
    return false;
}

static void list(struct http_request *r, void *context)
{
    struct list_input in = {.status = api_query_text(r, "status")};
    if (!status_fits(r, in.status) || !api_page(r, &in.limit, &in.after))
        return;
    struct api_op *op = api_op_new(r, context, list_work);
    op->input = arena_alloc(op->arena, sizeof(in));
    *(struct list_input *)op->input = in;
    api_read(op);
}

struct item_input {
    int64_t id;
    const char *status, *actor, *title, *content;
};

static int get_work(struct api_op *op, struct db *db, struct err *e)
{
    return show(op, db, ((const struct item_input *)op->input)->id, e);
}

static struct api_op *item_op(struct http_request *r, void *context,
                              int (*work)(struct api_op *, struct db *, struct err *),
                              const struct item_input *in)
{
    struct api_op *op = api_op_new(r, context, work);
    op->input = arena_alloc(op->arena, sizeof(*in));
    *(struct item_input *)op->input = *in;
    http_note_resource(r, "knowledge/%lld", (long long)in->id);
    return op;
}

static void get(struct http_request *r, void *context)
{
    struct item_input in = {0};
    if (http_param_id(r, "id", &in.id))
        api_read(item_op(r, context, get_work, &in));
}

/* -- deciding -- */

static int decide_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct item_input *in = op->input;
    int rc = absent(knowledge_decide(db, in->id, in->status, in->actor, op->op.now_us, e), in->id, e);
    return rc ? rc : show(op, db, in->id, e);
}

static void decide(struct http_request *r, void *context, const char *status)
{
    struct item_input in = {.status = status};
    char nothing = 0;
    if (!api_body(r, &nothing) || !http_param_id(r, "id", &in.id))
        return;
    in.actor = arena_strdup(http_arena(r), str_of(http_caller(r)->actor));
    api_write(item_op(r, context, decide_work, &in));
}

static void approve(struct http_request *r, void *context)
{
    decide(r, context, "approved");
}

static void reject(struct http_request *r, void *context)
{
    decide(r, context, "rejected");
}

/* -- editing -- */

struct edit_body {
    struct str title, content;
};
static const struct json_field edit_fields[] = {
    {"title", JSON_FIELD_TEXT, offsetof(struct edit_body, title), .min = 1, .max = KNOWLEDGE_TITLE_MAX,
     .doc = "What it is about."},
    {"content", JSON_FIELD_TEXT, offsetof(struct edit_body, content), .min = 1, .max = KNOWLEDGE_CONTENT_MAX,
     .doc = "The statement."},
    {0}};
static const struct json_field no_fields[] = {{0}};

static int edit_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct item_input *in = op->input;
    int rc = knowledge_edit(db, in->id, in->title, in->content, op->op.now_us, e);
    if (rc == KNOWLEDGE_E_TAKEN)
        return err_set(e, ERR_CONFLICT, rc, "another item says that already");
    rc = absent(rc, in->id, e);
    return rc ? rc : show(op, db, in->id, e);
}

static void edit(struct http_request *r, void *context)
{
    struct edit_body body = {0};
    struct item_input in = {0};
    if (!http_param_id(r, "id", &in.id) || !api_body(r, &body))
        return;
    in.title = body.title.p ? arena_strdup(http_arena(r), body.title) : NULL;
    in.content = body.content.p ? arena_strdup(http_arena(r), body.content) : NULL;
    if (!in.title && !in.content)
        http_reply_problem(r, 422, NULL, "title or content is expected");
    else
        api_write(item_op(r, context, edit_work, &in));
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/knowledge", API_VIEWERS, list, .summary = "Durable facts from transcripts",
     .query = "status:string:pending, approved or rejected;limit:integer:At most this many;"
              "after:integer:Ids above this one",
     .responses = "200:Items with their evidence, in order of id"},
    {HTTP_GET, "/api/v1/knowledge/{id}", API_VIEWERS, get, .summary = "One fact",
     .responses = "200:The item;404:There is none"},
    {HTTP_POST, "/api/v1/knowledge/{id}/approve", API_OPERATORS, approve, .body = no_fields,
     .body_optional = true, .summary = "Approve a fact", .responses = "200:The item;404:There is none"},
    {HTTP_POST, "/api/v1/knowledge/{id}/reject", API_OPERATORS, reject, .body = no_fields,
     .body_optional = true, .summary = "Reject a fact", .responses = "200:The item;404:There is none"},
    {HTTP_PATCH, "/api/v1/knowledge/{id}", API_OPERATORS, edit, .body = edit_fields, .summary = "Edit a fact",
     .responses = "200:The item;404:There is none;409:Another item says that"},
};
const struct api_routes api_knowledge_routes = {routes, COUNT_OF(routes)};
