/* Schema step 7: durable facts and what they were found in (spec 60 V2).  `normal` is the words of the
 * content: there is one correction of a text, and one item that is none.  In a contradiction a < b. */
#include "store/migrations_internal.h"

const char migration_knowledge[] =
    "CREATE TABLE knowledge_items (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  kind TEXT NOT NULL CHECK (kind IN ('correction', 'definition', 'confirmation')),\n"
    "  is_correction INTEGER NOT NULL CHECK ((is_correction = 1) = (kind = 'correction')),\n"
    "  title TEXT NOT NULL, content TEXT NOT NULL, normal TEXT NOT NULL,\n"
    "  status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'rejected')),\n"
    "  confidence INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,\n"
    "  decided_at INTEGER, decided_by TEXT) STRICT;\n"
    "CREATE UNIQUE INDEX knowledge_items_text ON knowledge_items (is_correction, normal);\n"
    "CREATE INDEX knowledge_items_status ON knowledge_items (status, id);\n"
    "CREATE INDEX knowledge_items_facts ON knowledge_items (id) WHERE is_correction = 0;\n"
    "CREATE INDEX knowledge_items_live ON knowledge_items (id) WHERE status <> 'rejected';\n"
    "CREATE TABLE knowledge_evidence (\n"
    "  item_id INTEGER NOT NULL REFERENCES knowledge_items (id) ON DELETE CASCADE,\n"
    "  \"user\" TEXT NOT NULL, session TEXT NOT NULL, kind TEXT NOT NULL, quote TEXT, at INTEGER NOT NULL,\n"
    "  PRIMARY KEY (item_id, \"user\", session)) STRICT, WITHOUT ROWID;\n"
    "CREATE TABLE knowledge_contradictions (\n"
    "  item_a INTEGER NOT NULL REFERENCES knowledge_items (id) ON DELETE CASCADE,\n"
    "  item_b INTEGER NOT NULL REFERENCES knowledge_items (id) ON DELETE CASCADE,\n"
    "  session TEXT NOT NULL, at INTEGER NOT NULL, CHECK (item_a < item_b),\n"
    "  PRIMARY KEY (item_a, item_b)) STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX knowledge_contradictions_b ON knowledge_contradictions (item_b, item_a);\n";
