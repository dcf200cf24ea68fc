#include "io/http_exchange.h"

#include <unistd.h>

static const struct {
    const char *name;
    enum http_role role;
} roles[] = {{"admin", HTTP_ROLE_ADMIN},         {"operator", HTTP_ROLE_OPERATOR},
             {"agent", HTTP_ROLE_AGENT},         {"viewer", HTTP_ROLE_VIEWER},
             {"scheduler", HTTP_ROLE_SCHEDULER}, {"anybody", HTTP_ROLE_ANYBODY}};

const char *http_role_name(enum http_role role)
{
    for (size_t i = 0; i < COUNT_OF(roles); i++)
        if (roles[i].role == role)
            return roles[i].name;
    return "nobody";
}

/* "anybody" is what a route admits, not what a caller can be. */
bool http_role_of(struct str name, enum http_role *ret)
{
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        if (roles[i].role == HTTP_ROLE_ANYBODY || !str_equal(str_of(roles[i].name), name))
            continue;
        *ret = roles[i].role;
        return true;
    }
    return false;
}

static void nobody(struct http_caller *caller)
{
    *caller = (struct http_caller){.uid = -1, .actor = "anonymous"};
}

/* "Bearer TOKEN" (RFC 6750 §2.1); any other scheme is no token. */
static struct str bearer(struct str authorization)
{
    struct str scheme = STR("Bearer ");
    if (authorization.n <= scheme.n || !str_equal_nocase((struct str){authorization.p, scheme.n}, scheme))
        return (struct str){0};
    return str_trim((struct str){authorization.p + scheme.n, authorization.n - scheme.n});
}

static void by_token(struct http_request *r, struct str token)
{
    const struct http_config *config = &r->server->config;
    if (str_empty(token) || !config->authenticate ||
        !config->authenticate(config->context, token, &r->caller))
        nobody(&r->caller);
}

/* Without a token the other end's user speaks: our own uid and root are at home here, others need a token. */
static void by_uid(struct http_request *r)
{
    nobody(&r->caller);
    r->caller.uid = http_connection_uid(r->connection);
    if (r->caller.uid < 0)
        return;
    (void)snprintf(r->caller.actor, sizeof(r->caller.actor), "uid:%lld", (long long)r->caller.uid);
    if (r->caller.uid == 0 || r->caller.uid == (int64_t)geteuid())
        r->caller.role = HTTP_ROLE_ADMIN;
}

void http_caller_find(struct http_request *r)
{
    if (r->caller_known)
        return;
    r->caller_known = true;
    if (!r->connection)
        nobody(&r->caller);
    else if (r->head.authorization.p)
        by_token(r, bearer(r->head.authorization));
    else
        by_uid(r);
}
