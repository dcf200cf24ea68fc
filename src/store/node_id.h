/* node_id.h -- who a node is among those that share a store: DATA_DIR/node_id, made at the first start.
 *
 * It goes with the data directory, since what belongs to a node are the runs whose directories are there.
 * Opening thread. */
#pragma once
#include "base/err.h"

#define NODE_ID_LEN 32
MUST_CHECK int node_id_load(const char *data_dir, char ret[NODE_ID_LEN + 1], struct err *e);
