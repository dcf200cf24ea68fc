#include "base/clock.h"
#include "hub/hub_internal.h"

bool sheet_format_of(struct http_request *r, enum sheet_format *ret)
{
    static const char *const names[] = {"json", "ndjson", "csv"};
    static const char *const types[] = {"application/json", "application/x-ndjson", "text/csv"};
    struct str value, accept = http_header(r, "Accept");
    bool given = http_query(r, "format", &value);
    *ret = SHEET_JSON;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (given ? str_equal(value, str_of(names[i])) : str_starts_with(accept, str_of(types[i]))) {
            *ret = (enum sheet_format)i;
            return true;
        }
    if (given)
        http_reply_problem(r, 400, "/format", "format must be json, ndjson or csv");
    return !given;
}

static int64_t number_at(const void *row, const struct sheet_column *c)
{
    return *(const int64_t *)(const void *)((const char *)row + c->offset);
}

static const char *text_at(const void *row, const struct sheet_column *c)
{
    return *(const char *const *)(const void *)((const char *)row + c->offset);
}

static bool bool_at(const void *row, const struct sheet_column *c)
{
    return *(const bool *)((const char *)row + c->offset);
}

static bool is_known(const struct sheet_column *c, int64_t v)
{
    bool zero_is_unknown = c->type == SHEET_KNOWN || c->type == SHEET_TIME;
    bool negative_is_unknown = c->type == SHEET_LIMIT || c->type == SHEET_MEAN;
    return negative_is_unknown ? v >= 0 : !zero_is_unknown || v != 0;
}

void sheet_put(struct json_writer *w, const struct sheet_column *columns, const void *row)
{
    for (const struct sheet_column *c = columns; c->name; c++) {
        if (c->type == SHEET_TEXT)
            json_kv_text(w, c->name, text_at(row, c));
        else if (c->type == SHEET_BOOL)
            json_kv_bool(w, c->name, bool_at(row, c));
        else if (c->type == SHEET_TIME)
            json_kv_time_or_null(w, c->name, number_at(row, c) != 0, number_at(row, c));
        else if (c->type == SHEET_MICROS || c->type == SHEET_MEAN)
            json_kv_micros_or_null(w, c->name, is_known(c, number_at(row, c)), number_at(row, c));
        else
            json_kv_i64_or_null(w, c->name, is_known(c, number_at(row, c)), number_at(row, c));
    }
}

/* RFC 4180.  What a spreadsheet would take for a formula gets a quote before it. */
static void csv_text(struct buf *out, const char *text)
{
    if (!text)
        return;
    bool formula = text[0] && strchr("=+-@\t\r", text[0]);
    if (!formula && !strpbrk(text, "\",\r\n")) {
        buf_add_text(out, text);
        return;
    }
    buf_add_char(out, '"');
    if (formula)
        buf_add_char(out, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            buf_add_char(out, '"');
        buf_add_char(out, *p);
    }
    buf_add_char(out, '"');
}

static void csv_number(struct buf *out, const struct sheet_column *c, int64_t v)
{
    char time[CLOCK_TEXT_MAX];
    struct json_writer w;
    if (!is_known(c, v))
        return;
    if (c->type == SHEET_TIME) {
        buf_add_text(out, clock_format_us(v, time));
    } else if (c->type == SHEET_MICROS || c->type == SHEET_MEAN) {
        json_init(&w, out);
        json_micros(&w, v);
    } else {
        buf_add_i64(out, v);
    }
}

static void csv_row(struct buf *out, const struct sheet_column *columns, const void *row)
{
    for (const struct sheet_column *c = columns; c->name; c++) {
        if (c != columns)
            buf_add_char(out, ',');
        if (!row)
            buf_add_text(out, c->name);
        else if (c->type == SHEET_TEXT)
            csv_text(out, text_at(row, c));
        else if (c->type == SHEET_BOOL)
            buf_add_text(out, bool_at(row, c) ? "true" : "false");
        else
            csv_number(out, c, number_at(row, c));
    }
    buf_add_text(out, "\r\n");
}

static void json_row(struct json_writer *w, const struct sheet_column *columns, const void *row)
{
    json_object_begin(w);
    sheet_put(w, columns, row);
    json_object_end(w);
}

void sheet_write(struct hub_op *op, enum sheet_format format, const struct sheet_column *columns,
                 const void *rows, size_t count, size_t size)
{
    if (format == SHEET_JSON)
        json_array_begin(&op->json);
    else if (format == SHEET_CSV)
        csv_row(&op->body, columns, NULL);
    for (size_t i = 0; i < count; i++) {
        const void *row = (const char *)rows + i * size;
        if (format == SHEET_CSV) {
            csv_row(&op->body, columns, row);
            continue;
        }
        if (format == SHEET_NDJSON)
            json_init(&op->json, &op->body);
        json_row(&op->json, columns, row);
        if (format == SHEET_NDJSON)
            buf_add_char(&op->body, '\n');
    }
    if (format == SHEET_JSON)
        json_array_end(&op->json);
}

void sheet_answer(struct hub_op *op, enum sheet_format format, const char *key,
                  const struct sheet_column *columns, const void *rows, size_t count, size_t size)
{
    static const char *const types[] = {"application/json", "application/x-ndjson",
                                        "text/csv; charset=utf-8"};
    op->content_type = types[format];
    if (format == SHEET_JSON) {
        json_object_begin(&op->json);
        json_key(&op->json, key);
    }
    sheet_write(op, format, columns, rows, count, size);
    if (format == SHEET_JSON)
        json_object_end(&op->json);
}
