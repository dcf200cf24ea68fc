/* Schema step 12: an instance's reports in the order in which they came (spec 80 H14): a page of them, and
 * what is taken back when it is deleted, cost what they hold and not its history. */
#include "store/migrations_internal.h"

const char migration_reports[] = "CREATE INDEX reports_of_instance ON reports (instance_id, id);\n";
