#include "store/reports.h"

#include "base/hash.h"
#include "store/rows.h"

#define SILENT_INTERVALS 3 /* H12 */
/* A short window, after a restart say, tells little of how often somebody reports. */
#define INTERVAL_GUESS_MIN_US (INT64_C(60) * 1000000)
#define INTERVAL_DEFAULT_US (INT64_C(300) * 1000000)

struct batch {              /* what all of them have to write */
    struct db_arg *reports; /* rows of INSERT_TYPES */
    const struct instance **changed;
    size_t report_count, changed_count;
    struct rollup_sums *sums;
};

struct taking { /* one report on its way in */
    struct db *db;
    struct instance *i;
    const struct report *r;
    struct report_taken *taken;
    int64_t now_us;
    struct arena *a;
    struct batch *batch;
    struct instance_gap gap; /* that it comes into */
    bool in_gap;
};

/* -- the same window again -- */

/* All that is there begins before the last counted moment, also what was not counted: it would not have
 * overlapped otherwise.  So the next window of a chain needs no look. */
static int find_same(struct taking *t, const char *hash, struct err *e)
{
    if (t->r->window_start_us >= t->i->last_end)
        return 0;
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(t->db,
                      "SELECT hash, received_at, overlap FROM reports"
                      " WHERE instance_id = $1 AND window_start = $2 AND window_end = $3",
                      DB_ARGS(DB_TEXT(t->i->id), DB_I64(t->r->window_start_us), DB_I64(t->r->window_end_us)),
                      &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 1)
        return rc;
    if (!str_equal(db_str(&c, 0), str_of(hash)))
        return REPORT_E_CONFLICT;
    t->taken->duplicate = true;
    t->taken->received_at = db_i64(&c, 1);
    t->taken->overlap = db_i64(&c, 2) != 0;
    return 0;
}

/* -- what is odd -- */

static int note(struct taking *t, const char *kind, int64_t start_us, int64_t end_us, int64_t first_no,
                int64_t last_no, const char *detail, struct err *e)
{
    struct instance_gap g = {.kind = kind,
                             .start_us = start_us,
                             .end_us = end_us,
                             .epoch = t->r->epoch,
                             .first_no = first_no,
                             .last_no = last_no,
                             .detail = detail};
    return gap_insert(t->db, t->i->id, &g, t->now_us, e);
}

static int note_gap(struct taking *t, const char *epoch, int64_t start_us, int64_t end_us, int64_t first_no,
                    int64_t last_no, struct err *e)
{
    bool numbered = first_no > 0 && last_no >= first_no;
    struct instance_gap g = {.kind = "gap",
                             .start_us = start_us,
                             .end_us = end_us,
                             .epoch = epoch,
                             .first_no = numbered ? first_no : 0,
                             .last_no = numbered ? last_no : 0};
    if (end_us <= start_us && !numbered)
        return 0;
    t->i->gaps++;
    return gap_insert(t->db, t->i->id, &g, t->now_us, e);
}

/* Once per epoch: it goes on as long as both do. */
static int note_once(struct taking *t, const char *kind, const char *detail, struct err *e)
{
    struct instance_gap g;
    int rc = gap_newest(t->db, t->i->id, kind, t->r->epoch, t->a, &g, e);
    if (rc == 0)
        return gap_extend(t->db, g.id, MAX(g.end_us, t->r->window_end_us), MAX(g.last_no, t->r->window_no),
                          e);
    if (rc != DB_E_NONE)
        return rc;
    rc = note(t, kind, t->r->window_start_us, t->r->window_end_us, t->r->window_no, t->r->window_no, detail,
              e);
    return rc ? rc : hub_event_insert(t->db, t->i->id, kind, detail, t->now_us, e);
}

/* -- time: does it overlap, does it leave or fill a gap? -- */

/* Between the first and the last moment that is counted, what is not in a gap is counted already; so the
 * answer does not need the rows, which retention may have taken. */
