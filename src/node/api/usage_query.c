#include "node/api/usage_query.h"

#include "io/zoneinfo.h"
#include "node/api/api.h"
#include "transcripts/usage_report.h"

bool usage_query_refuse(struct http_request *r, const char *parameter, const char *value,
                        const char *expected)
{
    http_reply_problem(r, 400, arena_printf(http_arena(r), "/%s", parameter), "%s=%.60s: %s is expected",
                       parameter, value, expected);
    return false;
}

bool usage_query_day(struct http_request *r, const char *name, int64_t fallback, int64_t *ret)
{
    const char *text = api_query_text(r, name);
    *ret = fallback;
    return !text || usage_day_parse(text, ret) ||
           usage_query_refuse(r, name, text, "a day such as 2026-11-22");
}

/* The zone's file is read on the loop thread the first time that it is asked for: four kilobytes, once. */
bool usage_query_zone(struct http_request *r, const struct timezone **ret, const char **ret_name)
{
    struct err e;
    const char *text = api_query_text(r, "zone");
    *ret_name = text ? text : "UTC";
    *ret = timezone_utc();
    return !text || (strlen(text) < 64 && zoneinfo_get(text, ret, &e) == 0) ||
           usage_query_refuse(r, "zone", text, "a time zone such as Europe/Prague");
}
