#include "store/db_sqlite.h"

#include "store/processors_upgrade.h"

#include <fcntl.h>
#include <libgen.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 5000

/* No mmap: a read error of the disk would then be a SIGBUS instead of an error that can be told (spec 10 D6).
 */
static const char settings_of_all[] = "PRAGMA mmap_size = 0;"
                                      "PRAGMA temp_store = MEMORY;"
                                      "PRAGMA trusted_schema = OFF;"
                                      "PRAGMA cell_size_check = ON;"
                                      "PRAGMA foreign_keys = ON;";
static const char settings_of_writer[] = "PRAGMA journal_mode = WAL;"
                                         "PRAGMA synchronous = FULL;"
                                         "PRAGMA cache_size = -16000;"       /* KiB, filled as used */
                                         "PRAGMA wal_autocheckpoint = 4000;" /* pages: 16 MB */
                                         "PRAGMA journal_size_limit = 67108864;";
static const char settings_of_reader[] = "PRAGMA query_only = ON;"
                                         "PRAGMA cache_size = -4000;";

static char *path_of(struct str target, const char *data_dir)
{
    struct buf path = BUF_INIT;
    if (target.p[0] != '/' && data_dir && *data_dir) {
        buf_add_text(&path, data_dir);
        buf_add_char(&path, '/');
    }
    buf_add_str(&path, target);
    return buf_take(&path);
}

static int sync_directory_of(const char *path)
{
    CLEANUP(freep) char *copy = xstrdup(path);
    CLEANUP(closep) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) != 0 ? -errno : 0;
}

/* Prompts and hashes of tokens are nobody else's: SQLite gives its -wal and -shm the file's permissions. Only
 * a file that is not there is opened here, since closing a descriptor drops the locks that SQLite has on the
 * same file. */
static int create_private(const char *path, struct err *e)
{
    CLEANUP(closep) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return 0;
    int rc = fd < 0 ? -errno : sync_directory_of(path);
    if (rc == 0)
        return 0;
    return err_set(e, rc == -ENOSPC ? ERR_STORAGE_FULL : ERR_INTERNAL, rc, "cannot create the store %s: %s",
                   path, strerror(-rc));
}

/* The sole writer (D2): a second program is told so instead of fighting over each commit. */
static int take_writer_lock(struct db_sqlite *d, struct err *e)
{
    struct buf lock_path = BUF_INIT;
    buf_printf(&lock_path, "%s-lock", d->path);
    d->lock_fd = open(lock_path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int rc = 0;
    if (d->lock_fd < 0)
        rc = err_set(e, ERR_INTERNAL, -errno, "cannot open %s: %s", lock_path.p, strerror(errno));
    else if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0)
        rc = err_set(e, ERR_CONFLICT, -errno, "%s is already open for writing by another muster", d->path);
    buf_deinit(&lock_path);
    return rc;
}

static int open_handle(struct db_sqlite *d, bool writer, struct err *e)
{
    if (!writer && access(d->path, F_OK) != 0)
        return err_set(e, ERR_NOT_FOUND, -errno, "there is no store at %s: %s", d->path, strerror(errno));
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS,
                         0); /* no lock around each malloc; refused after the first open */
    int flags = (writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(d->path, &d->handle, flags, NULL);
    if (code != SQLITE_OK)
        return db_sqlite_fail(d, code, e);
    (void)sqlite3_extended_result_codes(d->handle, 1);
    (void)sqlite3_busy_timeout(d->handle, BUSY_TIMEOUT_MS);
    int rc = db_sqlite_script(&d->db, settings_of_all, e);
    return rc ? rc : db_sqlite_script(&d->db, writer ? settings_of_writer : settings_of_reader, e);
}

int db_sqlite_open(struct str target, const char *data_dir, bool writer, struct db **ret, struct err *e)
{
    struct db_sqlite *d = xnew(struct db_sqlite);
    d->db.driver = &db_driver_sqlite;
    d->path = path_of(target, data_dir);
    d->lock_fd = -1;
    map_init(&d->statements);
    int rc = 0;
    if (writer)
        rc = take_writer_lock(d, e);
    if (rc == 0 && writer)
        rc = create_private(d->path, e);
    if (rc == 0)
        rc = open_handle(d, writer, e);
    if (rc) {
        (void)d->db.driver->close(&d->db);
        return rc;
    }
    *ret = &d->db;
    return 0;
}

