#include "transcripts/processor.h"

const struct processor *const processors[PROCESSORS + 1] = {&processor_usage, &processor_verification, NULL};

static bool is_all_unreadable(const struct turn_reader_facts *f)
{
    return f->lines > 0 && f->skipped[SKIP_NO_OBJECT] + f->skipped[SKIP_MALFORMED] + f->skipped[SKIP_TORN] +
                                   f->skipped[SKIP_NOT_UTF8] >=
                               f->lines;
}

int processor_read(const struct processor *p, void *state, const char *path, enum transcript_format format,
                   processor_stops stops, void *arg, struct turn_reader_facts *ret, struct err *e)
{
    CLEANUP(turn_reader_freep) struct turn_reader *r = NULL;
    const struct turn *turns;
    size_t count;
    int rc = turn_reader_open(path, format, &r);
    if (rc != 0)
        return err_set(e, ERR_INTERNAL, rc, "cannot be opened: %s", turn_reader_error(rc));
    while ((rc = turn_reader_next(r, &turns, &count)) == 1 && !stops(arg))
        for (size_t i = 0; i < count; i++)
            p->turn(state, &turns[i]);
    turn_reader_facts(r, ret);
    if (rc == 1)
        return -ECANCELED;
    if (rc != 0)
        return err_set(e, ERR_INTERNAL, rc, "cannot be read: %s", turn_reader_error(rc));
    if (is_all_unreadable(ret))
        return err_set(e, ERR_INTERNAL, -EBADMSG, "none of its %lld lines is a JSON object",
                       (long long)ret->lines);
    return 0;
}
