#include "node/events.h"

#include "base/hash.h"
#include "base/parse.h"
#include "core/subject.h"
#include "io/counters.h"

struct kept_event {
    int64_t sequence; /* 0: none yet */
    char *subject;
    char *json;
};

struct listener {
    struct listener *next, **previous;
    struct events *events;
    struct http_stream *stream;
    char *pattern; /* NULL: everything */
};

struct events {
    struct kept_event ring[EVENTS_KEPT];
    int64_t last_sequence;
    char boot[9]; /* tells ids of this process from those of an earlier one */
    struct listener *listeners;
    void (*tap)(void *arg, const char *subject, struct str json); /* NULL: none */
    void *tap_arg;
};

void events_tap(struct events *ev, void (*tap)(void *arg, const char *subject, struct str json), void *arg)
{
    ev->tap = tap;
    ev->tap_arg = arg;
}

struct events *events_new(void)
{
    struct events *ev = xnew(struct events);
    hash_random_hex(4, ev->boot);
    return ev;
}

struct events *events_free(struct events *ev)
{
    if (!ev)
        return NULL;
    while (ev->listeners)
        http_stream_close(ev->listeners->stream); /* its on_close unlinks it */
    for (size_t i = 0; i < EVENTS_KEPT; i++) {
        free(ev->ring[i].subject);
        free(ev->ring[i].json);
    }
    free(ev);
    return NULL;
}

static bool wants(const struct listener *l, const struct kept_event *event)
{
    return !l->pattern || subject_matches(str_of(l->pattern), str_of(event->subject));
}

static void add_event(const struct events *ev, const struct kept_event *event, struct buf *out)
{
    buf_printf(out, "id: %s-%lld\nevent: %s\ndata: %s\n\n", ev->boot, (long long)event->sequence,
               event->subject, event->json);
}

void events_publish(struct events *ev, const char *subject, struct str json)
{
    int64_t sequence = ++ev->last_sequence;
    struct kept_event *slot = &ev->ring[sequence % EVENTS_KEPT];
    free(slot->subject);
    free(slot->json);
    *slot = (struct kept_event){sequence, xstrdup(subject), str_dup(json)};
    counter_add(COUNTER_SSE_EVENTS, 1);
    if (ev->tap)
        ev->tap(ev->tap_arg, slot->subject, str_of(slot->json));
    struct buf text = BUF_INIT;
    add_event(ev, slot, &text);
    for (struct listener *l = ev->listeners, *next; l; l = next) {
        next = l->next; /* a slow listener is closed, and so unlinked, inside send */
        if (wants(l, slot))
            http_stream_send(l->stream, buf_str(&text));
    }
    buf_deinit(&text);
}

/* The sequence after which to go on, or -1 when the id is of another process or fell out of the ring. */
static int64_t resume_point(const struct events *ev, struct str last_id)
{
    struct str boot, number = last_id;
    int64_t sequence;
    if (!str_split(&number, '-', &boot) || !str_equal(boot, str_of(ev->boot)) ||
        !parse_i64_in(number, 0, ev->last_sequence, &sequence))
        return -1;
    return ev->last_sequence - sequence >= EVENTS_KEPT ? -1 : sequence;
}

static void replay(const struct events *ev, const struct listener *l, struct str last_id, struct buf *out)
{
    int64_t from = resume_point(ev, last_id);
    if (from < 0) {
        buf_add_text(
            out,
            "event: gap\ndata: {\"reason\":\"events before this point are gone; read the state again\"}\n\n");
        return;
    }
    for (int64_t sequence = from + 1; sequence <= ev->last_sequence; sequence++) {
        const struct kept_event *event = &ev->ring[sequence % EVENTS_KEPT];
        if (wants(l, event))
            add_event(ev, event, out);
    }
}

static void on_close(struct http_stream *stream, void *arg)
{
    (void)stream;
    struct listener *l = arg;
    *l->previous = l->next;
    if (l->next)
        l->next->previous = l->previous;
    free(l->pattern);
    free(l);
}

void events_handle(struct http_request *r, struct events *ev)
{
    struct str pattern = {0}, last_id = http_header(r, "Last-Event-ID");
    if (http_query(r, "subject", &pattern) && !subject_pattern_valid(pattern)) {
        http_reply_problem(
            r, 400, NULL, "subject is no subject pattern: tokens separated by dots, * for one, > at the end");
        return;
    }
    struct listener *l = xnew(struct listener);
    l->events = ev;
    l->pattern = pattern.n ? str_dup(pattern) : NULL;
    struct buf first = BUF_INIT;
    buf_add_text(&first, "retry: 1000\n\n");
    if (last_id.n)
        replay(ev, l, last_id, &first);
    l->next = ev->listeners;
    l->previous = &ev->listeners;
    if (l->next)
        l->next->previous = &l->next;
    ev->listeners = l;
    l->stream = http_stream_open(r, on_close, l);
    http_stream_send(l->stream, buf_str(&first)); /* last: it may close the stream, and l with it */
    buf_deinit(&first);
}
