#include "hub/report_body.h"

#include "base/clock.h"
#include "io/json_place.h"

#include <jansson.h>
#include <math.h>

#define COUNT_MAX INT64_C(10000000000000)
#define NAME_MAX_BYTES 256
#define MEAN_MS_MAX 1e15
#define MEASURED_US_MAX                                                                                      \
    INT64_C(100000000000000) /* of all types: three years in a window; rollups add these up */

struct reading {
    struct arena *arena;
    struct buf pointer;  /* where we are */
    int64_t measured_us; /* of the types so far */
    struct err *e;
};

static int wrong(struct reading *r, const char *name, const char *expected)
{
    if (name)
        json_pointer_add(&r->pointer, str_of(name));
    return err_set_at(r->e, ERR_INVALID, -EINVAL, r->pointer.n ? r->pointer.p : "/", "%s is expected here",
                      expected);
}

/* Every step of the way goes back to where it was. */
static size_t enter(struct reading *r, const char *name)
{
    size_t before = r->pointer.n;
    json_pointer_add(&r->pointer, str_of(name));
    return before;
}

static void leave(struct reading *r, size_t before)
{
    r->pointer.n = before;
    if (r->pointer.capacity)
        r->pointer.p[before] = '\0';
}

/* -- values -- */

static int read_count(struct reading *r, const json_t *object, const char *name, bool required, int64_t *ret)
{
    const json_t *v = json_object_get(object, name);
    if ((!v || json_is_null(v)) && !required)
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > COUNT_MAX)
        return wrong(r, name, "a whole number, 0 or more,");
    *ret = json_integer_value(v);
    return 0;
}

static int read_text(struct reading *r, const json_t *object, const char *name, bool required,
                     const char **ret)
{
    const json_t *v = json_object_get(object, name);
    if ((!v || json_is_null(v)) && !required)
        return 0;
    if (!json_is_string(v) || json_string_length(v) == 0 || json_string_length(v) > NAME_MAX_BYTES)
        return wrong(r, name, "a text of 1 to 256 bytes");
    *ret = arena_strdup(r->arena, (struct str){json_string_value(v), json_string_length(v)});
    return 0;
}

static int read_time(struct reading *r, const json_t *object, const char *name, int64_t *ret)
{
    const json_t *v = json_object_get(object, name);
    if (!json_is_string(v) ||
        !clock_parse_rfc3339((struct str){json_string_value(v), json_string_length(v)}, ret))
        return wrong(r, name, "a time with its offset, as RFC 3339 writes it,");
    return 0;
}

/* USD or seconds with their fraction, as micro-units. */
static int read_micros(struct reading *r, const json_t *object, const char *name, int64_t *ret)
{
    const json_t *v = json_object_get(object, name);
    if (!v || json_is_null(v))
        return 0;
    double number = json_number_value(v) * 1e6;
    if (!json_is_number(v) || !(number >= 0 && number <= (double)COUNT_MAX))
        return wrong(r, name, "a number, 0 or more,");
    *ret = llround(number);
    return 0;
}

static int get_object(struct reading *r, const json_t *in, const char *name, bool required,
                      const json_t **ret)
{
    *ret = json_object_get(in, name);
    if (json_is_null(*ret) && !required)
        *ret = NULL;
    if ((*ret || required) && !json_is_object(*ret))
        return wrong(r, name, "an object");
    return 0;
}

static int check_size(struct reading *r, const json_t *object)
{
    return json_object_size(object) > REPORT_NAMES_MAX ? wrong(r, NULL, "an object of at most 1000 members")
                                                       : 0;
}

static const char *name_of(struct reading *r, const char *key)
{
    struct str name = str_of(key);
    name.n = MIN(name.n, (size_t)NAME_MAX_BYTES);
    while (name.n && !str_is_utf8(name))
        name.n--; /* a character that was cut */
    return arena_strdup(r->arena, name);
}

/* -- metrics -- */

