/* check_output.h -- what the output of a check says of itself: the runner's own summary (spec 60 V1).
 *
 * Where an exit status is hidden by a pipe or by "|| true", this line is what is left; where it says the
 * opposite of the status, somebody is wrong, and the failure counts.  Only lines in the shape of a known
 * runner's summary are read, so that a sentence about tests is none; and what the command prints itself, by
 * echo, is no runner's.  A hint, as a compiler's error is, counts where the status does not tell.  Pure.  Any
 * thread. */
#pragma once
#include "base/str.h"

enum check_outcome { CHECK_UNKNOWN, CHECK_PASSED, CHECK_FAILED };
#define CHECK_OUTCOMES 3
extern const char *const check_outcome_names[CHECK_OUTCOMES];

struct check_summary {
    enum check_outcome outcome; /* CHECK_UNKNOWN: no summary was found */
    int64_t passed, failed;     /* -1: not told */
    struct str line;            /* of the text: the one that decided */
    bool is_hint;
};
/* `command`: what was run, as it was given to the shell. */
void check_summary_read(struct str output, struct str command, struct check_summary *ret);
