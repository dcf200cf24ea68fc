#include "store/processor_lists.h"

#include "store/rows.h"

int processor_count_files(struct db *db, const char *processor, struct processor_counts *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    *ret = (struct processor_counts){.items = 0};
    int rc =
        db_query(db,
                 "SELECT status, count(*), sum(items_extracted) FROM processor_state WHERE processor = $1"
                 " GROUP BY status",
                 DB_ARGS(DB_TEXT(processor)), &c, e);
    while (rc == 0 && (rc = db_next(&c, e)) == 1) {
        for (int i = 0; i < PROCESSOR_STATUSES; i++)
            if (str_equal(db_str(&c, 0), str_of(processor_status_names[i])))
                ret->by_status[i] = db_i64(&c, 1);
        ret->items += db_i64(&c, 2);
        rc = 0;
    }
    return rc;
}

#define FILE_COLUMNS                                                                                         \
    "SELECT s.session_file, s.version, s.status, s.processed_at, s.items_extracted, s.attempts,"             \
    " s.last_error, s.next_retry_at, r.result FROM processor_state s LEFT JOIN processor_results r"          \
    " ON r.processor = s.processor AND r.session_file = s.session_file WHERE s.processor = $1"

static enum processor_status status_of(struct str name)
{
    for (int i = 0; i < PROCESSOR_STATUSES; i++)
        if (str_equal(name, str_of(processor_status_names[i])))
            return (enum processor_status)i;
    return PROCESSOR_FAILED;
}

int processor_files(struct db *db, const char *processor, const char *status, const char *after,
                    int64_t limit, struct arena *a, struct processor_file **ret, size_t *ret_count,
                    struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct processor_file);
    int rc =
        status ? db_query(db,
                          FILE_COLUMNS
                          " AND s.status = $2 AND s.session_file > $3 ORDER BY s.session_file LIMIT $4",
                          DB_ARGS(DB_TEXT(processor), DB_TEXT(status), DB_TEXT(after), DB_I64(limit)), &c, e)
               : db_query(db, FILE_COLUMNS " AND s.session_file > $2 ORDER BY s.session_file LIMIT $3",
                          DB_ARGS(DB_TEXT(processor), DB_TEXT(after), DB_I64(limit)), &c, e);
    while (rc == 0 && (rc = db_next(&c, e)) == 1) {
        struct processor_file *f = rows_add(&rows);
        f->state = (struct processor_state){.session_file = db_text(&c, 0, a),
                                            .version = db_i64(&c, 1),
                                            .status = status_of(db_str(&c, 2)),
                                            .processed_us = db_i64(&c, 3),
                                            .items = db_i64(&c, 4),
                                            .attempts = db_i64(&c, 5),
                                            .last_error = db_text(&c, 6, a),
                                            .next_retry_us = db_i64(&c, 7)};
        f->result = db_text(&c, 8, a);
        rc = 0;
    }
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

int processor_requeue(struct db *db, const char *processor, const char *session_file, int64_t now_us,
                      int64_t *ret_count, struct err *e)
{
#define REQUEUE                                                                                              \
    "UPDATE processor_state SET status = 'failed', attempts = 0, next_retry_at = $2 WHERE processor = $1"
    if (session_file)
        return db_run(db, REQUEUE " AND session_file = $3 AND status IN ('failed', 'quarantined')",
                      DB_ARGS(DB_TEXT(processor), DB_I64(now_us), DB_TEXT(session_file)), ret_count, e);
    return db_run(db, REQUEUE " AND status IN ('failed', 'quarantined')",
                  DB_ARGS(DB_TEXT(processor), DB_I64(now_us)), ret_count, e);
}

int processor_result_put(struct db *db, const char *processor, const char *session_file, struct str result,
                         int64_t now_us, struct err *e)
{
    return db_run(
        db,
        "INSERT INTO processor_results (processor, session_file, result, at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (processor, session_file) DO UPDATE SET result = excluded.result,"
        " at = excluded.at",
        DB_ARGS(DB_TEXT(processor), DB_TEXT(session_file), DB_STR(result), DB_I64(now_us)), NULL, e);
}

int processor_result_get(struct db *db, const char *processor, const char *session_file, struct arena *a,
                         char **ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT result FROM processor_results WHERE processor = $1 AND session_file = $2",
                      DB_ARGS(DB_TEXT(processor), DB_TEXT(session_file)), &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    *ret = rc == 1 ? db_text(&c, 0, a) : NULL;
    return rc == 1 ? 0 : rc;
}
