#include "cli/rows.h"

#include "base/clock.h"
#include "base/parse.h"
#include "cli/table.h"

#include <math.h>
#include <unistd.h>

#define CELL_MAX 64 /* of a value that is no text */

static const json_t *value_at(const json_t *object, const char *path)
{
    struct str rest = str_of(path), part;
    while (object && str_split(&rest, '.', &part))
        object = json_object_getn(object, part.p, part.n);
    return object;
}

/* -- formats: each fills cell[] and returns it, or returns the value's own text, or NULL for unknown -- */

static const char *plain(const json_t *v, char cell[static CELL_MAX])
{
    if (json_is_string(v))
        return json_string_value(v);
    if (json_is_integer(v))
        (void)snprintf(cell, CELL_MAX, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        (void)snprintf(cell, CELL_MAX, "%.6g", json_real_value(v));
    else if (json_is_boolean(v))
        (void)snprintf(cell, CELL_MAX, "%s", json_is_true(v) ? "yes" : "no");
    else
        return NULL;
    return cell;
}

static const char *age(const json_t *v, char cell[static CELL_MAX])
{
    int64_t at_us;
    const char *text = json_string_value(v);
    if (!text || !isatty(STDOUT_FILENO) || !clock_parse_rfc3339(str_of(text), &at_us))
        return text;
    char duration[PARSE_DURATION_MAX];
    int64_t age_us = (clock_wall_us() - at_us) / USEC_PER_SEC * USEC_PER_SEC;
    (void)snprintf(cell, CELL_MAX, "%s%s", age_us < 0 ? "in " : "",
                   format_duration(age_us < 0 ? -age_us : age_us, duration));
    return cell;
}

static const char *cost(const json_t *v, char cell[static CELL_MAX])
{
    if (!json_is_number(v))
        return NULL;
    (void)snprintf(cell, CELL_MAX, "%.4f", json_number_value(v));
    return cell;
}

static const char *bytes(const json_t *v, char cell[static CELL_MAX])
{
    static const char *const units[] = {"", "K", "M", "G", "T"};
    if (!json_is_integer(v) || !isatty(STDOUT_FILENO))
        return plain(v, cell);
    double n = (double)json_integer_value(v);
    size_t unit = 0;
    for (; fabs(n) >= 1024 && unit + 1 < COUNT_OF(units); unit++)
        n /= 1024;
    (void)snprintf(cell, CELL_MAX, unit ? "%.1f%s" : "%.0f%s", n, units[unit]);
    return cell;
}

static const char *seconds(const json_t *v, char cell[static CELL_MAX])
{
    double n = json_number_value(v);
    if (!json_is_number(v) || !isatty(STDOUT_FILENO) || n < 0 || n > 1e12)
        return plain(v, cell);
    char duration[PARSE_DURATION_MAX];
    (void)snprintf(cell, CELL_MAX, "%s", format_duration((int64_t)n * USEC_PER_SEC, duration));
    return cell;
}

static const struct {
    const char *(*write)(const json_t *v, char cell[static CELL_MAX]);
    bool right;
} formats[] = {
    [ROW_TEXT] = {plain, false},     [ROW_NUMBER] = {plain, true}, [ROW_AGE] = {age, false},
    [ROW_YES_NO] = {plain, false},   [ROW_COST] = {cost, true},    [ROW_BYTES] = {bytes, true},
    [ROW_SECONDS] = {seconds, true},
};

/* -- tables -- */

#define COLUMNS_MAX 32

void rows_print(const json_t *array, const struct row_column *columns)
{
    struct table_column titles[COLUMNS_MAX];
    char cells[COLUMNS_MAX][CELL_MAX];
    const char *texts[COLUMNS_MAX];
    size_t count = 0, i;
    const json_t *row;
    for (; columns[count].title; count++) {
        assert(count < COLUMNS_MAX);
        titles[count] = (struct table_column){.title = columns[count].title,
                                              .right = formats[columns[count].format].right,
                                              .gives_way = columns[count].gives_way};
    }
    struct table *table = table_new(titles, count);
    json_array_foreach(array, i, row)
    {
        for (size_t c = 0; c < count; c++)
            texts[c] = formats[columns[c].format].write(value_at(row, columns[c].path), cells[c]);
        table_add(table, texts);
    }
    table_show(table, stdout);
    (void)table_free(table);
}

void rows_print_object(const json_t *object, const struct row_column *columns)
{
    static const struct table_column titles[] = {{.title = "FIELD"}, {.title = "VALUE", .gives_way = true}};
    struct table *table = table_new(titles, COUNT_OF(titles));
    for (; columns->title; columns++) {
        char cell[CELL_MAX];
        const char *texts[] = {columns->title,
                               formats[columns->format].write(value_at(object, columns->path), cell)};
        table_add(table, texts);
    }
    table_show(table, stdout);
    (void)table_free(table);
}

void rows_print_raw(const struct reply *r)
{
    (void)fwrite(r->body.p, 1, r->body.n, stdout);
    if (r->body.n && r->body.p[r->body.n - 1] != '\n')
        (void)putchar('\n');
}

bool rows_want_json(const struct invocation *in)
{
    return command_option(in, "json") != NULL;
}

/* -- calls -- */

int rows_list(const struct invocation *in, const char *path, const char *key,
              const struct row_column *columns)
{
    struct reply r;
    int rc = client_call(in, "GET", path, NULL, &r);
    if (rc != 0)
        return rc;
    if (rows_want_json(in))
        rows_print_raw(&r);
    else
        rows_print(json_object_get(r.json, key), columns);
    reply_deinit(&r);
    return EXIT_DONE;
}

int rows_call(const struct invocation *in, const char *method, const char *path, json_t *body,
              const struct row_column *columns)
{
    struct reply r;
    int rc = client_call(in, method, path, body, &r);
    json_decref(body);
    if (rc != 0)
        return rc;
    if (rows_want_json(in))
        rows_print_raw(&r);
    else if (r.json)
        rows_print_object(r.json, columns);
    reply_deinit(&r);
    return EXIT_DONE;
}
