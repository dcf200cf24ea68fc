#include "cli/client.h"
#include "cli/commands.h"

#include <unistd.h>

/* Who says so: the agent named, else that of which this command's parent is a part. */
static int report(const struct invocation *in)
{
    const char *agent = command_option(in, "agent"), *reason = command_option(in, "reason");
    json_t *body = json_pack("{s:s s:s* s:s*}", "state", in->verb->name, "reason", reason, "agent_id", agent);
    struct reply r;
    if (!body)
        return command_usage(in, "the reason must be UTF-8");
    if (!agent)
        (void)json_object_set_new(body, "process_id", json_integer(getppid()));
    int rc = client_call(in, "POST", "/api/v1/reports", body, &r);
    json_decref(body);
    if (rc == 0)
        reply_deinit(&r);
    return rc;
}

static const struct command_option options[] = {
    {'r', "reason", "TEXT", "Why, in one line, for the person who looks."},
    {'a', "agent", "ID", "Which agent says so; the one that runs this command unless it is given."},
    CLIENT_URL_OPTION,
    {0}};
static const struct command_verb verbs[] = {{"working", "", "It works, however silent it is", report},
                                            {"idle", "", "It has nothing to do", report},
                                            {"waiting", "", "It waits for somebody", report},
                                            {"stuck", "", "It does not get on and needs help", report},
                                            {0}};

const struct command command_report = {
    .name = "report",
    .summary = "An agent says what it is at: working, idle, waiting, stuck",
    .description = "For scripts and agents: the report is evidence for the verdict, and its reason is shown.",
    .options = options,
    .verbs = verbs,
};
