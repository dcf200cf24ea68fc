#include "core/turn_key.h"

#include "base/buf.h"
#include "base/hash.h"

static void add(struct buf *b, struct str s)
{
    buf_printf(b, "%zu:", s.n);
    buf_add_str(b, s);
}

static uint64_t key_of(const struct turn *t, struct str id)
{
    if (id.n == 0 || t->is_replayed)
        return 0;
    struct buf b = BUF_INIT;
    buf_printf(&b, "%d:%d:", (int)t->format, (int)t->kind);
    add(&b, id);
    add(&b, t->message_id);
    add(&b, t->tool_id);
    if (t->message_id.n == 0 && t->tool_id.n == 0)
        add(&b, t->text);
    uint64_t key = hash_xx(buf_str(&b));
    buf_deinit(&b);
    return key ? key : 1;
}

uint64_t turn_key(const struct turn *turn)
{
    return key_of(turn, turn->origin_id.n ? turn->origin_id : turn->id);
}

uint64_t turn_key_alias(const struct turn *turn)
{
    return turn->origin_id.n && !str_equal(turn->origin_id, turn->id) ? key_of(turn, turn->id) : 0;
}
