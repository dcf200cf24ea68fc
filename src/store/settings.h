/* settings.h -- the few values that a store keeps about itself, by name: instance_id.  Store threads only. */
#pragma once
#include "store/db.h"

/* NULL in *ret when the name is not there. */
MUST_CHECK int setting_get(struct db *db, const char *name, struct arena *a, char **ret, struct err *e);
MUST_CHECK int setting_put(struct db *db, const char *name, struct str value, struct err *e);
/* "instance_id": 32 hex digits, drawn once and then kept for ever. */
MUST_CHECK int setting_ensure_instance_id(struct db *db, struct err *e);
