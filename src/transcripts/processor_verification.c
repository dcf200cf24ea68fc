#include "transcripts/processor_verification.h"

int processor_verification(const char *path, enum transcript_format format, struct verification *v,
                           processor_stops stops, void *arg, struct turn_reader_facts *ret, struct err *e)
{
    struct turn_reader *r;
    const struct turn *turns;
    size_t count;
    int rc = turn_reader_open(path, format, &r);
    if (rc != 0)
        return err_set(e, ERR_INTERNAL, rc, "cannot be opened: %s", turn_reader_error(rc));
    while ((rc = turn_reader_next(r, &turns, &count)) == 1 && !stops(arg))
        for (size_t i = 0; i < count; i++)
            verification_turn(v, &turns[i]);
    turn_reader_facts(r, ret);
    (void)turn_reader_free(r);
    if (rc == 1)
        return -ECANCELED;
    if (rc != 0)
        return err_set(e, ERR_INTERNAL, rc, "cannot be read: %s", turn_reader_error(rc));
    if (ret->lines > 0 && ret->skipped[SKIP_NO_OBJECT] + ret->skipped[SKIP_MALFORMED] +
                                  ret->skipped[SKIP_TORN] + ret->skipped[SKIP_NOT_UTF8] >=
                              ret->lines)
        return err_set(e, ERR_INTERNAL, -EBADMSG, "none of its %lld lines is a JSON object",
                       (long long)ret->lines);
    return 0;
}
