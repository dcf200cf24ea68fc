#include "io/daemon.h"

#include "io/library.h"

#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
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
    library_load(&library_crypto); /* not when the descriptors are used up and a token is to be checked */
}

/* libsystemd is not loaded to find out that nobody listens. */
static void tell(const char *state)
{
    if (getenv("NOTIFY_SOCKET"))
        (void)sd_notify(0, state);
}

void daemon_tell_ready(const char *status, ...)
{
    struct buf text = BUF_INIT;
    buf_add_text(&text, "READY=1\nSTATUS=");
    va_list args;
    va_start(args, status);
    buf_vprintf(&text, status, args);
    va_end(args);
    tell(text.p);
    buf_deinit(&text);
}

void daemon_tell_stopping(void)
{
    tell("STOPPING=1");
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
    tell("WATCHDOG=1");
}

void daemon_feed_watchdog(uv_timer_t *timer)
{
    uint64_t interval_us;
    if (getenv("WATCHDOG_USEC") && sd_watchdog_enabled(0, &interval_us) > 0)
        (void)uv_timer_start(timer, on_timer, 0, interval_us / 2000);
}
