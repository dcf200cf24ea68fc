/* PUT …/licence and GET /api/v1/compliance (spec 80 H10). */
#include "base/clock.h"
#include "base/parse.h"
#include "hub/hub_internal.h"
#include "hub/licence_file.h"
#include "store/licences.h"
#include "store/rollups.h"
#include "store/settings.h"

#define MEASURED_US                                                                                          \
    (INT64_C(30) * 86400 * USEC_PER_SEC) /* before the last window's end: for peak and p95                   \
                                          */
#define LATEST_SETTING "hub_latest_us"

static const char *scope_of(struct arena *a, const char *kind, const char *name)
{
    return arena_printf(a, "%s:%s", kind, name);
}

/* -- the latest instant that was ever seen, so that a clock set back brings nothing back -- */

static int latest_us(struct db *db, struct arena *a, int64_t *ret, struct err *e)
{
    char *text = NULL;
    int rc = setting_get(db, LATEST_SETTING, a, &text, e);
    if (rc || !text || !parse_i64(str_of(text), ret))
        *ret = 0;
    return rc;
}

int hub_keep_latest(struct db *db, int64_t now_us, struct err *e)
{
    struct arena a;
    int64_t before_us;
    char text[32];
    arena_init(&a);
    int rc = latest_us(db, &a, &before_us, e);
    arena_reset(&a);
    (void)snprintf(text, sizeof(text), "%lld", (long long)now_us);
    return rc || before_us >= now_us ? rc : setting_put(db, LATEST_SETTING, str_of(text), e);
}

/* -- putting one -- */

struct put_input {
    const char *id, *group; /* one of them */
    const char *key, *actor;
    struct str document;
};

static void put_licence(struct json_writer *w, const struct licence *l)
{
    json_object_begin(w);
    json_kv_text(w, "id", l->id[0] ? l->id : NULL);
    json_kv_text(w, "instance_id", l->instance_id[0] ? l->instance_id : NULL);
    json_kv_text(w, "group", l->group[0] ? l->group : NULL);
    json_kv_i64_or_null(w, "max_agents", l->max_agents != LICENCE_UNLIMITED, l->max_agents);
    json_kv_i64_or_null(w, "max_servers", l->max_servers != LICENCE_UNLIMITED, l->max_servers);
    json_kv_time_or_null(w, "issued_at", l->issued_at_us != 0, l->issued_at_us);
    json_kv_time_or_null(w, "expires_at", l->expires_at_us != 0, l->expires_at_us);
    json_kv_i64(w, "grace_seconds", l->grace_us / USEC_PER_SEC);
    json_kv_bool(w, "report", l->report);
    json_key(w, "features");
    json_array_begin(w);
    for (size_t i = 0; i < l->feature_count; i++)
        json_text(w, l->features[i]);
    json_array_end(w);
    json_object_end(w);
}

/* An instance takes one that is made out to it, or to its group. */
static int check_holder(const struct put_input *in, const struct instance *i, const struct licence *l,
                        struct err *e)
{
    const char *group = in->group ? in->group : i->group;
    bool own = in->id && strcmp(l->instance_id, in->id) == 0;
    bool of_group = l->group[0] && group && strcmp(l->group, group) == 0;
    return own || of_group ? 0
                           : err_set_at(e, ERR_INVALID, -EINVAL, "/payload",
                                        "the licence is made out to \"%s\", not to this one",
                                        l->instance_id[0] ? l->instance_id : l->group);
}

static int put_work(struct hub_op *op, struct db *db, struct err *e)
{
    const struct put_input *in = op->input;
    struct instance i = {0};
    struct licence l;
    int rc = in->id ? instance_get(db, in->id, op->arena, &i, e) : 0;
    if (rc == INSTANCE_E_ABSENT)
        return hub_no_instance(e, in->id);
    if (rc == 0)
        rc = licence_file_open(in->document, in->key, &l, e);
    if (rc == 0)
        rc = check_holder(in, &i, &l, e);
    if (rc == 0)
        rc = licence_put(
            db, in->id ? scope_of(op->arena, "instance", in->id) : scope_of(op->arena, "group", in->group),
            in->document, in->actor, op->op.now_us, e);
    if (rc == 0)
        put_licence(&op->json, &l);
    return rc;
}

