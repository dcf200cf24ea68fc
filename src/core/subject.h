/* subject.h -- matching of dotted subjects (spec 40 B2).
 *
 * Tokens are separated by dots and not empty; in a pattern * stands for exactly one whole token, > for one or
 * more and only at the end.  Case matters.  Pure. */
#pragma once
#include "base/str.h"

bool subject_valid(struct str subject); /* no wildcard, no empty token, no space or control character */
bool subject_pattern_valid(struct str pattern);
bool subject_matches(struct str pattern, struct str subject); /* both valid */
/* Whether everything that `pattern` matches is matched by `wider` too; both valid patterns. */
bool subject_covers(struct str wider, struct str pattern);
