/* What happened in sessions: tools and what became of them, prompts, time (spec 60 U7). */
#include "core/civil.h"
#include "node/api/api.h"
#include "node/api/usage_query.h"
#include "store/session_events.h"

struct input {
    struct session_window window;
    const struct timezone *zone;
    const char *kind, *after;
    int64_t limit;
};

static const char *const use_keys[SESSION_EVENT_KINDS] = {"tools", "mcp_calls", "subagents", "skills",
                                                          "commands"};

static void put_seconds(struct json_writer *w, const char *key, int64_t us)
{
    json_kv_i64(w, key, us / USEC_PER_SEC);
}

/* -- by name -- */

static int by_name(struct api_op *op, struct db *db, struct err *e)
{
    const struct input *in = op->input;
    struct session_event_row *rows;
    size_t count;
    int rc = session_events_by_name(db, &in->window, in->kind, in->limit, op->arena, &rows, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "events");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&op->json);
        json_kv_text(&op->json, "kind", rows[i].kind);
        json_kv_text(&op->json, "name", rows[i].name);
        json_kv_i64(&op->json, "uses", rows[i].uses);
        json_kv_i64(&op->json, "errors", rows[i].errors);
        json_kv_i64(&op->json, "sessions", rows[i].sessions);
        json_object_end(&op->json);
    }
    json_array_end(&op->json);
    json_object_end(&op->json);
    return 0;
}

/* -- by session -- */

static void put_session(struct json_writer *w, const struct session_totals *t)
{
    json_object_begin(w);
    json_kv_text(w, "session_id", t->session_id);
    json_kv_text(w, "session_file", t->session_file);
    json_kv_text(w, "agent", t->agent);
    json_kv_text(w, "project", t->project);
    json_kv_i64(w, "prompts", t->prompts);
    json_kv_i64(w, "answers", t->answers);
    for (int k = 0; k < SESSION_EVENT_KINDS; k++)
        json_kv_i64(w, use_keys[k], t->uses[k]);
    json_kv_i64(w, "errors", t->errors);
    json_kv_i64(w, "dropped", t->dropped);
    json_kv_time_or_null(w, "first_at", t->first_us != 0, t->first_us);
    json_kv_time_or_null(w, "last_at", t->last_us != 0, t->last_us);
    put_seconds(w, "active_s", t->active_us);
    put_seconds(w, "wall_s", t->wall_us);
    json_object_end(w);
}

static int by_session(struct api_op *op, struct db *db, struct err *e)
{
    const struct input *in = op->input;
    struct session_totals *rows;
    size_t count;
    int rc = session_totals_list(db, &in->window, in->after, in->limit, op->arena, &rows, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "sessions");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++)
        put_session(&op->json, &rows[i]);
    json_array_end(&op->json);
    json_kv_text(&op->json, "next", (int64_t)count == in->limit ? rows[count - 1].session_file : NULL);
    json_object_end(&op->json);
    return 0;
}

/* -- by day -- */

static int64_t day_of(const struct timezone *z, const struct session_slot_row *row)
{
    return timezone_day(z, row->slot.start_us / USEC_PER_SEC);
}

static void put_day(struct json_writer *w, int64_t day, const struct session_slot_row *sum)
{
    char text[CIVIL_DATE_MAX];
    json_object_begin(w);
    json_kv_text(w, "day", civil_date(day, text));
    json_kv_i64(w, "sessions_begun", sum->began);
    json_kv_i64(w, "prompts", sum->slot.prompts);
    json_kv_i64(w, "answers", sum->slot.answers);
    json_kv_i64(w, "uses", sum->slot.uses);
    json_kv_i64(w, "errors", sum->slot.errors);
    put_seconds(w, "active_s", sum->slot.active_us);
    json_object_end(w);
}

