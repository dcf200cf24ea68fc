/* POST /api/v1/instances/{id}/telemetry (spec 80 H8, H9), and reports that come in a file (H16). */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "hub/export_line.h"
#include "hub/hub_internal.h"
#include "hub/report_body.h"
#include "io/counters.h"
#include "io/gzip.h"
#include "store/reports.h"

#define HEADER_KEY "X-Hub-Api-Key"
#define HEADER_JOIN "X-Hub-Join-Token"
#define UNKNOWN_EXPECTED_US (3 * 300 * USEC_PER_SEC)

struct ingest {
    const char *id; /* of the path, or of the line of a file */
    struct str payload;
    char key_hash[HASH_SHA256_HEX];
    bool has_key, may_join,
        trusted; /* trusted: an administrator's import, whose signature is to be checked */
    struct export_line line;
    struct report report;
    int parse_rc;
    struct err parse_err;
    bool was_silent, duplicate; /* found by the store's thread */
};

/* -- who sends -- */

static bool key_fits(const struct instance *i, const char *hash, int64_t now_us, bool *ret_old)
{
    bool now = hash_equal_constant_time(str_of(i->key_hash), str_of(hash));
    bool before = i->old_key_hash && hash_equal_constant_time(str_of(i->old_key_hash), str_of(hash)) &&
                  now_us < i->old_key_until;
    *ret_old = !now && before;
    return now || before;
}

static int unauthorized(struct err *e)
{
    return err_set(e, ERR_UNAUTHORIZED, -EACCES, "the key in " HEADER_KEY " is not this instance's");
}

static int join(struct db *db, const struct ingest *in, int64_t now_us, struct err *e)
{
    struct instance i = {
        .id = in->id, .name = in->id, .key_hash = in->key_hash, .expected_by = now_us + UNKNOWN_EXPECTED_US};
    int rc = instance_insert(db, &i, now_us, e);
    if (rc == INSTANCE_E_EXISTS) /* by another hub, this moment */
        rc = 0;
    return rc ? rc : hub_event_insert(db, in->id, "joined", NULL, now_us, e);
}

static bool signature_fits(const struct ingest *in, const struct instance *i)
{
    return export_line_signed_by(&in->line, i->key_hash) ||
           (i->old_key_hash && export_line_signed_by(&in->line, i->old_key_hash));
}

static int check_sender(const struct ingest *in, struct instance *i, int64_t now_us, struct err *e)
{
    bool old = false;
    if (in->trusted)
        return signature_fits(in, i)
                   ? 0
                   : err_set(e, ERR_INVALID, -EINVAL, "the signature is not this instance's for these bytes");
    if (!key_fits(i, in->key_hash, now_us, &old))
        return unauthorized(e);
    if (!old) { /* the new one has arrived */
        i->old_key_hash = NULL;
        i->old_key_until = 0;
    }
    return 0;
}

/* -- what it says -- */

static void put_ack(struct json_writer *w, const struct report *r, const struct report_taken *t)
{
    json_object_begin(w);
    json_kv_text(w, "instance_id", r->instance_id);
    json_kv_time_or_null(w, "window_start", true, r->window_start_us);
    json_kv_time_or_null(w, "window_end", true, r->window_end_us);
    json_kv_text(w, "epoch", r->epoch);
    json_kv_i64_or_null(w, "window_no", r->window_no != 0, r->window_no);
    json_kv_bool(w, "duplicate", t->duplicate);
    json_kv_bool(w, "overlap", t->overlap);
    json_kv_time_or_null(w, "received_at", true, t->received_at);
    json_key(w, "missing");
    json_array_begin(w);
    for (size_t i = 0; i < t->missing_count; i++)
        json_i64(w, t->missing[i]);
    json_array_end(w);
    json_object_end(w);
}

/* -- several at a time, each instance once -- */

struct round {
    struct db *db;
    int64_t now_us;
    struct arena arena;
    struct hub_op **ops; /* of this round, no two of one instance */
    size_t count;
    struct map instances; /* id -> struct instance, in the arena */
    struct rollup_sums *sums;
    struct report_arrival *arrivals; /* of those in `ops` that have been let in */
    struct hub_op **arrived;
    size_t arrival_count;
};