static int check_overlap(struct taking *t, struct err *e)
{
    const struct report *r = t->r;
    if (r->window_start_us >= t->i->last_end || r->window_end_us <= t->i->first_start)
        return 0;
    int rc = gap_around(t->db, t->i->id, r->window_start_us, r->window_end_us, t->a, &t->gap, e);
    t->in_gap = rc == 0;
    t->taken->overlap = rc == DB_E_NONE;
    return rc == DB_E_NONE ? 0 : rc;
}

/* What is left of a gap on both sides of the window that came into it. */
static int split_gap(struct taking *t, const struct instance_gap *g, struct err *e)
{
    const struct report *r = t->r;
    bool numbered = g->first_no > 0 && r->window_no >= g->first_no && r->window_no <= g->last_no;
    int64_t left_us = MIN(g->start_us, r->window_start_us), right_us = MAX(g->end_us, r->window_end_us);
    int rc = gap_delete(t->db, g->id, e);
    t->i->gaps--;
    if (rc == 0)
        rc = note_gap(t, g->epoch, left_us, r->window_start_us, g->first_no,
                      numbered ? r->window_no - 1 : g->last_no, e);
    if (rc == 0)
        rc = note_gap(t, g->epoch, r->window_end_us, right_us, numbered ? r->window_no + 1 : 0,
                      numbered ? g->last_no : 0, e);
    return rc;
}

static bool same_epoch(const struct taking *t)
{
    return t->i->epoch && t->r->epoch && strcmp(t->i->epoch, t->r->epoch) == 0;
}

/* Behind all others: time or numbers between the last one and this. */
static int gap_before(struct taking *t, struct err *e)
{
    const struct report *r = t->r;
    int64_t from_us = t->i->last_end ? t->i->last_end : r->window_start_us;
    bool numbered = r->epoch && r->window_no;
    return note_gap(t, r->epoch, from_us, r->window_start_us, numbered ? t->i->last_no + 1 : 0,
                    numbered ? r->window_no - 1 : 0, e);
}

/* Before all others: numbers that are known to be missing have got their time. */
static int gap_behind(struct taking *t, struct err *e)
{
    const struct report *r = t->r;
    int rc = r->epoch ? gap_numbered(t->db, t->i->id, r->epoch, r->window_no, t->a, &t->gap, e) : DB_E_NONE;
    if (rc == 0 && t->gap.start_us == t->gap.end_us) {
        t->gap.end_us = t->i->first_start;
        return split_gap(t, &t->gap, e);
    }
    if (rc != 0 && rc != DB_E_NONE)
        return rc;
    return note_gap(t, r->epoch, r->window_end_us, t->i->first_start, 0, 0, e);
}

static int follow_time(struct taking *t, struct err *e)
{
    if (t->r->window_start_us >= t->i->last_end)
        return gap_before(t, e);
    return t->in_gap ? split_gap(t, &t->gap, e) : gap_behind(t, e);
}

/* -- epoch and numbers: is it one chain? -- */

static int knows_epoch(struct taking *t, bool *ret, struct err *e)
{
    int64_t one;
    int rc = db_value_i64(t->db, "SELECT 1 FROM reports WHERE instance_id = $1 AND epoch = $2 LIMIT 1",
                          DB_ARGS(DB_TEXT(t->i->id), DB_TEXT(t->r->epoch)), &one, e);
    *ret = rc == 0;
    return rc == DB_E_NONE ? 0 : rc;
}

static int knows_number(struct taking *t, bool *ret, struct err *e)
{
    int64_t one;
    int rc = db_value_i64(
        t->db, "SELECT 1 FROM reports WHERE instance_id = $1 AND epoch = $2 AND window_no = $3 LIMIT 1",
        DB_ARGS(DB_TEXT(t->i->id), DB_TEXT(t->r->epoch), DB_I64(t->r->window_no)), &one, e);
    *ret = rc == 0;
    return rc == DB_E_NONE ? 0 : rc;
}