static bool read_input(struct http_request *r, struct hub *h, const char *param, struct put_input *in)
{
    in->key = h->config->hub_licence_key;
    in->actor = arena_strdup(http_arena(r), str_of(http_caller(r)->actor));
    in->document = http_body(r);
    http_note_resource(r, "licence:%s", hub_param_text(r, param));
    if (in->key[0])
        return true;
    http_reply_problem(r, 409, NULL, "the hub has no hub.licence_key that licences could be checked with");
    return false;
}

static void put_of_instance(struct http_request *r, void *context)
{
    struct put_input *in = arena_alloc(http_arena(r), sizeof(*in));
    in->id = hub_param_text(r, "id");
    if (!read_input(r, context, "id", in))
        return;
    struct hub_op *op = hub_op_new(r, context, put_work);
    op->input = in;
    hub_write(op);
}

static void put_of_group(struct http_request *r, void *context)
{
    struct put_input *in = arena_alloc(http_arena(r), sizeof(*in));
    in->group = hub_param_text(r, "name");
    if (!read_input(r, context, "name", in))
        return;
    struct hub_op *op = hub_op_new(r, context, put_work);
    op->input = in;
    hub_write(op);
}

static int remove_work(struct hub_op *op, struct db *db, struct err *e)
{
    bool was_there;
    int rc = licence_delete(db, op->input, &was_there, e);
    op->status = 204;
    return rc || was_there ? rc : err_set(e, ERR_NOT_FOUND, -ENOENT, "there is no such licence");
}

static void remove_of_instance(struct http_request *r, void *context)
{
    struct hub_op *op = hub_op_new(r, context, remove_work);
    op->input = (void *)(uintptr_t)scope_of(op->arena, "instance", hub_param_text(r, "id"));
    hub_write(op);
}

static void remove_of_group(struct http_request *r, void *context)
{
    struct hub_op *op = hub_op_new(r, context, remove_work);
    op->input = (void *)(uintptr_t)scope_of(op->arena, "group", hub_param_text(r, "name"));
    hub_write(op);
}

/* -- compliance -- */

struct compliance_row {
    const char *id, *name, *group, *state, *figure_of, *licence_id, *grace_for, *problem;
    int64_t figure, p95, limit, since, grace_until, expires_at, peak_agents, peak_servers, last_agents,
        last_servers, silent_since;
    bool silent;
};
static const struct sheet_column compliance_columns[] = {
    {"instance_id", SHEET_TEXT, offsetof(struct compliance_row, id)},
    {"name", SHEET_TEXT, offsetof(struct compliance_row, name)},
    {"group", SHEET_TEXT, offsetof(struct compliance_row, group)},
    {"state", SHEET_TEXT, offsetof(struct compliance_row, state)},
    {"since", SHEET_TIME, offsetof(struct compliance_row, since)},
    {"figure_of", SHEET_TEXT, offsetof(struct compliance_row, figure_of)},
    {"figure", SHEET_COUNT, offsetof(struct compliance_row, figure)},
    {"p95", SHEET_COUNT, offsetof(struct compliance_row, p95)},
    {"limit", SHEET_LIMIT, offsetof(struct compliance_row, limit)},
    {"grace_for", SHEET_TEXT, offsetof(struct compliance_row, grace_for)},
    {"grace_until", SHEET_TIME, offsetof(struct compliance_row, grace_until)},
    {"expires_at", SHEET_TIME, offsetof(struct compliance_row, expires_at)},
    {"licence_id", SHEET_TEXT, offsetof(struct compliance_row, licence_id)},
    {"peak_agents", SHEET_COUNT, offsetof(struct compliance_row, peak_agents)},
    {"peak_servers", SHEET_COUNT, offsetof(struct compliance_row, peak_servers)},
    {"last_agents", SHEET_LIMIT, offsetof(struct compliance_row, last_agents)},
    {"last_servers", SHEET_LIMIT, offsetof(struct compliance_row, last_servers)},
    {"silent", SHEET_BOOL, offsetof(struct compliance_row, silent)},
    {"silent_since", SHEET_TIME, offsetof(struct compliance_row, silent_since)},
    {"problem", SHEET_TEXT, offsetof(struct compliance_row, problem)},
    {0}};

