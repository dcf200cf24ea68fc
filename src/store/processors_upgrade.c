#include "store/processors_upgrade.h"

#include "base/clock.h"
#include "base/parse.h"
#include "store/db_driver.h"
#include "store/processors.h"
#include "store/rows.h"

#define OLD_VERSION 0 /* of no rules that are known */

struct old_row {
    const char *file, *at;
    int64_t items;
};

/* "2026-03-15 10:00:00.123", with "T" or a zone or without, or seconds, milliseconds or microseconds of the
 * epoch; 0: none of these. */
static int64_t time_of(struct arena *a, const char *text)
{
    int64_t value;
    struct str s = str_trim(str_of(text ? text : ""));
    if (parse_i64_in(s, 1, INT64_MAX / USEC_PER_SEC, &value))
        return value < INT64_C(100000000000)      ? value * USEC_PER_SEC
               : value < INT64_C(100000000000000) ? value * USEC_PER_MSEC
                                                  : value;
    if (s.n < 19)
        return 0;
    char *copy = arena_printf(a, "%.*sZ", STR_ARG(s));
    copy[10] = 'T';
    if (clock_parse_rfc3339(str_of(copy), &value)) /* without a zone: UTC */
        return value;
    copy[s.n] = '\0';
    return clock_parse_rfc3339(str_of(copy), &value) ? value : 0;
}

static int has(struct db *db, const char *column, bool *ret, struct err *e)
{
    return db->driver->has_column(db, PROCESSORS_OLD_TABLE, column, ret, e);
}

static int read_rows(struct db *db, struct arena *a, struct rows *rows, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    bool with_at, with_items;
    int rc = has(db, "processed_at", &with_at, e);
    if (rc == 0)
        rc = has(db, "items_extracted", &with_items, e);
    if (rc != 0)
        return rc;
    const char *sql = arena_printf(a, "SELECT CAST(session_file AS TEXT), %s, %s FROM " PROCESSORS_OLD_TABLE,
                                   with_at ? "CAST(processed_at AS TEXT)" : "NULL",
                                   with_items ? "CAST(items_extracted AS BIGINT)" : "0");
    rc = db_query(db, sql, DB_NO_ARGS, &c, e);
    while (rc == 0 && (rc = db_next(&c, e)) == 1) {
        if (!db_is_null(&c, 0))
            *(struct old_row *)rows_add(rows) = (struct old_row){
                .file = db_text(&c, 0, a), .at = db_text(&c, 1, a), .items = MAX(db_i64(&c, 2), 0)};
        rc = 0;
    }
    return rc;
}

static int is_here(struct db *db, const char *file, bool *ret, struct err *e)
{
    int64_t one;
    int rc = db_value_i64(
        db, "SELECT 1 FROM processor_state WHERE processor = 'verification' AND session_file = $1",
        DB_ARGS(DB_TEXT(file)), &one, e);
    *ret = rc == 0;
    return rc == DB_E_NONE ? 0 : rc;
}

static int take_over(struct db *db, struct arena *a, const struct old_row *old, int64_t now_us, struct err *e)
{
    bool here;
    int64_t at_us = time_of(a, old->at);
    const struct processor_state state = {.session_file = old->file,
                                          .look = {-1, -1, -1, -1, -1},
                                          .version = OLD_VERSION,
                                          .status = PROCESSOR_DONE,
                                          .items = old->items,
                                          .processed_us = at_us ? at_us : now_us};
    int rc = is_here(db, old->file, &here, e);
    return rc || here ? rc : processor_state_put(db, "verification", &state, e);
}

int processors_upgrade(struct db *db, int64_t now_us, struct err *e)
{
    struct arena a;
    bool exists;
    int rc = has(db, "session_file", &exists, e);
    if (rc != 0 || !exists)
        return rc;
    arena_init(&a);
    struct rows rows = ROWS_INIT(&a, struct old_row);
    rc = read_rows(db, &a, &rows, e);
    for (size_t i = 0; rc == 0 && i < rows.count; i++)
        rc = take_over(db, &a, &((const struct old_row *)rows.p)[i], now_us, e);
    if (rc == 0)
        rc = db->driver->script(db, "DROP TABLE " PROCESSORS_OLD_TABLE, e);
    arena_reset(&a);
    return rc;
}
