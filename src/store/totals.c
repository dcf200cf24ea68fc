#include "store/totals.h"

#include "store/rows.h"

int totals_add(struct db *db, const char *name, struct str label, int64_t delta, struct err *e)
{
    if (delta == 0)
        return 0;
    return db_run(db,
                  "INSERT INTO counters (name, label, value) VALUES ($1, $2, $3)"
                  " ON CONFLICT (name, label) DO UPDATE SET value = counters.value + excluded.value",
                  DB_ARGS(DB_TEXT(name), DB_STR(label.p ? label : STR("")), DB_I64(delta)), NULL, e);
}

int totals_get(struct db *db, const char *name, struct str label, int64_t *ret, struct err *e)
{
    int64_t value = 0;
    int rc = db_value_i64(db, "SELECT value FROM counters WHERE name = $1 AND label = $2",
                          DB_ARGS(DB_TEXT(name), DB_STR(label.p ? label : STR(""))), &value, e);
    if (rc && rc != DB_E_NONE)
        return rc;
    *ret = value;
    return 0;
}

int totals_all(struct db *db, struct arena *a, struct totals_row **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT name, label, value FROM counters ORDER BY name, label", DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct totals_row);
    while ((rc = db_next(&c, e)) == 1) {
        struct totals_row *row = rows_add(&rows);
        row->name = db_text(&c, 0, a);
        row->label = db_text(&c, 1, a);
        row->value = db_i64(&c, 2);
    }
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}
