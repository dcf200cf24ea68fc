/* git_place.h -- what a working tree is at: its branch and its commit, read by hand.
 *
 * No program is started and nothing is written, so a repository can do nothing to who looks at it.  Its files
 * are foreign: only regular ones are opened, none through a last symbolic link, and a bounded part of each is
 * read.  Linked worktrees, detached and unborn heads, loose and packed refs are understood; of a repository
 * that keeps its refs otherwise (reftable) only the working tree is known.  Reads a few small files: not for
 * the loop thread. */
#pragma once
#include "base/str.h"

struct git_place {
    char worktree[512]; /* its top folder; "" when there is none any more */
    char branch[256];   /* without refs/heads/; "" detached or unknown */
    char head[16];      /* first twelve digits of the commit's id; "" none yet or unknown */
};
/* `top` is the folder that has the entry .git.  False when that is not a repository. */
bool git_place_read(const char *top, struct git_place *ret);
