#include "io/http_exchange.h"

#include "base/hash.h"
#include "io/gzip.h"

static bool is_zero(struct str weight) /* "0", "0.", "0.000" */
{
    for (size_t i = 0; i < weight.n; i++)
        if (weight.p[i] != '0' && weight.p[i] != '.')
            return false;
    return true;
}

/* "gzip;q=0.5" -> name and whether its weight is above 0 (RFC 9110 §12.4.2). */
static bool wanted(struct str item, struct str *ret_name)
{
    struct str name = {0}, parameter;
    bool yes = true;
    (void)str_split(&item, ';', &name);
    while (str_split(&item, ';', &parameter)) {
        parameter = str_trim(parameter);
        if (parameter.n > 2 && (parameter.p[0] | 0x20) == 'q' && parameter.p[1] == '=')
            yes = !is_zero((struct str){parameter.p + 2, parameter.n - 2});
    }
    *ret_name = str_trim(name);
    return yes;
}

bool http_accepts_gzip(struct str accept_encoding)
{
    struct str item, name;
    bool any = false;
    while (!str_empty(accept_encoding) && str_split(&accept_encoding, ',', &item)) {
        bool yes = wanted(item, &name);
        if (str_equal_nocase(name, STR("gzip")) || str_equal_nocase(name, STR("x-gzip")))
            return yes;
        any |= yes && str_equal(name, STR("*"));
    }
    return any;
}

bool http_gzip(struct str in, struct buf *out)
{
    return gzip_pack(in, out);
}

void http_etag(struct str body, bool gzip, char ret[HTTP_ETAG_MAX])
{
    (void)snprintf(ret, HTTP_ETAG_MAX, "\"%016llx%s\"", (unsigned long long)hash_xx(body),
                   gzip ? "-gzip" : "");
}

/* Weak comparison (RFC 9110 §13.1.2): "W/" is not looked at. */
bool http_etag_matches(struct str if_none_match, const char *etag, const char *other)
{
    struct str item;
    while (!str_empty(if_none_match) && str_split(&if_none_match, ',', &item)) {
        item = str_trim(item);
        if (str_starts_with(item, STR("W/")))
            item = (struct str){item.p + 2, item.n - 2};
        if (str_equal(item, STR("*")) || str_equal(item, str_of(etag)) || str_equal(item, str_of(other)))
            return true;
    }
    return false;
}
