/* marketplaces.h -- git repositories that are kept up to date (spec 20).
 *
 * A sync goes through the entries of the configuration one after the other: clones those that are not there,
 * fast-forwards the others, and records commit or error of each; one that fails stops no other.  git runs as
 * a child of the loop, without a terminal and without asking, and is ended when it takes too long.  Loop
 * thread.
 */
#pragma once
#include "io/config.h"
#include "node/operations.h"
#include "store/store.h"

#include <uv.h>

struct marketplaces;
struct marketplaces *marketplaces_new(uv_loop_t *loop, struct store *store, struct operations *operations);
/* Begins a sync of what `config` lists, which must live as long as the program.  The operation's id, or NULL
 * when one is under way. */
MUST_CHECK const char *marketplaces_sync(struct marketplaces *m, const struct config *config);
void marketplaces_stop(struct marketplaces *m);                 /* ends git; the operation ends as failed */
struct marketplaces *marketplaces_free(struct marketplaces *m); /* once stopped; the loop turns once more */
#define MARKETPLACES_KIND "marketplaces-sync"
