/* /api/v1/instances: enrolment, keys, lists, what is odd about their windows, deletion (spec 80 H8, H9, H14).
 */
#include "base/clock.h"
#include "base/hash.h"
#include "hub/hub_internal.h"
#include "hub/report_body.h"
#include "store/reports.h"
#include "store/rollups.h"
#include "store/rows.h"

#define UNKNOWN_EXPECTED_US (3 * 300 * USEC_PER_SEC) /* of the first report: three default intervals */
#define LIST_READ 1000                               /* instances read at a time for a filter */
#define STATES "reporting late silent enrolled"
#define FINDINGS "gap overlap rewind clone epoch discontinuity"
#define DELETE_READ 500 /* reports read at a time */

#define LATE_HALVES 3 /* half intervals after which a report is late: one comes within 1.15 (spec 80 H6) */

/* As it is stored, and what is made of that when it is asked for. */
struct instance_row {
    struct instance i; /* first: the columns of both are read from the same row */
    const char *state;
    bool silent;
    int64_t overlaps, rewinds, clones, epochs, discontinuities;
};

#define COLUMN(name, type, member)                                                                           \
    {                                                                                                        \
        name, type, offsetof(struct instance_row, member)                                                    \
    }
static const struct sheet_column instance_columns[] = {
    COLUMN("instance_id", SHEET_TEXT, i.id),
    COLUMN("name", SHEET_TEXT, i.name),
    COLUMN("group", SHEET_TEXT, i.group),
    COLUMN("created_at", SHEET_TIME, i.created_at),
    COLUMN("last_report_at", SHEET_TIME, i.last_report_at),
    COLUMN("last_seen_at", SHEET_TIME, i.last_seen_at),
    COLUMN("silent_since", SHEET_TIME, i.silent_since),
    COLUMN("expected_by", SHEET_TIME, i.expected_by),
    COLUMN("window_end", SHEET_TIME, i.last_end),
    COLUMN("epoch", SHEET_TEXT, i.epoch),
    COLUMN("window_no", SHEET_KNOWN, i.last_no),
    COLUMN("reports", SHEET_COUNT, i.reports),
    COLUMN("gaps", SHEET_COUNT, i.gaps),
    COLUMN("agents_online", SHEET_LIMIT, i.agents_online),
    COLUMN("agents_offline", SHEET_LIMIT, i.agents_offline),
    COLUMN("agents_total", SHEET_LIMIT, i.agents_total),
    COLUMN("servers_total", SHEET_LIMIT, i.servers_total),
    COLUMN("uptime_seconds", SHEET_LIMIT, i.uptime_s),
    COLUMN("version", SHEET_TEXT, i.version),
    COLUMN("platform", SHEET_TEXT, i.platform),
    COLUMN("state", SHEET_TEXT, state),
    COLUMN("silent", SHEET_BOOL, silent),
    COLUMN("overlaps", SHEET_COUNT, overlaps),
    COLUMN("rewinds", SHEET_COUNT, rewinds),
    COLUMN("clones", SHEET_COUNT, clones),
    COLUMN("epochs", SHEET_COUNT, epochs),
    COLUMN("discontinuities", SHEET_COUNT, discontinuities),
    {0}};
#undef COLUMN

static const char *state_of(const struct instance *i, int64_t now_us)
{
    if (i->silent_since)
        return "silent";
    if (!i->last_report_at)
        return "enrolled";
    return i->interval_us && now_us > i->last_report_at + i->interval_us * LATE_HALVES / 2 ? "late"
                                                                                           : "reporting";
}

static const struct {
    const char *kind;
    size_t offset;
} counted[] = {{"overlap", offsetof(struct instance_row, overlaps)},
               {"rewind", offsetof(struct instance_row, rewinds)},
               {"clone", offsetof(struct instance_row, clones)},
               {"epoch", offsetof(struct instance_row, epochs)},
               {"discontinuity", offsetof(struct instance_row, discontinuities)}};

static void put_count(void *arg, struct str instance_id, struct str kind, int64_t count)
{
    char *row = map_get(arg, instance_id); /* NULL: of another group */
    for (size_t i = 0; row && i < COUNT_OF(counted); i++)
        if (str_equal(kind, str_of(counted[i].kind)))
            *(int64_t *)(void *)(row + counted[i].offset) = count;
}

