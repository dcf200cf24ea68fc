#include "store/migrate.h"

#include "base/hash.h"

static const struct migration_list *list_of(struct db *db)
{
    return db->driver->migrations;
}

int64_t migrate_newest(const struct migration_list *list)
{
    return list->rows[list->count - 1].version;
}

static const struct migration *find(const struct migration_list *list, int64_t version)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->rows[i].version == version)
            return &list->rows[i];
    return NULL;
}

static int check_row(struct db *db, int64_t version, struct str name, struct str checksum, struct err *e)
{
    const struct migration_list *list = list_of(db);
    const struct migration *known = find(list, version);
    if (!known)
        return err_set(
            e, ERR_CONFLICT, -EPROTO,
            "this store was written by a newer muster (migration %lld \"%.*s\", this program knows %lld); "
            "use that version, or a copy of the store from before its upgrade",
            (long long)version, STR_ARG(name), (long long)migrate_newest(list));
    char expected[HASH_SHA256_HEX];
    hash_sha256_hex(str_of(known->sql), expected);
    if (str_equal(checksum, str_of(expected)))
        return 0;
    return err_set(
        e, ERR_CONFLICT, -EPROTO,
        "migration %lld of this store (\"%.*s\") is not the one that this program has (\"%s\"): the store "
        "was written by another build",
        (long long)version, STR_ARG(name), known->name);
}

static int check_rows(struct db *db, int64_t *ret_version, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT version, name, checksum FROM migrations ORDER BY version DESC", DB_NO_ARGS,
                      &c, e);
    if (rc)
        return rc;
    int64_t newest = 0;
    while ((rc = db_next(&c, e)) == 1) {
        newest = MAX(newest, db_i64(&c, 0));
        rc = check_row(db, db_i64(&c, 0), db_str(&c, 1), db_str(&c, 2), e);
        if (rc)
            return rc;
    }
    if (rc == 0)
        *ret_version = newest;
    return rc;
}

int migrate_check(struct db *db, int64_t *ret_version, struct err *e)
{
    bool exists, empty = true;
    int rc = db->driver->has_migrations(db, &exists, e);
    if (rc == 0 && !exists)
        rc = db->driver->is_empty(db, &empty, e);
    if (rc == 0 && !empty) /* another node may have made the tables between these two looks */
        rc = db->driver->has_migrations(db, &exists, e);
    if (rc == 0 && exists)
        return check_rows(db, ret_version, e);
    if (rc)
        return rc;
    if (!empty)
        return err_set(e, ERR_CONFLICT, -EPROTO,
                       "this database holds tables that are not muster's; name another file");
    *ret_version = 0;
    return 0;
}

static int record(struct db *db, const struct migration *m, int64_t now_us, struct err *e)
{
    char checksum[HASH_SHA256_HEX];
    hash_sha256_hex(str_of(m->sql), checksum);
    return db_run(db, "INSERT INTO migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
                  DB_ARGS(DB_I64(m->version), DB_TEXT(m->name), DB_TEXT(checksum), DB_I64(now_us)), NULL, e);
}

/* A number that was left out may be filled in later, so each step is looked up by itself. */
static int is_applied(struct db *db, int64_t version, bool *ret, struct err *e)
{
    int64_t one;
    int rc =
        db_value_i64(db, "SELECT 1 FROM migrations WHERE version = $1", DB_ARGS(DB_I64(version)), &one, e);
    if (rc != 0 && rc != DB_E_NONE)
        return rc;
    *ret = rc == 0;
    return 0;
}

/* Another node may have started at the same moment and been first; whoever has begun to write knows. */
static int is_done_by_now(struct db *db, const struct migration *m, bool *ret, struct err *e)
{
    int rc = db->driver->has_migrations(db, ret, e);
    return rc || !*ret ? rc : is_applied(db, m->version, ret, e);
}

static int apply(struct db *db, const struct migration *m, int64_t now_us, struct err *e)
{
    bool done = false;
    int rc = db_begin(db, true, e);
    if (rc == 0)
        rc = is_done_by_now(db, m, &done, e);
    if (rc == 0 && done) {
        db_rollback(db);
        return 0;
    }
    if (rc == 0 && m->version == 1)
        rc = db->driver->script(db,
                                "CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
                                " checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)",
                                e);
    if (rc == 0)
        rc = db->driver->script(db, m->sql, e);
    if (rc == 0)
        rc = record(db, m, now_us, e);
    if (rc == 0)
        rc = db_commit(db, e);
    if (rc)
        db_rollback(db);
    return rc;
}

int migrate_up(struct db *db, int64_t now_us, struct err *e)
{
    const struct migration_list *list = list_of(db);
    int64_t version;
    bool applied = false, copied = false;
    int rc = migrate_check(db, &version, e);
    for (size_t i = 0; rc == 0 && i < list->count; i++) {
        assert(i == 0 || list->rows[i].version > list->rows[i - 1].version);
        if (version > 0)
            rc = is_applied(db, list->rows[i].version, &applied, e);
        if (rc || applied)
            continue;
        if (version > 0 && !copied)
            rc = db->driver->copy_aside(db, version, e);
        copied = true;
        if (rc == 0)
            rc = apply(db, &list->rows[i], now_us, e);
    }
    return rc;
}
