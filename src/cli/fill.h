/* fill.h -- prose in columns of a screen.
 *
 * Documentation in the tables is written as one long line per paragraph; here it is broken to the width of
 * what it is shown on.  A line that begins with a space stands as it is, and so does an empty one.  Widths
 * count characters of UTF-8, of which the tables hold none that is wide or combines.  Any thread. */
#pragma once
#include "base/buf.h"

#define FILL_WIDTH 100 /* columns that help takes at most */

size_t fill_columns(const char *text);
/* Spaces, until `used` columns have become `width`. */
void fill_pad(struct buf *out, size_t used, size_t width);
/* Breaks at spaces, at `width` columns; every line but the first gets `indent` spaces.  `column` is where the
 * first one begins.  Ends with a line feed. */
void fill_text(struct buf *out, const char *text, size_t column, size_t indent, size_t width);
/* NAME padded to `indent` columns and filled TEXT behind it, or below when NAME is too long. */
void fill_row(struct buf *out, const char *name, const char *text, size_t indent, size_t width);
