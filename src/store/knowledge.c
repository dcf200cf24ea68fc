#include "store/knowledge.h"

#include "store/rows.h"

/* -- adding -- */

static int find_same(struct db *db, bool is_correction, struct str normal, int64_t *ret, struct err *e)
{
    int rc = db_value_i64(db, "SELECT id FROM knowledge_items WHERE is_correction = $1 AND normal = $2",
                          DB_ARGS(DB_I64(is_correction), DB_STR(normal)), ret, e);
    return rc == DB_E_NONE ? KNOWLEDGE_E_ABSENT : rc;
}

static int find_near(struct db *db, struct str normal, int64_t *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(
        db, "SELECT id, normal FROM knowledge_items WHERE is_correction = 0 ORDER BY id DESC LIMIT $1",
        DB_ARGS(DB_I64(KNOWLEDGE_COMPARED_MAX)), &c, e);
    if (rc != 0)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        if (knowledge_is_near(db_str(&c, 1), normal)) {
            *ret = db_i64(&c, 0);
            return 0;
        }
    return rc ? rc : KNOWLEDGE_E_ABSENT;
}

static int insert(struct db *db, const struct knowledge_fact *f, struct str normal, int64_t now_us,
                  int64_t *ret, struct err *e)
{
    return db_insert(
        db,
        "INSERT INTO knowledge_items (kind, is_correction, title, content, normal, status,"
        " confidence, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $7)",
        DB_ARGS(DB_TEXT(knowledge_kind_names[f->kind]), DB_I64(f->kind == KNOWLEDGE_CORRECTION),
                DB_STR(f->title), DB_STR(f->content), DB_STR(normal),
                DB_I64(knowledge_confidence_micros(f->kind)), DB_I64(now_us)),
        ret, e);
}

/* A definition is surer than the confirmation that was there before it. */
static int raise_confidence(struct db *db, int64_t id, const struct knowledge_fact *f, struct err *e)
{
    return db_run(db, "UPDATE knowledge_items SET confidence = $2 WHERE id = $1 AND confidence < $2",
                  DB_ARGS(DB_I64(id), DB_I64(knowledge_confidence_micros(f->kind))), NULL, e);
}

static int find_or_insert(struct db *db, const struct knowledge_fact *f, int64_t now_us, int64_t *ret,
                          struct knowledge_found *found, struct err *e)
{
    CLEANUP(buf_deinit) struct buf normal = BUF_INIT;
    bool is_correction = f->kind == KNOWLEDGE_CORRECTION;
    knowledge_normalise(f->content, &normal);
    int rc = find_same(db, is_correction, buf_str(&normal), ret, e);
    if (rc == KNOWLEDGE_E_ABSENT && !is_correction)
        rc = find_near(db, buf_str(&normal), ret, e);
    if (rc == KNOWLEDGE_E_ABSENT) {
        found->created++;
        return insert(db, f, buf_str(&normal), now_us, ret, e);
    }
    found->merged += rc == 0;
    return rc ? rc : raise_confidence(db, *ret, f, e);
}

static int add_evidence(struct db *db, int64_t id, const struct knowledge_fact *f, const char *user,
                        const char *session, int64_t now_us, struct knowledge_found *found, struct err *e)
{
    int64_t changes = 0;
    struct str quote = f->quote.n ? f->quote : (struct str){NULL, 0};
    int rc = db_run(db,
                    "INSERT INTO knowledge_evidence (item_id, \"user\", session, kind, quote, at)"
                    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (item_id, \"user\", session) DO NOTHING",
                    DB_ARGS(DB_I64(id), DB_TEXT(user), DB_TEXT(session),
                            DB_TEXT(knowledge_kind_names[f->kind]), DB_STR(quote), DB_I64(now_us)),
                    &changes, e);
    found->evidence += changes;
    return rc;
}

static int add_contradictions(struct db *db, int64_t id, const struct knowledge_fact *f, const char *session,
                              int64_t now_us, struct knowledge_found *found, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < f->contradicts_count; i++) {
        int64_t other = f->contradicts[i], changes = 0;
        rc = db_run(
            db,
            "INSERT INTO knowledge_contradictions (item_a, item_b, session, at)"
            " SELECT $1, $2, $3, $4 WHERE $1 <> $2 AND EXISTS (SELECT 1 FROM knowledge_items WHERE id ="
            " $5) ON CONFLICT (item_a, item_b) DO NOTHING",
            DB_ARGS(DB_I64(MIN(id, other)), DB_I64(MAX(id, other)), DB_TEXT(session), DB_I64(now_us),
                    DB_I64(other)),
            &changes, e);
        found->contradictions += changes;
    }
    return rc;
}

