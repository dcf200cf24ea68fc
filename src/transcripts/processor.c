#include "transcripts/processor.h"

const struct processor *const processors[PROCESSORS + 1] = {&processor_usage, &processor_verification, NULL};

static bool is_all_unreadable(const struct turn_reader_facts *f)
{
    return f->lines > 0 && f->skipped[SKIP_NO_OBJECT] + f->skipped[SKIP_MALFORMED] + f->skipped[SKIP_TORN] +
                                   f->skipped[SKIP_NOT_UTF8] >=
                               f->lines;
}

/* Where an earlier reading ended; else from the start. */
static int open_reader(const struct processor *p, const struct processor_input *in,
                       struct processor_reading *ret, struct turn_reader **ret_reader)
{
    struct unpack u = {.rest = in->checkpoint};
    if (in->checkpoint.n && unpack_i64(&u) == p->version &&
        turn_reader_resume(in->path, &u, ret_reader) == 0) {
        if (p->load(ret->state, &u) && unpack_is_whole(&u)) {
            turn_reader_facts(*ret_reader, &ret->facts);
            ret->from_offset = ret->facts.offset;
            return 0;
        }
        *ret_reader = turn_reader_free(*ret_reader);
        p->end(ret->state);
        ret->state = p->begin();
    }
    return turn_reader_open(in->path, in->format, ret_reader);
}

void processor_checkpoint_check(struct buf *checkpoint)
{
    bool is_text = !memchr(checkpoint->p, '\0', checkpoint->n) && str_is_utf8(buf_str(checkpoint));
    if (checkpoint->n > PROCESSOR_CHECKPOINT_MAX || !is_text)
        buf_clear(checkpoint);
}

static void keep(const struct processor *p, const struct turn_reader *r, struct processor_reading *ret)
{
    struct buf *out = &ret->checkpoint;
    pack_i64(out, p->version);
    bool can_go_on = turn_reader_save(r, out);
    ret->aside_at = out->n;
    if (can_go_on)
        p->save(ret->state, out);
    else
        buf_clear(out);
    processor_checkpoint_check(out);
}

int processor_read(const struct processor *p, const struct processor_input *in, struct processor_reading *ret,
                   struct err *e)
{
    CLEANUP(turn_reader_freep) struct turn_reader *r = NULL;
    const struct turn *turns;
    size_t count;
    *ret = (struct processor_reading){.state = p->begin(), .checkpoint = BUF_INIT};
    int rc = open_reader(p, in, ret, &r);
    if (rc != 0)
        return err_set(e, ERR_INTERNAL, rc, "cannot be opened: %s", turn_reader_error(rc));
    while ((rc = turn_reader_next(r, &turns, &count)) == 1 && !in->stops(in->stops_arg))
        for (size_t i = 0; i < count; i++)
            p->turn(ret->state, &turns[i]);
    turn_reader_facts(r, &ret->facts);
    if (rc == 1)
        return -ECANCELED;
    if (rc != 0)
        return err_set(e, ERR_INTERNAL, rc, "cannot be read: %s", turn_reader_error(rc));
    if (is_all_unreadable(&ret->facts))
        return err_set(e, ERR_INTERNAL, -EBADMSG, "none of its %lld lines is a JSON object",
                       (long long)ret->facts.lines);
    keep(p, r, ret);
    return 0;
}

int processor_put(const struct processor *p, struct db *db, void *found, struct buf *checkpoint,
                  size_t aside_at, struct err *e)
{
    CLEANUP(buf_deinit) struct buf aside = BUF_INIT;
    CLEANUP(buf_deinit) struct buf whole = *checkpoint;
    struct str all = buf_str(&whole);
    size_t n = MIN(aside_at, all.n);
    if (n < all.n)
        buf_add(&aside, all.p + n, all.n - n);
    int rc = p->put(db, found, &aside, e);
    buf_init(checkpoint);
    if (aside.n) {
        buf_add(checkpoint, all.p, n);
        buf_add_str(checkpoint, buf_str(&aside));
        processor_checkpoint_check(checkpoint);
    }
    return rc;
}

void processor_reading_deinit(const struct processor *p, struct processor_reading *r)
{
    p->end(r->state);
    buf_deinit(&r->checkpoint);
}
