#include "transcripts/line_objects.h"

bool line_objects_next(struct line_objects *o, struct str *ret)
{
    struct str rest = str_trim((struct str){o->p, (size_t)(o->end - o->p)});
    if (str_empty(rest) || o->failures >= LINE_OBJECTS_FAILURES_MAX)
        return false;
    o->p = rest.p;
    *ret = (struct str){o->p, (size_t)(o->end - o->p)};
    return true;
}

void line_objects_took(struct line_objects *o, const char *behind)
{
    o->p = behind;
}

bool line_objects_failed(struct line_objects *o)
{
    const char *hit = o->end - o->p > 1 ? memmem(o->p + 1, (size_t)(o->end - o->p - 1), "{\"", 2) : NULL;
    o->p = hit ? hit : o->end;
    return o->failures++ == 0;
}

enum skip_reason skip_reason_of(enum json_outcome outcome)
{
    static const enum skip_reason reasons[] = {[JSON_NO_OBJECT] = SKIP_NO_OBJECT,
                                               [JSON_TORN] = SKIP_TORN,
                                               [JSON_MALFORMED] = SKIP_MALFORMED,
                                               [JSON_TOO_DEEP] = SKIP_TOO_DEEP};
    return reasons[outcome];
}
