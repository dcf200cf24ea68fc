/* /api/v1/tokens (spec 00 Auth): the secret is in the answer of its creation and nowhere else. */
#include "node/api/api.h"
#include "node/auth.h"
#include "store/tokens.h"

struct token_body {
    struct str name, role, scope;
    int64_t expires_at;
};
static const struct json_field token_fields[] = {
    {"name", JSON_FIELD_TEXT, offsetof(struct token_body, name), .required = true, .min = 1, .max = 60,
     .doc = "Shown in lists and in the audit log."},
    {"role", JSON_FIELD_TEXT, offsetof(struct token_body, role), .required = true,
     .one_of = "admin|operator|agent|viewer|scheduler", .doc = "What it may do."},
    {"scope", JSON_FIELD_TEXT, offsetof(struct token_body, scope), .min = 1, .max = 120,
     .doc = "Subject it is limited to."},
    {"expires_at", JSON_FIELD_TIME, offsetof(struct token_body, expires_at), .doc = "Never without it."},
    {0}};

struct token_input {
    struct token token;
    char secret[80], hash[65];
    int64_t id;
};

static void put_token(struct json_writer *w, const struct token *t)
{
    json_kv_i64(w, "id", t->id);
    json_kv_text(w, "name", t->name);
    json_kv_text(w, "role", t->role);
    json_kv_text(w, "scope", t->scope);
    json_kv_time_or_null(w, "created_at", t->created_at != 0, t->created_at);
    json_kv_time_or_null(w, "expires_at", t->expires_at != 0, t->expires_at);
    json_kv_time_or_null(w, "last_used_at", t->last_used_at != 0, t->last_used_at);
    json_kv_time_or_null(w, "revoked_at", t->revoked_at != 0, t->revoked_at);
}

static int create_work(struct api_op *op, struct db *db, struct err *e)
{
    struct token_input *in = op->input;
    int rc = token_insert(db, &in->token, op->op.now_us, &in->id, e);
    if (rc != 0)
        return rc;
    in->token.id = in->id;
    in->token.created_at = op->op.now_us;
    op->status = 201;
    json_object_begin(&op->json);
    put_token(&op->json, &in->token);
    json_kv_text(&op->json, "token", in->secret);
    json_object_end(&op->json);
    return 0;
}

static void create_after(struct api_op *op)
{
    const struct token_input *in = op->input;
    auth_add(op->node->auth, &in->token);
}

static void create(struct http_request *r, void *context)
{
    struct token_body body = {0};
    if (!api_body(r, &body))
        return;
    if (body.expires_at && body.expires_at <= clock_wall_us()) {
        http_reply_problem(r, 422, "/expires_at", "expires_at is in the past");
        return;
    }
    struct api_op *op = api_op_new(r, context, create_work);
    struct token_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    auth_new_secret(in->secret, in->hash);
    in->token = (struct token){.name = api_text(op, body.name),
                               .role = api_text(op, body.role),
                               .scope = api_text(op, body.scope),
                               .expires_at = body.expires_at,
                               .hash = in->hash};
    http_note_resource(r, "token:%s", in->token.name);
    op->after = create_after;
    api_write(op);
}

static int list_work(struct api_op *op, struct db *db, struct err *e)
{
    struct token *tokens;
    size_t count;
    int rc = token_list(db, op->arena, &tokens, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "tokens");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&op->json);
        put_token(&op->json, &tokens[i]);
        json_object_end(&op->json);
    }
    json_array_end(&op->json);
    json_object_end(&op->json);
    return 0;
}

static void list(struct http_request *r, void *context)
{
    api_read(api_op_new(r, context, list_work));
}

static int revoke_work(struct api_op *op, struct db *db, struct err *e)
{
    int64_t id = *(const int64_t *)op->input;
    int rc = token_revoke(db, id, op->op.now_us, e);
    if (rc == TOKEN_E_ABSENT)
        return err_set(e, ERR_NOT_FOUND, rc, "there is no token %lld", (long long)id);
    op->status = 204;
    return rc;
}

static void revoke_after(struct api_op *op)
{
    auth_remove(op->node->auth, *(const int64_t *)op->input);
}

static void revoke_token(struct http_request *r, void *context)
{
    int64_t id;
    if (!http_param_id(r, "id", &id))
        return;
    http_note_resource(r, "token:%lld", (long long)id);
    struct api_op *op = api_op_new(r, context, revoke_work);
    op->input = arena_alloc(op->arena, sizeof(id));
    *(int64_t *)op->input = id;
    op->after = revoke_after;
    api_write(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/tokens", HTTP_ROLE_ADMIN, list, .summary = "List tokens",
     .responses = "200:Tokens, without their secrets"},
    {HTTP_POST, "/api/v1/tokens", HTTP_ROLE_ADMIN, create, .body = token_fields, .summary = "Create a token",
     .responses = "201:The token with its secret, which is shown this once;422:A field is wrong"},
    {HTTP_DELETE, "/api/v1/tokens/{id}", HTTP_ROLE_ADMIN, revoke_token, .summary = "Revoke a token",
     .responses = "204:It is revoked;404:No such token"},
};
const struct api_routes api_tokens_routes = {routes, COUNT_OF(routes)};
