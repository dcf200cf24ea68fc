/* console_files.h -- the files of the console, as they lie in the binary (spec 95 Console).
 *
 * The table is written at build time by tools/embed-files: from web/built, or with -Dconsole=disabled from
 * web/without, which says so.  Constant; any thread. */
#pragma once
#include "base/str.h"

struct console_file {
    const char *name;         /* "index.html" */
    const char *content_type; /* with its charset, where it is text */
    struct str body;
};
extern const struct console_file console_files[];
extern const size_t console_file_count;
