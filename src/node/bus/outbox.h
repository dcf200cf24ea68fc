/* outbox.h -- the bytes that wait to be sent on one connection, in blocks.
 *
 * What a turn of the loop produces for a connection is gathered and goes out in as few system calls as there
 * are blocks to be had, at its end.  An empty outbox holds no memory; blocks that became free are kept for
 * the next one, up to a bound, in the pool that all outboxes of a bus share.  Bounding what waits is the
 * caller's business: `n` tells.  Loop thread. */
#pragma once
#include "base/str.h"

#define OUTBOX_BLOCK_BYTES ((size_t)32 << 10)
#define OUTBOX_PIECE_MAX ((size_t)4 << 10)
#define OUTBOX_POOL_MAX 16 /* blocks kept */

struct outbox_block;
struct outbox_pool {
    struct outbox_block *free;
    size_t count;
};
struct outbox {
    struct outbox_block *first, *last;
    size_t n; /* bytes in all */
};

void outbox_pool_deinit(struct outbox_pool *pool);
void outbox_clear(struct outbox *o, struct outbox_pool *pool);
void outbox_add(struct outbox *o, struct outbox_pool *pool, struct str bytes);
/* Room for `n` bytes in one piece; NULL when that is more than OUTBOX_PIECE_MAX: then add them part by part.
 * outbox_commit says how many were used. */
char *outbox_room(struct outbox *o, struct outbox_pool *pool, size_t n);
void outbox_commit(struct outbox *o, size_t n);
/* Sends what the socket takes.  0, or -errno other than -EAGAIN. */
MUST_CHECK int outbox_send(struct outbox *o, struct outbox_pool *pool, int fd, int64_t *ret_bytes);
