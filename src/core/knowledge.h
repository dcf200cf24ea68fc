/* knowledge.h -- durable facts: what kinds there are, how sure one is, and when two say the same (spec 60
 * V2).
 *
 * Confidence comes from the kind alone, never from the model that found the fact.  Two texts are the same
 * when their words are: case, punctuation and spacing do not count.  They are near-duplicates when their
 * shingles mostly are, and they agree in every number, in what they negate, and in the words that carry a
 * meaning, in their order and but for their endings: "port 5432" and "port 5433" differ in one character and
 * in everything that matters.  A correction is nobody's near-duplicate, since a text that is nearly that of a
 * fact mostly overturns it.  Pure.  Any thread. */
#pragma once
#include "base/buf.h"

enum knowledge_kind { KNOWLEDGE_CORRECTION, KNOWLEDGE_DEFINITION, KNOWLEDGE_CONFIRMATION };
#define KNOWLEDGE_KINDS 3
extern const char *const knowledge_kind_names[KNOWLEDGE_KINDS];
bool knowledge_kind_of(struct str name, enum knowledge_kind *ret);
int64_t knowledge_confidence_micros(enum knowledge_kind kind); /* .90 is 900000 */

#define KNOWLEDGE_TITLE_MAX 120 /* bytes of UTF-8 */
#define KNOWLEDGE_CONTENT_MAX 1000
#define KNOWLEDGE_QUOTE_MAX 500
#define KNOWLEDGE_FACTS_MAX 50      /* of one answer */
#define KNOWLEDGE_CONTRADICTS_MAX 8 /* of one fact */

struct knowledge_fact { /* as a model has found it */
    enum knowledge_kind kind;
    struct str title, content, quote;               /* quote may be empty */
    int64_t contradicts[KNOWLEDGE_CONTRADICTS_MAX]; /* ids of items that it was told */
    size_t contradicts_count;
};

/* The words alone, in lower case, with one space between: adds to *ret. */
void knowledge_normalise(struct str text, struct buf *ret);
/* Of two normalised texts. */
bool knowledge_is_near(struct str a, struct str b);
