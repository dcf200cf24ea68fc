/* test_store_threads.c -- the door to the database: groups, savepoints, answers on the loop thread, a bounded
 * queue. */
#include "store_fixture.h"

#include "store/settings.h"
#include "store/store.h"

#include <pthread.h>
#include <semaphore.h>

struct node {
    uv_loop_t loop;
    struct store *store;
    struct fixture *f;
};

static struct node *node_new(struct fixture *f, size_t backlog_max)
{
    struct node *n = xnew(struct node);
    n->f = f;
    f->db = db_close(f->db);
    assert_int_equal(uv_loop_init(&n->loop), 0);
    struct store_config config = {.store = f->store, .data_dir = f->dir, .backlog_max = backlog_max};
    MUST(store_open(&n->loop, &config, &n->store, &e));
    return n;
}

static void node_free(struct node *n)
{
    n->store = store_close(n->store);
    (void)uv_run(&n->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&n->loop), 0);
    free(n);
}

/* An operation of the tests: what it does, and what became of it. */
struct test_op {
    struct store_op op;
    struct node *node;
    const char *key;  /* setting that is put */
    int fails_with;   /* after having written */
    sem_t *waits_for; /* before it does anything */
    int finished;     /* how often `done` ran */
    int rc;
    char *value; /* read; owned by the arena of the fixture */
    pthread_t done_on;
};

static int op_run(struct store_op *op, struct db *db, struct err *e)
{
    struct test_op *t = CONTAINER_OF(op, struct test_op, op);
    if (t->waits_for)
        (void)sem_wait(t->waits_for);
    int rc = setting_put(db, t->key, STR("1"), e);
    return rc ? rc : t->fails_with;
}

static int op_read(struct store_op *op, struct db *db, struct err *e)
{
    struct test_op *t = CONTAINER_OF(op, struct test_op, op);
    return setting_get(db, t->key, &t->node->f->a, &t->value, e);
}

static void op_done(struct store_op *op)
{
    struct test_op *t = CONTAINER_OF(op, struct test_op, op);
    t->finished++;
    t->rc = op->rc;
    t->done_on = pthread_self();
}

static void init_write(struct test_op *t, struct node *n, const char *key)
{
    *t = (struct test_op){.op = {.run = op_run, .done = op_done}, .node = n, .key = key};
}

static void run_until(struct node *n, struct test_op *t)
{
    while (!t->finished)
        (void)uv_run(&n->loop, UV_RUN_ONCE);
}

static const char *read_setting(struct node *n, const char *key)
{
    struct test_op t = {.op = {.run = op_read, .done = op_done}, .node = n, .key = key};
    store_read(n->store, &t.op);
    run_until(n, &t);
    assert_int_equal(t.rc, 0);
    return t.value;
}

static void a_write_is_answered_on_the_loop_thread_and_is_there(void **state)
{
    struct node *n = node_new(*state, 10);
    struct test_op t;
    init_write(&t, n, "a");
    store_write(n->store, &t.op);
    assert_int_equal(t.finished, 0);
    run_until(n, &t);
    assert_int_equal(t.rc, 0);
    assert_true(pthread_equal(t.done_on, pthread_self()));
    assert_true(t.op.now_us > T0);
    assert_string_equal(read_setting(n, "a"), "1");
    struct store_stats stats;
    store_stats(n->store, &stats);
    assert_int_equal(stats.operations, 1);
    assert_int_equal(stats.commits, 1);
    assert_true(stats.file_bytes > 0);
    assert_true(stats.commit_sum_us > 0);
    assert_false(stats.full);
    node_free(n);
}

/* D2: whatever arrived while the last commit was in flight is the next one. */
static void what_waits_together_commits_together(void **state)
{
    struct node *n = node_new(*state, 100);
    struct test_op first, rest[20];
    struct store_stats stats;
    sem_t gate;
    (void)sem_init(&gate, 0, 0);
    init_write(&first, n, "first");
    first.waits_for = &gate;
    store_write(n->store, &first.op);
    char keys[20][16];
    for (size_t i = 0; i < COUNT_OF(rest); i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        init_write(&rest[i], n, keys[i]);
        store_write(n->store, &rest[i].op);
    }
    (void)sem_post(&gate);
    for (size_t i = 0; i < COUNT_OF(rest); i++)
        run_until(n, &rest[i]);
    store_stats(n->store, &stats);
    assert_int_equal(stats.operations, 21);
    /* The first may or may not have been taken before the others came. */
    assert_true(stats.commits == 1 || stats.commits == 2);
    (void)sem_destroy(&gate);
    node_free(n);
}