static int follow_other_epoch(struct taking *t, struct err *e)
{
    const struct report *r = t->r;
    bool known;
    int rc = knows_epoch(t, &known, e);
    if (rc)
        return rc;
    if (known && r->window_end_us > t->i->epoch_since)
        return note_once(t, "clone",
                         "an epoch goes on although another has begun: two stores report as one instance", e);
    if (known)
        return 0;
    if (t->i->epoch)
        rc = note(t, "epoch", r->window_start_us, r->window_end_us, r->window_no, r->window_no,
                  "the instance's store was lost, copied, or its clock was wrong: its numbers begin anew", e);
    t->i->epoch = r->epoch;
    t->i->epoch_since = r->window_start_us;
    t->i->last_no = t->i->max_no = t->i->fork_no = t->i->fork_end = 0;
    t->i->totals_known = false;
    return rc;
}

/* A number that is taken by another window: the store went back, or is there twice.  Which of them shows when
 * the first chain goes on from its tip. */
static int follow_numbers(struct taking *t, struct err *e)
{
    const struct report *r = t->r;
    struct instance *i = t->i;
    bool taken = false;
    int rc = r->window_no <= i->max_no ? knows_number(t, &taken, e) : 0;
    if (rc)
        return rc;
    if (taken && !i->fork_no) {
        i->fork_no = i->last_no;
        i->fork_end = i->last_end;
    }
    if (taken)
        return note_once(t, "rewind", "a window number came again with another window: the store went back",
                         e);
    if (i->fork_no && r->window_no == i->fork_no + 1 && r->window_start_us == i->fork_end) {
        i->fork_no = r->window_no;
        i->fork_end = r->window_end_us;
        return note_once(t, "clone", "two chains go on under one epoch: two stores report as one instance",
                         e);
    }
    return 0;
}

static int follow_chain(struct taking *t, struct err *e)
{
    if (!t->r->epoch || !t->r->window_no)
        return 0;
    return same_epoch(t) ? follow_numbers(t, e) : follow_other_epoch(t, e);
}

/* H15: what is said to have been in all must be what was before, and this window's own. */
static int check_totals(struct taking *t, struct err *e)
{
    const struct report *r = t->r;
    const struct instance *i = t->i;
    bool next = same_epoch(t) && r->window_no == i->last_no + 1 && i->last_no > 0;
    if (!next || !i->totals_known || !r->total_known)
        return 0;
    struct report_model usage = report_usage(r);
    if (r->total_tasks - report_tasks(r) == i->total_tasks && r->total_runs - usage.runs == i->total_runs)
        return 0;
    return note(t, "discontinuity", r->window_start_us, r->window_end_us, r->window_no, r->window_no,
                "the cumulative totals are not the last ones and this window's own", e);
}

/* -- the instance's row -- */

static int64_t guess_interval_us(const struct report *r, int64_t known_us)
{
    int64_t least_us = known_us ? MIN(known_us, INTERVAL_GUESS_MIN_US) : INTERVAL_GUESS_MIN_US;
    return MAX(r->window_end_us - r->window_start_us, least_us);
}

static void describe(struct instance *i, const struct report *r)
{
    i->process = r->process;
    i->version = r->version;
    i->platform = r->platform;
    i->uptime_s = r->uptime_s;
    i->agents_online = r->agents_online;
    i->agents_offline = r->agents_offline;
    i->agents_total = r->agents_total;
    i->servers_total = r->servers_total;
    i->totals_known = r->total_known;
    i->total_tasks = r->total_tasks;
    i->total_runs = r->total_runs;
    if (r->interval_us)
        i->interval_us = r->interval_us;
    else if (!i->interval_us || r->window_end_us - r->window_start_us < i->interval_us)
        i->interval_us = guess_interval_us(r, i->interval_us);
}

