/* /api/v1/reports and /api/v1/hooks: what agents say of themselves (spec 70). */
#include "core/hook_event.h"
#include "io/counters.h"
#include "node/api/api.h"

#define PID_MAX INT64_C(4194304)
#define REPORT_WORDS "working|idle|waiting|stuck"

struct report_body {
    int64_t process_id;
    struct str agent_id, state, reason;
};
static const struct json_field report_fields[] = {
    {"state", JSON_FIELD_TEXT, offsetof(struct report_body, state), .required = true, .one_of = REPORT_WORDS,
     .doc = "What it is at."},
    {"reason", JSON_FIELD_TEXT, offsetof(struct report_body, reason), .max = 200,
     .doc = "One line for the person who looks."},
    {"agent_id", JSON_FIELD_TEXT, offsetof(struct report_body, agent_id), .min = 1, .max = 200,
     .doc = "Which agent says so."},
    {"process_id", JSON_FIELD_INT, offsetof(struct report_body, process_id), .min = 1, .max = PID_MAX,
     .doc = "Or a process of it, or below it."},
    {0}};

struct hook_body {
    int64_t process_id;
    struct str event, detail, session_id, transcript;
};
static const struct json_field hook_fields[] = {
    {"event", JSON_FIELD_TEXT, offsetof(struct hook_body, event), .required = true, .min = 1, .max = 100,
     .doc = "Name of the hook's event, as the agent CLI has it."},
    {"process_id", JSON_FIELD_INT, offsetof(struct hook_body, process_id), .required = true, .min = 1,
     .max = PID_MAX, .doc = "A process of the agent, or below it: the hook's own."},
    {"detail", JSON_FIELD_TEXT, offsetof(struct hook_body, detail), .max = 200,
     .doc = "Type of a notification, or kind of an error."},
    {"session_id", JSON_FIELD_TEXT, offsetof(struct hook_body, session_id), .max = 100,
     .doc = "The agent CLI's own session."},
    {"transcript", JSON_FIELD_TEXT, offsetof(struct hook_body, transcript), .max = 500,
     .doc = "Path of its transcript."},
    {0}};

/* The agent named, or that of the process; else the refusal is sent. */
static const char *find_agent(struct http_request *r, struct node *n, struct str agent_id, int64_t process_id)
{
    const char *id = NULL;
    if (agent_id.n > 0)
        id = arena_strdup(http_arena(r), agent_id);
    else if (process_id > 0)
        id = fleet_agent_of_process(n->fleet, process_id);
    if (!id)
        http_reply_problem(r, 404, NULL, "no agent is known of which process %lld is a part",
                           (long long)process_id);
    return id;
}

static void tell(struct http_request *r, struct node *n, const char *id, const struct fleet_word *word)
{
    if (fleet_word(n->fleet, id, word))
        http_reply_empty(r, 204);
    else
        http_reply_problem(r, 404, NULL, "there is no agent \"%s\"", id);
}

static enum liveness_report report_of(struct str state)
{
    static const char *const names[] = {NULL, "working", "idle", "waiting", "stuck"};
    for (int i = 1; i < (int)COUNT_OF(names); i++)
        if (str_equal(state, str_of(names[i])))
            return (enum liveness_report)i;
    return REPORT_NONE;
}

static void report(struct http_request *r, void *context)
{
    struct report_body body = {0};
    if (!api_body(r, &body))
        return;
    const char *id = find_agent(r, context, body.agent_id, body.process_id);
    struct fleet_word word = {.report = report_of(body.state),
                              .reason = arena_strdup_or_null(http_arena(r), body.reason)};
    if (id)
        tell(r, context, id, &word);
}

static void hook(struct http_request *r, void *context)
{
    struct hook_body body = {0};
    if (!api_body(r, &body))
        return;
    const char *id = find_agent(r, context, (struct str){0}, body.process_id);
    if (!id) {
        counter_add(COUNTER_HOOKS_UNKNOWN, 1);
        return;
    }
    struct hook_event event = hook_event_of(body.event, body.detail);
    struct fleet_word word = {.turn = event.turn,
                              .ended = event.ended,
                              .limited = event.limited,
                              .session = arena_strdup_or_null(http_arena(r), body.session_id),
                              .transcript = arena_strdup_or_null(http_arena(r), body.transcript)};
    tell(r, context, id, &word);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/api/v1/reports", API_WORKERS, report, .body = report_fields,
     .summary = "An agent says what it is at", .responses = "204:Noted;404:No such agent"},
    {HTTP_POST, "/api/v1/hooks", API_WORKERS, hook, .body = hook_fields,
     .summary = "An event of an agent CLI's hooks", .responses = "204:Noted;404:No such agent"},
};
const struct api_routes api_words_routes = {routes, COUNT_OF(routes)};
