/* systemd.c -- libsystemd (io/library.h). */
#include "io/library.h"

#include <systemd/sd-daemon.h>

/* clang-format off */
#define FUNCTIONS(F)                                                                                                   \
    F(int, sd_notify, (int unset, const char *state), (unset, state))                                                  \
    F(int, sd_watchdog_enabled, (int unset, uint64_t *ret_us), (unset, ret_us))
#define VARIADIC(F)
/* clang-format on */
LIBRARY(systemd, LIBRARY_FILE_SYSTEMD, "libsystemd0")
