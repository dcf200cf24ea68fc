/* auth.h -- who holds which token (spec 00 Auth).
 *
 * Tokens live in the store as SHA-256; here is their list in memory, reloaded after each change, since a
 * request is judged on the loop thread.  Every candidate is compared in constant time.  Also known: the
 * configuration's own token (admin) and SCHEDULER_API_TOKEN (role scheduler).  Loop thread. */
#pragma once
#include "io/config.h"
#include "io/http_server.h"
#include "store/store.h"

#define AUTH_TOKEN_BYTES 32

struct auth;
struct auth *auth_new(struct store *store, const struct config *config);
struct auth *auth_free(struct auth *a);
void auth_reload(struct auth *a, const struct config *config);
/* Before its answer goes out: who was told "created" may use the token at once, and who was told "revoked"
 * can rely on it. */
struct token;
void auth_add(struct auth *a, const struct token *token);
void auth_remove(struct auth *a, int64_t token_id);
/* The list has been read from the store at least once: no token of the store is known before. */
bool auth_is_loaded(const struct auth *a);
bool auth_authenticate(const struct auth *a, struct str token,
                       struct http_caller *ret); /* fills role and actor */
/* A new secret, "muster_" and 64 hex digits, and the hash that is stored. */
void auth_new_secret(char ret_secret[80], char ret_hash[65]);
