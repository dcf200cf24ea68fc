/* migrate.h -- brings a store up to this program's schema (spec 10 D3).
 *
 * Migrations are numbered, forward only, each in a transaction of its own, recorded with the SHA-256 of their
 * text. The list ascends and may have gaps; whatever of it is not recorded is applied, in order. Refused, and
 * not touched: a store that a newer program has written, one whose recorded checksums differ from this
 * program's, a database that is not muster's.  Opening thread, before the store's threads start. */
#pragma once
#include "store/db_driver.h"

int64_t migrate_newest(const struct migration_list *list);
/* Reads only.  0 when migrate_up may go on; *ret_version is the newest migration applied, 0 for an empty
 * database. */
MUST_CHECK int migrate_check(struct db *db, int64_t *ret_version, struct err *e);
/* Checks, copies an existing store aside (FILE.vN) before the first of its new migrations, applies them. */
MUST_CHECK int migrate_up(struct db *db, int64_t now_us, struct err *e);
