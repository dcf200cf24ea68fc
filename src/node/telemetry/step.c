#include "base/clock.h"
#include "base/log.h"
#include "node/telemetry/telemetry_internal.h"

#define ACKED_KEPT_US (INT64_C(30) * 86400 * USEC_PER_SEC)
#define SWEEP_MAX 1000

/* -- store thread: cutting -- */

void telemetry_cutting_of(struct telemetry *t, struct telemetry_cutting *ret)
{
    *ret = (struct telemetry_cutting){
        .rules = t->rules,
        .place = t->place,
        .head = {.version = MUSTER_VERSION,
                 .platform = t->platform,
                 .process = t->process,
                 .uptime_us = clock_monotonic_us() - t->started_us,
                 .interval_us = t->rules.interval_us,
                 .licence_only = t->licence_only},
    };
    (void)snprintf(ret->given_id, sizeof(ret->given_id), "%s", t->config->telemetry_instance_id);
}

static int identify(struct telemetry_cutting *c, struct db *db, struct arena *a, struct err *e)
{
    struct telemetry_identity id;
    int rc = telemetry_identity(db, c->given_id[0] ? c->given_id : NULL, c->place, a, &id, e);
    if (rc)
        return rc;
    (void)snprintf(c->instance_id, sizeof(c->instance_id), "%s", id.instance_id);
    (void)snprintf(c->epoch, sizeof(c->epoch), "%s", id.epoch);
    return 0;
}

static int write_body(struct telemetry_cutting *c, struct db *db, const struct window *w, bool first,
                      int64_t window_no, struct telemetry_figures *f, struct arena *a, struct buf *out,
                      struct err *e)
{
    int rc = telemetry_count(db, w, first, a, f, e);
    struct payload_head head = c->head;
    head.instance_id = c->instance_id;
    head.epoch = c->epoch;
    head.window_no = window_no;
    if (rc == 0)
        payload_write(&head, w, f, out);
    return rc;
}

static int cut_one(struct telemetry_cutting *c, struct db *db, const struct window *w,
                   struct telemetry_position *p, int64_t now_us, struct arena *a, struct err *e)
{
    CLEANUP(buf_deinit) struct buf body = BUF_INIT;
    struct telemetry_figures f;
    int rc = write_body(c, db, w, p->last_end_us == 0, p->last_no + 1, &f, a, &body, e);
    if (rc == 0)
        rc = telemetry_cut(db, c->epoch, p->last_no + 1, w, buf_str(&body), f.total_tasks, now_us, e);
    if (rc)
        return rc;
    p->last_no++;
    p->last_end_us = w->end_us;
    if (p->pending++ == 0)
        p->acked_end_us = w->start_us;
    return 0;
}

/* The clock that stamped the last window was far ahead: what it said is left behind with its epoch. */
static int check_clock(struct telemetry_cutting *c, struct db *db, struct telemetry_position *p,
                       int64_t now_us, struct arena *a, struct err *e)
{
    struct telemetry_identity id = {0};
    if (!window_clock_was_wrong(p->last_end_us, now_us))
        return 0;
    int rc = telemetry_new_epoch(db, a, &id, e);
    if (rc)
        return rc;
    (void)snprintf(c->epoch, sizeof(c->epoch), "%s", id.epoch);
    p->last_no = 0;
    p->last_end_us = now_us - c->rules.interval_us;
    return 0;
}

static int position_now(struct telemetry_cutting *c, struct db *db, int64_t now_us,
                        struct telemetry_position *p, struct arena *a, struct err *e)
{
    int rc = identify(c, db, a, e);
    if (rc == 0)
        rc = telemetry_position(db, c->epoch, p, e);
    return rc ? rc : check_clock(c, db, p, now_us, a, e);
}

int telemetry_cut_due(struct telemetry_cutting *c, struct db *db, int64_t now_us, struct store *store,
                      struct telemetry_position *ret, struct err *e)
{
    struct arena a;
    struct window w;
    arena_init(&a);
    int rc = position_now(c, db, now_us, ret, &a, e);
    while (rc == 0 && window_next(&c->rules, ret->last_end_us, now_us, ret->pending > 0 && !c->at_once, &w)) {
        rc = cut_one(c, db, &w, ret, now_us, &a, e);
        arena_reset(&a);
    }
    if (rc == 0)
        store_stamp_from(store, ret->last_end_us);
    arena_reset(&a);
    return rc;
}

int telemetry_next_body(struct telemetry_cutting *c, struct db *db, int64_t now_us, struct buf *out,
                        struct err *e)
{
    struct arena a;
    struct window w;
    struct telemetry_position p;
    struct telemetry_figures f;
    arena_init(&a);
    int rc = position_now(c, db, now_us, &p, &a, e);
    if (rc == 0 && !window_next(&c->rules, p.last_end_us, now_us, false, &w))
        rc = err_set(e, ERR_CONFLICT, -EAGAIN, "the last window has only just ended; ask again");
    if (rc == 0)
        rc = write_body(c, db, &w, p.last_end_us == 0, p.last_no + 1, &f, &a, out, e);
    arena_reset(&a);
    return rc;
}

/* -- one turn: cut, and take the oldest that waits -- */

