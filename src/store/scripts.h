/* scripts.h -- when each script of the configuration last began, and how marketplaces were last synced (spec
 * 20).  Store threads only. */
#pragma once
#include "store/db.h"

/* *ret_last_us INT64_MIN: never.  *ret_job 0: none. */
MUST_CHECK int script_get(struct db *db, const char *name, int64_t *ret_last_us, int64_t *ret_job,
                          struct err *e);
MUST_CHECK int script_put(struct db *db, const char *name, int64_t last_us, int64_t job, struct err *e);

struct marketplace_row {
    const char *name, *url, *commit_id, *error; /* commit_id NULL: never synced; error NULL: none */
    int64_t synced_at, tried_at;                /* synced_at 0: never */
};
/* commit_id NULL leaves the last one. */
MUST_CHECK int marketplace_put(struct db *db, const struct marketplace_row *m, int64_t now_us, struct err *e);
MUST_CHECK int marketplace_list(struct db *db, struct arena *a, struct marketplace_row **ret,
                                size_t *ret_count, struct err *e);
