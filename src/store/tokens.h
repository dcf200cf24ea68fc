/* tokens.h -- rows of tokens: SHA-256 of the secret, role, scope, expiry (spec 00 Auth).  The secret itself
 * is never stored.  Store threads only. */
#pragma once
#include "store/db.h"

struct token {
    int64_t id, created_at, expires_at, last_used_at, revoked_at; /* 0: never / not */
    const char *name, *role, *scope, *hash;                       /* hash: 64 hex digits */
};
enum { TOKEN_E_ABSENT = 1 };
MUST_CHECK int token_insert(struct db *db, const struct token *t, int64_t now_us, int64_t *ret_id,
                            struct err *e);
MUST_CHECK int token_revoke(struct db *db, int64_t id, int64_t now_us, struct err *e);
MUST_CHECK int token_set_used(struct db *db, int64_t id, int64_t now_us, struct err *e); /* last_used_at */
MUST_CHECK int token_list(struct db *db, struct arena *a, struct token **ret, size_t *ret_count,
                          struct err *e);
