/* mailbox.h -- from threads that are not ours to the loop: libraries with callbacks of their own.
 *
 * Any thread posts; the loop opens what has come, in the order in which it was posted by each thread.  No
 * lock: a list that is exchanged whole.  The letter belongs to the mailbox until it is opened.  A bound is
 * the poster's business: mailbox_count tells. */
#pragma once
#include "base/base.h"

#include <uv.h>

struct mailbox;
struct letter {
    struct letter *next;            /* the mailbox's */
    void (*open)(struct letter *l); /* loop thread; frees it */
};

struct mailbox *mailbox_new(uv_loop_t *loop);
void mailbox_post(struct mailbox *m, struct letter *l); /* any thread */
size_t mailbox_count(const struct mailbox *m);          /* posted and not opened; any thread */
/* Opens what is there.  Nobody may post any more.  Loop thread; returns NULL. */
struct mailbox *mailbox_free(struct mailbox *m);