struct compliance_input {
    struct instance_filter filter;
    enum sheet_format format;
    const char *key, *state;
};

/* Its own, else its group's; one whose signature does not hold (the key was changed) is none. */
static int licence_of(struct db *db, const struct compliance_input *in, const struct instance *i,
                      struct arena *a, struct licence *l, bool *ret_found, const char **ret_problem,
                      struct err *e)
{
    const char *document = NULL;
    struct err why = {0};
    int rc = licence_get(db, scope_of(a, "instance", i->id), a, &document, e);
    if (rc == 0 && !document && i->group)
        rc = licence_get(db, scope_of(a, "group", i->group), a, &document, e);
    *ret_found = rc == 0 && document && licence_file_open(str_of(document), in->key, l, &why) == 0;
    if (document && !*ret_found)
        *ret_problem = arena_strdup(a, str_of(why.text));
    return rc;
}

static struct licence_use use_of(const struct rollup_row *rows, size_t count, bool servers, int64_t limit,
                                 struct arena *a)
{
    struct licence_use use = {0};
    int64_t *values = arena_alloc(a, MAX(count, 1) * sizeof(*values));
    for (size_t i = 0; i < count; i++) {
        values[i] = servers ? rows[i].peak_servers : rows[i].peak_agents;
        use.peak = MAX(use.peak, values[i]);
        if (limit != LICENCE_UNLIMITED && values[i] > limit && !use.over_since_us)
            use.over_since_us = rows[i].bucket_us;
    }
    use.p95 = licence_p95(values, count);
    return use;
}

static int judge(struct db *db, const struct compliance_input *in, const struct instance *i, int64_t now_us,
                 struct arena *a, struct compliance_row *row, struct err *e)
{
    struct licence l = {.max_agents = LICENCE_UNLIMITED, .max_servers = LICENCE_UNLIMITED};
    struct rollup_row *hours = NULL;
    size_t count = 0;
    bool found = false;
    int rc = licence_of(db, in, i, a, &l, &found, &row->problem, e);
    int64_t until_us = i->last_end ? MIN(now_us, i->last_end) : now_us;
    int64_t from_us = MAX(until_us - MEASURED_US, l.issued_at_us);
    if (rc == 0)
        rc = rollup_hours(db, i->id, from_us, a, &hours, &count, e);
    if (rc)
        return rc;
    struct licence_facts facts = {.licence = found ? &l : NULL,
                                  .now_us = now_us,
                                  .agents = use_of(hours, count, false, l.max_agents, a),
                                  .servers = use_of(hours, count, true, l.max_servers, a),
                                  .silent_since_us = i->silent_since};
    struct licence_verdict v;
    licence_judge(&facts, &v);
    row->state = licence_state_name(v.state);
    row->figure_of = v.figure_of;
    row->figure = v.figure;
    row->p95 = v.p95;
    row->limit = v.limit;
    row->since = v.since_us;
    row->grace_for = v.grace_for;
    row->grace_until = v.grace_until_us;
    row->expires_at = l.expires_at_us;
    row->licence_id = found && l.id[0] ? arena_strdup(a, str_of(l.id)) : NULL;
    row->peak_agents = facts.agents.peak;
    row->peak_servers = facts.servers.peak;
    return 0;
}

static struct compliance_row row_of(const struct instance *i)
{
    return (struct compliance_row){.id = i->id,
                                   .name = i->name,
                                   .group = i->group,
                                   .last_agents = i->last_report_at ? i->agents_total : -1,
                                   .last_servers = i->last_report_at ? i->servers_total : -1,
                                   .silent = i->silent_since != 0,
                                   .silent_since = i->silent_since};
}

