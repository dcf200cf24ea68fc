/* ledger_file.h -- arrays of fixed items that live in a file, changed in memory and saved by what changed.
 *
 * The file is mapped privately: opening costs nothing, reading costs the pages that are touched, and a change
 * stays in this process until ledger_file_save.  Saving appends the changed items to a journal, as one batch
 * with a checksum, or, when there are many, writes the whole file anew and lets it take the name.  So after a
 * crash at any moment the file is what some save left, whole: a batch that was torn is as if it had not been.
 * Without a directory nothing is kept.  One process saves at a time; another one reads and does not save. One
 * thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define LEDGER_SECTIONS_MAX 16

struct ledger_section_type {
    uint32_t item_bytes;
    bool is_index; /* slots of a hash table: item number + 1, or 0; four bytes each */
};

struct ledger_section {
    char *items;
    size_t count, capacity; /* items; an index has as many as its capacity, a power of two */
    size_t used;            /* slots in use, of an index */
    bool is_mapped;
};

struct ledger_change {
    uint32_t section, item;
};

struct ledger_file {
    const struct ledger_section_type *types; /* not owned */
    size_t section_count;
    uint32_t format; /* of the caller: a file of another one is not read */
    struct ledger_section sections[LEDGER_SECTIONS_MAX];
    struct ledger_change *changes; /* owned */
    size_t change_count, change_capacity;
    bool wants_snapshot; /* too much has changed to say what */
    char *dir;           /* owned; NULL: nothing is kept */
    int lock_fd;         /* -1: another process saves */
    uint64_t generation; /* of the snapshot; a journal belongs to one */
    size_t journal_bytes;
    void *map;
    size_t map_bytes;
};

/* Never fails: what cannot be read is begun anew.  `dir` is made; NULL keeps nothing. */
void ledger_file_open(struct ledger_file *f, const char *dir, uint32_t format,
                      const struct ledger_section_type *types, size_t section_count);
void ledger_file_close(struct ledger_file *f);
MUST_CHECK int ledger_file_save(struct ledger_file *f); /* 0 also when nothing changed or another one saves */

static inline size_t ledger_count(const struct ledger_file *f, size_t section)
{
    return f->sections[section].count;
}
static inline const void *ledger_item(const struct ledger_file *f, size_t section, size_t i)
{
    return f->sections[section].items + i * f->types[section].item_bytes;
}
void *ledger_edit(struct ledger_file *f, size_t section, size_t i);              /* and marks it as changed */
uint32_t ledger_append(struct ledger_file *f, size_t section, const void *item); /* its number */
uint32_t ledger_append_bytes(struct ledger_file *f, size_t section, struct str bytes); /* of the first one */

/* An index: which item has this hash and is what `same` says.  `same` may look at `key`. */
typedef bool (*ledger_same)(const struct ledger_file *f, uint32_t item, const void *key);
bool ledger_find(const struct ledger_file *f, size_t index, uint64_t hash, ledger_same same, const void *key,
                 uint32_t *ret);
/* The same question will be asked soon: its memory is fetched meanwhile. */
void ledger_prefetch(const struct ledger_file *f, size_t index, uint64_t hash);
/* Enters an item that is not there.  `hash_of` tells the hashes of the others, when the table has to grow. */
typedef uint64_t (*ledger_hash)(const struct ledger_file *f, uint32_t item);
void ledger_enter(struct ledger_file *f, size_t index, uint64_t hash, uint32_t item, ledger_hash hash_of);