static struct ingest *input_of(const struct hub_op *op)
{
    return op->input;
}

static int find_instances(struct round *r, struct err *e)
{
    const char **ids = arena_alloc(&r->arena, r->count * sizeof(*ids));
    struct instance *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++)
        ids[i] = input_of(r->ops[i])->id;
    int rc = instance_find(r->db, ids, r->count, &r->arena, &found, &count, e);
    for (size_t i = 0; i < count; i++)
        (void)map_put(&r->instances, str_of(found[i].id), &found[i]);
    return rc;
}

/* Who cannot be understood does not become known by it. */
static int let_in(struct round *r, const struct ingest *in, struct instance **ret, struct err *e)
{
    struct instance *i = map_get(&r->instances, str_of(in->id));
    int rc = 0;
    if (!i && in->may_join && in->parse_rc == 0) {
        i = arena_alloc(&r->arena, sizeof(*i));
        rc = join(r->db, in, r->now_us, e);
        if (rc == 0)
            rc = instance_get(r->db, in->id, &r->arena, i, e);
    }
    *ret = i;
    return rc;
}

/* Who sends must be known, before what is said is told to be wrong. */
static int judge(const struct round *r, const struct ingest *in, struct instance *i, struct err *e)
{
    if (!i && !in->may_join)
        return hub_no_instance(e, in->id);
    int rc = i ? check_sender(in, i, r->now_us, e) : 0;
    if (rc == 0 && in->parse_rc) {
        *e = in->parse_err;
        rc = in->parse_rc;
    }
    return rc;
}

/* What is refused here is refused to one; a store that fails is passed up. */
static int admit(struct round *r, struct hub_op *op, struct err *e)
{
    struct ingest *in = input_of(op);
    struct instance *i = NULL;
    int rc = let_in(r, in, &i, e);
    if (rc)
        return rc;
    op->op.rc = judge(r, in, i, &op->op.err);
    if (op->op.rc)
        return 0;
    in->was_silent = i->silent_since != 0;
    r->arrived[r->arrival_count] = op;
    r->arrivals[r->arrival_count++] =
        (struct report_arrival){.instance = i, .report = &in->report, .payload = in->payload};
    return 0;
}

static int answer(const struct round *r, struct hub_op *op, const struct report_arrival *arrival,
                  struct err *e)
{
    struct ingest *in = input_of(op);
    if (arrival->outcome == REPORT_E_CONFLICT) {
        op->op.rc =
            err_set(&op->op.err, ERR_CONFLICT, -EEXIST, "this window is there already, with other bytes");
        return 0;
    }
    in->duplicate = arrival->taken.duplicate;
    put_ack(&op->json, arrival->report, &arrival->taken);
    if (in->was_silent && !in->duplicate)
        return hub_event_insert(r->db, in->id, "heard", NULL, r->now_us, e);
    return 0;
}

static int run_round(struct round *r, struct err *e)
{
    int rc = find_instances(r, e);
    r->arrivals = arena_alloc(&r->arena, r->count * sizeof(*r->arrivals));
    r->arrived = arena_alloc(&r->arena, r->count * sizeof(struct hub_op *));
    for (size_t i = 0; rc == 0 && i < r->count; i++)
        rc = admit(r, r->ops[i], e);
    if (rc == 0)
        rc = report_take(r->db, r->arrivals, r->arrival_count, r->now_us, r->sums, e);
    for (size_t i = 0; rc == 0 && i < r->arrival_count; i++)
        rc = answer(r, r->arrived[i], &r->arrivals[i], e);
    return rc;
}

/* Moves the first one of each instance into `ret`; the others stay, in their order. */
static size_t pick(struct hub_op **ops, size_t *count, struct hub_op **ret)
{
    struct map seen;
    size_t picked = 0, left = 0;
    map_init(&seen);
    for (size_t i = 0; i < *count; i++) {
        bool again = map_put(&seen, str_of(input_of(ops[i])->id), ops[i]) != NULL;
        if (again)
            ops[left++] = ops[i];
        else
            ret[picked++] = ops[i];
    }
    map_deinit(&seen);
    *count = left;
    return picked;
}

