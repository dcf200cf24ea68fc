#include "io/daemon.h"

#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

void daemon_prepare(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)umask(077);
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
    (void)sd_notify(0, "WATCHDOG=1");
}

void daemon_feed_watchdog(uv_timer_t *timer)
{
    uint64_t interval_us;
    if (sd_watchdog_enabled(0, &interval_us) > 0)
        (void)uv_timer_start(timer, on_timer, 0, interval_us / 2000);
}