static void add_row(struct session_slot_row *sum, const struct session_slot_row *more)
{
    sum->began += more->began;
    sum->slot.prompts += more->slot.prompts;
    sum->slot.answers += more->slot.answers;
    sum->slot.uses += more->slot.uses;
    sum->slot.errors += more->slot.errors;
    sum->slot.active_us += more->slot.active_us;
}

static int by_day(struct api_op *op, struct db *db, struct err *e)
{
    const struct input *in = op->input;
    struct session_slot_row *rows, sum = {.began = 0};
    size_t count;
    int rc = session_slots_sum(db, &in->window, op->arena, &rows, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "daily");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++) {
        int64_t day = day_of(in->zone, &rows[i]);
        add_row(&sum, &rows[i]);
        if (i + 1 == count || day_of(in->zone, &rows[i + 1]) != day) {
            put_day(&op->json, day, &sum);
            sum = (struct session_slot_row){.began = 0};
        }
    }
    json_array_end(&op->json);
    json_object_end(&op->json);
    return 0;
}

/* -- GET /api/v1/usage/events -- */

static const struct grouping {
    const char *name;
    int (*work)(struct api_op *op, struct db *db, struct err *e);
} groupings[] = {{"name", by_name}, {"session", by_session}, {"day", by_day}};

static bool read_grouping(struct http_request *r, const struct grouping **ret)
{
    const char *text = api_query_text(r, "group");
    *ret = &groupings[0];
    for (size_t i = 0; text && i < COUNT_OF(groupings); i++)
        if (strcmp(groupings[i].name, text) == 0) {
            *ret = &groupings[i];
            return true;
        }
    return !text || usage_query_refuse(r, "group", text, "name, session or day");
}

static bool read_kind(struct http_request *r, const char **ret)
{
    const char *text = *ret = api_query_text(r, "kind");
    for (int k = 0; text && k < SESSION_EVENT_KINDS; k++)
        if (strcmp(session_event_kind_names[k], text) == 0)
            return true;
    return !text || usage_query_refuse(r, "kind", text, "tool, mcp, subagent, skill or command");
}

/* The first instant of a day of the zone. */
static int64_t instant_of(const struct timezone *z, int64_t day)
{
    enum timezone_note note;
    return timezone_instant_s(z, day * CIVIL_DAY_S, &note) * USEC_PER_SEC;
}

static bool read_window(struct http_request *r, struct input *in)
{
    const char *zone_name;
    int64_t from, to;
    if (!usage_query_zone(r, &in->zone, &zone_name) || !usage_query_day(r, "from", INT64_MIN, &from) ||
        !usage_query_day(r, "to", INT64_MAX, &to))
        return false;
    in->window = (struct session_window){from == INT64_MIN ? 0 : instant_of(in->zone, from),
                                         to == INT64_MAX ? INT64_MAX : instant_of(in->zone, to + 1)};
    return true;
}

static void get_events(struct http_request *r, void *context)
{
    const struct grouping *g;
    struct input in = {.after = api_query_text(r, "after")};
    if (!read_grouping(r, &g) || !read_kind(r, &in.kind) || !read_window(r, &in) ||
        !http_query_i64(r, "limit", 1, API_LIMIT_MAX, API_LIMIT_DEFAULT, &in.limit))
        return;
    in.after = in.after ? in.after : "";
    struct api_op *op = api_op_new(r, context, g->work);
    struct input *kept = op->input = arena_alloc(op->arena, sizeof(in));
    *kept = in;
    api_read(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/usage/events", API_VIEWERS, get_events,
     .summary = "What happened in sessions: tools, errors, prompts, active time",
     .query = "group:string:name (default), session or day;kind:string:tool, mcp, subagent, skill or command;"
              "from:string:First day;to:string:Last day;zone:string:IANA name, default UTC;"
              "limit:integer:How many;after:string:From behind this session_file on",
     .responses = "200:By what was used, by session or by day, as of the last run of the processor usage"},
};
const struct api_routes api_session_event_routes = {routes, COUNT_OF(routes)};
