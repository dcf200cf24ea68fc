#include "cli/commands.h"
#include "cli/rows.h"
#include "cli/when.h"

static const struct row_column columns[] = {
    {"ID", "id", ROW_NUMBER},
    {"NAME", "name", .gives_way = true},
    {"ROLE", "role"},
    {"SCOPE", "scope"},
    {"CREATED", "created_at", ROW_AGE},
    {"EXPIRES", "expires_at", ROW_AGE},
    {"USED", "last_used_at", ROW_AGE},
    {"REVOKED", "revoked_at", ROW_AGE},
    {0},
};

static int list(const struct invocation *in)
{
    return rows_list(in, "/api/v1/tokens", "tokens", columns);
}

/* The secret alone on standard output, so that a script can catch it. */
static int create(const struct invocation *in)
{
    const char *scope = command_option(in, "scope"), *role = command_option(in, "role");
    char expires[WHEN_MAX];
    int rc = command_option(in, "expires") ? when_option(in, "expires", expires) : 0;
    if (rc != 0)
        return rc;
    if (!role)
        return command_usage(in, "create needs --role");
    json_t *body = json_pack("{s:s s:s s:s* s:s*}", "name", in->args[0], "role", role, "scope", scope,
                             "expires_at", command_option(in, "expires") ? expires : NULL);
    if (!body)
        return command_usage(in, "name, role and scope must be UTF-8");
    struct reply r;
    rc = client_call(in, "POST", "/api/v1/tokens", body, &r);
    json_decref(body);
    if (rc != 0)
        return rc;
    if (rows_want_json(in)) {
        rows_print_raw(&r);
    } else {
        (void)fprintf(stderr, "token %lld; this is the only time that it is shown:\n",
                      (long long)json_integer_value(json_object_get(r.json, "id")));
        (void)printf("%s\n", json_string_value(json_object_get(r.json, "token")));
    }
    reply_deinit(&r);
    return EXIT_DONE;
}

static int revoke_token(const struct invocation *in)
{
    int64_t id;
    int rc = command_id(in, in->args[0], &id);
    if (rc != 0)
        return rc;
    struct buf path = BUF_INIT;
    buf_printf(&path, "/api/v1/tokens/%lld", (long long)id);
    rc = rows_call(in, "DELETE", path.p, NULL, columns);
    buf_deinit(&path);
    return rc;
}

static const struct command_option options[] = {
    {'r', "role", "ROLE", "admin, operator, agent, viewer or scheduler.",
     "admin|operator|agent|viewer|scheduler"},
    {'s', "scope", "SUBJECT", "Limit the token to a subject."},
    {'e', "expires", "WHEN", "An instant such as 2027-01-01T00:00:00Z, or from now: 24h, 90d."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};
static const struct command_verb verbs[] = {
    {"list", "", "List the tokens, without their secrets", list},
    {"create", "NAME", "Create one; its secret is printed once", create},
    {"revoke", "ID", "Revoke one; it is refused from then on", revoke_token},
    {0}};

static const struct command_example examples[] = {
    {"muster tokens create prometheus --role viewer", "For Prometheus; its secret is printed once."},
    {"muster tokens create ci --role operator --expires 90d", "One that ends."},
    {0}};

const struct command command_tokens = {
    .name = "tokens",
    .summary = "Bearer tokens for callers over TCP",
    .description = "The role says what a token may do: admin everything, operator tasks, jobs and the queue, "
                   "agent its own\n"
                   "jobs, viewer look, scheduler run jobs and nothing more.",
    .options = options,
    .verbs = verbs,
    .examples = examples,
};