struct step_op {
    struct store_op op;
    struct telemetry *telemetry;
    struct telemetry_cutting cutting;
    struct telemetry_position position;
    struct telemetry_window oldest;
    struct arena arena;
    bool found;
};

static int step_run(struct store_op *op, struct db *db, struct err *e)
{
    struct step_op *s = CONTAINER_OF(op, struct step_op, op);
    int rc = telemetry_cut_due(&s->cutting, db, op->now_us, op->store, &s->position, e);
    if (rc == 0)
        rc = telemetry_oldest(db, "pending", &s->arena, &s->oldest, e);
    s->found = rc == 0;
    return rc == DB_E_NONE ? 0 : rc;
}

static void take_oldest(struct telemetry *t, const struct telemetry_window *w)
{
    t->sent.id = w->id;
    t->sent.window_no = w->window_no;
    t->sent.start_us = w->start_us;
    t->sent.end_us = w->end_us;
    t->sent.refusals = w->refusals;
    (void)snprintf(t->sent.epoch, sizeof(t->sent.epoch), "%s", w->epoch);
    telemetry_send(t, str_of(w->payload));
}

static void step_failed(struct telemetry *t, const struct err *e)
{
    log_warn("telemetry", "no report could be made; it is tried again", LOG_TEXT("error", e->text));
    t->failures++;
    telemetry_after(t, window_retry_us(t->failures, -1, 0.5));
}

static void step_done(struct store_op *op)
{
    struct step_op *s = CONTAINER_OF(op, struct step_op, op);
    struct telemetry *t = s->telemetry;
    t->operations--;
    if (op->rc == 0) {
        t->position = s->position;
        t->last_look_us = clock_monotonic_us();
        (void)snprintf(t->instance_id, sizeof(t->instance_id), "%s", s->cutting.instance_id);
        (void)snprintf(t->epoch, sizeof(t->epoch), "%s", s->cutting.epoch);
    }
    if (!t->stopped && op->rc != 0)
        step_failed(t, &op->err);
    else if (!t->stopped && s->found)
        take_oldest(t, &s->oldest);
    else if (!t->stopped)
        telemetry_after(t, t->rules.interval_us);
    arena_reset(&s->arena);
    free(s);
}

void telemetry_step(struct telemetry *t)
{
    struct step_op *s = xnew(struct step_op);
    s->telemetry = t;
    arena_init(&s->arena);
    telemetry_cutting_of(t, &s->cutting);
    s->op.run = step_run;
    s->op.done = step_done;
    t->operations++;
    store_write(t->store, &s->op);
}

/* -- what an answer says of its window -- */

struct book_op {
    struct store_op op;
    struct telemetry *telemetry;
    struct telemetry_answer answer;
    int64_t id, window_no;
    char epoch[64];
    struct telemetry_position position;
};

static const char *state_of(enum window_outcome outcome)
{
    static const char *const names[] = {[WINDOW_ACKED] = "acked",
                                        [WINDOW_TAKEN] = "taken",
                                        [WINDOW_RETRY] = "pending",
                                        [WINDOW_FAULT] = "pending",
                                        [WINDOW_REJECTED] = "rejected"};
    return names[outcome];
}

/* A list that is full may have been cut: what follows its last one is not known. */
static int64_t confirmed_below(const struct telemetry_answer *a, int64_t window_no)
{
    return a->missing_count == TELEMETRY_MISSING_MAX ? a->missing[a->missing_count - 1] : window_no;
}

static int book_run(struct store_op *op, struct db *db, struct err *e)
{
    struct book_op *b = CONTAINER_OF(op, struct book_op, op);
    const struct telemetry_answer *a = &b->answer;
    bool refused =
        a->status >= 400 && a->status < 500 && a->status != 429 && a->status != 401 && a->status != 403;
    int rc = telemetry_settle(db, b->id, state_of(a->outcome), refused, a->status,
                              a->error[0] ? a->error : NULL, op->now_us, e);
    if (rc == 0 && a->outcome == WINDOW_ACKED && a->names_window)
        rc = telemetry_confirm(db, b->epoch, confirmed_below(a, b->window_no), a->missing, a->missing_count,
                               op->now_us, e);
    if (rc == 0 && a->outcome == WINDOW_ACKED)
        rc = telemetry_sweep(db, op->now_us - ACKED_KEPT_US, SWEEP_MAX, e);
    return rc ? rc : telemetry_position(db, b->epoch, &b->position, e);
}

static void book_done(struct store_op *op)
{
    struct book_op *b = CONTAINER_OF(op, struct book_op, op);
    struct telemetry *t = b->telemetry;
    t->operations--;
    if (op->rc == 0)
        t->position = b->position;
    if (!t->stopped && op->rc != 0)
        step_failed(t, &op->err); /* the window is still there and goes out again */
    else if (!t->stopped)
        telemetry_answered(t, &b->answer);
    free(b);
}

void telemetry_book(struct telemetry *t, const struct telemetry_answer *answer)
{
    struct book_op *b = xnew(struct book_op);
    b->telemetry = t;
    b->answer = *answer;
    b->id = t->sent.id;
    b->window_no = t->sent.window_no;
    (void)snprintf(b->epoch, sizeof(b->epoch), "%s", t->sent.epoch);
    b->op.run = book_run;
    b->op.done = book_done;
    t->operations++;
    store_write(t->store, &b->op);
}