static int read_statuses(struct reading *r, const json_t *tasks, struct report *ret)
{
    const json_t *by_status;
    const char *key;
    json_t *value;
    int rc = get_object(r, tasks, "by_status", true, &by_status);
    if (rc)
        return rc;
    size_t before = enter(r, "by_status");
    if ((rc = check_size(r, by_status)) != 0)
        return rc;
    ret->statuses = arena_alloc(r->arena, MAX(json_object_size(by_status), 1) * sizeof(*ret->statuses));
    json_object_foreach((json_t *)(uintptr_t)by_status, key, value)
    {
        struct report_status *s = &ret->statuses[ret->status_count++];
        s->name = name_of(r, key);
        if ((rc = read_count(r, by_status, key, true, &s->count)) != 0)
            return rc;
    }
    leave(r, before);
    return 0;
}

static int read_mean(struct reading *r, const json_t *type, struct report_type *t)
{
    const json_t *v = json_object_get(type, "avg_duration_ms");
    if (!v || json_is_null(v))
        return 0;
    double ms = json_number_value(v);
    if (!json_is_number(v) || !(ms >= 0 && ms <= MEAN_MS_MAX))
        return wrong(r, "avg_duration_ms", "a number, 0 or more,");
    double sum_us = ms * 1000 * (double)t->count;
    if (sum_us > (double)(MEASURED_US_MAX - r->measured_us))
        return wrong(r, "avg_duration_ms", "a duration that can be added up");
    t->measured = t->count;
    t->duration_us = llround(sum_us);
    r->measured_us += t->duration_us;
    return 0;
}

static int read_types(struct reading *r, const json_t *tasks, struct report *ret)
{
    const json_t *by_type;
    const char *key;
    json_t *value;
    int rc = get_object(r, tasks, "by_type", true, &by_type);
    if (rc)
        return rc;
    size_t before = enter(r, "by_type");
    if ((rc = check_size(r, by_type)) != 0)
        return rc;
    ret->types = arena_alloc(r->arena, MAX(json_object_size(by_type), 1) * sizeof(*ret->types));
    json_object_foreach((json_t *)(uintptr_t)by_type, key, value)
    {
        struct report_type *t = &ret->types[ret->type_count++];
        t->name = name_of(r, key);
        if (!json_is_object(value))
            return wrong(r, key, "an object");
        size_t inside = enter(r, key);
        rc = read_count(r, value, "count", true, &t->count);
        if (rc == 0)
            rc = read_mean(r, value, t);
        if (rc)
            return rc;
        leave(r, inside);
    }
    leave(r, before);
    return 0;
}

static int read_agents(struct reading *r, const json_t *metrics, struct report *ret)
{
    const json_t *agents;
    int rc = get_object(r, metrics, "agents", true, &agents);
    if (rc)
        return rc;
    size_t before = enter(r, "agents");
    rc = read_count(r, agents, "online_count", true, &ret->agents_online);
    if (rc == 0)
        rc = read_count(r, agents, "offline_count", true, &ret->agents_offline);
    if (rc == 0)
        rc = read_count(r, agents, "total_count", true, &ret->agents_total);
    if (rc == 0)
        leave(r, before);
    return rc;
}

static int read_tasks(struct reading *r, const json_t *metrics, struct report *ret)
{
    const json_t *tasks;
    int rc = get_object(r, metrics, "tasks", true, &tasks);
    if (rc)
        return rc;
    size_t before = enter(r, "tasks");
    rc = read_statuses(r, tasks, ret);
    if (rc == 0)
        rc = read_types(r, tasks, ret);
    if (rc == 0)
        leave(r, before);
    return rc;
}

static int read_metrics(struct reading *r, const json_t *root, struct report *ret)
{
    const json_t *metrics, *servers;
    int rc = get_object(r, root, "metrics", true, &metrics);
    if (rc)
        return rc;
    size_t before = enter(r, "metrics");
    rc = read_agents(r, metrics, ret);
    if (rc == 0)
        rc = read_tasks(r, metrics, ret);
    if (rc == 0)
        rc = get_object(r, metrics, "servers", true, &servers);
    if (rc)
        return rc;
    (void)enter(r, "servers");
    rc = read_count(r, servers, "total_count", true, &ret->servers_total);
    if (rc == 0)
        leave(r, before);
    return rc;
}

/* -- what may be there besides (H15) -- */

