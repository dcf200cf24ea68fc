/* Schema step 14: what came of a call that is in the audit log (spec 10 D8, 60 T9). */
#include "store/migrations_internal.h"

const char migration_audit[] = "ALTER TABLE audit_log ADD COLUMN details TEXT;\n";
