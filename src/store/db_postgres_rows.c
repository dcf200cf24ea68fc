#include "store/db_postgres.h"

#include <endian.h>

/* A row of arguments costs a server as much as a statement, an element of an array next to nothing: INSERT …
 * VALUES ($1, …) of many rows is sent as INSERT … SELECT * FROM unnest($1, …), with an array per column. */

static const struct {
    char letter;
    Oid element, array;
    const char *cast;
} column_types[] = {{'i', 20, 1016, "bigint[]"}, {'t', 25, 1009, "text[]"}};

static size_t type_of(char letter)
{
    size_t i = 0;
    while (column_types[i].letter != letter)
        assert(++i < COUNT_OF(column_types));
    return i;
}

/* -- the statement -- */

static void add_unnest(struct buf *out, const char *types)
{
    buf_add_text(out, "SELECT * FROM unnest(");
    for (size_t i = 0; types[i]; i++)
        buf_printf(out, "%s$%zu::%s", i ? ", " : "", i + 1, column_types[type_of(types[i])].cast);
    buf_add_text(out, ")");
}

static void rewrite(struct buf *out, const char *sql, const char *types)
{
    const char *values = strstr(sql, "VALUES (");
    assert(values);
    const char *end = strchr(values, ')');
    assert(end);
    buf_add(out, sql, (size_t)(values - sql));
    add_unnest(out, types);
    buf_add_text(out, end + 1);
}

/* -- its arrays, as PostgreSQL's array_recv reads them: dimensions, whether there are NULLs, the type of the
 * elements, their number, the first one's index; then each with its length -- */

static void add_be32(struct buf *out, uint32_t v)
{
    v = htobe32(v);
    buf_add(out, (const char *)&v, sizeof(v));
}

static void add_element(struct buf *out, const struct db_arg *arg, struct arena *a)
{
    if (arg->type == DB_ARG_I64) {
        uint64_t v = htobe64((uint64_t)arg->i64);
        add_be32(out, sizeof(v));
        buf_add(out, (const char *)&v, sizeof(v));
    } else if (arg->type == DB_ARG_TEXT && arg->text.p) {
        struct str text = db_postgres_storable(arg->text, a);
        add_be32(out, (uint32_t)text.n);
        buf_add(out, text.p, text.n);
    } else {
        add_be32(out, UINT32_MAX);
    }
}

static void add_array(struct buf *out, size_t type, const struct db_arg *args, size_t columns, size_t rows,
                      struct arena *a)
{
    const uint32_t head[] = {1, 1, column_types[type].element, (uint32_t)rows, 1};
    for (size_t i = 0; i < COUNT_OF(head); i++)
        add_be32(out, head[i]);
    for (size_t row = 0; row < rows; row++)
        add_element(out, &args[row * columns], a);
}

int db_postgres_run_rows(struct db *db, const char *sql, const char *types, const struct db_arg *args,
                         size_t rows, struct err *e)
{
    CLEANUP(buf_deinit) struct buf text = BUF_INIT;
    struct buf arrays[DB_POSTGRES_ARGUMENTS_MAX];
    struct db_postgres_bound b;
    size_t columns = strlen(types);
    struct arena a;
    assert(columns <= COUNT_OF(arrays));
    arena_init(&a);
    rewrite(&text, sql, types);
    b.count = (int)columns;
    for (size_t i = 0; i < columns; i++) {
        size_t type = type_of(types[i]);
        buf_init(&arrays[i]);
        add_array(&arrays[i], type, &args[i], columns, rows, &a);
        b.types[i] = column_types[type].array;
        b.values[i] = arrays[i].p;
        b.lengths[i] = (int)arrays[i].n;
        b.binary[i] = 1;
    }
    int rc = db_postgres_run_bound(db_postgres_of(db), text.p, &b, e);
    for (size_t i = 0; i < columns; i++)
        buf_deinit(&arrays[i]);
    arena_reset(&a);
    return rc;
}
