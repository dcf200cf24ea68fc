/* interest.h -- who is interested in a subject: the matching of the bus (spec 40 B2, B3).
 *
 * Subscriptions to literal subjects hang in a hash, those with wildcards in a trie by tokens; what a subject
 * matched is remembered in a cache, so that the next message to it costs one look-up however many
 * subscriptions there are.  Members of one queue group are one list, whatever pattern each came by.
 *
 * An entry is embedded in its owner and may not move while it is in.  A match stays valid until the next
 * interest_add or interest_remove.  Knows no connection and no message.  Loop thread. */
#pragma once
#include "base/map.h"

#define INTEREST_CACHE_MAX 8192 /* subjects remembered; then the cache starts anew */

struct interest_entry {
    struct str pattern, queue; /* the owner's, valid while it is in; queue: empty for none */
    size_t at;                 /* its place in its list */
};

struct interest_list {
    struct interest_entry **items;
    size_t count, capacity;
};

struct interest_match {
    struct interest_list plain;   /* each gets the message */
    struct interest_list *groups; /* one of each gets it */
    size_t group_count;
    uint64_t generation; /* of the wildcards when it was made */
};

struct interest_node; /* of the trie, or of one literal subject */
struct interest {
    struct map literals; /* subject -> struct interest_node */
    struct interest_node *root;
    struct map cache; /* subject -> struct interest_match */
    uint64_t generation;
    size_t count, wildcard_count;
    int64_t hits, misses; /* of the cache */
};

void interest_init(struct interest *i);
void interest_deinit(struct interest *i); /* the entries are their owners' */
/* `pattern` is valid (subject_pattern_valid). */
void interest_add(struct interest *i, struct interest_entry *entry);
void interest_remove(struct interest *i, struct interest_entry *entry);
/* NULL when `subject` is no valid subject.  Not the caller's; valid until the next change. */
const struct interest_match *interest_find(struct interest *i, struct str subject);
