#include "core/licence.h"

#include "base/clock.h"
#include "base/json_scan.h"

#define DEPTH_MAX 4
#define SECONDS_MAX INT64_C(3155760000) /* a hundred years */

/* -- what it says -- */

enum field_type { FIELD_TEXT, FIELD_LIMIT, FIELD_TIME, FIELD_SECONDS, FIELD_BOOL, FIELD_FEATURES };
static const struct field {
    const char *name;
    enum field_type type;
    size_t offset;
} fields[] = {
#define FIELD(name, type, member)                                                                            \
    {                                                                                                        \
        name, type, offsetof(struct licence, member)                                                         \
    }
    FIELD("id", FIELD_TEXT, id),
    FIELD("instance_id", FIELD_TEXT, instance_id),
    FIELD("group", FIELD_TEXT, group),
    FIELD("max_agents", FIELD_LIMIT, max_agents),
    FIELD("max_servers", FIELD_LIMIT, max_servers),
    FIELD("issued_at", FIELD_TIME, issued_at_us),
    FIELD("expires_at", FIELD_TIME, expires_at_us),
    FIELD("grace_seconds", FIELD_SECONDS, grace_us),
    FIELD("report", FIELD_BOOL, report),
    FIELD("features", FIELD_FEATURES, features),
#undef FIELD
};

static int wrong(struct err *e, const char *name, const char *expected)
{
    char place[ERR_PLACE_MAX];
    (void)snprintf(place, sizeof(place), "/%s", name);
    return err_set_at(e, ERR_INVALID, -EINVAL, place, "%s of a licence must be %s", name, expected);
}

static bool read_features(struct json_scan *s, struct licence *l)
{
    if (!json_scan_take(s, '['))
        return false;
    if (json_scan_take(s, ']'))
        return true;
    do {
        CLEANUP(buf_deinit) struct buf text = BUF_INIT;
        if (l->feature_count == LICENCE_FEATURES_MAX || json_scan_string(s, &text) != 0 ||
            text.n >= sizeof(l->features[0]))
            return false;
        memcpy(l->features[l->feature_count++], text.p, text.n + 1);
    } while (json_scan_take(s, ','));
    return json_scan_take(s, ']');
}

static bool read_text(struct json_scan *s, char *to)
{
    CLEANUP(buf_deinit) struct buf text = BUF_INIT;
    if (json_scan_string(s, &text) != 0 || text.n >= LICENCE_NAME_MAX || memchr(text.p, 0, text.n))
        return false;
    memcpy(to, text.p, text.n + 1);
    return true;
}

static bool read_time(struct json_scan *s, int64_t *to)
{
    CLEANUP(buf_deinit) struct buf text = BUF_INIT;
    return json_scan_string(s, &text) == 0 && clock_parse_rfc3339(buf_str(&text), to);
}

static bool read_plain(struct json_scan *s, enum field_type type, void *to)
{
    CLEANUP(buf_deinit) struct buf print = BUF_INIT;
    struct json_scanned v;
    if (json_scan_value(s, DEPTH_MAX, &print, &v) != 0)
        return false;
    if (type == FIELD_BOOL && v.type == JSON_SCAN_BOOL)
        *(bool *)to = v.boolean;
    else if (type != FIELD_BOOL && v.type == JSON_SCAN_NUMBER && v.is_integer && v.integer >= 0 &&
             (type != FIELD_SECONDS || v.integer <= SECONDS_MAX))
        *(int64_t *)to = type == FIELD_SECONDS ? v.integer * USEC_PER_SEC : v.integer;
    else
        return false;
    return true;
}

static int read_field(struct json_scan *s, const struct field *f, struct licence *l, struct err *e)
{
    static const char *const expected[] = {[FIELD_TEXT] = "a text of at most 127 bytes",
                                           [FIELD_LIMIT] = "a whole number, 0 or more",
                                           [FIELD_TIME] = "a time as RFC 3339 writes it",
                                           [FIELD_SECONDS] = "a number of seconds",
                                           [FIELD_BOOL] = "true or false",
                                           [FIELD_FEATURES] = "a list of at most 32 names"};
    void *to = (char *)l + f->offset;
    bool ok = f->type == FIELD_TEXT       ? read_text(s, to)
              : f->type == FIELD_TIME     ? read_time(s, to)
              : f->type == FIELD_FEATURES ? read_features(s, l)
                                          : read_plain(s, f->type, to);
    return ok ? 0 : wrong(e, f->name, expected[f->type]);
}

static const struct field *field_of(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (str_equal(name, str_of(fields[i].name)))
            return &fields[i];
    return NULL;
}

static int not_json(struct err *e)
{
    return err_set(e, ERR_INVALID, -EINVAL, "a licence must be one JSON object, each name once");
}

/* What a later program may add is signed too, and passed over. */
static int read_member(struct json_scan *s, struct licence *l, unsigned *seen, struct err *e)
{
    CLEANUP(buf_deinit) struct buf name = BUF_INIT;
    CLEANUP(buf_deinit) struct buf ignored = BUF_INIT;
    struct json_scanned v;
    if (json_scan_string(s, &name) != 0 || !json_scan_take(s, ':'))
        return not_json(e);
    const struct field *f = field_of(buf_str(&name));
    if (!f)
        return json_scan_value(s, DEPTH_MAX, &ignored, &v) == 0 ? 0 : not_json(e);
    unsigned bit = 1U << (f - fields);
    if (*seen & bit)
        return not_json(e);
    *seen |= bit;
    return read_field(s, f, l, e);
}

