/* Rows that survive the node (W9): loaded once, and saved in one operation for all that have changed.  A
 * crash loses what the last second brought; the next beat brings it back. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "io/file.h"
#include "node/workers/workers_internal.h"
#include "store/workers.h"

struct save_op {
    struct store_op op;
    struct workers *workers;
    struct arena arena;
    struct worker_saved *rows;
    size_t count;
};

static struct save_op *save_op_new(struct workers *w)
{
    struct save_op *s = xnew(struct save_op);
    s->workers = w;
    arena_init(&s->arena);
    return s;
}

static void save_op_free(struct save_op *s)
{
    arena_reset(&s->arena);
    free(s);
}

/* Names the boot clock: the boot, and the offset that a time namespace has given it. */
static void read_boot_id(struct workers *w)
{
    static const char *const parts[] = {"/proc/sys/kernel/random/boot_id", "/proc/self/timens_offsets"};
    struct buf text = BUF_INIT;
    int rc = file_read_small(parts[0], WORKERS_BOOT_ID_BYTES_MAX, &text);
    if (rc == 0)
        rc = file_read_small(parts[1], WORKERS_BOOT_ID_BYTES_MAX, &text);
    if (rc == 0 || rc == -ENOENT) /* an old kernel has no offsets */
        hash_sha256_hex(buf_str(&text), w->boot_id);
    buf_deinit(&text);
}

/* -- load -- */

static int load_run(struct store_op *op, struct db *db, struct err *e)
{
    struct save_op *s = CONTAINER_OF(op, struct save_op, op);
    return worker_list(db, &s->arena, &s->rows, &s->count, e);
}

/* Within one boot the clock that no one sets tells how long the node was away. */
static int64_t away_us(const struct workers *w, const struct worker_saved *saved)
{
    bool same_boot = w->boot_id[0] && strcmp(saved->boot_id, w->boot_id) == 0;
    return MAX(same_boot ? w->boot_us() - saved->boot_us : w->wall_us() - saved->wall_us, 0);
}

static void restore(struct workers *w, struct worker *worker, const struct worker_saved *saved)
{
    int64_t now_us = workers_now(w);
    worker->row = saved->row;
    worker_row_shift(&worker->row, now_us - away_us(w, saved));
    worker->extra = str_dup(saved->extra);
    worker->truncated = saved->truncated;
    view_changed(worker);
    /* What was told when it was saved; what has changed since is told now. */
    worker->told = worker_status(&saved->row, 0);
    worker->told_flapping = worker_flapping(&saved->row, 0);
    workers_settle(w, worker, now_us);
}

static void load_done(struct store_op *op)
{
    struct save_op *s = CONTAINER_OF(op, struct save_op, op);
    struct workers *w = s->workers;
    if (op->rc)
        log_error("workers", "the saved rows cannot be read; the roll call begins anew",
                  LOG_TEXT("error", op->err.text));
    for (size_t i = 0; i < s->count && op->rc == 0; i++) {
        struct worker *worker = workers_find(w, str_of(s->rows[i].name));
        if (worker)
            restore(w, worker, &s->rows[i]);
    }
    save_op_free(s);
    workers_loaded(w);
}

void save_load(struct workers *w)
{
    struct save_op *s = save_op_new(w);
    read_boot_id(w);
    s->op.run = load_run;
    s->op.done = load_done;
    store_read(w->store, &s->op);
}

/* -- save -- */

static int save_run(struct store_op *op, struct db *db, struct err *e)
{
    struct save_op *s = CONTAINER_OF(op, struct save_op, op);
    int rc = 0;
    for (size_t i = 0; i < s->count && rc == 0; i++)
        rc = worker_save(db, &s->rows[i], e);
    return rc;
}

static void save_done(struct store_op *op)
{
    struct save_op *s = CONTAINER_OF(op, struct save_op, op);
    struct workers *w = s->workers;
    static struct log_limit limit;
    w->saving = false;
    if (op->rc != 0 && log_limit_allows(&limit, clock_monotonic_us(), 1, 60 * USEC_PER_SEC))
        log_warn("workers", "rows are not saved; what they say is lost when the node ends",
                 LOG_TEXT("error", op->err.text));
    for (size_t i = 0; i < s->count && op->rc != 0; i++) {
        struct worker *worker = workers_find(w, str_of(s->rows[i].name));
        save_mark(w, worker);
    }
    save_op_free(s);
}

static void collect(struct workers *w, struct save_op *s)
{
    int64_t now_us = workers_now(w), wall_us = w->wall_us(), boot_us = w->boot_us();
    s->rows = arena_alloc(&s->arena, (w->count + 1) * sizeof(*s->rows));
    for (size_t i = 0; i < w->count; i++) {
        struct worker *worker = &w->workers[i];
        if (!worker->dirty)
            continue;
        worker->dirty = false;
        struct worker_saved *saved = &s->rows[s->count++];
        *saved = (struct worker_saved){.name = arena_strdup(&s->arena, str_of(worker->name)),
                                       .row = worker->row,
                                       .truncated = worker->truncated,
                                       .wall_us = wall_us,
                                       .boot_us = boot_us,
                                       .boot_id = arena_strdup(&s->arena, str_of(w->boot_id))};
        saved->extra = str_of(arena_strdup(&s->arena, str_of(worker->extra ? worker->extra : "{}")));
        worker_row_shift(&saved->row, -now_us);
    }
}

void save_now(struct workers *w)
{
    struct save_op *s = save_op_new(w);
    collect(w, s);
    if (s->count == 0) {
        save_op_free(s);
        return;
    }
    w->saving = true;
    w->saved_us = clock_monotonic_us();
    s->op.run = save_run;
    s->op.done = save_done;
    store_write(w->store, &s->op);
}

static void on_save(uv_timer_t *timer)
{
    struct workers *w = timer->data;
    if (w->saving)
        (void)uv_timer_start(&w->save_timer, on_save, WORKERS_SAVE_FIRST_MS, 0);
    else
        save_now(w);
}

void save_mark(struct workers *w, struct worker *worker)
{
    worker->dirty = true;
    if (w->stopping || uv_is_active((uv_handle_t *)&w->save_timer))
        return;
    int64_t wait_us = w->saved_us ? w->saved_us + WORKERS_SAVE_SPACING_US - clock_monotonic_us() : 0;
    (void)uv_timer_start(&w->save_timer, on_save, (uint64_t)MAX(wait_us / 1000, WORKERS_SAVE_FIRST_MS), 0);
}
