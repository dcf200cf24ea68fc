/* test_store_faults.c -- a disk that is full or broken at the Nth write or fsync, for every N that a load
 * has: nothing acknowledged is lost, what failed has left nothing, reads go on, and the store recovers
 * without being opened again (spec 10 D6, spec 99). */
#include "store_fixture.h"
#include "store_vfs.h"

#include <sys/stat.h>

#include "io/file.h"
#include "store/audit.h"
#include "store/store.h"

#define OPS 6

struct load {
    uv_loop_t loop;
    struct fixture *f;
    struct store *store;
    int64_t acknowledged, failed, rows; /* rows: as the last read saw them */
};

struct load_op {
    struct store_op op;
    struct load *load;
    int64_t id;
    bool finished;
};

static int write_run(struct store_op *op, struct db *db, struct err *e)
{
    struct load_op *w = CONTAINER_OF(op, struct load_op, op);
    char prompt[6000]; /* more than a page, so that a job takes several writes */
    memset(prompt, 'x', sizeof(prompt) - 1);
    prompt[sizeof(prompt) - 1] = 0;
    int rc = job_insert(db, &(struct job){.agent = "a", .prompt = prompt}, op->now_us, &w->id, e);
    return rc ? rc
              : audit_append(db, &(struct audit_entry){.action = "a", .result = "success"}, op->now_us, e);
}

static int read_run(struct store_op *op, struct db *db, struct err *e)
{
    struct load_op *r = CONTAINER_OF(op, struct load_op, op);
    return db_value_i64(db, "SELECT count(*) FROM jobs", DB_NO_ARGS, &r->load->rows, e);
}

/* Checkpoints after every few pages, so that the load meets them too. */
static int small_log_run(struct store_op *op, struct db *db, struct err *e)
{
    (void)op;
    return db->driver->script(db, "PRAGMA wal_autocheckpoint = 8", e);
}

static void op_done(struct store_op *op)
{
    CONTAINER_OF(op, struct load_op, op)->finished = true;
}

static int wait_for(struct load *l, struct load_op *op)
{
    while (!op->finished)
        (void)uv_run(&l->loop, UV_RUN_ONCE);
    return op->op.rc;
}

static int read_rows(struct load *l)
{
    struct load_op r = {.op = {.run = read_run, .done = op_done}, .load = l};
    store_read(l->store, &r.op);
    return wait_for(l, &r);
}

static int open_store(struct load *l, struct err *e)
{
    struct store_config config = {.store = l->f->store, .data_dir = l->f->dir, .backlog_max = 100};
    return store_open(&l->loop, &config, &l->store, e);
}

static void load_init(struct load *l, struct fixture *f)
{
    *l = (struct load){.f = f};
    f->db = db_close(f->db);
    assert_int_equal(uv_loop_init(&l->loop), 0);
}

static void remove_store(struct fixture *f)
{
    f->db = db_close(f->db);
    fixture_remove_files(f->dir);
    assert_int_equal(mkdir(f->dir, 0700), 0);
}

/* A store as it was made: what making it costs is met by one test alone. */
static void put_store(struct fixture *f, struct str made)
{
    char path[80];
    remove_store(f);
    (void)snprintf(path, sizeof(path), "%s/test.db", f->dir);
    assert_int_equal(file_write_atomic(path, made, 0600, false), 0);
}

static void load_start(struct load *l)
{
    struct load_op small = {.op = {.run = small_log_run, .done = op_done}, .load = l};
    MUST(open_store(l, &e));
    store_write(l->store, &small.op);
    assert_int_equal(wait_for(l, &small), 0);
}

static void load_deinit(struct load *l)
{
    l->store = store_close(l->store);
    (void)uv_run(&l->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&l->loop), 0);
}

/* Six jobs in groups of two, three and one. */
static void write_jobs(struct load *l, enum err_code expected)
{
    struct load_op ops[3];
    for (size_t n = 0, done = 0; done < OPS; done += n) {
        n = n % 3 + 1;
        for (size_t i = 0; i < n; i++) {
            ops[i] = (struct load_op){.op = {.run = write_run, .done = op_done}, .load = l};
            store_write(l->store, &ops[i].op);
        }
        for (size_t i = 0; i < n; i++) {
            if (wait_for(l, &ops[i]) == 0) {
                l->acknowledged++;
                continue;
            }
            l->failed++;
            assert_int_equal(ops[i].op.err.code, expected);
            assert_non_null(strstr(ops[i].op.err.text, "test.db"));
        }
    }
}

