#include "io/price_file.h"

#include "base/clock.h"
#include "io/file.h"
#include "io/json_place.h"

#include <jansson.h>
#include <math.h>

#define RATE_USD_MAX 1e6

/* One object of the file: its members, and where it stands. */
struct reading {
    json_t *object;
    char place[64];
    struct err *e;
};

static int refuse(const struct reading *r, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
static int refuse(const struct reading *r, const char *key, const char *format, ...)
{
    char reason[ERR_TEXT_MAX], place[ERR_PLACE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    (void)snprintf(place, sizeof(place), "%s%s%.64s", r->place, key[0] ? "/" : "", key);
    return err_set_at(r->e, ERR_INVALID, -EINVAL, place, "%s", reason);
}

/* -- members -- */

static bool is_listed(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static int check_names(const struct reading *r, const char *const *names, const char *list)
{
    const char *key;
    json_t *value;
    json_object_foreach(r->object, key, value)
    {
        if (!is_listed(names, key))
            return refuse(r, key, "no such member; known are %s", list);
    }
    return 0;
}

/* NULL into *ret when it is absent. */
static int read_text(const struct reading *r, const char *key, size_t max_bytes, const char **ret)
{
    const json_t *value = json_object_get(r->object, key);
    size_t n = json_string_length(value);
    *ret = NULL;
    if (!value)
        return 0;
    if (!json_is_string(value) || n == 0 || n > max_bytes)
        return refuse(r, key, "text of 1 to %zu bytes is expected", max_bytes);
    *ret = json_string_value(value);
    return 0;
}

static int read_percent(const struct reading *r, const char *key, int *ret)
{
    const json_t *value = json_object_get(r->object, key);
    json_int_t percent = json_integer_value(value);
    if (!value)
        return 0;
    if (!json_is_integer(value) || percent < 1 || percent > PRICE_PERCENT_MAX)
        return refuse(r, key, "a whole number from 1 to %d is expected: 100 changes nothing",
                      PRICE_PERCENT_MAX);
    *ret = (int)percent;
    return 0;
}

/* Midnight in UTC. */
static int read_day(const struct reading *r, const char *key, int64_t *ret)
{
    const char *text;
    char instant[32];
    int rc = read_text(r, key, 10, &text);
    if (rc != 0 || !text)
        return rc;
    (void)snprintf(instant, sizeof(instant), "%sT00:00:00Z", text);
    if (!clock_parse_rfc3339(str_of(instant), ret))
        return refuse(r, key, "\"%s\" is no day; one such as \"2026-11-22\" is expected", text);
    return 0;
}

/* -- rates -- */

static const struct {
    const char *name;
    size_t offset;
    bool may_be_null;
} rates[] = {
    {"input", offsetof(struct price_rates, input), false},
    {"output", offsetof(struct price_rates, output), false},
    {"cache_read", offsetof(struct price_rates, cache_read), true},
    {"cache_write_5m", offsetof(struct price_rates, cache_write_5m), true},
    {"cache_write_1h", offsetof(struct price_rates, cache_write_1h), true},
};

static int64_t *rate_at(struct price_rates *of, size_t i)
{
    return (int64_t *)((char *)of + rates[i].offset);
}

static int read_rate(const struct reading *r, size_t i, struct price_rates *ret)
{
    const char *name = rates[i].name;
    const json_t *value = json_object_get(r->object, name);
    double usd = json_number_value(value);
    if (!value)
        return refuse(r, name, "is missing: USD per million tokens are expected%s",
                      rates[i].may_be_null ? ", or null where it is not sold and billed as input" : "");
    if (rates[i].may_be_null && json_is_null(value)) {
        *rate_at(ret, i) = -1;
        return 0;
    }
    if (!json_is_number(value) || !(usd >= 0 && usd <= RATE_USD_MAX))
        return refuse(r, name, "USD per million tokens are expected, from 0 to %.0f", RATE_USD_MAX);
    if (fabs(usd * 1e6 - (double)llround(usd * 1e6)) > 1e-3)
        return refuse(r, name, "USD are taken to a millionth: six decimals");
    *rate_at(ret, i) = llround(usd * 1e6);
    return 0;
}

static int read_rates(const struct reading *r, struct price_rates *ret)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT_OF(rates); i++)
        rc = read_rate(r, i, ret);
    return rc;
}

static int read_long(const struct reading *row, struct price *ret)
{
    static const char *const names[] = {"above_tokens",   "input",          "output", "cache_read",
                                        "cache_write_5m", "cache_write_1h", NULL};
    struct reading r = {.object = json_object_get(row->object, "long"), .e = row->e};
    if (!r.object)
        return 0;
    (void)snprintf(r.place, sizeof(r.place), "%s/long", row->place);
    if (!json_is_object(r.object))
        return refuse(&r, "", "an object is expected: above_tokens and the five prices above it");
    int rc =
        check_names(&r, names, "above_tokens, input, output, cache_read, cache_write_5m, cache_write_1h");
    if (rc != 0)
        return rc;
    json_int_t above = json_integer_value(json_object_get(r.object, "above_tokens"));
    if (above != PRICE_LONG_200K && above != PRICE_LONG_272K)
        return refuse(&r, "above_tokens", "%d or %d is expected: of a request no other size is remembered",
                      PRICE_LONG_200K, PRICE_LONG_272K);
    ret->long_above_tokens = above;
    return read_rates(&r, &ret->long_rates);
}

/* -- rows -- */

static bool has_any_rate(const struct reading *r)
{
    bool any = json_object_get(r->object, "long") != NULL;
    for (size_t i = 0; i < COUNT_OF(rates); i++)
        any |= json_object_get(r->object, rates[i].name) != NULL;
    return any;
}

static int read_model(const struct reading *r, char **ret)
{
    const char *model;
    int rc = read_text(r, "model", USAGE_MODEL_MAX, &model);
    if (rc != 0)
        return rc;
    if (!model)
        return refuse(r, "model", "is missing: the name of a model, or the beginning of names and a *");
    const char *star = strchr(model, '*');
    if (star && star[1])
        return refuse(r, "model", "a * may stand at the end alone");
    *ret = xstrdup(model);
    return 0;
}

static bool is_published(const char *model)
{
    struct price ignored;
    return price_published(str_of(model), INT64_MAX, &ignored);
}

static int read_share(const struct reading *r, struct price_row *ret)
{
    const char *same_as;
    int rc = read_text(r, "same_as", USAGE_MODEL_MAX, &same_as);
    if (rc == 0)
        rc = read_percent(r, "percent", &ret->percent);
    if (rc != 0)
        return rc;
    if (same_as && !is_published(same_as))
        return refuse(r, "same_as", "\"%s\" has no published price; muster usage prices lists those that do",
                      same_as);
    if (same_as && !ret->percent)
        ret->percent = 100;
    if (ret->percent && !same_as && !strchr(ret->model, '*') && !is_published(ret->model))
        return refuse(r, "model", "\"%s\" has no published price that a percent could be of; add same_as",
                      ret->model);
    ret->same_as = same_as ? xstrdup(same_as) : NULL;
    return 0;
}

static int read_tiers(const struct reading *r, struct price *ret)
{
    int rc = read_percent(r, "fast_percent", &ret->fast_percent);
    if (rc == 0)
        rc = read_percent(r, "batch_percent", &ret->batch_percent);
    return rc ? rc : read_percent(r, "us_only_percent", &ret->us_only_percent);
}

static int read_members(const struct reading *r, struct price_row *ret)
{
    static const char *const names[] = {"model",        "from",           "same_as",
                                        "percent",      "input",          "output",
                                        "cache_read",   "cache_write_5m", "cache_write_1h",
                                        "fast_percent", "batch_percent",  "us_only_percent",
                                        "long",         "note",           NULL};
    const char *note;
    int rc = check_names(r, names,
                         "model, from, same_as, percent, input, output, cache_read, cache_write_5m, "
                         "cache_write_1h, long, fast_percent, batch_percent, us_only_percent, note");
    if (rc == 0)
        rc = read_model(r, &ret->model);
    if (rc == 0)
        rc = read_day(r, "from", &ret->from_us);
    if (rc == 0)
        rc = read_text(r, "note", 4096, &note);
    if (rc == 0)
        rc = read_share(r, ret);
    if (rc == 0 && ret->percent && has_any_rate(r))
        return refuse(r, "", "it has prices, and a part of published ones: only one of them can count");
    if (rc == 0 && !ret->percent)
        rc = read_rates(r, &ret->price.rates);
    if (rc == 0 && !ret->percent)
        rc = read_long(r, &ret->price);
    return rc ? rc : read_tiers(r, &ret->price);
}

static int read_row(json_t *object, size_t i, struct price_list *list, struct err *e)
{
    struct reading r = {.object = object, .e = e};
    (void)snprintf(r.place, sizeof(r.place), "/prices/%zu", i);
    if (!json_is_object(object))
        return refuse(&r, "", "an object is expected");
    struct price_row row = {.from_us = INT64_MIN};
    int rc = read_members(&r, &row);
    if (rc != 0) {
        free(row.model);
        free(row.same_as);
        return rc;
    }
    price_list_add(list, &row);
    size_t twin = price_list_twin(list, list->count - 1);
    if (twin != list->count - 1)
        return refuse(&r, "", "the same model and day as /prices/%zu", twin);
    return 0;
}

static int read_rows(json_t *root, struct price_list *list, struct err *e)
{
    static const char *const names[] = {"prices", "note", NULL};
    struct reading r = {.object = root, .e = e};
    const char *note;
    int rc = check_names(&r, names, "prices and note");
    if (rc == 0)
        rc = read_text(&r, "note", 4096, &note);
    json_t *rows = json_object_get(root, "prices"), *row;
    size_t i;
    if (rc == 0 && !json_is_array(rows))
        return refuse(&r, "prices", "an array of prices is expected");
    if (rc == 0 && json_array_size(rows) > PRICE_LIST_ROWS_MAX)
        return refuse(&r, "prices", "no more than %d prices are taken", PRICE_LIST_ROWS_MAX);
    json_array_foreach(rows, i, row)
    {
        if (rc == 0)
            rc = read_row(row, i, list, e);
    }
    return rc;
}

/* -- the document -- */

static int refuse_unparsed(const json_error_t *error, struct err *e)
{
    char place[ERR_PLACE_MAX];
    (void)snprintf(place, sizeof(place), "line %d column %d", error->line, error->column);
    return err_set_at(e, ERR_BAD_REQUEST, -EINVAL, place, "not JSON: %s", error->text);
}

int price_file_parse(struct str text, struct price_list **ret, struct err *e)
{
    struct json_place depth = {.depth = 0};
    json_error_t error;
    if (!json_place_follow(&depth, text, text.n))
        return err_set(e, ERR_BAD_REQUEST, -EINVAL, "the JSON is nested deeper than %d",
                       JSON_PLACE_DEPTH_MAX);
    json_t *root = json_loadb(text.n ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!root)
        return refuse_unparsed(&error, e);
    struct price_list *list = price_list_new();
    int rc = json_is_object(root)
                 ? read_rows(root, list, e)
                 : err_set(e, ERR_BAD_REQUEST, -EINVAL, "an object {\"prices\": […]} is expected");
    json_decref(root);
    if (rc != 0)
        (void)price_list_free(list);
    else
        *ret = list;
    return rc;
}

int price_file_read(const char *path, struct price_list **ret, struct err *e)
{
    CLEANUP(buf_deinit) struct buf text = BUF_INIT;
    struct err inner = {.code = ERR_NONE};
    char place[ERR_PLACE_MAX];
    int rc = file_read_small(path, PRICE_FILE_BYTES_MAX, &text);
    if (rc == -EFBIG)
        return err_set_at(e, ERR_TOO_LARGE, rc, path, "the price file has more than %zu MB",
                          PRICE_FILE_BYTES_MAX >> 20);
    if (rc != 0)
        return err_set_at(e, ERR_NOT_FOUND, rc, path, "the price file cannot be read: %s", strerror(-rc));
    rc = price_file_parse(buf_str(&text), ret, &inner);
    if (rc == 0)
        return 0;
    (void)snprintf(place, sizeof(place), "%.100s%s%.58s", path, inner.place[0] ? " " : "", inner.place);
    return err_set_at(e, inner.code, rc, place, "%s", inner.text);
}