static void move_tip(struct taking *t)
{
    struct instance *i = t->i;
    const struct report *r = t->r;
    i->first_start = i->first_start ? MIN(i->first_start, r->window_start_us) : r->window_start_us;
    if (r->window_end_us <= i->last_end)
        return;
    i->last_end = r->window_end_us;
    if (!r->epoch || same_epoch(t))
        i->last_no = r->window_no;
    describe(i, r);
}

static void save(struct taking *t)
{
    struct instance *i = t->i;
    i->reports++;
    i->last_report_at = t->now_us;
    i->silent_since = 0;
    if (same_epoch(t))
        i->max_no = MAX(i->max_no, t->r->window_no);
    if (!t->taken->overlap)
        move_tip(t);
    i->expected_by = t->now_us + SILENT_INTERVALS * (i->interval_us ? i->interval_us : INTERVAL_DEFAULT_US);
}

static const char insert_sql[] = "INSERT INTO reports (instance_id, window_start, window_end, epoch, "
                                 "window_no, received_at, hash, overlap,"
                                 " payload) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char insert_types[] = "tiitiitit";
#define INSERT_COLUMNS (sizeof(insert_types) - 1)

static void insert(struct taking *t, const char *hash, struct str payload)
{
    const struct report *r = t->r;
    const struct db_arg row[] = {DB_TEXT(t->i->id),
                                 DB_I64(r->window_start_us),
                                 DB_I64(r->window_end_us),
                                 DB_TEXT(r->epoch),
                                 DB_I64_OR_NULL(r->window_no != 0, r->window_no),
                                 DB_I64(t->now_us),
                                 DB_TEXT(hash),
                                 DB_I64(t->taken->overlap),
                                 DB_STR(payload)};
    static_assert(COUNT_OF(row) == INSERT_COLUMNS, "a type per column");
    memcpy(&t->batch->reports[t->batch->report_count++ * INSERT_COLUMNS], row, sizeof(row));
}

static int list_missing(struct taking *t, struct err *e)
{
    struct instance_gap *gaps = NULL;
    size_t count = 0;
    if (t->i->gaps <= 0 || !t->r->epoch)
        return 0;
    int rc = gap_list(t->db, t->i->id, "gap", 0, REPORT_MISSING_MAX, t->a, &gaps, &count, e);
    for (size_t g = 0; rc == 0 && g < count; g++)
        for (int64_t no = gaps[g].first_no;
             no && gaps[g].epoch && strcmp(gaps[g].epoch, t->r->epoch) == 0 && no <= gaps[g].last_no &&
             t->taken->missing_count < REPORT_MISSING_MAX;
             no++)
            t->taken->missing[t->taken->missing_count++] = no;
    return rc;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int take_new(struct taking *t, const char *hash, struct str payload, struct err *e)
{
    int rc = follow_chain(t, e);
    if (rc == 0)
        rc = check_overlap(t, e);
    if (rc == 0)
        rc = check_totals(t, e);
    if (rc == 0 && t->taken->overlap)
        rc = note(t, "overlap", t->r->window_start_us, t->r->window_end_us, t->r->window_no, t->r->window_no,
                  "a window that reaches into one that is counted; it is kept and counted in nothing", e);
    if (rc == 0 && !t->taken->overlap)
        rc = follow_time(t, e);
    if (rc)
        return rc;
    insert(t, hash, payload);
    if (!t->taken->overlap)
        rollup_sums_add(t->batch->sums, t->r, 1);
    save(t);
    return 0;
}

static int take_one(struct taking *t, struct report_arrival *arrival, struct err *e)
{
    char *hash = arena_alloc(t->a, HASH_SHA256_HEX);
    struct report_taken *taken = t->taken;
    *taken = (struct report_taken){.received_at = t->now_us};
    hash_sha256_hex(arrival->payload, hash);
    int rc = find_same(t, hash, e);
    arrival->outcome = rc == REPORT_E_CONFLICT ? rc : 0;
    if (rc)
        return rc == REPORT_E_CONFLICT ? 0 : rc;
    t->i->last_seen_at = t->now_us;
    t->batch->changed[t->batch->changed_count++] = t->i;
    if (!taken->duplicate)
        rc = take_new(t, hash, arrival->payload, e);
    if (rc == 0)
        rc = list_missing(t, e);
    qsort(taken->missing, taken->missing_count, sizeof(*taken->missing), by_number);
    return rc;
}

static int write_batch(struct db *db, const struct batch *b, struct arena *a, struct err *e)
{
    int rc = db_run_rows(db, insert_sql, insert_types, b->reports, b->report_count, e);
    if (rc == 0)
        rc = instance_save(db, b->changed, b->changed_count, a, e);
    if (rc == 0 && rollup_sums_are_many(b->sums))
        rc = rollup_sums_write(b->sums, db, e);
    return rc;
}

int report_take(struct db *db, struct report_arrival *arrivals, size_t count, int64_t now_us,
                struct rollup_sums *sums, struct err *e)
{
    struct arena a;
    struct batch batch = {.sums = sums};
    int rc = 0;
    arena_init(&a);
    batch.reports = arena_alloc(&a, MAX(count, 1) * INSERT_COLUMNS * sizeof(*batch.reports));
    batch.changed = arena_alloc(&a, MAX(count, 1) * sizeof(struct instance *));
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct taking t = {.db = db,
                           .i = arrivals[i].instance,
                           .r = arrivals[i].report,
                           .taken = &arrivals[i].taken,
                           .now_us = now_us,
                           .a = &a,
                           .batch = &batch};
        rc = take_one(&t, &arrivals[i], e);
    }
    if (rc == 0)
        rc = write_batch(db, &batch, &a, e);
    arena_reset(&a);
    return rc;
}

