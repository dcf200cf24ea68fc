/* test_store_migrate.c -- opening a store: fresh, current, older, newer, changed, foreign, damaged (spec 10
 * D3, D6). */
#include "store_fixture.h"

#include "base/buf.h"
#include "base/hash.h"
#include "store/store.h"

#include <fcntl.h>
#include <sys/stat.h>

static const struct migration next_rows[] = {
    {.name = "second",
     .sql = "CREATE TABLE second (id INTEGER PRIMARY KEY) STRICT;"
            "INSERT INTO second VALUES (7);"},
    {.name = "third", .sql = "ALTER TABLE second ADD COLUMN name TEXT;"},
};
#define KNOWN_MAX 64

/* The program of the future: this driver with more migrations, numbered on from the newest. */
#define FUTURE_MAX 32
struct future {
    struct migration rows[FUTURE_MAX];
    struct migration_list list;
    struct db_driver driver;
    struct migration *second, *third;
    int64_t newest; /* of this program */
};

static void future_init(struct future *n, const struct db *db, size_t more)
{
    const struct migration_list *now = db->driver->migrations;
    assert_true(now->count + COUNT_OF(next_rows) < FUTURE_MAX);
    memcpy(n->rows, now->rows, now->count * sizeof(*now->rows));
    n->newest = migrate_newest(now);
    n->second = &n->rows[now->count];
    n->third = n->second + 1;
    for (size_t i = 0; i < COUNT_OF(next_rows); i++) {
        n->second[i] = next_rows[i];
        n->second[i].version = n->newest + 1 + (int64_t)i;
    }
    n->list = (struct migration_list){.rows = n->rows, .count = now->count + more};
    n->driver = *db->driver;
    n->driver.migrations = &n->list;
}

static char *path_in(struct fixture *f, const char *name)
{
    return arena_printf(&f->a, "%s/%s", f->dir, name);
}

static void hash_file(const char *path, char ret[HASH_SHA256_HEX])
{
    char chunk[4096];
    struct buf all = BUF_INIT;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buf_add(&all, chunk, n);
    (void)fclose(file);
    hash_sha256_hex(buf_str(&all), ret);
    buf_deinit(&all);
}

/* Closes the writer and opens the store as the node does. */
static int open_as_node(struct fixture *f, struct err *e)
{
    uv_loop_t loop;
    struct store *s = NULL;
    f->db = db_close(f->db);
    assert_int_equal(uv_loop_init(&loop), 0);
    int rc = store_open(
        &loop, &(struct store_config){.store = f->store, .data_dir = f->dir, .backlog_max = 10}, &s, e);
    if (rc == 0)
        (void)store_close(s);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return rc;
}

static void a_current_store_is_opened_again(void **state)
{
    struct fixture *f = *state;
    struct err why = {0};
    (void)fixture_job(f, &(struct job){.agent = "a"}, T0);
    assert_int_equal(open_as_node(f, &why), 0);
    MUST(db_open(f->store, f->dir, true, &f->db, &e));
    MUST(migrate_up(f->db, T0, &e));
    assert_int_equal(fixture_total(f, "jobs", "queued"), 1);
    char *copy = path_in(
        f, arena_printf(&f->a, "test.db.v%lld", (long long)migrate_newest(f->db->driver->migrations)));
    assert_int_not_equal(access(copy, F_OK), 0); /* no upgrade, no copy */
}

static void an_upgrade_copies_the_store_aside_first(void **state)
{
    struct fixture *f = *state;
    struct future n;
    int64_t value = 0;
    future_init(&n, f->db, 2);
    (void)fixture_job(f, &(struct job){.agent = "before"}, T0);
    f->db->driver = &n.driver;
    MUST(migrate_up(f->db, T0 + 1, &e));
    MUST(db_value_i64(f->db, "SELECT id FROM second WHERE name IS NULL", DB_NO_ARGS, &value, &e));
    assert_int_equal(value, 7);
    MUST(migrate_check(f->db, &value, &e));
    assert_int_equal(value, n.newest + 2);
    f->db->driver = &db_driver_sqlite;
    (void)db_close(f->db);

    f->db = NULL;
    MUST(db_open(arena_printf(&f->a, "sqlite:test.db.v%lld", (long long)n.newest), f->dir, false, &f->db,
                 &e)); /* the copy is a store of the version before, with its rows */
    MUST(migrate_check(f->db, &value, &e));
    assert_int_equal(value, n.newest);
    MUST(db_value_i64(f->db, "SELECT count(*) FROM jobs WHERE agent = 'before'", DB_NO_ARGS, &value, &e));
    assert_int_equal(value, 1);
}

static void a_migration_that_fails_leaves_the_one_before(void **state)
{
    struct fixture *f = *state;
    struct future n;
    struct err why = {0};
    int64_t value = 0;
    future_init(&n, f->db, 2);
    n.third->sql = "INSERT INTO second VALUES (8); CREATE TABLE jobs (id INTEGER);"; /* there is one */
    f->db->driver = &n.driver;
    assert_int_not_equal(migrate_up(f->db, T0, &why), 0);
    assert_non_null(strstr(why.text, "jobs"));
    MUST(migrate_check(f->db, &value, &e));
    assert_int_equal(value, n.newest + 1);
    MUST(db_value_i64(f->db, "SELECT count(*) FROM second", DB_NO_ARGS, &value, &e));
    assert_int_equal(value, 1);
    f->db->driver = &db_driver_sqlite;
}

