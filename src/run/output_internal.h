/* output_internal.h -- what the parsers of the single formats share.  Included by output*.c alone.
 *
 * A format is one row: a function that is given each JSON object of the output and writes into the parser's
 * usage and facts, and what may be expected around those objects. */
#pragma once
#include "base/buf.h"
#include "core/price.h"
#include "run/output.h"

#include <jansson.h>

struct output_ops {
    const char *name;
    /* NULL: the output is text and nothing is read from it. */
    void (*object)(struct output_parser *p, json_t *object, int64_t at_us);
    bool on_stderr; /* its JSON may come on stderr too */
    bool is_spread; /* one object may be spread over many lines, or be in an array */
    /* Texts that mean "limit reached" outside of answers; NULL-terminated, or NULL. */
    const char *const *limit_texts;
};

extern const struct output_ops output_claude_stream, output_claude_json, output_codex, output_gemini,
    output_text;

/* An object that is being collected line by line, from a line "{" to a line "}". */
struct output_block {
    struct buf text;
    int64_t lines; /* 0: none is being collected */
};

struct output_parser {
    const struct output_ops *ops;
    struct output_setup setup; /* its pointers are owned */
    struct usage usage;
    struct output_facts facts;
    struct output_block blocks[2]; /* stdout, stderr */
    bool integers_are_real;        /* the line holds an integer that is too big, so all are read as real */
    struct usage_ledger *ledger;   /* claude: per message */
    struct usage sum;              /* codex: over turns */
    bool limit_told;               /* claude: a message said that a limit was reached */
    int64_t limit_reset_us;        /* claude: told before the end; 0 for none */
};

/* The string member `key` of `object`, or the empty slice: absent, no object, another type. */
struct str output_string(const json_t *object, const char *key);
void output_set_text(char *field, size_t size,
                     struct str s); /* copies what fits, cut between UTF-8 characters */

/* A count into *ret; false when it is absent or null, or not to be believed (which is counted). */
bool output_count(struct output_parser *p, const json_t *object, const char *key, int64_t *ret);
/* The same into a kind of `u`. */
void output_count_into(struct output_parser *p, const json_t *object, const char *key, struct usage *u,
                       enum usage_kind kind);

void output_set_model(struct output_parser *p, struct str model); /* as printed */
void output_set_session(struct output_parser *p, struct str session);
struct str output_price_model(const struct output_parser *p); /* the printed one, else the setup's */

/* A typed error: keeps its first line, looks for limits and their reset in it.  Returns whether it is a
 * limit. */
bool output_error(struct output_parser *p, struct str message, int64_t at_us);
void output_success(struct output_parser *p); /* it ended well: limits and errors on the way are over */
bool output_is_limit_text(const struct output_parser *p, struct str text);