/* -- lists -- */

#define LIST                                                                                                 \
    "SELECT id, window_start, window_end, window_no, received_at, epoch, hash, payload, overlap FROM "       \
    "reports"                                                                                                \
    " WHERE instance_id = $1 AND id > $2"

/* By time, what the time holds is read and sorted; else a page is read in the order of its index. */
int report_list(struct db *db, const struct report_filter *f, struct arena *a, struct stored_report **ret,
                size_t *ret_count, struct err *e)
{
    static const char any[] = LIST " ORDER BY id LIMIT $3";
    static const char within[] = LIST " AND window_start >= $4 AND window_start < $5 ORDER BY id LIMIT $3";
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct stored_report);
    bool by_time = f->from_us > 0 || f->to_us < INT64_MAX;
    const struct db_arg args[] = {DB_TEXT(f->instance_id), DB_I64(f->after), DB_I64(f->limit),
                                  DB_I64(f->from_us), DB_I64(f->to_us)};
    int rc = db_query(db, by_time ? within : any, args, by_time ? 5 : 3, &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(struct stored_report *)rows_add(&rows) = (struct stored_report){.id = db_i64(&c, 0),
                                                                          .window_start_us = db_i64(&c, 1),
                                                                          .window_end_us = db_i64(&c, 2),
                                                                          .window_no = db_i64(&c, 3),
                                                                          .received_at = db_i64(&c, 4),
                                                                          .epoch = db_text(&c, 5, a),
                                                                          .hash = db_text(&c, 6, a),
                                                                          .payload = db_text(&c, 7, a),
                                                                          .overlap = db_i64(&c, 8) != 0};
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

int report_sweep(struct db *db, int64_t before_us, int64_t limit, int64_t *ret_deleted, struct err *e)
{
    return db_run(db,
                  "DELETE FROM reports WHERE id IN (SELECT id FROM reports WHERE received_at < $1"
                  " ORDER BY received_at LIMIT $2)",
                  DB_ARGS(DB_I64(before_us), DB_I64(limit)), ret_deleted, e);
}
