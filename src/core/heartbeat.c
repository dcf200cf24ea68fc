#include "core/heartbeat.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/json_scan.h"

#include <math.h>

bool heartbeat_subject(struct str subject, struct str *ret_worker)
{
    struct str first, worker, last;
    bool three = str_split(&subject, '.', &first) && str_split(&subject, '.', &worker) &&
                 str_split(&subject, '.', &last) && !subject.p;
    if (!three || !str_equal(first, STR("system")) || !str_equal(last, STR("health")) || worker.n == 0)
        return false;
    *ret_worker = worker;
    return true;
}

/* -- members -- */

struct member {                 /* of extra, in order of appearance */
    size_t start, key_end, end; /* of `text`: "key":value, and where the key ends */
    bool dropped;
};
struct parse {
    struct heartbeat *beat;
    struct buf key, text;
    struct member members[HEARTBEAT_EXTRA_KEYS_MAX];
    size_t count;
};

struct value {
    struct json_scanned is;
    struct str print;
};

/* Seconds to microseconds; false when they are no number, or beyond `max_s` either way. */
static bool seconds(const struct value *v, double max_s, int64_t *ret_us)
{
    if (v->is.type != JSON_SCAN_NUMBER || !isfinite(v->is.number) || fabs(v->is.number) > max_s)
        return false;
    *ret_us = v->is.is_integer ? v->is.integer * USEC_PER_SEC : llround(v->is.number * 1e6);
    return true;
}

static void take_ts(struct heartbeat *b, const struct value *v)
{
    b->ts_known = seconds(v, (double)HEARTBEAT_TS_MAX_S, &b->ts_us);
    b->faults &= ~(unsigned)HEARTBEAT_BAD_TS;
    b->faults |= b->ts_known ? 0 : HEARTBEAT_BAD_TS;
}

static void take_period(struct heartbeat *b, const struct value *v)
{
    int64_t us;
    bool good = seconds(v, (double)HEARTBEAT_PERIOD_MAX_US / 1e6, &us) && us >= HEARTBEAT_PERIOD_MIN_US;
    b->period_us = good ? us : 0;
    b->faults &= ~(unsigned)HEARTBEAT_BAD_PERIOD;
    b->faults |= good || v->is.type == JSON_SCAN_NULL ? 0 : HEARTBEAT_BAD_PERIOD;
}

static void take_seq(struct heartbeat *b, const struct value *v)
{
    b->seq_known = v->is.type == JSON_SCAN_NUMBER && v->is.is_integer;
    b->seq = b->seq_known ? v->is.integer : 0;
}

/* A string without escapes, or an integer: what a program draws at random, not prose. */
static void take_instance(struct heartbeat *b, const struct value *v)
{
    struct str text = v->print;
    if (v->is.type == JSON_SCAN_STRING)
        text = (struct str){text.p + 1, text.n - 2};
    bool good = (v->is.type == JSON_SCAN_STRING || (v->is.type == JSON_SCAN_NUMBER && v->is.is_integer)) &&
                text.n <= HEARTBEAT_INSTANCE_MAX && !memchr(text.p, '\\', text.n);
    size_t n = good ? text.n : 0;
    memcpy(b->instance, text.p, n);
    b->instance[n] = '\0';
    b->faults &= ~(unsigned)HEARTBEAT_BAD_INSTANCE;
    b->faults |= good || v->is.type == JSON_SCAN_NULL ? 0 : HEARTBEAT_BAD_INSTANCE;
}

static void take_state(struct heartbeat *b, const struct value *v)
{
    b->stopping = str_equal(v->print, STR("\"stopping\""));
}

static void take_worker(struct heartbeat *b, const struct value *v)
{
    (void)b;
    (void)v;
}

static const struct {
    const char *name;
    bool hidden; /* not part of extra */
    void (*take)(struct heartbeat *b, const struct value *v);
} known[] = {
    {"worker", true, take_worker},      {"ts", true, take_ts},    {"period_s", false, take_period},
    {"instance", false, take_instance}, {"seq", false, take_seq}, {"state", false, take_state},
};

/* Of a key that comes twice the last one counts; with a bound on keys, looking at all of them is cheap. */
static void drop_earlier(struct parse *p, struct str key)
{
    for (size_t i = 0; i < p->count; i++) {
        struct member *m = &p->members[i];
        if (str_equal((struct str){p->text.p + m->start, m->key_end - m->start}, key))
            m->dropped = true;
    }
}