int licence_parse(struct str text, struct licence *ret, struct err *e)
{
    struct json_scan s = {text};
    struct licence l = {.max_agents = LICENCE_UNLIMITED, .max_servers = LICENCE_UNLIMITED};
    unsigned seen = 0;
    int rc = 0;
    if (!str_is_utf8(text) || !json_scan_take(&s, '{'))
        return not_json(e);
    if (!json_scan_take(&s, '}')) {
        do
            rc = read_member(&s, &l, &seen, e);
        while (rc == 0 && json_scan_take(&s, ','));
        if (rc == 0 && !json_scan_take(&s, '}'))
            rc = not_json(e);
    }
    if (rc == 0 && !json_scan_at_end(&s))
        rc = not_json(e);
    if (rc == 0 && !l.instance_id[0] == !l.group[0])
        rc = wrong(e, "instance_id", "there, or a group instead of it");
    if (rc == 0)
        *ret = l;
    return rc;
}

static int no_document(struct err *e)
{
    return err_set(
        e, ERR_INVALID, -EINVAL,
        "a licence file is one JSON object with the texts payload and signature, and nothing else");
}

int licence_unwrap(struct str document, struct buf *payload, struct buf *signature, struct err *e)
{
    struct json_scan s = {document};
    bool has_payload = false, has_signature = false;
    if (!str_is_utf8(document) || !json_scan_take(&s, '{'))
        return no_document(e);
    do {
        CLEANUP(buf_deinit) struct buf name = BUF_INIT;
        if (json_scan_string(&s, &name) != 0 || !json_scan_take(&s, ':'))
            return no_document(e);
        bool is_payload = str_equal(buf_str(&name), STR("payload"));
        bool *seen = is_payload ? &has_payload : &has_signature;
        if (*seen || (!is_payload && !str_equal(buf_str(&name), STR("signature"))) ||
            json_scan_string(&s, is_payload ? payload : signature) != 0)
            return no_document(e);
        *seen = true;
    } while (json_scan_take(&s, ','));
    if (!json_scan_take(&s, '}') || !json_scan_at_end(&s) || !has_payload || !has_signature)
        return no_document(e);
    return 0;
}

/* -- how it stands -- */

const char *licence_state_name(enum licence_state state)
{
    static const char *const names[LICENCE_STATES] = {"ok",       "over",   "expired",
                                                      "expiring", "silent", "unlicensed"};
    return names[state];
}

int64_t licence_now_us(int64_t now_us, int64_t latest_us)
{
    return MAX(now_us, latest_us);
}

static bool is_over(int64_t limit, const struct licence_use *use)
{
    return limit != LICENCE_UNLIMITED && use->peak > limit;
}

/* The figure that decides: one that is above its limit, else that of agents. */
static const struct licence_use *choose_figure(const struct licence_facts *f, struct licence_verdict *v)
{
    const struct licence *l = f->licence;
    bool servers = is_over(l->max_servers, &f->servers) && !is_over(l->max_agents, &f->agents);
    bool only_servers = l->max_agents == LICENCE_UNLIMITED && l->max_servers != LICENCE_UNLIMITED;
    const struct licence_use *use = servers || only_servers ? &f->servers : &f->agents;
    v->figure_of = use == &f->servers ? "servers" : "agents";
    v->limit = use == &f->servers ? l->max_servers : l->max_agents;
    v->figure = use->peak;
    v->p95 = use->p95;
    return use;
}

static void set_state(struct licence_verdict *v, enum licence_state state, int64_t since_us)
{
    v->state = state;
    v->since_us = since_us;
}

static void run_grace(struct licence_verdict *v, const char *what, int64_t until_us)
{
    if (v->grace_for && v->grace_until_us <= until_us)
        return;
    v->grace_for = what;
    v->grace_until_us = until_us;
}

/* The worst is said: what has ended, what is too much, who is not heard, what is about to end. */
static void judge_licensed(const struct licence_facts *f, struct licence_verdict *v)
{
    const struct licence *l = f->licence;
    const struct licence_use *use = choose_figure(f, v);
    bool ended = l->expires_at_us && f->now_us >= l->expires_at_us;
    bool over = is_over(v->limit, use);
    int64_t over_until_us = use->over_since_us + l->grace_us, ended_until_us = l->expires_at_us + l->grace_us;
    set_state(v, LICENCE_OK, 0);
    if (l->expires_at_us && f->now_us >= l->expires_at_us - LICENCE_EXPIRING_US)
        set_state(v, LICENCE_EXPIRING, ended ? l->expires_at_us : l->expires_at_us - LICENCE_EXPIRING_US);
    if (f->silent_since_us)
        set_state(v, LICENCE_SILENT, f->silent_since_us);
    if (over && f->now_us < over_until_us)
        run_grace(v, "over", over_until_us);
    else if (over)
        set_state(v, LICENCE_OVER, use->over_since_us);
    if (ended && f->now_us < ended_until_us)
        run_grace(v, "expired", ended_until_us);
    else if (ended)
        set_state(v, LICENCE_EXPIRED, l->expires_at_us);
}

void licence_judge(const struct licence_facts *f, struct licence_verdict *ret)
{
    *ret = (struct licence_verdict){.limit = LICENCE_UNLIMITED};
    if (f->licence) {
        judge_licensed(f, ret);
        return;
    }
    ret->figure_of = "agents";
    ret->figure = f->agents.peak;
    ret->p95 = f->agents.p95;
    ret->state = LICENCE_UNLICENSED;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int64_t licence_p95(int64_t *values, size_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(*values), by_value);
    return values[(count * 95 + 99) / 100 - 1];
}