/* What was found in the windows of these, which are in the order of their ids. */
static int count_findings(struct db *db, struct instance_row *rows, size_t count, struct err *e)
{
    struct map by_id;
    if (count == 0)
        return 0;
    map_init(&by_id);
    for (size_t i = 0; i < count; i++)
        (void)map_put(&by_id, str_of(rows[i].i.id), &rows[i]);
    int rc = gap_count(db, rows[0].i.id, rows[count - 1].i.id, put_count, &by_id, e);
    map_deinit(&by_id);
    return rc;
}

static struct instance_row row_of(const struct instance *i, int64_t now_us)
{
    struct instance_row row = {.i = *i, .state = state_of(i, now_us), .silent = i->silent_since != 0};
    if (!i->last_report_at)
        row.i.agents_online = row.i.agents_offline = row.i.agents_total = row.i.servers_total =
            row.i.uptime_s = -1; /* nobody has said */
    return row;
}

/* -- enrolment and keys -- */

void hub_new_key(char ret_key[80], char ret_hash[65])
{
    char hex[2 * HUB_KEY_BYTES + 1];
    hash_random_hex(HUB_KEY_BYTES, hex);
    (void)snprintf(ret_key, 80, "hub_%s", hex);
    hash_sha256_hex(str_of(ret_key), ret_hash);
}

struct enrol_body {
    struct str name, instance_id, group;
};
static const struct json_field enrol_fields[] = {
    {"name", JSON_FIELD_TEXT, offsetof(struct enrol_body, name), .required = true, .min = 1, .max = 128,
     .doc = "What people call it."},
    {"instance_id", JSON_FIELD_TEXT, offsetof(struct enrol_body, instance_id), .min = 1, .max = 127,
     .doc = "What it calls itself: letters, digits and -._~; a UUID is drawn without it."},
    {"group", JSON_FIELD_TEXT, offsetof(struct enrol_body, group), .min = 1, .max = 127,
     .doc = "Whose licence holds for it when it has none of its own."},
    {0}};

struct enrol {
    struct instance instance;
    char key[80], hash[65];
};

static bool id_is_plain(struct str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              strchr("-._~", c)))
            return false;
    }
    return true;
}

