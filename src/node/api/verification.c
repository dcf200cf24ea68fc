/* /api/v1/verification: what agents claimed, held against what they ran (spec 60 V1). */
#include "core/verification.h"
#include "node/api/api.h"
#include "store/processors.h"

static void put_time(struct json_writer *w, const char *key, int64_t us)
{
    json_kv_time_or_null(w, key, us != 0, us);
}

static void put_session(struct json_writer *w, const struct verification_session *s)
{
    json_kv_text(w, "session_id", s->session_id);
    json_kv_text(w, "session_file", s->session_file);
    json_kv_text(w, "agent", s->agent);
    json_kv_text(w, "verdict", s->verdict);
    json_kv_bool(w, "claims_success", s->claims_success);
    json_kv_bool(w, "edited_since", s->edited_since);
    json_kv_i64(w, "edits", s->edits);
    json_kv_i64(w, "checks", s->checks);
    json_kv_i64(w, "checks_failed", s->checks_failed);
    json_kv_i64(w, "turns", s->turns);
    put_time(w, "first_at", s->first_us);
    put_time(w, "last_at", s->last_us);
    put_time(w, "verified_at", s->verified_us);
}

static void put_evidence(struct json_writer *w, const struct verification_evidence *r)
{
    json_object_begin(w);
    json_kv_text(w, "kind", r->kind);
    json_kv_text(w, "command", r->command);
    json_kv_text(w, "outcome", r->outcome);
    json_kv_i64_or_null(w, "passed", r->passed >= 0, r->passed);
    json_kv_i64_or_null(w, "failed", r->failed >= 0, r->failed);
    json_kv_i64(w, "use_line", r->use_line);
    json_kv_i64(w, "use_block", r->use_block);
    json_kv_i64(w, "number", r->number);
    json_kv_i64_or_null(w, "result_line", r->result_line != 0, r->result_line);
    json_kv_i64_or_null(w, "result_block", r->result_line != 0, r->result_block);
    put_time(w, "at", r->at_us);
    json_kv_text(w, "quote", r->quote);
    json_object_end(w);
}

/* -- GET /api/v1/verification -- */

struct list_input {
    const char *verdict, *after;
    int64_t limit;
};

static int list_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct list_input *in = op->input;
    struct verification_session *rows;
    size_t count;
    int rc = verification_list(db, in->verdict, in->after, in->limit, op->arena, &rows, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "sessions");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&op->json);
        put_session(&op->json, &rows[i]);
        json_object_end(&op->json);
    }
    json_array_end(&op->json);
    json_kv_text(&op->json, "next", (int64_t)count == in->limit ? rows[count - 1].session_file : NULL);
    json_object_end(&op->json);
    return 0;
}

static void list(struct http_request *r, void *context)
{
    struct api_op *op;
    int64_t limit;
    const char *verdict = api_query_text(r, "verdict"), *after = api_query_text(r, "after");
    bool known = !verdict;
    for (int i = 0; i < VERDICTS && !known; i++)
        known = strcmp(verdict, verification_verdict_names[i]) == 0;
    if (!known) {
        http_reply_problem(r, 400, "/verdict", "verdict must be verified, unverified or contradicted");
        return;
    }
    if (!http_query_i64(r, "limit", 1, API_LIMIT_MAX, API_LIMIT_DEFAULT, &limit))
        return;
    op = api_op_new(r, context, list_work);
    struct list_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    *in = (struct list_input){verdict, after ? after : "", limit};
    api_read(op);
}

/* -- GET /api/v1/verification/{session} -- */

static int get_work(struct api_op *op, struct db *db, struct err *e)
{
    struct verification_session s;
    struct verification_evidence *rows;
    size_t count;
    int rc = verification_get(db, op->input, op->arena, &s, &rows, &count, e);
    if (rc == PROCESSOR_E_NEVER_RAN)
        return err_set(e, ERR_NOT_FOUND, rc, "no session of that id has been verified");
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    put_session(&op->json, &s);
    json_key(&op->json, "evidence");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++)
        put_evidence(&op->json, &rows[i]);
    json_array_end(&op->json);
    json_object_end(&op->json);
    return 0;
}

static void get(struct http_request *r, void *context)
{
    struct api_op *op = api_op_new(r, context, get_work);
    op->input = (void *)(uintptr_t)api_text(op, http_param(r, "session"));
    api_read(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/verification", API_VIEWERS, list,
     .summary = "Sessions by what their claims are worth",
     .query = "verdict:string:verified, unverified or contradicted;limit:integer:How many;after:string:From "
              "behind this "
              "session_file on",
     .responses = "200:A page of sessions"},
    {HTTP_GET, "/api/v1/verification/{session}", API_VIEWERS, get,
     .summary = "A session's checks, and how each ended",
     .responses = "200:With its evidence;404:Not verified yet"},
};
const struct api_routes api_verification_routes = {routes, COUNT_OF(routes)};