static int read_model(struct reading *r, const json_t *model, struct report_model *m)
{
    int rc = read_count(r, model, "runs", false, &m->runs);
    for (size_t k = 0; rc == 0 && k < USAGE_KIND_COUNT; k++)
        rc = read_count(r, model, usage_kind_names[k], false, &m->tokens[k]);
    return rc ? rc : read_micros(r, model, "cost_usd", &m->cost_micro_usd);
}

static int read_models(struct reading *r, const json_t *root, struct report *ret)
{
    const json_t *models;
    const char *key;
    json_t *value;
    int rc = get_object(r, root, "models", false, &models);
    if (rc || !models)
        return rc;
    size_t before = enter(r, "models");
    if ((rc = check_size(r, models)) != 0)
        return rc;
    ret->models = arena_alloc(r->arena, MAX(json_object_size(models), 1) * sizeof(*ret->models));
    json_object_foreach((json_t *)(uintptr_t)models, key, value)
    {
        struct report_model *m = &ret->models[ret->model_count++];
        m->name = name_of(r, key);
        if (!json_is_object(value))
            return wrong(r, key, "an object");
        size_t inside = enter(r, key);
        if ((rc = read_model(r, value, m)) != 0)
            return rc;
        leave(r, inside);
    }
    leave(r, before);
    return 0;
}

static int read_totals(struct reading *r, const json_t *root, struct report *ret)
{
    const json_t *totals;
    int rc = get_object(r, root, "totals", false, &totals);
    if (rc || !totals)
        return rc;
    size_t before = enter(r, "totals");
    rc = read_count(r, totals, "tasks", true, &ret->total_tasks);
    if (rc == 0)
        rc = read_count(r, totals, "runs", true, &ret->total_runs);
    ret->total_known = rc == 0;
    if (rc == 0)
        leave(r, before);
    return rc;
}

static int read_head(struct reading *r, const json_t *root, struct report *ret)
{
    int rc = read_text(r, root, "instance_id", true, &ret->instance_id);
    if (rc == 0)
        rc = read_time(r, root, "window_start", &ret->window_start_us);
    if (rc == 0)
        rc = read_time(r, root, "window_end", &ret->window_end_us);
    if (rc == 0 && ret->window_end_us <= ret->window_start_us)
        rc = wrong(r, "window_end", "a time after window_start");
    return rc ? rc : read_count(r, root, "uptime_seconds", true, &ret->uptime_s);
}

static int read_additions(struct reading *r, const json_t *root, struct report *ret)
{
    int rc = read_text(r, root, "epoch", false, &ret->epoch);
    if (rc == 0)
        rc = read_count(r, root, "window_no", false, &ret->window_no);
    if (rc == 0)
        rc = read_text(r, root, "process", false, &ret->process);
    if (rc == 0)
        rc = read_text(r, root, "version", false, &ret->version);
    if (rc == 0)
        rc = read_text(r, root, "platform", false, &ret->platform);
    if (rc == 0)
        rc = read_micros(r, root, "interval_seconds", &ret->interval_us);
    if (rc == 0)
        rc = read_totals(r, root, ret);
    return rc ? rc : read_models(r, root, ret);
}

static int load(struct str body, json_t **ret, struct err *e)
{
    struct json_place place = {0};
    json_error_t error;
    if (!json_place_follow(&place, body, body.n))
        return err_set(e, ERR_BAD_REQUEST, -EINVAL, "the report is nested too deep");
    *ret = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, &error);
    if (!*ret)
        return err_set(e, ERR_BAD_REQUEST, -EINVAL, "the report is not JSON: %s", error.text);
    if (json_is_object(*ret))
        return 0;
    json_decref(*ret);
    return err_set_at(e, ERR_INVALID, -EINVAL, "/", "a report is an object");
}

int report_body_parse(struct str body, struct arena *a, struct report *ret, struct err *e)
{
    struct reading r = {.arena = a, .pointer = BUF_INIT, .e = e};
    struct report report = {0};
    json_t *root = NULL;
    int rc = load(body, &root, e);
    if (rc)
        return rc;
    rc = read_head(&r, root, &report);
    if (rc == 0)
        rc = read_metrics(&r, root, &report);
    if (rc == 0)
        rc = read_additions(&r, root, &report);
    json_decref(root);
    buf_deinit(&r.pointer);
    if (rc == 0)
        *ret = report;
    return rc;
}