/* "key":value at text[start…]: kept as a member, or taken back. */
static void keep(struct parse *p, bool hidden, size_t start, size_t key_end)
{
    if (!hidden) {
        drop_earlier(p, (struct str){p->text.p + start, key_end - start});
        bool fits = p->count < HEARTBEAT_EXTRA_KEYS_MAX && p->text.n - start <= HEARTBEAT_EXTRA_MAX;
        if (fits) {
            p->members[p->count++] = (struct member){start, key_end, p->text.n, false};
            return;
        }
        p->beat->faults |= HEARTBEAT_TRUNCATED;
    }
    p->text.n = start;
    p->text.p[start] = '\0';
}

static int read_member(struct parse *p, struct json_scan *s)
{
    struct value v;
    size_t start = p->text.n;
    bool hidden = false;
    buf_clear(&p->key);
    int rc = json_scan_string(s, &p->key);
    if (rc == 0 && !json_scan_take(s, ':'))
        rc = JSON_SCAN_E_SYNTAX;
    if (rc)
        return rc;
    json_escape(&p->text, buf_str(&p->key));
    size_t key_end = p->text.n;
    buf_add_char(&p->text, ':');
    rc = json_scan_value(s, HEARTBEAT_DEPTH_MAX - 1, &p->text, &v.is);
    if (rc)
        return rc;
    v.print = (struct str){p->text.p + key_end + 1, p->text.n - key_end - 1};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (!str_equal(buf_str(&p->key), str_of(known[i].name)))
            continue;
        known[i].take(p->beat, &v);
        hidden = known[i].hidden;
    }
    keep(p, hidden, start, key_end);
    return 0;
}

static int read_members(struct parse *p, struct json_scan *s)
{
    if (json_scan_take(s, '}'))
        return 0;
    for (;;) {
        int rc = read_member(p, s);
        if (rc)
            return rc;
        if (json_scan_take(s, '}'))
            return 0;
        if (!json_scan_take(s, ','))
            return JSON_SCAN_E_SYNTAX;
    }
}

/* As many whole members as fit, in their order. */
static void write_extra(const struct parse *p, struct buf *extra)
{
    buf_add_char(extra, '{');
    for (size_t i = 0; i < p->count; i++) {
        const struct member *m = &p->members[i];
        if (m->dropped)
            continue;
        size_t n = m->end - m->start, comma = extra->n > 1;
        if (extra->n + comma + n + 1 > HEARTBEAT_EXTRA_MAX) {
            p->beat->faults |= HEARTBEAT_TRUNCATED;
            continue;
        }
        if (comma)
            buf_add_char(extra, ',');
        buf_add(extra, p->text.p + m->start, n);
    }
    buf_add_char(extra, '}');
}

/* -- the whole payload -- */

static int refusal(int scan_rc)
{
    return scan_rc == JSON_SCAN_E_DEEP ? HEARTBEAT_E_DEEP : HEARTBEAT_E_SYNTAX;
}

static int parse_object(struct parse *p, struct json_scan *s)
{
    int rc = read_members(p, s);
    if (rc)
        return refusal(rc);
    return json_scan_at_end(s) ? 0 : HEARTBEAT_E_SYNTAX;
}

/* Any other value: is it JSON at all? */
static int parse_other(struct parse *p, struct json_scan *s)
{
    struct json_scanned is;
    int rc = json_scan_value(s, HEARTBEAT_DEPTH_MAX, &p->text, &is);
    if (rc)
        return refusal(rc);
    return json_scan_at_end(s) ? HEARTBEAT_E_NOT_OBJECT : HEARTBEAT_E_SYNTAX;
}

int heartbeat_parse(struct str payload, struct heartbeat *ret, struct buf *extra)
{
    struct parse p = {.beat = ret, .key = BUF_INIT, .text = BUF_INIT};
    struct json_scan s = {payload};
    *ret = (struct heartbeat){0};
    buf_clear(extra);
    if (!str_is_utf8(payload))
        return HEARTBEAT_E_UTF8;
    int rc = json_scan_take(&s, '{') ? parse_object(&p, &s) : parse_other(&p, &s);
    if (rc == 0)
        write_extra(&p, extra);
    buf_deinit(&p.key);
    buf_deinit(&p.text);
    return rc;
}
