#include "store/audit.h"

#include "base/buf.h"
#include "base/hash.h"
#include "store/rows.h"

#define COLUMNS "id, at, actor, action, resource, params, result, error, duration_us, correlation_id, details"
#define HASH_COLUMN 11

/* -- the chain: hash = SHA-256 (hash of the row before, then each column with its length before it) -- */

struct link {
    int64_t id;
    char hash[HASH_SHA256_HEX]; /* "" before the first row ever */
};

static void add_text(struct buf *b,
                     const char *text) /* its length first, so that no two rows read the same */
{
    if (text)
        buf_printf(b, "%zu:", strlen(text));
    buf_add_text(b, text ? text : "-");
    buf_add_char(b, ',');
}

static void hash_row(const struct link *before, const struct audit_entry *row, char ret[HASH_SHA256_HEX])
{
    struct buf b = BUF_INIT;
    add_text(&b, before->hash);
    const int64_t numbers[] = {row->id, row->at, row->duration_us};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        buf_add_i64(&b, numbers[i]);
        buf_add_char(&b, ',');
    }
    const char *const texts[] = {row->actor,  row->action, row->resource,      row->params,
                                 row->result, row->error,  row->correlation_id};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        add_text(&b, texts[i]);
    if (row->details) /* rows from before there were any keep their hash */
        add_text(&b, row->details);
    hash_sha256_hex(buf_str(&b), ret);
    buf_deinit(&b);
}

static void set_link(struct link *l, int64_t id, struct str hash)
{
    l->id = id;
    (void)snprintf(l->hash, sizeof(l->hash), "%.*s", STR_ARG(hash));
}

static int read_chain(struct db *db, struct link *ret_anchor, struct link *ret_head, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc =
        db_query(db, "SELECT anchor_id, anchor_hash, head_id, head_hash FROM audit_chain", DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc
                  : err_set(e, ERR_INTERNAL, -ENODATA, "the audit log has lost the row that holds its ends");
    set_link(ret_anchor, db_i64(&c, 0), db_str(&c, 1));
    set_link(ret_head, db_i64(&c, 2), db_str(&c, 3));
    return 0;
}

/* -- rows -- */

static int insert_row(struct db *db, const struct audit_entry *row, const char *hash, struct err *e)
{
    return db_run(db,
                  "INSERT INTO audit_log (" COLUMNS
                  ", hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                  DB_ARGS(DB_I64(row->id), DB_I64(row->at), DB_TEXT(row->actor), DB_TEXT(row->action),
                          DB_TEXT(row->resource), DB_TEXT(row->params), DB_TEXT(row->result),
                          DB_TEXT(row->error), DB_I64(row->duration_us), DB_TEXT(row->correlation_id),
                          DB_TEXT(row->details), DB_TEXT(hash)),
                  NULL, e);
}

int audit_append(struct db *db, const struct audit_entry *entry, int64_t now_us, struct err *e)
{
    struct link anchor, head;
    int rc = read_chain(db, &anchor, &head, e);
    if (rc)
        return rc;
    struct audit_entry row = *entry;
    row.id = head.id + 1;
    row.at = entry->at ? entry->at : now_us;
    char hash[HASH_SHA256_HEX];
    hash_row(&head, &row, hash);
    rc = insert_row(db, &row, hash, e);
    if (rc)
        return rc;
    return db_run(db, "UPDATE audit_chain SET head_id = $1, head_hash = $2",
                  DB_ARGS(DB_I64(row.id), DB_TEXT(hash)), NULL, e);
}

static void read_row(struct db_cursor *c, struct arena *a, struct audit_entry *ret)
{
    *ret = (struct audit_entry){.id = db_i64(c, 0),
                                .at = db_i64(c, 1),
                                .actor = db_text(c, 2, a),
                                .action = db_text(c, 3, a),
                                .resource = db_text(c, 4, a),
                                .params = db_text(c, 5, a),
                                .result = db_text(c, 6, a),
                                .error = db_text(c, 7, a),
                                .duration_us = db_i64(c, 8),
                                .correlation_id = db_text(c, 9, a),
                                .details = db_text(c, 10, a)};
}

