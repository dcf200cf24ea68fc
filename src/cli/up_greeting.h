/* up_greeting.h -- what `muster up` says once all of it serves, and what can be typed next.
 *
 * Every line can be typed as it stands, in another terminal and another folder: the program is named by its
 * path where PATH does not lead to this very one, and what tells a command where the node is goes with it.
 * Main thread. */
#pragma once
#include "base/buf.h"
#include "io/config.h"

/* `config_path` is that of --config, NULL for none; `address` what the node serves on. */
void up_greeting(struct buf *out, const struct config *c, const char *config_path, struct str address);
