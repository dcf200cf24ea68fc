/* usage_query.h -- the parameters that the routes of usage share: a zone, a day (spec 60 U6).
 *
 * False: the request has been answered with what is wrong.  Loop thread. */
#pragma once
#include "core/timezone.h"
#include "io/http_server.h"

bool usage_query_refuse(struct http_request *r, const char *parameter, const char *value,
                        const char *expected);
/* Days since 1970. */
bool usage_query_day(struct http_request *r, const char *name, int64_t fallback, int64_t *ret);
bool usage_query_zone(struct http_request *r, const struct timezone **ret, const char **ret_name);
