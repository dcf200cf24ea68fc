#include "store/session_turns.h"

#include "store/rows.h"

#define PAGE 32 /* the parameters $2 … below */

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int read_page(struct db *db, int64_t session_key, const int64_t *keys, size_t count, struct rows *rows,
                     struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct db_arg args[PAGE + 1] = {DB_I64(session_key)};
    for (size_t i = 0; i < PAGE; i++)
        args[i + 1] = DB_I64(keys[MIN(i, count - 1)]);
    int rc =
        db_query(db,
                 "SELECT turn_key, session_key FROM session_turns WHERE session_key <> $1 AND turn_key IN"
                 " ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
                 " $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33)"
                 " ORDER BY turn_key",
                 args, COUNT_OF(args), &c, e);
    while (rc == 0 && (rc = db_next(&c, e)) == 1) {
        *(struct session_turn *)rows_add(rows) = (struct session_turn){db_i64(&c, 0), db_i64(&c, 1)};
        rc = 0;
    }
    return rc;
}

static size_t without_repetitions(int64_t *keys, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || keys[kept - 1] != keys[i])
            keys[kept++] = keys[i];
    return kept;
}

int session_turns_of_others(struct db *db, int64_t session_key, int64_t *keys, size_t count, struct arena *a,
                            struct session_turn **ret, size_t *ret_count, struct err *e)
{
    struct rows rows = ROWS_INIT(a, struct session_turn);
    int rc = 0;
    if (count)
        qsort(keys, count, sizeof(*keys), by_number);
    count = without_repetitions(keys, count);
    for (size_t i = 0; i < count && rc == 0; i += PAGE)
        rc = read_page(db, session_key, keys + i, MIN(count - i, (size_t)PAGE), &rows, e);
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

/* The first of each key, as arguments. */
static size_t distinct(const struct session_turn *turns, size_t count, struct db_arg *ret)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && turns[i].turn_key == turns[i - 1].turn_key)
            continue;
        ret[2 * rows] = DB_I64(turns[i].turn_key);
        ret[2 * rows + 1] = DB_I64(turns[i].session_key);
        rows++;
    }
    return rows;
}

int session_turns_put(struct db *db, struct session_turn *turns, size_t count, struct err *e)
{
    if (count == 0)
        return 0;
    CLEANUP(freep) struct db_arg *args = xcalloc(2 * count, sizeof(*args));
    qsort(turns, count, sizeof(*turns), by_number);
    return db_run_rows(db,
                       "INSERT INTO session_turns (turn_key, session_key) VALUES ($1, $2)"
                       " ON CONFLICT (turn_key) DO NOTHING",
                       "ii", args, distinct(turns, count, args), e);
}
