#include "store/settings.h"

#include "base/hash.h"

int setting_get(struct db *db, const char *name, struct arena *a, char **ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT value FROM settings WHERE key = $1", DB_ARGS(DB_TEXT(name)), &c, e);
    if (rc)
        return rc;
    rc = db_next(&c, e);
    if (rc > 1 || rc < 0)
        return rc;
    *ret = rc == 1 ? db_text(&c, 0, a) : NULL;
    return 0;
}

int setting_put(struct db *db, const char *name, struct str value, struct err *e)
{
    return db_run(db,
                  "INSERT INTO settings (key, value) VALUES ($1, $2)"
                  " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                  DB_ARGS(DB_TEXT(name), DB_STR(value)), NULL, e);
}

int setting_ensure_instance_id(struct db *db, struct err *e)
{
    char id[33];
    hash_random_hex(16, id);
    return db_run(db,
                  "INSERT INTO settings (key, value) VALUES ('instance_id', $1) ON CONFLICT (key) DO NOTHING",
                  DB_ARGS(DB_TEXT(id)), NULL, e);
}