static void a_gap_in_the_numbers_is_fine_and_may_be_filled_later(void **state)
{
    struct fixture *f = *state;
    struct future n;
    int64_t value = 0;
    future_init(&n, f->db, 2);
    const struct migration left_out = *n.third;
    *n.third = (struct migration){
        .version = 4000, .name = "later", .sql = "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT;"};
    f->db->driver = &n.driver;
    MUST(migrate_up(f->db, T0, &e));
    MUST(migrate_check(f->db, &value, &e));
    assert_int_equal(value, 4000);
    n.third[1] = n.third[0];
    n.third[0] = left_out;
    n.list.count++;
    MUST(migrate_up(f->db, T0, &e));
    MUST(db_value_i64(f->db, "SELECT count(*) FROM migrations", DB_NO_ARGS, &value, &e));
    assert_int_equal(value, n.list.count);
    MUST(db_value_i64(f->db, "SELECT id FROM second WHERE name IS NULL", DB_NO_ARGS, &value, &e));
    assert_int_equal(value, 7);
    f->db->driver = &db_driver_sqlite;
}

static void a_newer_store_is_refused_and_not_touched(void **state)
{
    struct fixture *f = *state;
    struct future n;
    struct err why = {0};
    char before[HASH_SHA256_HEX], after[HASH_SHA256_HEX];
    future_init(&n, f->db, 1);
    f->db->driver = &n.driver;
    MUST(migrate_up(f->db, T0, &e));
    f->db->driver = &db_driver_sqlite;
    f->db = db_close(f->db);
    hash_file(path_in(f, "test.db"), before);
    assert_int_not_equal(open_as_node(f, &why), 0);
    assert_int_equal(why.code, ERR_CONFLICT);
    assert_non_null(strstr(why.text, "newer"));
    hash_file(path_in(f, "test.db"), after);
    assert_string_equal(before, after);
}

static void a_changed_checksum_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err why = {0};
    MUST(db_run(f->db, "UPDATE migrations SET checksum = 'x'", DB_NO_ARGS, NULL, &e));
    assert_int_not_equal(open_as_node(f, &why), 0);
    assert_int_equal(why.code, ERR_CONFLICT);
    assert_non_null(strstr(why.text, "another build"));
}

static void a_database_of_somebody_else_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err why = {0};
    MUST(db_run(f->db, "DROP TABLE migrations", DB_NO_ARGS, NULL, &e));
    assert_int_not_equal(open_as_node(f, &why), 0);
    assert_non_null(strstr(why.text, "not muster's"));
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

/* D6: the program names the file and the command that recovers. */
static void a_damaged_file_is_named_with_the_command_that_recovers(void **state)
{
    struct fixture *f = *state;
    struct err why = {0};
    f->db = db_close(f->db);
    write_file(path_in(f, "test.db"),
               "this has never been a database, and it is long enough to have a header of "
               "a hundred bytes, which is looked at first");
    assert_int_not_equal(open_as_node(f, &why), 0);
    assert_non_null(strstr(why.text, path_in(f, "test.db")));
    assert_non_null(strstr(why.text, ".dump | sed 's/^ROLLBACK.*/COMMIT;/' | sqlite3 recovered.db"));
}

static void a_second_writer_is_refused(void **state)
{
    struct fixture *f = *state;
    struct db *other = NULL;
    struct err why = {0};
    assert_int_not_equal(db_open(f->store, f->dir, true, &other, &why), 0);
    assert_int_equal(why.code, ERR_CONFLICT);
    assert_non_null(strstr(why.text, "another muster"));
    MUST(db_open(f->store, f->dir, false, &other, &e)); /* readers are welcome */
    (void)db_close(other);
}

static void a_reader_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct db *reader = NULL;
    struct err why = {0};
    MUST(db_open(f->store, f->dir, false, &reader, &e));
    assert_int_not_equal(db_run(reader, "DELETE FROM jobs", DB_NO_ARGS, NULL, &why), 0);
    (void)db_close(reader);
}

static void the_file_is_nobody_elses_to_read(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"test.db", "test.db-wal", "test.db-shm"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct stat st;
        assert_int_equal(stat(path_in(f, names[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void what_is_not_a_store_is_refused(void **state)
{
    static const struct {
        const char *store, *says;
    } cases[] = {
        {"mysql:x", "sqlite:PATH"},
        {"sqlite:", "names no database"},
        {"postgres://", "names no database"},
        {"", "sqlite:PATH"},
        {"sqlite:/nonexistent/dir/x.db", "/nonexistent/dir/x.db"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct db *db = NULL;
        struct err why = {0};
        assert_true(db_open(cases[i].store, f->dir, true, &db, &why) < 0);
        assert_null(db);
        assert_non_null(strstr(why.text, cases[i].says));
    }
    struct db *db = NULL;
    struct err why = {0};
    assert_int_equal(db_open("sqlite:absent.db", f->dir, false, &db, &why), -ENOENT);
    assert_int_not_equal(access(path_in(f, "absent.db"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_current_store_is_opened_again),
        cmocka_unit_test(an_upgrade_copies_the_store_aside_first),
        cmocka_unit_test(a_migration_that_fails_leaves_the_one_before),
        cmocka_unit_test(a_gap_in_the_numbers_is_fine_and_may_be_filled_later),
        cmocka_unit_test(a_newer_store_is_refused_and_not_touched),
        cmocka_unit_test(a_changed_checksum_is_refused),
        cmocka_unit_test(a_database_of_somebody_else_is_refused),
        cmocka_unit_test(a_damaged_file_is_named_with_the_command_that_recovers),
        cmocka_unit_test(a_second_writer_is_refused),
        cmocka_unit_test(a_reader_cannot_write),
        cmocka_unit_test(the_file_is_nobody_elses_to_read),
        cmocka_unit_test(what_is_not_a_store_is_refused),
    };
    return fixture_run_sqlite("store_migrate", tests, COUNT_OF(tests));
}
