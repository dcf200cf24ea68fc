#include "base/clock.h"
#include "hub/hub_internal.h"

struct hub_op *hub_op_of(struct store_op *op)
{
    return CONTAINER_OF(op, struct hub_op, op);
}

void hub_op_begin(struct hub_op *o)
{
    buf_clear(&o->body);
    json_init(&o->json, &o->body);
}

static int op_run(struct store_op *op, struct db *db, struct err *e)
{
    struct hub_op *o = hub_op_of(op);
    hub_op_begin(o);
    return o->work(o, db, e);
}

static void op_done(struct store_op *op)
{
    struct hub_op *o = hub_op_of(op);
    if (o->next)
        http_add_header(o->request, "Link", o->next);
    if (op->rc != 0)
        http_reply_err(o->request, &op->err);
    else if (o->body.n == 0 && o->status == 204)
        http_reply_empty(o->request, o->status);
    else
        http_reply_body(o->request, o->status, o->content_type, &o->body);
    buf_deinit(&o->body);
    free(o);
}

struct hub_op *hub_op_new(struct http_request *r, struct hub *h,
                          int (*work)(struct hub_op *, struct db *, struct err *))
{
    struct hub_op *o = xnew(struct hub_op);
    o->hub = h;
    o->request = r;
    o->arena = http_arena(r);
    o->status = 200;
    o->content_type = "application/json";
    o->work = work;
    o->op.run = op_run;
    o->op.done = op_done;
    buf_init(&o->body);
    return o;
}

void hub_write(struct hub_op *op)
{
    store_write(op->hub->store, &op->op);
}

void hub_read(struct hub_op *op)
{
    store_read(op->hub->store, &op->op);
}

const char *hub_query_text(struct http_request *r, const char *name)
{
    struct str value;
    return http_query(r, name, &value) && value.n ? arena_strdup(http_arena(r), value) : NULL;
}

void hub_add_query(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(out, "&%s=", name);
    for (const char *p = value; *p; p++)
        buf_printf(out, (*p > ' ' && *p < 0x7f && !strchr("&#%+<>\"", *p)) ? "%c" : "%%%02X",
                   (unsigned char)*p);
}

const char *hub_param_text(struct http_request *r, const char *name)
{
    return arena_strdup(http_arena(r), http_param(r, name));
}

bool hub_query_time(struct http_request *r, const char *name, int64_t fallback, int64_t *ret)
{
    struct str value;
    CLEANUP(buf_deinit) struct buf pointer = BUF_INIT;
    *ret = fallback;
    if (!http_query(r, name, &value) || value.n == 0 || clock_parse_rfc3339(value, ret))
        return true;
    CLEANUP(buf_deinit) struct buf day = BUF_INIT; /* a date is its first instant in UTC */
    buf_printf(&day, "%.*sT00:00:00Z", STR_ARG(value));
    if (clock_parse_rfc3339(buf_str(&day), ret))
        return true;
    buf_printf(&pointer, "/%s", name);
    http_reply_problem(r, 400, pointer.p, "%s must be a date, or a time such as 2027-01-01T00:00:00Z", name);
    return false;
}

int hub_no_instance(struct err *e, const char *id)
{
    return err_set(e, ERR_NOT_FOUND, -ENOENT,
                   "there is no instance \"%.128s\"; enrol it with muster hub enroll", id);
}