static void on_check(void *arg, const struct store_check *check)
{
    if (!check->ok)
        fail_msg("round %ld: %s: %s", *(const long *)arg, check->name, check->detail);
}

static void assert_all_there(struct load *l, long round)
{
    assert_int_equal(read_rows(l), 0);
    assert_int_equal(l->rows, l->acknowledged);
    struct err why = {0};
    assert_int_equal(store_doctor(l->f->store, l->f->dir, on_check, &round, &why), 0);
}

static const struct {
    enum vfs_fault fault;
    enum err_code code;
} faults[] = {
    {VFS_WRITE_FULL, ERR_STORAGE_FULL},
    {VFS_WRITE_EIO, ERR_INTERNAL},
    {VFS_SYNC_EIO, ERR_INTERNAL},
};

/* One round: the Nth one fails; false when the load has no Nth. */
static bool fail_nth(struct fixture *f, struct str made, size_t kind, long nth)
{
    struct load l;
    put_store(f, made);
    load_init(&l, f);
    load_start(&l);
    vfs_arm(faults[kind].fault, nth, false);
    write_jobs(&l, faults[kind].code);
    bool met = vfs_shim.fired > 0;
    vfs_disarm();
    int64_t failed = l.failed;
    write_jobs(&l, ERR_NONE); /* the same store, not opened again */
    assert_int_equal(l.failed, failed);
    assert_all_there(&l, nth);
    l.store = store_close(l.store);
    MUST(open_store(&l, &e));
    assert_all_there(&l, nth);
    load_deinit(&l);
    return met;
}

static void nothing_acknowledged_is_lost_whichever_write_or_fsync_fails(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_deinit) struct buf made = BUF_INIT;
    char path[80];
    f->db = db_close(f->db);
    (void)snprintf(path, sizeof(path), "%s/test.db", f->dir);
    assert_int_equal(file_read_small(path, 1 << 24, &made), 0);
    for (size_t kind = 0; kind < COUNT_OF(faults); kind++) {
        long nth = 1;
        while (fail_nth(f, buf_str(&made), kind, nth))
            nth++;
        assert_true(nth > 3); /* the load has at least one per group */
    }
}

/* D6: on a full disk writes fail and say why, and reads go on. */
static void a_full_disk_refuses_writes_and_serves_reads_until_there_is_space(void **state)
{
    struct load l;
    struct store_stats stats;
    load_init(&l, *state);
    load_start(&l);
    write_jobs(&l, ERR_NONE);
    assert_int_equal(l.failed, 0);
    vfs_arm(VFS_WRITE_FULL, 1, true);
    write_jobs(&l, ERR_STORAGE_FULL);
    assert_int_equal(l.failed, OPS);
    store_stats(l.store, &stats);
    assert_true(stats.full);
    assert_int_equal(read_rows(&l), 0);
    assert_int_equal(l.rows, OPS);
    vfs_disarm();
    write_jobs(&l, ERR_NONE);
    assert_int_equal(l.failed, OPS);
    store_stats(l.store, &stats);
    assert_false(stats.full);
    assert_all_there(&l, 0);
    load_deinit(&l);
}

/* From the first byte of a new store on. */
static void a_fault_while_opening_is_told_and_the_next_opening_goes_well(void **state)
{
    struct fixture *f = *state;
    struct load l;
    load_init(&l, f);
    for (size_t kind = 0; kind < COUNT_OF(faults); kind++) {
        int failures = 0;
        for (long nth = 1; nth < 200; nth++) {
            struct err why = {0};
            remove_store(f);
            vfs_arm(faults[kind].fault, nth, false);
            int rc = open_store(&l, &why);
            bool met = vfs_shim.fired > 0;
            vfs_disarm();
            if (rc != 0) {
                failures++;
                assert_non_null(strstr(why.text, "test.db"));
                MUST(open_store(&l, &e));
            }
            l.acknowledged = 0;
            assert_all_there(&l, nth);
            l.store = store_close(l.store);
            if (!met)
                break;
        }
        assert_true(failures > 0);
    }
    load_deinit(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_whichever_write_or_fsync_fails),
        cmocka_unit_test(a_full_disk_refuses_writes_and_serves_reads_until_there_is_space),
        cmocka_unit_test(a_fault_while_opening_is_told_and_the_next_opening_goes_well),
    };
    vfs_install();
    return fixture_run_sqlite("store_faults", tests, COUNT_OF(tests));
}
