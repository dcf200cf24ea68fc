/* Tokens and cost from transcripts (spec 60 U6). */
#include "node/api/api.h"
#include "node/api/usage_query.h"
#include "node/usage.h"
#include "transcripts/usage_json.h"

static bool read_group(struct http_request *r, const char *name, enum usage_group fallback,
                       enum usage_group *ret)
{
    const char *text = api_query_text(r, name);
    *ret = fallback;
    if (!text)
        return true;
    for (int g = 0; g < USAGE_GROUPS; g++)
        if (strcmp(text, usage_group_words[g].name) == 0) {
            *ret = (enum usage_group)g;
            return true;
        }
    return usage_query_refuse(
        r, name, text, "hour, day, week, month, session, block, model, project, branch, agent or chain");
}

static bool read_groups(struct http_request *r, struct usage_question *q)
{
    bool grouped = api_query_text(r, "group") != NULL;
    enum usage_group bucket;
    if (!read_group(r, "bucket", USAGE_BY_DAY, &bucket) || !read_group(r, "group", bucket, &q->group))
        return false;
    if (bucket > USAGE_BY_MONTH)
        return usage_query_refuse(r, "bucket", usage_group_words[bucket].name, "day, week or month");
    bool named = usage_group_is_named(q->group);
    bool bucketed = grouped && api_query_text(r, "bucket");
    if (bucketed && !named && q->group != bucket)
        return usage_query_refuse(r, "group", usage_group_words[q->group].name,
                                  "beside a bucket, model, project, session, branch, agent or chain");
    q->bucket = bucketed && named ? bucket : q->group;
    return true;
}

static bool read_source(struct http_request *r, unsigned *ret)
{
    const char *text = api_query_text(r, "source");
    *ret = 0;
    for (unsigned i = 0; text && i < TRANSCRIPT_FORMAT_COUNT; i++)
        if (strcmp(text, transcript_format_names[i]) == 0)
            *ret = 1U << i;
    return !text || *ret || strcmp(text, "all") == 0 ||
           usage_query_refuse(r, "source", text, "all, claude, codex or gemini");
}

static void get_usage(struct http_request *r, void *context)
{
    struct node *n = context;
    struct usage_question q = {.now_us = clock_wall_us(), .prices = n->config->prices};
    const char *zone_name;
    if (read_groups(r, &q) && usage_query_zone(r, &q.zone, &zone_name) &&
        usage_query_day(r, "from", INT64_MIN, &q.since_day) &&
        usage_query_day(r, "to", INT64_MAX, &q.until_day) && read_source(r, &q.sources))
        usage_service_answer(n->usage, r, &q, zone_name);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/usage", API_VIEWERS, get_usage,
     .summary = "Tokens and cost from the transcripts of agents",
     .query = "group:string:hour, day, week, month, session, block, model, project, branch, agent or chain;"
              "bucket:string:day, week or month;"
              "from:string:First day;to:string:Last day;zone:string:IANA name, default UTC;"
              "source:string:all, claude, codex or gemini",
     .responses = "200:Rows, totals, models without a price, lines that were skipped"},
};
const struct api_routes api_usage_routes = {routes, COUNT_OF(routes)};
