#include "node/bus/outbox.h"

#include <sys/socket.h>
#include <sys/uio.h>

#define PIECES_MAX 64

struct outbox_block {
    struct outbox_block *next;
    size_t start, end;
    char bytes[OUTBOX_BLOCK_BYTES];
};

static struct outbox_block *block_new(struct outbox_pool *pool)
{
    struct outbox_block *b = pool->free;
    if (b) {
        pool->free = b->next;
        pool->count--;
    } else {
        b = xrealloc(NULL, sizeof(*b));
    }
    b->next = NULL;
    b->start = b->end = 0;
    return b;
}

static void block_drop(struct outbox_block *b, struct outbox_pool *pool)
{
    if (pool->count >= OUTBOX_POOL_MAX) {
        free(b);
        return;
    }
    b->next = pool->free;
    pool->free = b;
    pool->count++;
}

void outbox_pool_deinit(struct outbox_pool *pool)
{
    while (pool->free) {
        struct outbox_block *b = pool->free;
        pool->free = b->next;
        free(b);
    }
    pool->count = 0;
}

void outbox_clear(struct outbox *o, struct outbox_pool *pool)
{
    while (o->first) {
        struct outbox_block *b = o->first;
        o->first = b->next;
        block_drop(b, pool);
    }
    *o = (struct outbox){0};
}

static size_t room_left(const struct outbox *o)
{
    return o->last ? OUTBOX_BLOCK_BYTES - o->last->end : 0;
}

static void add_block(struct outbox *o, struct outbox_pool *pool)
{
    struct outbox_block *b = block_new(pool);
    if (o->last)
        o->last->next = b;
    else
        o->first = b;
    o->last = b;
}

void outbox_add(struct outbox *o, struct outbox_pool *pool, struct str bytes)
{
    while (bytes.n > 0) {
        if (room_left(o) == 0)
            add_block(o, pool);
        size_t n = MIN(bytes.n, room_left(o));
        memcpy(o->last->bytes + o->last->end, bytes.p, n);
        outbox_commit(o, n);
        bytes = (struct str){bytes.p + n, bytes.n - n};
    }
}

char *outbox_room(struct outbox *o, struct outbox_pool *pool, size_t n)
{
    if (n > OUTBOX_PIECE_MAX)
        return NULL;
    if (room_left(o) < n)
        add_block(o, pool);
    return o->last->bytes + o->last->end;
}

void outbox_commit(struct outbox *o, size_t n)
{
    o->last->end += n;
    o->n += n;
}

static void consume(struct outbox *o, struct outbox_pool *pool, size_t n)
{
    o->n -= n;
    while (o->first) {
        struct outbox_block *b = o->first;
        size_t here = MIN(n, b->end - b->start);
        b->start += here;
        n -= here;
        if (b->start < b->end)
            return;
        o->first = b->next;
        if (!o->first)
            o->last = NULL;
        block_drop(b, pool);
    }
}

static int send_some(const struct outbox *o, int fd, size_t *ret_asked, ssize_t *ret_sent)
{
    struct iovec pieces[PIECES_MAX];
    struct msghdr message = {.msg_iov = pieces};
    *ret_asked = 0;
    for (struct outbox_block *b = o->first; b && message.msg_iovlen < PIECES_MAX; b = b->next) {
        pieces[message.msg_iovlen++] = (struct iovec){b->bytes + b->start, b->end - b->start};
        *ret_asked += b->end - b->start;
    }
    do
        *ret_sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (*ret_sent < 0 && errno == EINTR);
    return *ret_sent < 0 ? -errno : 0;
}

int outbox_send(struct outbox *o, struct outbox_pool *pool, int fd, int64_t *ret_bytes)
{
    *ret_bytes = 0;
    while (o->n > 0) {
        size_t asked;
        ssize_t sent;
        int rc = send_some(o, fd, &asked, &sent);
        if (rc)
            return rc == -EAGAIN ? 0 : rc;
        consume(o, pool, (size_t)sent);
        *ret_bytes += sent;
        if ((size_t)sent < asked)
            return 0;
    }
    return 0;
}