int db_sqlite_set_durable(struct db *db, bool durable, struct err *e)
{
    return db_sqlite_script(db, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", e);
}

int db_sqlite_is_empty(struct db *db, bool *ret, struct err *e)
{
    int64_t tables;
    int rc = db_value_i64(db, "SELECT count(*) FROM sqlite_schema WHERE tbl_name <> $1",
                          DB_ARGS(DB_TEXT(PROCESSORS_OLD_TABLE)), &tables, e);
    if (rc == 0)
        *ret = tables == 0;
    return rc;
}

int db_sqlite_has_migrations(struct db *db, bool *ret, struct err *e)
{
    int64_t tables;
    int rc =
        db_value_i64(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'",
                     DB_NO_ARGS, &tables, e);
    if (rc == 0)
        *ret = tables == 1;
    return rc;
}

int db_sqlite_has_column(struct db *db, const char *table, const char *column, bool *ret, struct err *e)
{
    int64_t columns;
    int rc = db_value_i64(db, "SELECT count(*) FROM pragma_table_info($1) WHERE name = $2",
                          DB_ARGS(DB_TEXT(table), DB_TEXT(column)), &columns, e);
    if (rc == 0)
        *ret = columns == 1;
    return rc;
}

static int sync_file(const char *path)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 || fsync(fd) != 0 ? -errno : 0;
}

/* Written under another name first, so that a copy of that name is always a whole one. */
int db_sqlite_copy_aside(struct db *db, int64_t version, struct err *e)
{
    struct db_sqlite *d = db_sqlite_of(db);
    struct buf path = BUF_INIT, partial = BUF_INIT;
    buf_printf(&path, "%s.v%lld", d->path, (long long)version);
    buf_printf(&partial, "%s.partial", path.p);
    (void)unlink(partial.p);
    int rc = db_run(db, "VACUUM INTO $1", DB_ARGS(DB_STR(buf_str(&partial))), NULL, e);
    if (rc == 0) {
        rc = sync_file(partial.p);
        if (rc == 0 && rename(partial.p, path.p) != 0)
            rc = -errno;
        if (rc == 0)
            rc = sync_directory_of(path.p);
        if (rc)
            (void)err_set(e, ERR_INTERNAL, rc, "cannot copy the store to %s: %s", path.p, strerror(-rc));
    }
    if (rc)
        (void)unlink(partial.p);
    buf_deinit(&path);
    buf_deinit(&partial);
    return rc;
}

static int64_t size_of(const char *path, const char *suffix)
{
    struct buf name = BUF_INIT;
    buf_add_text(&name, path);
    buf_add_text(&name, suffix);
    struct stat st;
    int64_t size = stat(name.p, &st) == 0 ? st.st_size : 0;
    buf_deinit(&name);
    return size;
}

void db_sqlite_sizes(struct db *db, int64_t *ret_file_bytes, int64_t *ret_log_bytes)
{
    *ret_file_bytes = size_of(db_sqlite_of(db)->path, "");
    *ret_log_bytes = size_of(db_sqlite_of(db)->path, "-wal");
}

/* The first row of a pragma that yields none, or the row "ok", when all is well. */
static int check_by(struct db_sqlite *d, const char *pragma, const char *what, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(&d->db, pragma, DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    rc = db_next(&c, e);
    if (rc != 1)
        return rc;
    struct str finding = db_str(&c, 0);
    if (str_equal(finding, STR("ok")))
        return 0;
    return err_set(e, ERR_INTERNAL, DB_E_CORRUPT, "%s: %s%.*s; " DB_SQLITE_RECOVER, d->path, what,
                   (int)MIN(finding.n, 120), finding.p, d->path);
}

int db_sqlite_check_integrity(struct db *db, struct err *e)
{
    struct db_sqlite *d = db_sqlite_of(db);
    int rc = check_by(d, "PRAGMA quick_check(1)", "", e);
    return rc ? rc
              : check_by(d, "PRAGMA foreign_key_check", "a row names one that is not there, in table ", e);
}
