/* audit.h -- the audit log: append-only, each row carrying the hash of the row before it (spec 10 D7, D8).
 * Store threads only. */
#pragma once
#include "store/db.h"

struct audit_entry {
    int64_t id, at, duration_us; /* audit_append: id is given, at 0 is now */
    /* NULL when unset; result: success, error, denied, busy; params: JSON, secrets already redacted; details:
     * JSON, what came of it */
    const char *actor, *action, *resource, *params, *result, *error, *correlation_id, *details;
};
MUST_CHECK int audit_append(struct db *db, const struct audit_entry *entry, int64_t now_us, struct err *e);
MUST_CHECK int audit_list(struct db *db, int64_t after, int64_t limit, struct arena *a,
                          struct audit_entry **ret, size_t *ret_count, struct err *e);
/* 0 intact; AUDIT_E_BROKEN with *ret_id of the first row that does not follow, be it changed, missing or cut
 * off. */
enum { AUDIT_E_BROKEN = 1 };
MUST_CHECK int audit_verify(struct db *db, int64_t *ret_id, struct err *e);
/* Retention: deletes up to `limit` of the oldest rows, as long as they are from before `before_us`.  The
 * chain then begins at the hash of the last one deleted. */
MUST_CHECK int audit_trim(struct db *db, int64_t before_us, int64_t limit, int64_t *ret_count, struct err *e);
