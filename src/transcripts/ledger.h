/* ledger.h -- every answer of a model that was ever seen, once, and the sums over them (spec 60 U1, U2, T5).
 *
 * An entry per key holds the telling that counts (usage_event.h).  Sums are kept by quarter of an hour,
 * context (agent, project, session, folder, branch), model and what changes the price: a report reads those
 * rows and never the entries, so it costs what was going on, not what was read.  A quarter of an hour,
 * because every time zone's day begins on one.  An entry is never taken back because its file is gone or has
 * become another. Of answers told in the main thread and again in a side chain of the same session the first
 * counts. Files carry their state as it was read (spec 60 T2).  One thread. */
#pragma once
#include "core/codex_usage.h"
#include "core/usage_event.h"
#include "transcripts/ledger_file.h"

#define LEDGER_QUARTER_US (INT64_C(900) * 1000000)

enum ledger_section_name {
    LEDGER_BYTES,
    LEDGER_STRINGS,
    LEDGER_STRING_INDEX,
    LEDGER_CONTEXTS,
    LEDGER_CONTEXT_INDEX,
    LEDGER_ENTRIES,
    LEDGER_ENTRY_INDEX,
    LEDGER_MESSAGE_INDEX,
    LEDGER_ROWS,
    LEDGER_ROW_INDEX,
    LEDGER_FILES,
    LEDGER_FILE_INDEX,
    LEDGER_SECTION_COUNT
};

struct ledger_context { /* numbers of strings; 0 is the empty one */
    uint32_t source, project, session, cwd, branch;
};

#define LEDGER_NO_ENTRY UINT32_MAX
struct ledger_entry {
    uint64_t key, message; /* hashes; message 0: none */
    int64_t at_us;
    int64_t counts[USAGE_COUNTS];
    uint32_t context, model, flags;
    uint32_t next; /* another entry of the same message, or LEDGER_NO_ENTRY */
    uint8_t is_home, is_counted, padding[6];
};

struct ledger_row {
    uint32_t quarter, context, model, flags;
    int64_t counts[USAGE_COUNTS];
    int64_t events;
};

enum skip_reason {
    SKIP_NO_OBJECT,
    SKIP_TORN,
    SKIP_MALFORMED,
    SKIP_TOO_DEEP,
    SKIP_NOT_UTF8,
    SKIP_TOO_LONG,
    SKIP_BAD_TIME,
    SKIP_BAD_COUNT
};
#define SKIP_REASONS 8
extern const char *const skip_reason_names[SKIP_REASONS];

struct ledger_file_row {
    uint32_t path; /* string */
    uint32_t format;
    int64_t device, inode, size, mtime_ns, ctime_ns, offset;
    uint64_t tail_hash;
    uint32_t skipped[SKIP_REASONS];
    struct codex_state codex;                                 /* of a Codex file */
    uint32_t codex_project, codex_cwd, codex_branch, padding; /* strings, of its first line */
};

struct ledger {
    struct ledger_file file;
    uint32_t last_context, last_model, last_row; /* where the next event most likely belongs; numbers + 1 */
};

void ledger_open(struct ledger *l, const char *dir); /* NULL: in memory only */
void ledger_close(struct ledger *l);
MUST_CHECK int ledger_save(struct ledger *l);

uint32_t ledger_string(struct ledger *l, struct str s); /* its number */
struct str ledger_text(const struct ledger *l, uint32_t string);
/* For qsort_r, of numbers of strings: by their texts.  `ledger` is one. */
int ledger_compare_strings(const void *a, const void *b, void *ledger);
struct ledger_context ledger_context_at(const struct ledger *l, uint32_t context);

/* Where an event was read: of the file, not of the line. */
struct ledger_place {
    struct str project, session, cwd, branch;
};
/* True when something has changed. */
bool ledger_add(struct ledger *l, const struct usage_event *e, const struct ledger_place *place);

/* The row of a file; it is made when there is none.  A copy, to be put back. */
uint32_t ledger_file_find(struct ledger *l, struct str path, struct ledger_file_row *ret);
void ledger_file_put(struct ledger *l, uint32_t number, const struct ledger_file_row *row);
