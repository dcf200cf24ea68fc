/* table.h -- rows for a person on a terminal, and for the next program in a pipe.
 *
 * Columns are aligned by the width that UTF-8 text takes on a screen, and two spaces separate them.  Cells
 * hold what agents and strangers wrote: control characters, invalid bytes and marks that turn the direction
 * of text become '?', and runs of white space one space, so a row is one line, no cell can move the cursor,
 * and two spaces are always a border.  On a terminal the header is bold and lines are cut to its width ("…");
 * in a pipe nothing is cut.  Write errors stay in the FILE: whoever ends the program looks at ferror.  JSON
 * is json.h's.  One thread at a time. */
#pragma once
#include "base/base.h"

struct table_column {
    const char *title;
    bool right;     /* for numbers */
    bool gives_way; /* shortened when the terminal is narrow, down to TABLE_NARROWEST; others are not */
};
#define TABLE_NARROWEST 8 /* screen columns */

struct table;
/* The columns must outlive the table. */
struct table *table_new(const struct table_column *columns, size_t count);
struct table *table_free(struct table *t);
/* One cell per column, copied; NULL and "" are printed as "-". */
void table_add(struct table *t, const char *const *cells);
/* `width` is in screen columns, and is looked at on a terminal only; 0 is unknown, and nothing is cut then.
 * Bold needs a terminal, `color`, and no NO_COLOR in the environment. */
void table_print(const struct table *t, FILE *out, bool terminal, int width, bool color);
/* The same, for whatever `out` is: asks whether it is a terminal, how wide, and whether TERM is dumb. */
void table_show(const struct table *t, FILE *out);
