/* test_store_rows.c -- many rows in one statement: what one by one would have written, on both stores (spec
 * 10 D1, 80 H13). */
#include "store_fixture.h"

#define TABLE "CREATE TABLE many (k TEXT PRIMARY KEY, n BIGINT, t TEXT)"
#define INSERT "INSERT INTO many (k, n, t) VALUES ($1, $2, $3)"
#define UPSERT INSERT " ON CONFLICT (k) DO UPDATE SET n = many.n + excluded.n"

static struct fixture *with_table(void **state)
{
    struct fixture *f = *state;
    MUST(db_run(f->db, TABLE, DB_NO_ARGS, NULL, &e));
    return f;
}

static void assert_row(struct fixture *f, const char *k, bool has_n, int64_t n, struct str t)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    MUST(db_query(f->db, "SELECT n, t FROM many WHERE k = $1", DB_ARGS(DB_TEXT(k)), &c, &e));
    struct err e = {0};
    assert_int_equal(db_next(&c, &e), 1);
    assert_int_equal(db_is_null(&c, 0), !has_n);
    assert_int_equal(db_i64(&c, 0), n);
    struct str got = db_str(&c, 1);
    assert_int_equal(got.p == NULL, t.p == NULL);
    assert_true(str_equal(got, t));
}

static int64_t rows_of(struct fixture *f)
{
    int64_t count = -1;
    MUST(db_value_i64(f->db, "SELECT COUNT(*) FROM many", DB_NO_ARGS, &count, &e));
    return count;
}

static void every_value_arrives_as_it_is(void **state)
{
    struct fixture *f = with_table(state);
    const struct db_arg args[] = {
        DB_TEXT("quoted"), DB_I64(0),         DB_TEXT("a,\"b\",{c},NULL,\\,'"),
        DB_TEXT("least"),  DB_I64(INT64_MIN), DB_TEXT(""),
        DB_TEXT("most"),   DB_I64(INT64_MAX), DB_TEXT("ä\n€"),
        DB_TEXT("NULL"),   DB_NULL,           DB_TEXT(NULL),
    };
    MUST(db_run_rows(f->db, INSERT, "tit", args, 4, &e));
    assert_row(f, "quoted", true, 0, STR("a,\"b\",{c},NULL,\\,'"));
    assert_row(f, "least", true, INT64_MIN, STR(""));
    assert_row(f, "most", true, INT64_MAX, STR("ä\n€"));
    assert_row(f, "NULL", false, 0, (struct str){0});
    assert_int_equal(rows_of(f), 4);
}

static void no_rows_are_no_statement(void **state)
{
    struct fixture *f = with_table(state);
    MUST(db_run_rows(f->db, "no SQL at all", "tit", NULL, 0, &e));
    assert_int_equal(rows_of(f), 0);
}

/* A column of nothing but NULL has a type all the same. */
static void a_column_may_be_unknown_in_every_row(void **state)
{
    struct fixture *f = with_table(state);
    const struct db_arg args[] = {DB_TEXT("a"), DB_NULL, DB_NULL, DB_TEXT("b"), DB_NULL, DB_NULL};
    MUST(db_run_rows(f->db, INSERT, "tit", args, 2, &e));
    assert_row(f, "a", false, 0, (struct str){0});
    assert_row(f, "b", false, 0, (struct str){0});
}

static void what_is_there_is_added_to(void **state)
{
    struct fixture *f = with_table(state);
    struct db_arg args[500 * 3];
    char keys[500][8];
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 500; i++) {
            (void)snprintf(keys[i], sizeof(keys[i]), "k%zu", i + round * 250);
            args[3 * i] = DB_TEXT(keys[i]);
            args[3 * i + 1] = DB_I64(i + round * 250);
            args[3 * i + 2] = DB_TEXT("t");
        }
        MUST(db_run_rows(f->db, UPSERT, "tit", args, 500, &e));
    }
    assert_int_equal(rows_of(f), 750);
    assert_row(f, "k100", true, 100, STR("t")); /* in the first round alone */
    assert_row(f, "k300", true, 600, STR("t")); /* in both: 300 + 300 */
    assert_row(f, "k749", true, 749, STR("t"));
}

static void a_row_that_is_refused_takes_the_others_with_it(void **state)
{
    struct fixture *f = with_table(state);
    const struct db_arg args[] = {DB_TEXT("a"), DB_I64(1), DB_NULL, DB_TEXT("a"), DB_I64(2), DB_NULL};
    MUST(db_begin(f->db, true, &e));
    MUST(db_savepoint(f->db, &e));
    struct err refused = {0};
    int rc = db_run_rows(f->db, INSERT, "tit", args, 2, &refused);
    if (rc == 0) /* PostgreSQL says so when the operation ends */
        rc = db_release(f->db, &refused);
    assert_int_equal(rc, DB_E_CONSTRAINT);
    db_rollback_to_savepoint(f->db);
    MUST(db_commit(f->db, &e));
    assert_int_equal(rows_of(f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_arrives_as_it_is),
        cmocka_unit_test(no_rows_are_no_statement),
        cmocka_unit_test(a_column_may_be_unknown_in_every_row),
        cmocka_unit_test(what_is_there_is_added_to),
        cmocka_unit_test(a_row_that_is_refused_takes_the_others_with_it),
    };
    return fixture_run("store_rows", tests, COUNT_OF(tests));
}