int knowledge_add(struct db *db, const struct knowledge_fact *facts, size_t count, const char *user,
                  const char *session, int64_t now_us, struct knowledge_found *ret, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        int64_t id = 0;
        rc = find_or_insert(db, &facts[i], now_us, &id, ret, e);
        if (rc == 0)
            rc = add_evidence(db, id, &facts[i], user, session, now_us, ret, e);
        if (rc == 0)
            rc = add_contradictions(db, id, &facts[i], session, now_us, ret, e);
    }
    return rc;
}

/* -- reading -- */

#define COLUMNS "id, kind, title, content, status, confidence, created_at, updated_at, decided_at, decided_by"

static void read_item(struct db_cursor *c, struct arena *a, struct knowledge_item *ret)
{
    *ret = (struct knowledge_item){.id = db_i64(c, 0),
                                   .kind = db_text(c, 1, a),
                                   .title = db_text(c, 2, a),
                                   .content = db_text(c, 3, a),
                                   .status = db_text(c, 4, a),
                                   .confidence_micros = db_i64(c, 5),
                                   .created_at = db_i64(c, 6),
                                   .updated_at = db_i64(c, 7),
                                   .decided_at = db_i64(c, 8),
                                   .decided_by = db_text(c, 9, a)};
}

static int read_items(struct db *db, const char *sql, const struct db_arg *args, size_t arg_count,
                      struct arena *a, struct knowledge_item **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct knowledge_item);
    int rc = db_query(db, sql, args, arg_count, &c, e);
    if (rc != 0)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        read_item(&c, a, rows_add(&rows));
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

static int read_evidence(struct db *db, struct knowledge_item *item, struct arena *a, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct knowledge_evidence);
    int rc = db_query(db,
                      "SELECT \"user\", session, kind, quote, at FROM knowledge_evidence WHERE item_id = $1"
                      " ORDER BY \"user\", session",
                      DB_ARGS(DB_I64(item->id)), &c, e);
    if (rc != 0)
        return rc;
    while ((rc = db_next(&c, e)) == 1) {
        struct knowledge_evidence *row = rows_add(&rows);
        *row = (struct knowledge_evidence){db_text(&c, 0, a), db_text(&c, 1, a), db_text(&c, 2, a),
                                           db_text(&c, 3, a), db_i64(&c, 4)};
    }
    item->evidence = rows.p;
    item->evidence_count = rows.count;
    return rc;
}

static int read_contradictions(struct db *db, struct knowledge_item *item, struct arena *a, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, int64_t);
    int rc = db_query(db,
                      "SELECT item_b FROM knowledge_contradictions WHERE item_a = $1"
                      " UNION SELECT item_a FROM knowledge_contradictions WHERE item_b = $1",
                      DB_ARGS(DB_I64(item->id)), &c, e);
    if (rc != 0)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(int64_t *)rows_add(&rows) = db_i64(&c, 0);
    item->contradicts = rows.p;
    item->contradicts_count = rows.count;
    return rc;
}

static int read_rest(struct db *db, struct knowledge_item *item, struct arena *a, struct err *e)
{
    int rc = read_evidence(db, item, a, e);
    return rc ? rc : read_contradictions(db, item, a, e);
}

int knowledge_list(struct db *db, const char *status, int64_t after, int64_t limit, struct arena *a,
                   struct knowledge_item **ret, size_t *ret_count, struct err *e)
{
    int rc =
        status ? read_items(db,
                            "SELECT " COLUMNS " FROM knowledge_items WHERE status = $1 AND id > $2"
                            " ORDER BY id LIMIT $3",
                            DB_ARGS(DB_TEXT(status), DB_I64(after), DB_I64(limit)), a, ret, ret_count, e)
               : read_items(db, "SELECT " COLUMNS " FROM knowledge_items WHERE id > $1 ORDER BY id LIMIT $2",
                            DB_ARGS(DB_I64(after), DB_I64(limit)), a, ret, ret_count, e);
    for (size_t i = 0; rc == 0 && i < *ret_count; i++)
        rc = read_rest(db, &(*ret)[i], a, e);
    return rc;
}

