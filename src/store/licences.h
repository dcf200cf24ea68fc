/* licences.h -- rows of licences by scope: "instance:ID" or "group:NAME" (spec 80 H10).  Store threads only.
 */
#pragma once
#include "store/db.h"

MUST_CHECK int licence_put(struct db *db, const char *scope, struct str document, const char *actor,
                           int64_t now_us, struct err *e);
/* The document, in the arena; NULL when there is none. */
MUST_CHECK int licence_get(struct db *db, const char *scope, struct arena *a, const char **ret,
                           struct err *e);
MUST_CHECK int licence_delete(struct db *db, const char *scope, bool *ret_was_there, struct err *e);
