#include "store/workers.h"

#include "base/buf.h"
#include "base/parse.h"
#include "store/rows.h"

static void print_starts(const struct worker_row *r, struct buf *out)
{
    for (unsigned i = 0; i < r->start_count; i++)
        buf_printf(out, "%s%lld", i ? " " : "", (long long)-r->starts_us[i]);
}

static void parse_starts(struct str text, struct worker_row *r)
{
    struct str part;
    int64_t age_us;
    while (text.n && r->start_count < WORKER_FLAPPING_STARTS && str_split(&text, ' ', &part) &&
           parse_i64(part, &age_us))
        r->starts_us[r->start_count++] = -age_us;
}

int worker_save(struct db *db, const struct worker_saved *w, struct err *e)
{
    const struct worker_row *r = &w->row;
    struct buf starts = BUF_INIT;
    print_starts(r, &starts);
    int rc = db_run(
        db,
        "INSERT INTO workers (name, saved_wall, saved_boot, boot_id, heard, last_ts, ts_given, last_word,"
        " sent_age, heard_age, stop_age, period, seq, instance, restarts, start_ages, extra, truncated)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
        " ON CONFLICT (name) DO UPDATE SET saved_wall = excluded.saved_wall, saved_boot = "
        "excluded.saved_boot,"
        " boot_id = excluded.boot_id, heard = excluded.heard, last_ts = excluded.last_ts,"
        " ts_given = excluded.ts_given, last_word = excluded.last_word, sent_age = excluded.sent_age,"
        " heard_age = excluded.heard_age, stop_age = excluded.stop_age, period = excluded.period,"
        " seq = excluded.seq, instance = excluded.instance, restarts = excluded.restarts,"
        " start_ages = excluded.start_ages, extra = excluded.extra, truncated = excluded.truncated",
        DB_ARGS(DB_TEXT(w->name), DB_I64(w->wall_us), DB_I64(w->boot_us), DB_TEXT(w->boot_id),
                DB_I64(r->heard), DB_I64_OR_NULL(r->heard, r->ts_us), DB_I64(r->ts_known),
                DB_I64(r->last_word), DB_I64_OR_NULL(r->heard, -r->sent_us),
                DB_I64_OR_NULL(r->heard, -r->heard_us), DB_I64_OR_NULL(r->stop_requested, -r->stop_us),
                DB_I64_OR_NULL(r->period_us, r->period_us), DB_I64_OR_NULL(r->seq_known, r->seq),
                DB_TEXT(r->instance[0] ? r->instance : NULL), DB_I64(r->restarts), DB_STR(buf_str(&starts)),
                DB_STR(w->extra), DB_I64(w->truncated)),
        NULL, e);
    buf_deinit(&starts);
    return rc;
}

static void read_row(struct db_cursor *c, struct worker_row *r)
{
    struct str instance = db_str(c, 13);
    r->heard = db_i64(c, 4) != 0;
    r->ts_us = db_i64(c, 5);
    r->ts_known = db_i64(c, 6) != 0;
    r->last_word = db_i64(c, 7) != 0;
    r->sent_us = -db_i64(c, 8);
    r->heard_us = -db_i64(c, 9);
    r->stop_requested = !db_is_null(c, 10);
    r->stop_us = -db_i64(c, 10);
    r->period_us = db_i64(c, 11);
    r->seq_known = !db_is_null(c, 12);
    r->seq = db_i64(c, 12);
    if (instance.n <= HEARTBEAT_INSTANCE_MAX && instance.n > 0)
        memcpy(r->instance, instance.p, instance.n);
    r->restarts = db_i64(c, 14);
    parse_starts(db_str(c, 15), r);
}

int worker_list(struct db *db, struct arena *a, struct worker_saved **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db,
                      "SELECT name, saved_wall, saved_boot, boot_id, heard, last_ts, ts_given, last_word,"
                      " sent_age, heard_age, stop_age, period, seq, instance, restarts, start_ages, extra,"
                      " truncated FROM workers ORDER BY name",
                      DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct worker_saved);
    while ((rc = db_next(&c, e)) == 1) {
        struct worker_saved *w = rows_add(&rows);
        w->name = db_text(&c, 0, a);
        w->wall_us = db_i64(&c, 1);
        w->boot_us = db_i64(&c, 2);
        w->boot_id = db_text(&c, 3, a);
        read_row(&c, &w->row);
        w->extra = str_of(db_text(&c, 16, a));
        w->truncated = db_i64(&c, 17) != 0;
    }
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}
