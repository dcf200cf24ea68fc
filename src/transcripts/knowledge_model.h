/* knowledge_model.h -- what a model is asked about a session, and its answer (spec 60 V2).
 *
 * The question is one request to the Messages API of Anthropic or to a chat completions API as OpenAI has it,
 * with a strict JSON schema.  The session's text stands between two marks that are made from random bytes for
 * each request, so that nothing in it can end it; the model is told that what is between them is data.  The
 * answer is foreign bytes: all of it has the form that was asked for, or none of it is taken.  Any thread. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "core/knowledge.h"

enum knowledge_api { KNOWLEDGE_API_ANTHROPIC, KNOWLEDGE_API_OPENAI };
#define KNOWLEDGE_APIS 2

/* The URL to send to: an endpoint with no path, or one that ends in /v1, gets the API's own added. */
void knowledge_model_url(enum knowledge_api api, struct str endpoint, struct buf *ret);

struct knowledge_known { /* an item that is there already, for the model to say what contradicts it */
    int64_t id;
    const char *content;
};
struct knowledge_question {
    const char *model;
    const char *mark; /* random, of letters and digits */
    struct str text;  /* the session's */
    const struct knowledge_known *known;
    size_t known_count;
};
void knowledge_model_question(enum knowledge_api api, const struct knowledge_question *q, struct buf *ret);

enum { KNOWLEDGE_E_REFUSED = 1, KNOWLEDGE_E_UNREADABLE };
/* Facts in the arena.  Refused: the model would not answer.  Unreadable: it is not what was asked for; `e`
 * says where, and never holds text of the answer. */
MUST_CHECK int knowledge_model_answer(enum knowledge_api api, struct str body, struct arena *a,
                                      struct knowledge_fact **ret, size_t *ret_count, struct err *e);
