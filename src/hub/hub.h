/* hub.h -- `muster hub`: takes the reports of many nodes, and answers for all of them (spec 80 H8 to H15).
 *
 * A program of its own: the HTTP server and the store are the node's, the rest is here.  It knows a node only
 * by what that reports.  One loop and the store's threads; hubs that share a PostgreSQL share nothing else.
 */
#pragma once
#include "base/base.h"

/* Until SIGTERM or SIGINT.  Returns an exit code: 0 stopped, 1 could not start, 2 bad configuration. */
int hub_main(const char *config_path);