int knowledge_known(struct db *db, int64_t limit, struct arena *a, struct knowledge_item **ret,
                    size_t *ret_count, struct err *e)
{
    return read_items(db,
                      "SELECT " COLUMNS " FROM knowledge_items WHERE status <> 'rejected' ORDER BY id DESC"
                      " LIMIT $1",
                      DB_ARGS(DB_I64(limit)), a, ret, ret_count, e);
}

int knowledge_get(struct db *db, int64_t id, struct arena *a, struct knowledge_item *ret, struct err *e)
{
    struct knowledge_item *item;
    size_t count;
    int rc = read_items(db, "SELECT " COLUMNS " FROM knowledge_items WHERE id = $1", DB_ARGS(DB_I64(id)), a,
                        &item, &count, e);
    if (rc == 0 && count == 0)
        return KNOWLEDGE_E_ABSENT;
    if (rc == 0)
        rc = read_rest(db, item, a, e);
    if (rc == 0)
        *ret = *item;
    return rc;
}

int knowledge_waiting(struct db *db, const char *processor, int64_t *ret_pending, int64_t *ret_parked,
                      struct err *e)
{
    int rc = db_value_i64(db, "SELECT count(*) FROM knowledge_items WHERE status = 'pending'", DB_NO_ARGS,
                          ret_pending, e);
    return rc ? rc
              : db_value_i64(db,
                             "SELECT count(*) FROM processor_state WHERE processor = $1"
                             " AND status IN ('failed', 'quarantined')",
                             DB_ARGS(DB_TEXT(processor)), ret_parked, e);
}

/* -- what people decide -- */

int knowledge_decide(struct db *db, int64_t id, const char *status, const char *actor, int64_t now_us,
                     struct err *e)
{
    int64_t changes = 0;
    int rc =
        db_run(db,
               "UPDATE knowledge_items SET status = $2, decided_at = $4, decided_by = $3, updated_at = $4"
               " WHERE id = $1",
               DB_ARGS(DB_I64(id), DB_TEXT(status), DB_TEXT(actor), DB_I64(now_us)), &changes, e);
    return rc == 0 && changes == 0 ? KNOWLEDGE_E_ABSENT : rc;
}

static int edit_title(struct db *db, int64_t id, const char *title, int64_t now_us, struct err *e)
{
    return db_run(db, "UPDATE knowledge_items SET title = $2, updated_at = $3 WHERE id = $1",
                  DB_ARGS(DB_I64(id), DB_TEXT(title), DB_I64(now_us)), NULL, e);
}

static int edit_content(struct db *db, int64_t id, const char *content, int64_t now_us, struct err *e)
{
    CLEANUP(buf_deinit) struct buf normal = BUF_INIT;
    int64_t is_correction, other;
    int rc = db_value_i64(db, "SELECT is_correction FROM knowledge_items WHERE id = $1", DB_ARGS(DB_I64(id)),
                          &is_correction, e);
    if (rc != 0)
        return rc;
    knowledge_normalise(str_of(content), &normal);
    rc = find_same(db, is_correction != 0, buf_str(&normal), &other, e);
    if (rc != KNOWLEDGE_E_ABSENT && (rc != 0 || other != id))
        return rc ? rc : KNOWLEDGE_E_TAKEN;
    return db_run(db, "UPDATE knowledge_items SET content = $2, normal = $3, updated_at = $4 WHERE id = $1",
                  DB_ARGS(DB_I64(id), DB_TEXT(content), DB_STR(buf_str(&normal)), DB_I64(now_us)), NULL, e);
}

int knowledge_edit(struct db *db, int64_t id, const char *title, const char *content, int64_t now_us,
                   struct err *e)
{
    int64_t there;
    int rc = db_value_i64(db, "SELECT id FROM knowledge_items WHERE id = $1", DB_ARGS(DB_I64(id)), &there, e);
    if (rc == DB_E_NONE)
        return KNOWLEDGE_E_ABSENT;
    if (rc == 0 && content)
        rc = edit_content(db, id, content, now_us, e);
    if (rc == 0 && title)
        rc = edit_title(db, id, title, now_us, e);
    return rc;
}
