/* Schema step 6: the windows that the node reports to a hub (spec 80 H2, H3, H6, H15). */
#include "store/migrations_internal.h"

/* A window is there, with the bytes to send, before the first attempt.  `taken`: a 2xx that did not name the
 * window, kept until the hub's own word shows that it has it.  telemetry_counters: the counters as they were
 * at the end of the last window, so that a window's own figures are differences and not sums over history. */
const char migration_telemetry[] =
    "CREATE TABLE telemetry_windows (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, epoch TEXT NOT NULL, window_no INTEGER NOT NULL,\n"
    "  window_start INTEGER NOT NULL, window_end INTEGER NOT NULL CHECK (window_end > window_start),\n"
    "  state TEXT NOT NULL CHECK (state IN ('pending', 'taken', 'acked', 'rejected', 'exported')),\n"
    "  payload TEXT, tries INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0,\n"
    "  status INTEGER, error TEXT, created_at INTEGER NOT NULL, acked_at INTEGER,\n"
    "  UNIQUE (epoch, window_no)) STRICT;\n"
    "CREATE INDEX telemetry_windows_pending ON telemetry_windows (id) WHERE state = 'pending';\n"
    "CREATE INDEX telemetry_windows_kept ON telemetry_windows (state, id) WHERE state <> 'acked';\n"
    "CREATE TABLE telemetry_counters (\n"
    "  name TEXT NOT NULL, label TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (name, label)) STRICT, "
    "WITHOUT ROWID;\n"
    "CREATE INDEX tasks_updated ON tasks (updated_at);\n";