static void an_operation_that_fails_takes_nothing_with_it(void **state)
{
    struct node *n = node_new(*state, 100);
    struct test_op ops[3];
    sem_t gate;
    (void)sem_init(&gate, 0, 0);
    static const char *const keys[] = {"one", "two", "three"};
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        init_write(&ops[i], n, keys[i]);
    ops[0].waits_for = &gate;
    ops[1].fails_with = 77;
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        store_write(n->store, &ops[i].op);
    (void)sem_post(&gate);
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        run_until(n, &ops[i]);
    assert_int_equal(ops[0].rc, 0);
    assert_int_equal(ops[1].rc, 77);
    assert_int_equal(ops[2].rc, 0);
    assert_string_equal(read_setting(n, "one"), "1");
    assert_null(read_setting(n, "two"));
    assert_string_equal(read_setting(n, "three"), "1");
    (void)sem_destroy(&gate);
    node_free(n);
}

/* -- several as one -- */

static int together_calls, together_ops, together_fails;

static int run_together(struct store_op **ops, size_t count, struct db *db, struct err *e)
{
    int rc = 0;
    together_calls++;
    together_ops += (int)count;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct test_op *t = CONTAINER_OF(ops[i], struct test_op, op);
        ops[i]->rc = t->fails_with;
        if (t->fails_with == 0)
            rc = setting_put(db, t->key, STR("1"), e);
    }
    return rc ? rc : together_fails;
}

/* One that waits, and behind it `count` of a kind, with one of another kind in their middle. */
static void write_several(struct node *n, struct test_op *ops, size_t count, const char *const *keys)
{
    struct test_op first;
    sem_t gate;
    (void)sem_init(&gate, 0, 0);
    init_write(&first, n, "first");
    first.waits_for = &gate;
    store_write(n->store, &first.op);
    for (size_t i = 0; i < count; i++) {
        int fails_with = ops[i].fails_with;
        init_write(&ops[i], n, keys[i]);
        ops[i].fails_with = fails_with;
        ops[i].op.run_together = i == count / 2 ? NULL : run_together;
        store_write(n->store, &ops[i].op);
    }
    (void)sem_post(&gate);
    for (size_t i = 0; i < count; i++)
        run_until(n, &ops[i]);
    (void)sem_destroy(&gate);
}

static void operations_of_a_kind_that_came_together_run_as_one(void **state)
{
    struct node *n = node_new(*state, 100);
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g"};
    struct test_op ops[7] = {[1] = {.fails_with = 77}};
    together_calls = together_ops = together_fails = 0;
    write_several(n, ops, COUNT_OF(ops), keys);
    assert_int_equal(together_calls, 2); /* a b c, d for itself, e f g */
    assert_int_equal(together_ops, 6);
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        assert_int_equal(ops[i].rc, i == 1 ? 77 : 0);
    assert_null(read_setting(n, "b"));
    assert_string_equal(read_setting(n, "g"), "1");
    node_free(n);
}

static void what_fails_as_one_is_run_one_by_one(void **state)
{
    struct node *n = node_new(*state, 100);
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g"};
    struct test_op ops[7] = {[4] = {.fails_with = 77}};
    together_calls = together_ops = 0;
    together_fails = -EIO;
    write_several(n, ops, COUNT_OF(ops), keys);
    assert_int_equal(together_calls, 2);
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        assert_int_equal(ops[i].rc, i == 4 ? 77 : 0);
        assert_int_equal(read_setting(n, keys[i]) == NULL, i == 4);
    }
    node_free(n);
}

/* D2: reads never wait for a write; they see what was committed. */
static void a_read_does_not_wait_for_a_write(void **state)
{
    struct node *n = node_new(*state, 100);
    struct test_op slow;
    sem_t gate;
    (void)sem_init(&gate, 0, 0);
    init_write(&slow, n, "slow");
    slow.waits_for = &gate;
    store_write(n->store, &slow.op);
    assert_null(read_setting(n, "slow"));
    assert_int_equal(slow.finished, 0);
    (void)sem_post(&gate);
    run_until(n, &slow);
    assert_string_equal(read_setting(n, "slow"), "1");
    (void)sem_destroy(&gate);
    node_free(n);
}

static void a_queue_that_is_full_refuses_and_answers_later(void **state)
{
    struct node *n = node_new(*state, 2);
    struct test_op ops[3];
    sem_t gate;
    (void)sem_init(&gate, 0, 0);
    static const char *const keys[] = {"one", "two", "three"};
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        init_write(&ops[i], n, keys[i]);
        ops[i].waits_for = i == 0 ? &gate : NULL;
        store_write(n->store, &ops[i].op);
    }
    assert_int_equal(ops[2].finished, 0);
    run_until(n, &ops[2]);
    assert_true(ops[2].rc < 0);
    assert_int_equal(ops[2].op.err.code, ERR_UNAVAILABLE);
    assert_int_equal(ops[0].finished, 0);
    (void)sem_post(&gate);
    run_until(n, &ops[1]);
    assert_int_equal(ops[1].rc, 0);
    assert_null(read_setting(n, "three"));
    (void)sem_destroy(&gate);
    node_free(n);
}

