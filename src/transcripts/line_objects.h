/* line_objects.h -- the JSON objects of one line of a transcript (spec 60 T3).
 *
 * There is one, as a rule.  A killed writer leaves a torn one, and the next append glues another to it: what
 * is whole is found again at the next place where an object could begin.  The caller scans and says how it
 * went. Pure.  Any thread. */
#pragma once
#include "transcripts/json_scan.h"
#include "transcripts/ledger.h"

#define LINE_OBJECTS_FAILURES_MAX 64 /* places that are tried in vain before the line is given up */

struct line_objects {
    const char *p, *end;
    int failures;
};
static inline struct line_objects line_objects_of(struct str line)
{
    return (struct line_objects){line.p, line.p + line.n, 0};
}
/* Where the next object should begin, without white space before it; false at the end. */
MUST_CHECK bool line_objects_next(struct line_objects *o, struct str *ret);
/* What was handed out is an object, up to `behind`. */
void line_objects_took(struct line_objects *o, const char *behind);
/* It is none.  True the first time in this line: to be counted. */
bool line_objects_failed(struct line_objects *o);
/* Why a scan found no whole object. */
enum skip_reason skip_reason_of(enum json_outcome outcome);
