/* line_joiner.h -- whole lines out of bytes that come in pieces.
 *
 * Memory is bounded: of a line that is longer than OUTPUT_LINE_MAX the first OUTPUT_LINE_MAX + 1 bytes are
 * kept, which is enough for its reader to see that it is too long, and the rest is dropped and counted.  One
 * thread at a time. */
#pragma once
#include "base/buf.h"

struct line_joiner {
    struct buf line;       /* the line so far; owned */
    int64_t dropped_bytes; /* of lines that were too long, ever */
};

void line_joiner_init(struct line_joiner *j);
void line_joiner_deinit(struct line_joiner *j);

/* A piece of the current line, which holds no line feed. */
void line_joiner_add(struct line_joiner *j, struct str piece);
/* The line is complete: valid until line_joiner_next. */
struct str line_joiner_line(const struct line_joiner *j);
void line_joiner_next(struct line_joiner *j); /* starts the next one */

/* Takes bytes off *bytes up to and with the next line feed.  True when that completed a line: read it with
 * line_joiner_line, then call line_joiner_next; false when *bytes is used up. */
bool line_joiner_feed(struct line_joiner *j, struct str *bytes);