static int compliance_work(struct hub_op *op, struct db *db, struct err *e)
{
    const struct compliance_input *in = op->input;
    struct instance *instances = NULL;
    size_t count = 0, used = 0;
    int64_t seen_us;
    int rc = latest_us(db, op->arena, &seen_us, e);
    if (rc == 0)
        rc = instance_list(db, &in->filter, op->arena, &instances, &count, e);
    struct compliance_row *rows = arena_alloc(op->arena, MAX(count, 1) * sizeof(*rows));
    int64_t now_us = licence_now_us(op->op.now_us, seen_us);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rows[used] = row_of(&instances[i]);
        rc = judge(db, in, &instances[i], now_us, op->arena, &rows[used], e);
        used += rc == 0 && (!in->state || strcmp(in->state, rows[used].state) == 0);
    }
    if (rc == 0)
        sheet_answer(op, in->format, "instances", compliance_columns, rows, used, sizeof(*rows));
    if (rc == 0 && (int64_t)count == in->filter.limit)
        op->next = arena_printf(op->arena, "</api/v1/compliance?limit=%lld&after=%s%s%s>; rel=\"next\"",
                                (long long)in->filter.limit, instances[count - 1].id,
                                in->state ? "&state=" : "", in->state ? in->state : "");
    return rc;
}

static void compliance(struct http_request *r, void *context)
{
    struct hub *h = context;
    struct compliance_input in = {
        .filter = {.after = hub_query_text(r, "after"), .group = hub_query_text(r, "group")},
        .state = hub_query_text(r, "state"),
        .key = h->config->hub_licence_key};
    if (!http_query_i64(r, "limit", 1, HUB_LIMIT_MAX, HUB_LIMIT_DEFAULT, &in.filter.limit) ||
        !sheet_format_of(r, &in.format))
        return;
    if (!in.filter.after)
        in.filter.after = "";
    struct hub_op *op = hub_op_new(r, h, compliance_work);
    op->input = arena_alloc(op->arena, sizeof(in));
    memcpy(op->input, &in, sizeof(in));
    hub_read(op);
}

static const struct json_field document_fields[] = {
    {"payload", JSON_FIELD_TEXT, 0, .required = true, .doc = "The licence, as the text that was signed."},
    {"signature", JSON_FIELD_TEXT, 0, .required = true, .doc = "Ed25519, 128 hex digits."},
    {0}};
#define PUT_RESPONSES                                                                                        \
    "200:What it allows;404:No such instance;409:The hub has no key to check it with;422:The signature or "  \
    "a "                                                                                                     \
    "field is wrong"
static const struct http_route routes[] = {
    {HTTP_PUT, "/api/v1/instances/{id}/licence", HUB_ADMINS, put_of_instance, .body = document_fields,
     .summary = "Give an instance its licence", .responses = PUT_RESPONSES},
    {HTTP_DELETE, "/api/v1/instances/{id}/licence", HUB_ADMINS, remove_of_instance,
     .summary = "Take an instance's licence away", .responses = "204:It is gone;404:There was none"},
    {HTTP_PUT, "/api/v1/groups/{name}/licence", HUB_ADMINS, put_of_group, .body = document_fields,
     .summary = "Give a group its licence", .responses = PUT_RESPONSES},
    {HTTP_DELETE, "/api/v1/groups/{name}/licence", HUB_ADMINS, remove_of_group,
     .summary = "Take a group's licence away", .responses = "204:It is gone;404:There was none"},
    {HTTP_GET, "/api/v1/compliance", HUB_READERS, compliance,
     .summary = "How each instance stands to its licence",
     .query = "limit:integer:At most this many;after:string:Behind this id;group:string:Of this "
              "group;state:string:In "
              "this state;format:string:json, ndjson or csv",
     .responses = "200:State, figure, limit and since when"},
};
const struct hub_routes hub_licence_routes = {routes, COUNT_OF(routes)};