int audit_list(struct db *db, int64_t after, int64_t limit, struct arena *a, struct audit_entry **ret,
               size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT " COLUMNS " FROM audit_log WHERE id > $1 ORDER BY id LIMIT $2",
                      DB_ARGS(DB_I64(after), DB_I64(limit > 0 ? limit : INT64_MAX)), &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct audit_entry);
    while ((rc = db_next(&c, e)) == 1)
        read_row(&c, a, rows_add(&rows));
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}

static bool row_follows(struct db_cursor *c, const struct link *before, struct arena *a)
{
    struct audit_entry row;
    char hash[HASH_SHA256_HEX];
    read_row(c, a, &row);
    hash_row(before, &row, hash);
    return row.id == before->id + 1 && str_equal(db_str(c, HASH_COLUMN), str_of(hash));
}

#define PAGE_ROWS 1000 /* a driver may hold all rows of an answer */

static int walk_page(struct db *db, struct link *at, struct arena *a, int64_t *ret_count, int64_t *ret_id,
                     struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    *ret_count = 0;
    int rc = db_query(db, "SELECT " COLUMNS ", hash FROM audit_log WHERE id > $1 ORDER BY id LIMIT $2",
                      DB_ARGS(DB_I64(*ret_id), DB_I64(PAGE_ROWS)), &c, e);
    if (rc)
        return rc;
    for (; (rc = db_next(&c, e)) == 1; ++*ret_count, *ret_id = at->id) {
        if (!row_follows(&c, at, a)) {
            *ret_id = db_i64(&c, 0);
            return AUDIT_E_BROKEN;
        }
        set_link(at, db_i64(&c, 0), db_str(&c, HASH_COLUMN));
        arena_reset(a);
    }
    return rc;
}

static int walk_chain(struct db *db, struct link *at, struct arena *a, int64_t *ret_id, struct err *e)
{
    int64_t count = PAGE_ROWS, id = INT64_MIN; /* a row before the anchor is one too many */
    int rc = 0;
    while (rc == 0 && count == PAGE_ROWS)
        rc = walk_page(db, at, a, &count, &id, e);
    if (rc == AUDIT_E_BROKEN)
        *ret_id = id;
    return rc;
}

int audit_verify(struct db *db, int64_t *ret_id, struct err *e)
{
    struct arena a;
    struct link at, head;
    int rc = read_chain(db, &at, &head, e);
    if (rc)
        return rc;
    arena_init(&a);
    rc = walk_chain(db, &at, &a, ret_id, e);
    arena_reset(&a);
    if (rc == 0 && (at.id != head.id || strcmp(at.hash, head.hash) != 0)) { /* the end has been cut off */
        *ret_id = at.id + 1;
        return AUDIT_E_BROKEN;
    }
    return rc;
}

int audit_trim(struct db *db, int64_t before_us, int64_t limit, int64_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct link last = {0};
    int64_t count = 0;
    int rc = db_query(db, "SELECT id, at, hash FROM audit_log ORDER BY id LIMIT $1", DB_ARGS(DB_I64(limit)),
                      &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1 && db_i64(&c, 1) < before_us) {
        set_link(&last, db_i64(&c, 0), db_str(&c, 2));
        count++;
    }
    db_done(&c);
    if (rc < 0 || rc > 1)
        return rc;
    rc = 0;
    if (count) {
        rc = db_run(db, "DELETE FROM audit_log WHERE id <= $1", DB_ARGS(DB_I64(last.id)), NULL, e);
        if (rc == 0)
            rc = db_run(db, "UPDATE audit_chain SET anchor_id = $1, anchor_hash = $2",
                        DB_ARGS(DB_I64(last.id), DB_TEXT(last.hash)), NULL, e);
    }
    if (rc == 0)
        *ret_count = count;
    return rc;
}
