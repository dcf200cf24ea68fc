/* bus_url.h -- where the bus is, for commands that speak to it: --bus, else the configuration.  One thread.
 */
#pragma once
#include "cli/command.h"

#define BUS_URL_OPTION                                                                                       \
    {                                                                                                        \
        0, "bus", "URL", "The bus: nats://HOST:PORT or unix:PATH; else that of the configuration."           \
    }
/* 0, or an exit code after having said why.  The caller frees both; *ret_token may be NULL. */
MUST_CHECK int bus_url(const struct invocation *in, char **ret_url, char **ret_token);
