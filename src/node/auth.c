#include "node/auth.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "store/tokens.h"

struct known_token {
    int64_t id, expires_at; /* 0: never */
    unsigned role;
    char name[64], scope[128], hash[HASH_SHA256_HEX];
};

struct auth {
    struct store *store;
    const struct config *config;
    struct known_token *tokens;
    size_t count;
    bool loaded, loading, again, dead;
};

struct auth_op {
    struct store_op op;
    struct auth *auth;
    struct arena arena;
    struct token *rows;
    size_t count;
};

static int load_run(struct store_op *op, struct db *db, struct err *e)
{
    struct auth_op *o = CONTAINER_OF(op, struct auth_op, op);
    return token_list(db, &o->arena, &o->rows, &o->count, e);
}

static void add_row(struct auth *a, const struct token *row)
{
    enum http_role role;
    if (row->revoked_at || !http_role_of(str_of(row->role), &role))
        return;
    a->tokens = xrealloc(a->tokens, (a->count + 1) * sizeof(*a->tokens));
    struct known_token *t = &a->tokens[a->count++];
    *t = (struct known_token){.id = row->id, .expires_at = row->expires_at, .role = role};
    (void)snprintf(t->name, sizeof(t->name), "%s", row->name ? row->name : "");
    (void)snprintf(t->scope, sizeof(t->scope), "%s", row->scope ? row->scope : "");
    (void)snprintf(t->hash, sizeof(t->hash), "%s", row->hash);
}

static void take_rows(struct auth *a, const struct auth_op *o)
{
    a->count = 0;
    for (size_t i = 0; i < o->count; i++)
        add_row(a, &o->rows[i]);
}

static void load_done(struct store_op *op)
{
    struct auth_op *o = CONTAINER_OF(op, struct auth_op, op);
    struct auth *a = o->auth;
    a->loading = false;
    if (op->rc == 0 && a->again) {
        /* Read before the last change: it would take that back until the next read. */
    } else if (op->rc == 0) {
        take_rows(a, o);
        a->loaded = true;
    } else {
        log_error("auth", "tokens could not be read; those known so far stay",
                  LOG_TEXT("error", op->err.text));
    }
    arena_reset(&o->arena);
    free(o);
    if (a->again && !a->dead)
        auth_reload(a, a->config);
    if (a->dead)
        (void)auth_free(a);
}

void auth_reload(struct auth *a, const struct config *config)
{
    a->config = config;
    a->again = a->loading;
    if (a->loading)
        return;
    a->loading = true;
    struct auth_op *o = xnew(struct auth_op);
    o->auth = a;
    arena_init(&o->arena);
    o->op.run = load_run;
    o->op.done = load_done;
    store_read(a->store, &o->op);
}

void auth_add(struct auth *a, const struct token *token)
{
    add_row(a, token);
    auth_reload(a, a->config);
}

void auth_remove(struct auth *a, int64_t token_id)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->tokens[i].id == token_id)
            a->tokens[i--] = a->tokens[--a->count];
    auth_reload(a, a->config);
}

struct auth *auth_new(struct store *store, const struct config *config)
{
    struct auth *a = xnew(struct auth);
    a->store = store;
    auth_reload(a, config);
    return a;
}

struct auth *auth_free(struct auth *a)
{
    if (!a)
        return NULL;
    if (a->loading) { /* its read comes back once more */
        a->dead = true;
        return NULL;
    }
    free(a->tokens);
    free(a);
    return NULL;
}

bool auth_is_loaded(const struct auth *a)
{
    return a->loaded;
}

static bool equals_secret(const char *secret, struct str token)
{
    return secret && hash_equal_constant_time(str_of(secret), token);
}

/* Every row is compared, the matching one too late to be told by time. */
bool auth_authenticate(const struct auth *a, struct str token, struct http_caller *ret)
{
    char hash[HASH_SHA256_HEX];
    const struct known_token *hit = NULL;
    hash_sha256_hex(token, hash);
    for (size_t i = 0; i < a->count; i++)
        if (hash_equal_constant_time(str_of(a->tokens[i].hash), str_of(hash)))
            hit = &a->tokens[i];
    bool is_admin = equals_secret(a->config->token, token);
    bool is_scheduler = equals_secret(a->config->scheduler_token, token);
    if (hit && (hit->expires_at == 0 || hit->expires_at > clock_wall_us())) {
        ret->role = hit->role;
        ret->token_id = hit->id;
        (void)snprintf(ret->actor, sizeof(ret->actor), "token:%s", hit->name);
        (void)snprintf(ret->scope, sizeof(ret->scope), "%s", hit->scope);
        return true;
    }
    if (!is_admin && !is_scheduler)
        return false;
    ret->role = is_admin ? HTTP_ROLE_ADMIN : HTTP_ROLE_SCHEDULER;
    (void)snprintf(ret->actor, sizeof(ret->actor), is_admin ? "token:configured" : "token:scheduler");
    return true;
}

void auth_new_secret(char ret_secret[80], char ret_hash[65])
{
    char hex[2 * AUTH_TOKEN_BYTES + 1];
    hash_random_hex(AUTH_TOKEN_BYTES, hex);
    (void)snprintf(ret_secret, 80, "muster_%s", hex);
    hash_sha256_hex(str_of(ret_secret), ret_hash);
}
