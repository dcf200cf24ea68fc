#include "node/processor_lease.h"

#include "base/parse.h"
#include "io/file.h"
#include "io/procfs.h"
#include "store/processors.h"

#include <sys/stat.h>
#include <unistd.h>

static void add_host(struct buf *out)
{
    struct buf boot = BUF_INIT;
    struct stat st = {.st_ino = 0};
    if (file_read_small("/proc/sys/kernel/random/boot_id", 64, &boot) == 0)
        buf_add_str(out, str_trim(buf_str(&boot)));
    (void)stat("/proc/self/ns/pid", &st);
    buf_printf(out, ":%llu:", (unsigned long long)st.st_ino);
    buf_deinit(&boot);
}

void processor_lease_self(struct buf *ret)
{
    add_host(ret);
    buf_printf(ret, "%lld:%lld", (long long)getpid(), (long long)procfs_start_ticks("/proc", getpid()));
}

/* Of another host nothing is known. */
static bool is_gone(const char *holder)
{
    struct buf host = BUF_INIT;
    struct str rest = str_of(holder), pid_text;
    int64_t pid, ticks;
    add_host(&host);
    bool here = str_starts_with(rest, buf_str(&host));
    if (here)
        rest = (struct str){rest.p + host.n, rest.n - host.n};
    buf_deinit(&host);
    return here && str_split(&rest, ':', &pid_text) && parse_i64_in(pid_text, 1, INT32_MAX, &pid) &&
           parse_i64_in(rest, 0, INT64_MAX, &ticks) && procfs_start_ticks("/proc", pid) != ticks;
}

int processor_lease_take(struct db *db, const char *processor, int64_t now_us, struct arena *a, struct err *e)
{
    const char *holder = NULL;
    struct buf self = BUF_INIT;
    int rc = processor_lease_holder(db, processor, a, &holder, e);
    if (rc == 0 && holder && is_gone(holder))
        rc = processor_lease_drop(db, processor, holder, e);
    processor_lease_self(&self);
    if (rc == 0)
        rc = processor_lease(db, processor, self.p, now_us, now_us + PROCESSOR_LEASE_US, e);
    buf_deinit(&self);
    return rc;
}