static int run_rounds(struct hub_op **ops, size_t count, struct db *db, struct rollup_sums *sums,
                      struct err *e)
{
    struct hub_op *round[STORE_TOGETHER_MAX];
    int64_t now_us = ops[0]->op.now_us;
    int rc = 0;
    while (rc == 0 && count) {
        struct round r = {.db = db, .now_us = now_us, .ops = round, .sums = sums};
        r.count = pick(ops, &count, round);
        arena_init(&r.arena);
        map_init(&r.instances);
        rc = run_round(&r, e);
        map_deinit(&r.instances);
        arena_reset(&r.arena);
    }
    return rc ? rc : rollup_sums_write(sums, db, e);
}

static void count_taken(struct store_op *op)
{
    bool duplicate = input_of(hub_op_of(op))->duplicate;
    if (op->rc == 0)
        counter_add(duplicate ? COUNTER_HUB_DUPLICATES : COUNTER_HUB_REPORTS, 1);
}

static int ingest_together(struct store_op **ops, size_t count, struct db *db, struct err *e)
{
    struct hub_op *all[STORE_TOGETHER_MAX];
    struct rollup_sums sums;
    for (size_t i = 0; i < count; i++) {
        all[i] = hub_op_of(ops[i]);
        ops[i]->rc = 0;
        hub_op_begin(all[i]);
    }
    rollup_sums_init(&sums);
    int rc = run_rounds(all, count, db, &sums, e);
    rollup_sums_deinit(&sums);
    for (size_t i = 0; rc == 0 && i < count; i++)
        count_taken(ops[i]);
    return rc;
}

static int ingest_work(struct hub_op *op, struct db *db, struct err *e)
{
    struct store_op *alone = &op->op;
    int rc = ingest_together(&alone, 1, db, e);
    return rc ? rc : alone->rc;
}

static void ingest_post(struct hub_op *op, struct ingest *in)
{
    op->input = in;
    op->op.run_together = ingest_together;
    hub_write(op);
}

static void parse(struct ingest *in, struct arena *a)
{
    in->parse_rc = report_body_parse(in->payload, a, &in->report, &in->parse_err);
    if (in->parse_rc == 0 && strcmp(in->report.instance_id, in->id) != 0)
        in->parse_rc = err_set_at(&in->parse_err, ERR_INVALID, -EINVAL, "/instance_id",
                                  "the report is of another instance than its address");
}

/* -- the request -- */

static bool unpack(struct http_request *r, struct ingest *in)
{
    struct str encoding = http_header(r, "Content-Encoding"), body = http_body(r);
    CLEANUP(buf_deinit) struct buf plain = BUF_INIT;
    in->payload = body;
    if (body.n > REPORT_BODY_MAX) {
        http_reply_problem(r, 413, NULL, "the report has more than 256 KiB");
        return false;
    }
    if (encoding.n == 0 || str_equal_nocase(encoding, STR("identity")))
        return true;
    if (!str_equal_nocase(encoding, STR("gzip"))) {
        http_reply_problem(r, 415, NULL, "a report comes as it is, or in gzip");
        return false;
    }
    int rc = gzip_unpack(body, REPORT_BODY_MAX, &plain);
    if (rc == GZIP_E_TOO_LARGE)
        http_reply_problem(r, 413, NULL, "the report has more than 256 KiB");
    else if (rc != 0)
        http_reply_problem(r, 400, NULL, "the report is not one whole gzip stream");
    in->payload = (struct str){arena_strdup(http_arena(r), buf_str(&plain)), plain.n};
    return rc == 0;
}

/* Who tries keys uses up what is his own, and not the instance's. */
static bool within_rate(struct hub *h, struct http_request *r, const struct ingest *in)
{
    char text[32];
    int64_t wait_s;
    const char *who = arena_printf(http_arena(r), "%s %s", in->id, in->key_hash);
    if (rate_allows(h->rate, str_of(who), clock_monotonic_us(), &wait_s))
        return true;
    counter_add(COUNTER_HUB_RATE, 1);
    (void)snprintf(text, sizeof(text), "%lld", (long long)wait_s);
    http_add_header(r, "Retry-After", text);
    http_reply_problem(r, 429, NULL, "this instance sends more than the hub takes from one");
    return false;
}

