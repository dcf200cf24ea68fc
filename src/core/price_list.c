#include "core/price_list.h"

#include "core/price_name.h"

#include <stdio.h>

struct price_list *price_list_new(void)
{
    return xcalloc(1, sizeof(struct price_list));
}

struct price_list *price_list_free(struct price_list *l)
{
    for (size_t i = 0; l && i < l->count; i++) {
        free(l->rows[i].model);
        free(l->rows[i].plain);
        free(l->rows[i].same_as);
    }
    if (l)
        free(l->rows);
    free(l);
    return NULL;
}

/* With a date or a provider a name means that snapshot or offer alone. */
static char *plain_name(struct str own)
{
    struct price_name name;
    price_name_read(own, &name);
    return own.n > 0 && name.plain.n == own.n ? str_dup(name.plain) : NULL;
}

void price_list_add(struct price_list *l, const struct price_row *row)
{
    l->rows = xrealloc(l->rows, (l->count + 1) * sizeof(*l->rows));
    struct price_row *to = &l->rows[l->count++];
    *to = *row;
    size_t n = strlen(to->model);
    to->is_prefix = n > 0 && to->model[n - 1] == '*';
    if (to->is_prefix)
        to->model[n - 1] = '\0';
    for (char *p = to->model; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + ('a' - 'A'));
    to->plain = to->is_prefix ? NULL : plain_name(str_of(to->model));
    (void)snprintf(to->price.model, sizeof(to->price.model), "%s", to->model);
}

size_t price_list_twin(const struct price_list *l, size_t i)
{
    const struct price_row *row = &l->rows[i];
    for (size_t k = 0; k < i; k++)
        if (strcmp(l->rows[k].model, row->model) == 0 && l->rows[k].is_prefix == row->is_prefix &&
            l->rows[k].from_us == row->from_us)
            return k;
    return i;
}

/* How well a row names a model: 0 not at all, then by the length of its beginning, most of all as a whole. */
static size_t fit(const struct price_row *row, struct str model, const struct price_name *name)
{
    struct str own = str_of(row->model);
    if (row->is_prefix) {
        struct str head = {model.p, MIN(own.n, model.n)};
        bool begins = str_equal_nocase(head, own) || str_starts_with(name->bare, own) ||
                      str_starts_with(name->plain, own);
        return begins ? own.n + 1 : 0;
    }
    if (str_equal_nocase(model, own))
        return SIZE_MAX;
    if (str_equal(name->bare, own))
        return SIZE_MAX - 1;
    return row->plain && str_equal(name->plain, str_of(row->plain)) ? SIZE_MAX - 2 : 0;
}

static const struct price_row *row_for(const struct price_list *l, struct str model, int64_t at_us)
{
    struct price_name name;
    price_name_read(model, &name);
    const struct price_row *best = NULL;
    size_t best_fit = 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct price_row *row = &l->rows[i];
        size_t this_fit = row->from_us <= at_us ? fit(row, model, &name) : 0;
        if (this_fit > best_fit || (this_fit && this_fit == best_fit && row->from_us > best->from_us)) {
            best = row;
            best_fit = this_fit;
        }
    }
    return best;
}

bool price_list_find(const struct price_list *l, struct str model, int64_t at_us, struct price *ret)
{
    const struct price_row *row = l && model.n ? row_for(l, model, at_us) : NULL;
    if (!row)
        return false;
    struct price published = {.from_us = 0};
    bool is_published = price_published(row->same_as ? str_of(row->same_as) : model, at_us, &published);
    if (row->percent) {
        *ret = published;
        price_scale(ret, row->percent);
        return is_published;
    }
    *ret = row->price;
    ret->fast_percent = ret->fast_percent ? ret->fast_percent : published.fast_percent;
    return true;
}
