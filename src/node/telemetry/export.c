#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "node/telemetry/telemetry_internal.h"

#define EXPORT_MAX 10000
#define LIST_MAX 200

struct asking { /* a request that the store answers */
    struct store_op op;
    struct telemetry *telemetry;
    struct http_request *request;
    struct telemetry_cutting cutting;
    struct telemetry_view view;
    const char *url;
    char key_hash[HASH_SHA256_HEX];
    const char *content_type;
    struct buf body;
};

static void answered(struct store_op *op)
{
    struct asking *a = CONTAINER_OF(op, struct asking, op);
    if (op->rc != 0)
        http_reply_err(a->request, &op->err);
    else
        http_reply_body(a->request, 200, a->content_type, &a->body);
    buf_deinit(&a->body);
    a->telemetry->operations--;
    free(a);
}

static struct asking *ask(struct http_request *r, struct telemetry *t,
                          int (*run)(struct store_op *, struct db *, struct err *))
{
    struct asking *a = xnew(struct asking);
    a->telemetry = t;
    a->request = r;
    a->content_type = "application/json";
    a->url = t->config->telemetry_hub_url;
    buf_init(&a->body);
    telemetry_cutting_of(t, &a->cutting);
    telemetry_view(t, &a->view);
    a->op.run = run;
    a->op.done = answered;
    t->operations++;
    return a;
}

/* -- the next body -- */

/* Writes: the instance's id and epoch are made by who asks first. */
static int show_run(struct store_op *op, struct db *db, struct err *e)
{
    struct asking *a = CONTAINER_OF(op, struct asking, op);
    return telemetry_next_body(&a->cutting, db, op->now_us, &a->body, e);
}

void telemetry_handle_show(struct http_request *r, struct telemetry *t)
{
    store_write(t->store, &ask(r, t, show_run)->op);
}

/* -- how it stands -- */

static void put_window(struct json_writer *w, const struct telemetry_window *row)
{
    json_object_begin(w);
    json_kv_text(w, "epoch", row->epoch);
    json_kv_i64(w, "window_no", row->window_no);
    json_kv_time_or_null(w, "window_start", true, row->start_us);
    json_kv_time_or_null(w, "window_end", true, row->end_us);
    json_kv_text(w, "state", row->state);
    json_kv_i64(w, "tries", row->tries);
    json_kv_i64_or_null(w, "status", row->status != 0, row->status);
    json_kv_text(w, "error", row->error);
    json_object_end(w);
}

static int put_windows(struct json_writer *w, struct db *db, const char *state, struct arena *a,
                       struct err *e)
{
    struct telemetry_window *rows = NULL;
    size_t count = 0;
    int rc = telemetry_list(db, state, 0, LIST_MAX, a, &rows, &count, e);
    for (size_t i = 0; rc == 0 && i < count; i++)
        put_window(w, &rows[i]);
    return rc;
}

static void put_state(struct json_writer *w, const struct asking *a)
{
    static const char *const states[] = {"off", "ok", "retrying", "fault"};
    json_kv_text(w, "state", states[a->view.state]);
    json_kv_text(w, "reason", a->view.why);
    json_kv_text(w, "hub_url", a->url[0] ? a->url : NULL);
    json_key(w, "interval_seconds");
    json_micros(w, a->cutting.rules.interval_us);
    json_key(w, "lag_seconds");
    if (a->view.state == TELEMETRY_OFF)
        json_null_value(w);
    else
        json_micros(w, a->view.lag_us);
    json_kv_bool(w, "licence_only", a->cutting.head.licence_only);
    json_kv_i64(w, "pending", a->view.pending);
    json_kv_i64(w, "rejected", a->view.rejected);
}

static int status_run(struct store_op *op, struct db *db, struct err *e)
{
    struct asking *a = CONTAINER_OF(op, struct asking, op);
    struct telemetry_identity id;
    struct json_writer w;
    struct arena arena;
    arena_init(&arena);
    int rc = telemetry_identity(db, a->cutting.given_id[0] ? a->cutting.given_id : NULL, a->cutting.place,
                                &arena, &id, e);
    json_init(&w, &a->body);
    json_object_begin(&w);
    put_state(&w, a);
    json_kv_text(&w, "instance_id", rc == 0 ? id.instance_id : NULL);
    json_kv_text(&w, "epoch", rc == 0 ? id.epoch : NULL);
    json_key(&w, "windows");
    json_array_begin(&w);
    static const char *const states[] = {"rejected", "taken", "pending"};
    for (size_t i = 0; rc == 0 && i < COUNT_OF(states); i++)
        rc = put_windows(&w, db, states[i], &arena, e);
    json_array_end(&w);
    json_object_end(&w);
    arena_reset(&arena);
    return rc;
}

void telemetry_handle_status(struct http_request *r, struct telemetry *t)
{
    struct asking *a = ask(r, t, status_run);
    store_write(t->store, &a->op);
}

/* -- a file -- */

static void put_line(struct asking *a, const char *body)
{
    char signature[HASH_SHA256_HEX];
    struct json_writer w;
    hash_hmac_sha256_hex(str_of(a->key_hash), str_of(body), signature);
    json_init(&w, &a->body);
    json_object_begin(&w);
    json_kv_text(&w, "instance_id", a->cutting.instance_id);
    json_kv_text(&w, "body", body);
    json_kv_text(&w, "signature", signature);
    json_object_end(&w);
    buf_add_char(&a->body, '\n');
}

#define EXPORTED_KEPT_US (INT64_C(90) * 86400 * USEC_PER_SEC)

static int put_reports(struct asking *a, struct db *db, const char *state, int64_t now_us, struct err *e)
{
    struct telemetry_window *rows = NULL;
    struct arena arena;
    size_t count = 0;
    arena_init(&arena);
    int rc = telemetry_list(db, state, 0, EXPORT_MAX, &arena, &rows, &count, e);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (now_us - rows[i].created_at > EXPORTED_KEPT_US && strcmp(state, "exported") == 0)
            continue;
        put_line(a, rows[i].payload);
        rc = telemetry_settle(db, rows[i].id, "exported", false, 0, NULL, now_us, e);
    }
    arena_reset(&arena);
    return rc;
}

/* What waits goes into the file, with what was not due yet and what earlier files had: a file may be lost,
 * and what the hub gets twice it counts once. */
static int export_run(struct store_op *op, struct db *db, struct err *e)
{
    struct asking *a = CONTAINER_OF(op, struct asking, op);
    struct telemetry_position p;
    int rc = telemetry_cut_due(&a->cutting, db, op->now_us, op->store, &p, e);
    if (rc == 0)
        rc = put_reports(a, db, "exported", op->now_us, e);
    return rc ? rc : put_reports(a, db, "pending", op->now_us, e);
}

void telemetry_handle_export(struct http_request *r, struct telemetry *t)
{
    const char *key = t->config->telemetry_api_key;
    if (!key[0]) {
        http_reply_problem(r, 409, NULL, "there is no telemetry.api_key to sign reports with");
        return;
    }
    struct asking *a = ask(r, t, export_run);
    hash_sha256_hex(str_of(key), a->key_hash);
    a->cutting.at_once = true;
    a->content_type = "application/x-ndjson";
    store_write(t->store, &a->op);
}