/* What nobody waits for costs those who do wait no commit of its own. */
static void what_can_wait_joins_the_next_group(void **state)
{
    struct node *n = node_new(*state, 100);
    struct test_op soon[3], write;
    struct store_stats stats;
    static const char *const keys[] = {"a", "b", "c"};
    for (size_t i = 0; i < COUNT_OF(soon); i++) {
        init_write(&soon[i], n, keys[i]);
        store_write_soon(n->store, &soon[i].op);
    }
    init_write(&write, n, "write");
    store_write(n->store, &write.op);
    run_until(n, &write);
    store_stats(n->store, &stats);
    assert_int_equal(stats.operations, 4);
    assert_int_equal(stats.commits, 1);
    assert_int_equal(soon[2].finished, 1);
    node_free(n);
}

static void what_can_wait_is_written_without_another_write(void **state)
{
    struct node *n = node_new(*state, 100);
    struct test_op soon;
    init_write(&soon, n, "alone");
    store_write_soon(n->store, &soon.op);
    run_until(n, &soon);
    assert_int_equal(soon.rc, 0);
    assert_string_equal(read_setting(n, "alone"), "1");
    node_free(n);
}

static void what_can_wait_counts_as_backlog_and_is_refused_beyond_it(void **state)
{
    struct node *n = node_new(*state, 2);
    struct test_op soon[3];
    struct store_stats stats;
    static const char *const keys[] = {"a", "b", "c"};
    for (size_t i = 0; i < COUNT_OF(soon); i++) {
        init_write(&soon[i], n, keys[i]);
        store_write_soon(n->store, &soon[i].op);
    }
    store_stats(n->store, &stats);
    assert_int_equal(stats.backlog, 2);
    run_until(n, &soon[2]);
    assert_int_equal(soon[2].op.err.code, ERR_UNAVAILABLE);
    run_until(n, &soon[1]);
    assert_int_equal(soon[1].rc, 0);
    node_free(n);
}

static void closing_finishes_what_was_posted(void **state)
{
    struct fixture *f = *state;
    struct node *n = node_new(f, 100);
    struct test_op ops[5];
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        init_write(&ops[i], n, keys[i]);
        (i % 2 ? store_write : store_write_soon)(n->store, &ops[i].op);
    }
    node_free(n);
    int64_t rows = 0;
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        assert_int_equal(ops[i].finished, 1);
        assert_int_equal(ops[i].rc, 0);
    }
    MUST(db_open(f->store, f->dir, true, &f->db, &e));
    MUST(db_value_i64(f->db, "SELECT count(*) FROM settings WHERE length(key) = 1", DB_NO_ARGS, &rows, &e));
    assert_int_equal(rows, 5);
}

static void a_statement_with_a_wrong_argument_fails_alone(void **state)
{
    struct node *n = node_new(*state, 10);
    struct test_op bad, good;
    init_write(&bad, n, NULL); /* NOT NULL */
    init_write(&good, n, "good");
    store_write(n->store, &bad.op);
    store_write(n->store, &good.op);
    run_until(n, &good);
    assert_int_equal(bad.rc, DB_E_CONSTRAINT);
    assert_int_equal(good.rc, 0);
    node_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_answered_on_the_loop_thread_and_is_there),
        cmocka_unit_test(what_waits_together_commits_together),
        cmocka_unit_test(an_operation_that_fails_takes_nothing_with_it),
        cmocka_unit_test(operations_of_a_kind_that_came_together_run_as_one),
        cmocka_unit_test(what_fails_as_one_is_run_one_by_one),
        cmocka_unit_test(a_read_does_not_wait_for_a_write),
        cmocka_unit_test(a_queue_that_is_full_refuses_and_answers_later),
        cmocka_unit_test(what_can_wait_joins_the_next_group),
        cmocka_unit_test(what_can_wait_is_written_without_another_write),
        cmocka_unit_test(what_can_wait_counts_as_backlog_and_is_refused_beyond_it),
        cmocka_unit_test(closing_finishes_what_was_posted),
        cmocka_unit_test(a_statement_with_a_wrong_argument_fails_alone),
    };
    return fixture_run("store_threads", tests, COUNT_OF(tests));
}
