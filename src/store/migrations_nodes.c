/* Schema step 9: several nodes on one database (spec 80 H13, issue 7).  A job that runs belongs to
 * the node that claimed it, a run to the node that started it; NULL is a store that only one node has.
 * store_commits has one row per writing connection: the token of its last transaction (store/db_postgres.h).
 */
#include "store/migrations_internal.h"

const char migration_nodes[] =
    "CREATE TABLE store_commits (\n"
    "  writer TEXT PRIMARY KEY, token TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;\n"
    "ALTER TABLE jobs ADD COLUMN node TEXT;\n"
    "ALTER TABLE runs ADD COLUMN node TEXT;\n";
