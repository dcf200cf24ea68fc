#include "store/processor_checkpoints.h"

int processor_checkpoint_get(struct db *db, const char *processor, const char *session_file, struct arena *a,
                             struct str *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db,
                      "SELECT checkpoint FROM processor_checkpoints"
                      " WHERE processor = $1 AND session_file = $2",
                      DB_ARGS(DB_TEXT(processor), DB_TEXT(session_file)), &c, e);
    *ret = (struct str){NULL, 0};
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc == 1) {
        ret->n = db_str(&c, 0).n;
        ret->p = db_text(&c, 0, a);
        rc = 0;
    }
    return rc;
}

int processor_checkpoint_put(struct db *db, const char *processor, const char *session_file,
                             struct str checkpoint, int64_t now_us, struct err *e)
{
    if (checkpoint.n == 0)
        return db_run(db, "DELETE FROM processor_checkpoints WHERE processor = $1 AND session_file = $2",
                      DB_ARGS(DB_TEXT(processor), DB_TEXT(session_file)), NULL, e);
    return db_run(db,
                  "INSERT INTO processor_checkpoints (processor, session_file, checkpoint, at)"
                  " VALUES ($1, $2, $3, $4) ON CONFLICT (processor, session_file) DO UPDATE"
                  " SET checkpoint = excluded.checkpoint, at = excluded.at",
                  DB_ARGS(DB_TEXT(processor), DB_TEXT(session_file), DB_STR(checkpoint), DB_I64(now_us)),
                  NULL, e);
}

int processor_checkpoints_sweep(struct db *db, int64_t before_us, struct err *e)
{
    return db_run(db, "DELETE FROM processor_checkpoints WHERE at < $1", DB_ARGS(DB_I64(before_us)), NULL, e);
}
