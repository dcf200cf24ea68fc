#include "io/http_exchange.h"

#include "io/peer.h"

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
        !config->authenticate(config->context, token, &r->own_caller))
        nobody(&r->own_caller);
    r->caller = &r->own_caller;
}

/* Without a token the other end's user speaks: our own uid and root are at home here, others need a token. */
const struct http_caller *http_connection_caller(struct http_connection *c)
{
    struct http_caller *caller = &c->caller;
    if (c->caller_asked)
        return caller;
    c->caller_asked = true;
    nobody(caller);
    caller->uid = peer_uid(c->fd);
    if (caller->uid >= 0)
        (void)snprintf(caller->actor, sizeof(caller->actor), "uid:%lld", (long long)caller->uid);
    if (caller->uid == 0 || caller->uid == (int64_t)geteuid())
        caller->role = HTTP_ROLE_ADMIN;
    return caller;
}

const struct http_caller *http_caller_find(struct http_request *r)
{
    if (r->caller)
        return r->caller;
    if (r->connection && r->head.authorization.p) {
        by_token(r, bearer(r->head.authorization));
    } else if (r->connection) {
        r->caller = http_connection_caller(r->connection);
    } else {
        nobody(&r->own_caller);
        r->caller = &r->own_caller;
    }
    return r->caller;
}