static bool may_join(const struct hub *h, struct http_request *r, struct str key)
{
    struct str token = http_header(r, HEADER_JOIN);
    const char *expected = h->config->hub_join_token;
    return expected[0] && token.n && key.n >= HUB_KEY_MIN &&
           hash_equal_constant_time(str_of(expected), token);
}

static void ingest(struct http_request *r, void *context)
{
    struct hub *h = context;
    struct str key = http_header(r, HEADER_KEY);
    struct ingest *in = arena_alloc(http_arena(r), sizeof(*in));
    in->id = hub_param_text(r, "id");
    http_add_header(r, "Accept-Encoding", "gzip"); /* RFC 7694 */
    if (key.n == 0) {
        http_reply_problem(r, 401, NULL, "a key is needed, in " HEADER_KEY);
        return;
    }
    hash_sha256_hex(key, in->key_hash);
    in->may_join = may_join(h, r, key);
    if (!within_rate(h, r, in) || !unpack(r, in))
        return;
    parse(in, http_arena(r));
    ingest_post(hub_op_new(r, h, ingest_work), in);
}

/* -- one line of a file that an instance exported -- */

static void import_report(struct http_request *r, void *context)
{
    struct export_line line = {0};
    struct err e = {0};
    if (export_line_parse(http_body(r), http_arena(r), &line, &e) != 0) {
        http_reply_err(r, &e);
        return;
    }
    struct hub_op *op = hub_op_new(r, context, ingest_work);
    struct ingest *in = arena_alloc(op->arena, sizeof(*in));
    in->id = arena_strdup(op->arena, line.instance_id);
    in->payload = line.body;
    in->line = line;
    in->trusted = true;
    parse(in, op->arena);
    ingest_post(op, in);
}

/* The hub takes any JSON here and names what is wrong itself; this describes the body to who reads
 * openapi.json. */
static const struct json_field report_fields[] = {
    {"instance_id", JSON_FIELD_TEXT, 0, .required = true, .doc = "As in the address."},
    {"window_start", JSON_FIELD_TIME, 0, .required = true, .doc = "First instant that is covered."},
    {"window_end", JSON_FIELD_TIME, 0, .required = true,
     .doc = "First instant that is not covered any more."},
    {"uptime_seconds", JSON_FIELD_INT, 0, .required = true, .doc = "Of the node."},
    {"metrics", JSON_FIELD_RAW, 0, .required = true, .doc = "agents, tasks and servers."},
    {"epoch", JSON_FIELD_TEXT, 0, .doc = "Names the store that counts the windows."},
    {"window_no", JSON_FIELD_INT, 0, .doc = "1 and up within an epoch."},
    {"totals", JSON_FIELD_RAW, 0, .doc = "Cumulative, this window included."},
    {"models", JSON_FIELD_RAW, 0, .doc = "Runs, tokens and cost of the window by model."},
    {0}};

static const struct http_route routes[] = {
    {HTTP_POST, "/api/v1/instances/{id}/telemetry", HTTP_ROLE_ANYBODY, ingest, .body = report_fields,
     .summary = "Take a report of one window; the instance's key is in X-Hub-Api-Key",
     .responses =
         "200:It is durable; duplicate says that it was already;401:No key, or not this instance's;404:No "
         "such instance;409:This window is there with other bytes;413:More than 256 KiB;415:Another "
         "encoding than gzip;422:A field is wrong;429:Too many"},
    {HTTP_POST, "/api/v1/import", HUB_ADMINS, import_report, .body = export_line_fields,
     .summary = "Take one line of a file that muster telemetry export has written",
     .responses = "200:It is durable;404:No such instance;409:This window is there with other bytes;422:The "
                  "signature or a field is wrong"},
};
const struct hub_routes hub_ingest_routes = {routes, COUNT_OF(routes)};
