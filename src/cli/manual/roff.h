/* roff.h -- text into a manual page, in the man(7) macros that groff and mandoc share.
 *
 * Whatever stands in a table of documentation comes out as itself: dashes that can be copied into a shell,
 * quotes, backslashes, dots at the start of a line, UTF-8.  `Words` between backquotes become bold.  Any
 * thread. */
#pragma once
#include "base/buf.h"

void roff_title(struct buf *out, const char *name, int section);
void roff_section(struct buf *out, const char *title);
void roff_subsection(struct buf *out, const char *title);
/* Within a line; `bold` is for what is typed as it stands. */
void roff_inline(struct buf *out, struct str text, bool bold);
/* Paragraphs, parted by an empty line; lines that begin with a space stand as they are. */
void roff_text(struct buf *out, const char *text);
/* One entry of a list of definitions: a bold head, what is filled in behind it, and its text. */
void roff_entry(struct buf *out, const char *head, const char *argument, const char *text);
/* Lines to be typed or shown, not filled. */
void roff_verbatim(struct buf *out, const char *text);
