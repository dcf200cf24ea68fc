/* price_list.h -- an operator's own prices, which go before the published ones (spec 60 U4).
 *
 * A row names a model, as a transcript calls it or by its plain name (price_name.h), or the beginning of
 * names, and says from when on it holds: what the model costs, or what part of a published price.  The row of
 * a whole name goes before one of a beginning, a longer beginning before a shorter one, and of several dates
 * the last one that has come.  Where no row holds yet, the published price does.  Built once, then only read:
 * from any thread. */
#pragma once
#include "base/err.h"
#include "core/price.h"

#define PRICE_LIST_ROWS_MAX 10000
#define PRICE_PERCENT_MAX 10000

struct price_row {
    char *model;        /* owned; in lower case, without the final '*' of a beginning */
    char *plain;        /* owned; the plain name that it means; NULL: a beginning, a snapshot, an offer */
    bool is_prefix;     /* the beginning of names */
    int64_t from_us;    /* epoch; INT64_MIN: since ever */
    char *same_as;      /* owned; the model whose published price counts; NULL: the one that was asked for */
    int percent;        /* of the published price; 0: `price` says what it costs */
    struct price price; /* .model is `model`; unless percent */
};

struct price_list {
    struct price_row *rows; /* owned; as they were added */
    size_t count;
};

struct price_list *price_list_new(void);
struct price_list *price_list_free(struct price_list *l); /* NULL ok; returns NULL */
DEFINE_CLEANUP(struct price_list *, price_list_free)

/* Takes `model`, in any case and perhaps ending in '*', and `same_as`; works out what follows from them. */
void price_list_add(struct price_list *l, const struct price_row *row);
/* The earlier row with the name and date of row i, or i. */
size_t price_list_twin(const struct price_list *l, size_t i);

/* False when no row holds for the model at that time; `l` NULL ok. */
bool price_list_find(const struct price_list *l, struct str model, int64_t at_us, struct price *ret);
