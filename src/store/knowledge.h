/* knowledge.h -- durable facts with their evidence (spec 60 V2).
 *
 * Evidence is one row per (item, user, session), however often a session is read.  A fact that is there
 * already, by its words or as a near-duplicate (core/knowledge.h), becomes evidence of that item, whatever
 * people have decided about it; what was rejected does not come back.  Store threads only. */
#pragma once
#include "core/knowledge.h"
#include "store/db.h"

#define KNOWLEDGE_COMPARED_MAX 500 /* newest items that a new fact is compared with */

struct knowledge_evidence {
    const char *user, *session, *kind, *quote; /* quote NULL: none */
    int64_t at;
};
struct knowledge_item {
    int64_t id, confidence_micros, created_at, updated_at;
    int64_t decided_at; /* 0: not yet */
    const char *kind, *title, *content, *status, *decided_by;
    struct knowledge_evidence *evidence;
    size_t evidence_count;
    int64_t *contradicts;
    size_t contradicts_count;
};

struct knowledge_found { /* what became of the facts of a session */
    int64_t created, merged, evidence, contradictions;
};
/* Facts of one session; `user` and `session` say whose.  Ids to contradict that are not there are passed
 * over. Adds to *ret. */
MUST_CHECK int knowledge_add(struct db *db, const struct knowledge_fact *facts, size_t count,
                             const char *user, const char *session, int64_t now_us,
                             struct knowledge_found *ret, struct err *e);

/* In order of ids, those behind `after`; status NULL: any. */
MUST_CHECK int knowledge_list(struct db *db, const char *status, int64_t after, int64_t limit,
                              struct arena *a, struct knowledge_item **ret, size_t *ret_count, struct err *e);
/* The newest that are not rejected, without evidence: what a model is told is known. */
MUST_CHECK int knowledge_known(struct db *db, int64_t limit, struct arena *a, struct knowledge_item **ret,
                               size_t *ret_count, struct err *e);
enum { KNOWLEDGE_E_ABSENT = 1, KNOWLEDGE_E_TAKEN };
MUST_CHECK int knowledge_get(struct db *db, int64_t id, struct arena *a, struct knowledge_item *ret,
                             struct err *e);
/* How many items wait for a decision, and how many sources for another try. */
MUST_CHECK int knowledge_waiting(struct db *db, const char *processor, int64_t *ret_pending,
                                 int64_t *ret_parked, struct err *e);
MUST_CHECK int knowledge_decide(struct db *db, int64_t id, const char *status, const char *actor,
                                int64_t now_us, struct err *e);
/* NULL: as it was.  KNOWLEDGE_E_TAKEN: another item says that. */
MUST_CHECK int knowledge_edit(struct db *db, int64_t id, const char *title, const char *content,
                              int64_t now_us, struct err *e);