static const char *drawn_id(struct arena *a)
{
    char hex[33];
    hash_random_hex(16, hex);
    return arena_printf(a, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
}

static int enrol_work(struct hub_op *op, struct db *db, struct err *e)
{
    struct enrol *in = op->input;
    in->instance.expected_by = op->op.now_us + UNKNOWN_EXPECTED_US;
    int rc = instance_insert(db, &in->instance, op->op.now_us, e);
    if (rc == INSTANCE_E_EXISTS)
        return err_set_at(e, ERR_CONFLICT, -EEXIST, "/instance_id", "instance \"%s\" is enrolled already",
                          in->instance.id);
    if (rc == 0)
        rc = hub_event_insert(db, in->instance.id, "enrolled", NULL, op->op.now_us, e);
    if (rc)
        return rc;
    op->status = 201;
    json_object_begin(&op->json);
    json_kv_text(&op->json, "instance_id", in->instance.id);
    json_kv_text(&op->json, "name", in->instance.name);
    json_kv_text(&op->json, "group", in->instance.group);
    json_kv_text(&op->json, "api_key", in->key);
    json_object_end(&op->json);
    return 0;
}

static void enrol(struct http_request *r, void *context)
{
    struct enrol_body body = {0};
    struct err e = {0};
    if (json_fields_decode(enrol_fields, http_body(r), http_arena(r), &body, &e) != 0) {
        http_reply_err(r, &e);
        return;
    }
    if (!id_is_plain(body.instance_id)) {
        http_reply_problem(r, 422, "/instance_id", "an instance id has letters, digits and -._~ alone");
        return;
    }
    struct hub_op *op = hub_op_new(r, context, enrol_work);
    struct enrol *in = op->input = arena_alloc(op->arena, sizeof(*in));
    hub_new_key(in->key, in->hash);
    in->instance = (struct instance){.id = body.instance_id.p ? arena_strdup(op->arena, body.instance_id)
                                                              : drawn_id(op->arena),
                                     .name = arena_strdup(op->arena, body.name),
                                     .group = body.group.p ? arena_strdup(op->arena, body.group) : NULL,
                                     .key_hash = in->hash};
    http_note_resource(r, "instance:%s", in->instance.id);
    hub_write(op);
}

struct rotate {
    const char *id;
    int64_t grace_us;
    char key[80], hash[65];
};

static int rotate_work(struct hub_op *op, struct db *db, struct err *e)
{
    const struct rotate *in = op->input;
    int rc = instance_put_key(db, in->id, in->hash, op->op.now_us + in->grace_us, e);
    if (rc == INSTANCE_E_ABSENT)
        return hub_no_instance(e, in->id);
    if (rc == 0)
        rc = hub_event_insert(db, in->id, "key_rotated", NULL, op->op.now_us, e);
    if (rc)
        return rc;
    json_object_begin(&op->json);
    json_kv_text(&op->json, "instance_id", in->id);
    json_kv_text(&op->json, "api_key", in->key);
    json_kv_time_or_null(&op->json, "old_key_until", true, op->op.now_us + in->grace_us);
    json_object_end(&op->json);
    return 0;
}

static void rotate(struct http_request *r, void *context)
{
    struct hub *h = context;
    struct hub_op *op = hub_op_new(r, h, rotate_work);
    struct rotate *in = op->input = arena_alloc(op->arena, sizeof(*in));
    in->id = hub_param_text(r, "id");
    in->grace_us = h->config->hub_key_grace_us;
    hub_new_key(in->key, in->hash);
    http_note_resource(r, "instance:%s", in->id);
    hub_write(op);
}

/* -- lists -- */

struct list_input {
    struct instance_filter filter;
    const char *state, *finding, *words; /* NULL: any */
    enum sheet_format format;
};

static int64_t found_of(const struct instance_row *row, const char *kind)
{
    for (size_t i = 0; i < COUNT_OF(counted); i++)
        if (strcmp(kind, counted[i].kind) == 0)
            return *(const int64_t *)(const void *)((const char *)row + counted[i].offset);
    return row->i.gaps;
}

static bool is_wanted(const struct list_input *in, const struct instance_row *row)
{
    return (!in->state || strcmp(in->state, row->state) == 0) &&
           (!in->finding || found_of(row, in->finding) > 0) &&
           (!in->words || strcasestr(row->i.id, in->words) || strcasestr(row->i.name, in->words));
}

/* One part of the table, as rows. */
static int read_part(struct hub_op *op, struct db *db, const struct instance_filter *f,
                     struct instance_row **ret, size_t *ret_count, struct err *e)
{
    struct instance *found = NULL;
    int rc = instance_list(db, f, op->arena, &found, ret_count, e);
    if (rc)
        return rc;
    *ret = arena_alloc(op->arena, MAX(*ret_count, 1) * sizeof(**ret));
    for (size_t i = 0; i < *ret_count; i++)
        (*ret)[i] = row_of(&found[i], op->op.now_us);
    return count_findings(db, *ret, *ret_count, e);
}

/* A state follows from the time and a finding is in another table, so the table is read part by part until
 * a page is full. */
static int read_page(struct hub_op *op, struct db *db, struct rows *page, struct err *e)
{
    const struct list_input *in = op->input;
    struct instance_filter f = in->filter;
    bool all = !in->state && !in->finding && !in->words, more = true;
    int rc = 0;
    f.limit = all ? f.limit : MAX(f.limit, LIST_READ);
    while (rc == 0 && more && (int64_t)page->count < in->filter.limit) {
        struct instance_row *rows = NULL;
        size_t count = 0;
        rc = read_part(op, db, &f, &rows, &count, e);
        for (size_t i = 0; rc == 0 && i < count && (int64_t)page->count < in->filter.limit; i++)
            if (is_wanted(in, &rows[i]))
                *(struct instance_row *)rows_add(page) = rows[i];
        more = rc == 0 && (int64_t)count == f.limit;
        if (more)
            f.after = rows[count - 1].i.id;
    }
    return rc;
}

static const char *list_next(struct hub_op *op, const char *last)
{
    const struct list_input *in = op->input;
    CLEANUP(buf_deinit) struct buf out = BUF_INIT;
    buf_printf(&out, "</api/v1/instances?limit=%lld", (long long)in->filter.limit);
    hub_add_query(&out, "after", last);
    hub_add_query(&out, "group", in->filter.group);
    hub_add_query(&out, "silent", in->filter.silent_only ? "true" : NULL);
    hub_add_query(&out, "state", in->state);
    hub_add_query(&out, "finding", in->finding);
    hub_add_query(&out, "q", in->words);
    buf_add_text(&out, ">; rel=\"next\"");
    return arena_strdup(op->arena, buf_str(&out));
}

static int list_work(struct hub_op *op, struct db *db, struct err *e)
{
    const struct list_input *in = op->input;
    struct rows page = ROWS_INIT(op->arena, struct instance_row);
    int rc = read_page(op, db, &page, e);
    if (rc)
        return rc;
    const struct instance_row *rows = page.p;
    sheet_answer(op, in->format, "instances", instance_columns, rows, page.count, sizeof(*rows));
    if ((int64_t)page.count == in->filter.limit)
        op->next = list_next(op, rows[page.count - 1].i.id);
    return 0;
}

static bool one_of(struct http_request *r, const char *name, const char *value, const char *words)
{
    struct str rest = str_of(words), word;
    struct buf pointer = BUF_INIT;
    while (value && str_split(&rest, ' ', &word))
        if (str_equal(word, str_of(value)))
            return true;
    if (!value)
        return true;
    buf_printf(&pointer, "/%s", name);
    http_reply_problem(r, 400, pointer.p, "%s must be one of: %s", name, words);
    buf_deinit(&pointer);
    return false;
}

static void list(struct http_request *r, void *context)
{
    struct list_input in = {
        .filter = {.after = hub_query_text(r, "after"), .group = hub_query_text(r, "group")},
        .state = hub_query_text(r, "state"),
        .finding = hub_query_text(r, "finding"),
        .words = hub_query_text(r, "q")};
    struct str silent;
    if (!http_query_i64(r, "limit", 1, HUB_LIMIT_MAX, HUB_LIMIT_DEFAULT, &in.filter.limit) ||
        !sheet_format_of(r, &in.format) || !one_of(r, "state", in.state, STATES) ||
        !one_of(r, "finding", in.finding, FINDINGS))
        return;
    in.filter.silent_only = http_query(r, "silent", &silent) && str_equal(silent, STR("true"));
    if (!in.filter.after)
        in.filter.after = "";
    struct hub_op *op = hub_op_new(r, context, list_work);
    op->input = arena_alloc(op->arena, sizeof(in));
    memcpy(op->input, &in, sizeof(in));
    hub_read(op);
}

static const struct sheet_column gap_columns[] = {
    {"id", SHEET_COUNT, offsetof(struct instance_gap, id)},
    {"kind", SHEET_TEXT, offsetof(struct instance_gap, kind)},
    {"window_start", SHEET_TIME, offsetof(struct instance_gap, start_us)},
    {"window_end", SHEET_TIME, offsetof(struct instance_gap, end_us)},
    {"epoch", SHEET_TEXT, offsetof(struct instance_gap, epoch)},
    {"first_no", SHEET_KNOWN, offsetof(struct instance_gap, first_no)},
    {"last_no", SHEET_KNOWN, offsetof(struct instance_gap, last_no)},
    {"detail", SHEET_TEXT, offsetof(struct instance_gap, detail)},
    {"found_at", SHEET_TIME, offsetof(struct instance_gap, found_at)},
    {0}};

static int show_work(struct hub_op *op, struct db *db, struct err *e)
{
    const char *id = op->input;
    struct instance i;
    struct instance_gap *gaps = NULL;
    size_t count = 0;
    int rc = instance_get(db, id, op->arena, &i, e);
    if (rc == INSTANCE_E_ABSENT)
        return hub_no_instance(e, id);
    if (rc == 0)
        rc = gap_list(db, id, NULL, 0, HUB_LIMIT_DEFAULT, op->arena, &gaps, &count, e);
    if (rc)
        return rc;
    struct instance_row row = row_of(&i, op->op.now_us);
    if ((rc = count_findings(db, &row, 1, e)) != 0)
        return rc;
    json_object_begin(&op->json);
    sheet_put(&op->json, instance_columns, &row);
    json_key(&op->json, "interval_seconds");
    if (i.interval_us)
        json_micros(&op->json, i.interval_us);
    else
        json_null_value(&op->json);
    json_key(&op->json, "findings");
    sheet_write(op, SHEET_JSON, gap_columns, gaps, count, sizeof(*gaps));
    json_object_end(&op->json);
    return 0;
}

static void show(struct http_request *r, void *context)
{
    struct hub_op *op = hub_op_new(r, context, show_work);
    op->input = (void *)(uintptr_t)hub_param_text(r, "id");
    hub_read(op);
}

struct gaps_input {
    const char *id, *kind;
    int64_t after, limit;
    enum sheet_format format;
};

static int gaps_work(struct hub_op *op, struct db *db, struct err *e)
{
    const struct gaps_input *in = op->input;
    struct instance i;
    struct instance_gap *rows = NULL;
    size_t count = 0;
    int rc = instance_get(db, in->id, op->arena, &i, e);
    if (rc == INSTANCE_E_ABSENT)
        return hub_no_instance(e, in->id);
    if (rc == 0)
        rc = gap_list(db, in->id, in->kind, in->after, in->limit, op->arena, &rows, &count, e);
    if (rc == 0)
        sheet_answer(op, in->format, "gaps", gap_columns, rows, count, sizeof(*rows));
    if (rc == 0 && (int64_t)count == in->limit)
        op->next = arena_printf(op->arena, "</api/v1/instances/%s/gaps?limit=%lld&after=%lld>; rel=\"next\"",
                                in->id, (long long)in->limit, (long long)rows[count - 1].id);
    return rc;
}

static void gaps(struct http_request *r, void *context)
{
    struct gaps_input in = {.id = hub_param_text(r, "id"), .kind = hub_query_text(r, "kind")};
    if (!http_query_i64(r, "limit", 1, HUB_LIMIT_MAX, HUB_LIMIT_DEFAULT, &in.limit) ||
        !http_query_i64(r, "after", 0, INT64_MAX, 0, &in.after) || !sheet_format_of(r, &in.format))
        return;
    struct hub_op *op = hub_op_new(r, context, gaps_work);
    op->input = arena_alloc(op->arena, sizeof(in));
    memcpy(op->input, &in, sizeof(in));
    hub_read(op);
}

/* -- the same over all instances -- */

#define OF_GAP(name, type, member)                                                                           \
    {                                                                                                        \
        name, type, offsetof(struct instance_finding, gap.member)                                            \
    }
static const struct sheet_column finding_columns[] = {
    OF_GAP("id", SHEET_COUNT, id),
    {"instance_id", SHEET_TEXT, offsetof(struct instance_finding, instance_id)},
    {"name", SHEET_TEXT, offsetof(struct instance_finding, name)},
    OF_GAP("kind", SHEET_TEXT, kind),
    OF_GAP("window_start", SHEET_TIME, start_us),
    OF_GAP("window_end", SHEET_TIME, end_us),
    OF_GAP("epoch", SHEET_TEXT, epoch),
    OF_GAP("first_no", SHEET_KNOWN, first_no),
    OF_GAP("last_no", SHEET_KNOWN, last_no),
    OF_GAP("detail", SHEET_TEXT, detail),
    OF_GAP("found_at", SHEET_TIME, found_at),
    {0}};
#undef OF_GAP

static int findings_work(struct hub_op *op, struct db *db, struct err *e)
{
    const struct gaps_input *in = op->input;
    struct instance_finding *rows = NULL;
    size_t count = 0;
    int rc = finding_list(db, in->kind, in->after, in->limit, op->arena, &rows, &count, e);
    if (rc == 0)
        sheet_answer(op, in->format, "findings", finding_columns, rows, count, sizeof(*rows));
    if (rc == 0 && (int64_t)count == in->limit)
        op->next = arena_printf(op->arena, "</api/v1/findings?limit=%lld&after=%lld%s%s>; rel=\"next\"",
                                (long long)in->limit, (long long)rows[count - 1].gap.id,
                                in->kind ? "&kind=" : "", in->kind ? in->kind : "");
    return rc;
}

static void findings(struct http_request *r, void *context)
{
    struct gaps_input in = {.kind = hub_query_text(r, "kind")};
    if (!http_query_i64(r, "limit", 1, HUB_LIMIT_MAX, HUB_LIMIT_DEFAULT, &in.limit) ||
        !http_query_i64(r, "after", 1, INT64_MAX, INT64_MAX, &in.after) || !sheet_format_of(r, &in.format) ||
        !one_of(r, "kind", in.kind, FINDINGS))
        return;
    struct hub_op *op = hub_op_new(r, context, findings_work);
    op->input = arena_alloc(op->arena, sizeof(in));
    memcpy(op->input, &in, sizeof(in));
    hub_read(op);
}

/* -- reports -- */

static const struct sheet_column report_columns[] = {
    {"id", SHEET_COUNT, offsetof(struct stored_report, id)},
    {"window_start", SHEET_TIME, offsetof(struct stored_report, window_start_us)},
    {"window_end", SHEET_TIME, offsetof(struct stored_report, window_end_us)},
    {"epoch", SHEET_TEXT, offsetof(struct stored_report, epoch)},
    {"window_no", SHEET_KNOWN, offsetof(struct stored_report, window_no)},
    {"received_at", SHEET_TIME, offsetof(struct stored_report, received_at)},
    {"overlap", SHEET_BOOL, offsetof(struct stored_report, overlap)},
    {"sha256", SHEET_TEXT, offsetof(struct stored_report, hash)},
    {"body", SHEET_TEXT, offsetof(struct stored_report, payload)},
    {0}};

struct reports_input {
    struct report_filter filter;
    enum sheet_format format;
};

static int reports_work(struct hub_op *op, struct db *db, struct err *e)
{
    const struct reports_input *in = op->input;
    struct instance i;
    struct stored_report *rows = NULL;
    size_t count = 0;
    int rc = instance_get(db, in->filter.instance_id, op->arena, &i, e);
    if (rc == INSTANCE_E_ABSENT)
        return hub_no_instance(e, in->filter.instance_id);
    if (rc == 0)
        rc = report_list(db, &in->filter, op->arena, &rows, &count, e);
    if (rc == 0)
        sheet_answer(op, in->format, "reports", report_columns, rows, count, sizeof(*rows));
    if (rc == 0 && (int64_t)count == in->filter.limit)
        op->next =
            arena_printf(op->arena, "</api/v1/instances/%s/reports?limit=%lld&after=%lld>; rel=\"next\"",
                         in->filter.instance_id, (long long)in->filter.limit, (long long)rows[count - 1].id);
    return rc;
}

static void reports(struct http_request *r, void *context)
{
    struct reports_input in = {.filter = {.instance_id = hub_param_text(r, "id")}};
    if (!http_query_i64(r, "limit", 1, HUB_LIMIT_MAX, HUB_LIMIT_DEFAULT, &in.filter.limit) ||
        !http_query_i64(r, "after", 0, INT64_MAX, 0, &in.filter.after) || !sheet_format_of(r, &in.format) ||
        !hub_query_time(r, "from", 0, &in.filter.from_us) ||
        !hub_query_time(r, "to", INT64_MAX, &in.filter.to_us))
        return;
    struct hub_op *op = hub_op_new(r, context, reports_work);
    op->input = arena_alloc(op->arena, sizeof(in));
    memcpy(op->input, &in, sizeof(in));
    hub_read(op);
}

/* -- deletion: what it counted goes too, out of the sums of all -- */

static void take_back(struct rollup_sums *sums, const struct stored_report *stored)
{
    struct report r;
    struct err ignored;
    struct arena a;
    arena_init(&a);
    if (!stored->overlap && report_body_parse(str_of(stored->payload), &a, &r, &ignored) == 0)
        rollup_sums_add(sums, &r, -1);
    arena_reset(&a);
}

static int take_all_back(struct db *db, const char *id, struct err *e)
{
    struct report_filter f = {.instance_id = id, .limit = DELETE_READ, .to_us = INT64_MAX};
    struct rollup_sums sums;
    int rc = 0;
    size_t count = DELETE_READ;
    rollup_sums_init(&sums);
    while (rc == 0 && count == DELETE_READ) {
        struct arena a;
        struct stored_report *rows = NULL;
        arena_init(&a);
        rc = report_list(db, &f, &a, &rows, &count, e);
        for (size_t i = 0; rc == 0 && i < count; i++)
            take_back(&sums, &rows[i]);
        if (rc == 0 && count)
            f.after = rows[count - 1].id;
        if (rc == 0 && rollup_sums_are_many(&sums))
            rc = rollup_sums_write(&sums, db, e);
        arena_reset(&a);
    }
    if (rc == 0)
        rc = rollup_sums_write(&sums, db, e);
    rollup_sums_deinit(&sums);
    return rc;
}

static int delete_work(struct hub_op *op, struct db *db, struct err *e)
{
    const char *id = op->input;
    int rc = take_all_back(db, id, e);
    if (rc == 0)
        rc = instance_delete(db, id, e);
    if (rc == INSTANCE_E_ABSENT)
        return hub_no_instance(e, id);
    op->status = 204;
    return rc;
}

static void delete_instance(struct http_request *r, void *context)
{
    struct hub_op *op = hub_op_new(r, context, delete_work);
    op->input = (void *)(uintptr_t)hub_param_text(r, "id");
    http_note_resource(r, "instance:%s", (const char *)op->input);
    hub_write(op);
}

#define PAGE "limit:integer:At most this many;format:string:json, ndjson or csv;"
static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/instances", HUB_READERS, list, .summary = "List instances",
     .query = PAGE
     "after:string:Behind this id;group:string:Of this group;silent:boolean:Only those that are silent;"
     "state:string:reporting, late, silent or enrolled;finding:string:With such a finding: gap, overlap, "
     "rewind, clone, epoch or discontinuity;q:string:Whose id or name holds this text",
     .responses = "200:Instances"},
    {HTTP_POST, "/api/v1/instances", HUB_ADMINS, enrol, .body = enrol_fields, .summary = "Enrol an instance",
     .responses =
         "201:The instance and its key, which is shown this once;409:It is enrolled already;422:A field is "
         "wrong"},
    {HTTP_GET, "/api/v1/instances/{id}", HUB_READERS, show,
     .summary = "One instance, and what is odd about it",
     .responses = "200:The instance;404:No such instance"},
    {HTTP_DELETE, "/api/v1/instances/{id}", HUB_ADMINS, delete_instance,
     .summary = "Remove an instance and all that it sent",
     .responses = "204:It is gone;404:No such instance"},
    {HTTP_POST, "/api/v1/instances/{id}/key", HUB_ADMINS, rotate,
     .summary = "Make a new key; the old one goes on until the new one is used",
     .responses = "200:The key, which is shown this once;404:No such instance"},
    {HTTP_GET, "/api/v1/instances/{id}/reports", HUB_READERS, reports, .summary = "Its reports, as they came",
     .query = PAGE
     "after:integer:Behind this report;from:string:Windows that begin then or later;to:string:Windows "
     "that begin before",
     .responses = "200:Reports;404:No such instance"},
    {HTTP_GET, "/api/v1/instances/{id}/gaps", HUB_READERS, gaps,
     .summary = "Gaps, overlaps, rewinds and clones of its windows",
     .query =
         PAGE "after:integer:Behind this one;kind:string:gap, overlap, rewind, clone, epoch or discontinuity",
     .responses = "200:Findings;404:No such instance"},
    {HTTP_GET, "/api/v1/findings", HUB_READERS, findings,
     .summary = "Gaps, overlaps, rewinds and clones of all instances, the newest first",
     .query = PAGE "after:integer:Older than this one;kind:string:gap, overlap, rewind, clone, epoch or "
                   "discontinuity",
     .responses = "200:Findings"},
};
const struct hub_routes hub_instance_routes = {routes, COUNT_OF(routes)};
