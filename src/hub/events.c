/* GET /api/v1/events: what has happened to instances, as a list, or as a stream for who accepts one.
 *
 * The table is the truth, since hubs may share it: while somebody listens it is looked at once a second.
 * Rows of two hubs can become visible in another order than their numbers, so a stream says when to look
 * again, and the list is what is complete. */
#include "base/parse.h"
#include "hub/hub_internal.h"
#include "io/counters.h"

#define LOOK_MS 1000
#define LOOK_MAX 1000 /* events told in one look; the rest follows in the next */

static const struct sheet_column columns[] = {
    {"id", SHEET_COUNT, offsetof(struct hub_event, id)},
    {"at", SHEET_TIME, offsetof(struct hub_event, at)},
    {"type", SHEET_TEXT, offsetof(struct hub_event, type)},
    {"instance_id", SHEET_TEXT, offsetof(struct hub_event, instance_id)},
    {"detail", SHEET_TEXT, offsetof(struct hub_event, detail)},
    {0}};

struct listener {
    struct listener *next, **previous;
    struct followers *followers;
    struct http_stream *stream;
    int64_t last_id; /* told so far */
};

struct followers {
    struct hub *hub;
    struct listener *first;
    uv_timer_t timer;
    bool under_way;
};

/* -- a look at what is new -- */

struct look {
    struct store_op op;
    struct followers *followers;
    struct arena arena;
    int64_t after;
    struct hub_event *events;
    size_t count;
};

static int look_run(struct store_op *op, struct db *db, struct err *e)
{
    struct look *l = CONTAINER_OF(op, struct look, op);
    return hub_event_list(db, l->after, LOOK_MAX, &l->arena, &l->events, &l->count, e);
}

static void add_event(struct buf *out, const struct hub_event *event)
{
    struct json_writer w;
    buf_printf(out, "id: %lld\nevent: event.instance.%s\ndata: ", (long long)event->id, event->type);
    json_init(&w, out);
    json_object_begin(&w);
    sheet_put(&w, columns, event);
    json_object_end(&w);
    buf_add_text(out, "\n\n");
}

static void tell(struct listener *to, const struct look *l)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < l->count; i++)
        if (l->events[i].id > to->last_id) {
            add_event(&text, &l->events[i]);
            to->last_id = l->events[i].id;
            counter_add(COUNTER_SSE_EVENTS, 1);
        }
    if (text.n)
        http_stream_send(to->stream, buf_str(&text)); /* last: it may close the stream, and `to` with it */
    buf_deinit(&text);
}

static void look_done(struct store_op *op)
{
    struct look *l = CONTAINER_OF(op, struct look, op);
    l->followers->under_way = false;
    for (struct listener *to = op->rc == 0 ? l->followers->first : NULL, *next; to; to = next) {
        next = to->next;
        tell(to, l);
    }
    arena_reset(&l->arena);
    free(l);
}

static void on_look(uv_timer_t *timer)
{
    struct followers *f = timer->data;
    if (f->under_way || !f->first)
        return;
    struct look *l = xnew(struct look);
    arena_init(&l->arena);
    l->followers = f;
    l->after = f->first->last_id;
    for (const struct listener *to = f->first; to; to = to->next)
        l->after = MIN(l->after, to->last_id);
    l->op.run = look_run;
    l->op.done = look_done;
    f->under_way = true;
    store_read(f->hub->store, &l->op);
}

/* -- who listens -- */

static void on_close(struct http_stream *stream, void *arg)
{
    (void)stream;
    struct listener *l = arg;
    *l->previous = l->next;
    if (l->next)
        l->next->previous = l->previous;
    if (!l->followers->first)
        (void)uv_timer_stop(&l->followers->timer);
    free(l);
}

static void listen_from(struct followers *f, struct http_request *r, int64_t last_id)
{
    struct listener *l = xnew(struct listener);
    l->stream = http_stream_open(r, on_close, l);
    if (!l->stream) {
        free(l);
        return;
    }
    *l = (struct listener){
        .next = f->first, .previous = &f->first, .followers = f, .stream = l->stream, .last_id = last_id};
    if (l->next)
        l->next->previous = &l->next;
    f->first = l;
    if (!uv_is_closing((uv_handle_t *)&f->timer))
        (void)uv_timer_start(&f->timer, on_look, 0, LOOK_MS);
    http_stream_send(l->stream, STR("retry: 1000\n\n"));
}

struct opening {
    struct store_op op;
    struct followers *followers;
    struct http_request *request;
    int64_t wanted; /* Last-Event-ID; INT64_MAX for none */
    int64_t newest;
};

static int opening_run(struct store_op *op, struct db *db, struct err *e)
{
    return hub_event_newest(db, &CONTAINER_OF(op, struct opening, op)->newest, e);
}

static void opening_done(struct store_op *op)
{
    struct opening *o = CONTAINER_OF(op, struct opening, op);
    if (op->rc == 0)
        listen_from(o->followers, o->request, MIN(o->wanted, o->newest));
    else
        http_reply_err(o->request, &op->err);
    free(o);
}

static void open_stream(struct http_request *r, struct hub *h)
{
    struct opening *o = xnew(struct opening);
    o->followers = h->followers;
    o->request = r;
    o->op.run = opening_run;
    o->op.done = opening_done;
    if (!parse_i64_in(http_header(r, "Last-Event-ID"), 0, INT64_MAX, &o->wanted))
        o->wanted = INT64_MAX;
    store_read(h->store, &o->op);
}

struct followers *followers_new(struct hub *h)
{
    struct followers *f = xnew(struct followers);
    f->hub = h;
    (void)uv_timer_init(&h->loop, &f->timer);
    f->timer.data = f;
    return f;
}

struct followers *followers_free(struct followers *f)
{
    if (f)
        assert(!f->first && !f->under_way);
    free(f);
    return NULL;
}

/* -- the list -- */

struct list_input {
    int64_t after, limit;
    enum sheet_format format;
};

static int list_work(struct hub_op *op, struct db *db, struct err *e)
{
    const struct list_input *in = op->input;
    struct hub_event *rows = NULL;
    size_t count = 0;
    int rc = hub_event_list(db, in->after, in->limit, op->arena, &rows, &count, e);
    if (rc == 0)
        sheet_answer(op, in->format, "events", columns, rows, count, sizeof(*rows));
    return rc;
}

static void events(struct http_request *r, void *context)
{
    struct list_input in;
    if (str_starts_with(http_header(r, "Accept"), STR("text/event-stream"))) {
        open_stream(r, context);
        return;
    }
    if (!http_query_i64(r, "limit", 1, HUB_LIMIT_MAX, HUB_LIMIT_DEFAULT, &in.limit) ||
        !http_query_i64(r, "after", 0, INT64_MAX, 0, &in.after) || !sheet_format_of(r, &in.format))
        return;
    struct hub_op *op = hub_op_new(r, context, list_work);
    op->input = arena_alloc(op->arena, sizeof(in));
    memcpy(op->input, &in, sizeof(in));
    hub_read(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/events", HUB_READERS, events,
     .summary = "What has happened to instances; a stream of it for who accepts text/event-stream",
     .query =
         "limit:integer:At most this many;after:integer:Behind this event;format:string:json, ndjson or csv",
     .responses = "200:Events, oldest first"},
};
const struct hub_routes hub_event_routes = {routes, COUNT_OF(routes)};
