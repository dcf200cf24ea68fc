/* usage_refresh.c -- what has been read of the transcripts, kept and brought up to date (spec 60 T2, T5, U5).
 */
#include "base/buf.h"
#include "base/clock.h"
#include "cli/rows.h"
#include "cli/usage.h"
#include "io/config.h"
#include "io/file.h"
#include "transcripts/dir_listings.h"
#include "transcripts/usage_scan.h"

#include <unistd.h>

#define TELL_EVERY_US INT64_C(200000)
#define TELL_AFTER_US INT64_C(500000)
#define BAR_CELLS 30

/* -- which transcripts -- */

/* Those that may be read. */
static char **read_roots(const struct invocation *in)
{
    char **roots = config_session_roots(in->config_path);
    size_t kept = 0;
    for (size_t i = 0; roots[i]; i++) {
        if (access(roots[i], R_OK | X_OK) == 0)
            roots[kept++] = roots[i];
        else
            free(roots[i]);
    }
    roots[kept] = NULL;
    return roots;
}

/* One's own is another sum than one with what lies below roots. */
static char *cache_dir(bool is_apart)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *sum = is_apart ? "-own" : "";
    struct buf dir = BUF_INIT;
    if (cache && cache[0] == '/')
        buf_printf(&dir, "%s/muster/usage%s", cache, sum);
    else if (home && home[0] == '/')
        buf_printf(&dir, "%s/.cache/muster/usage%s", home, sum);
    return dir.n ? buf_take(&dir) : NULL;
}

struct bar {
    int64_t started_us, told_us;
    bool is_shown;
};

static void tell(void *context, int64_t done, int64_t to_do)
{
    struct bar *b = context;
    int64_t now = clock_monotonic_us();
    if (now - b->started_us < TELL_AFTER_US || now - b->told_us < TELL_EVERY_US)
        return;
    b->told_us = now;
    b->is_shown = true;
    int cells = to_do > 0 ? (int)(MIN(done, to_do) * BAR_CELLS / to_do) : 0;
    char text[BAR_CELLS + 1];
    for (int i = 0; i < BAR_CELLS; i++)
        text[i] = i < cells ? '#' : '.';
    text[BAR_CELLS] = '\0';
    (void)fprintf(stderr, "\rreading transcripts [%s] %lld of %lld MB", text, (long long)(done / 1000000),
                  (long long)(to_do / 1000000));
}

static const char *environment(const char *name)
{
    return getenv(name);
}

/* What can't be kept of the listings is read again: no one need be told. */
static void walk(struct file_walk *files, const char *dir, unsigned sources, char *const *roots)
{
    struct buf path = BUF_INIT;
    if (dir)
        buf_printf(&path, "%s/directories", dir);
    CLEANUP(dir_listings_freep) struct dir_listings *listings = dir_listings_open(dir ? path.p : NULL);
    *files = (struct file_walk){.remembered = listings};
    file_walk_homes(files, environment, sources ? sources : ~0U);
    for (size_t i = 0; roots && roots[i]; i++)
        file_walk_root(files, roots[i], TRANSCRIPT_UNKNOWN);
    file_walk_finish(files);
    files->remembered = NULL;
    if (!sources)
        (void)dir_listings_save(listings);
    buf_deinit(&path);
}

void usage_refresh(const struct invocation *in, struct ledger *l, unsigned sources, bool only_own,
                   struct usage_scan_result *ret)
{
    char **roots = read_roots(in);
    CLEANUP(freep) char *dir = cache_dir(only_own && roots[0]);
    struct file_walk files;
    ledger_open(l, dir); /* makes the directory */
    walk(&files, dir, sources, only_own ? NULL : roots);
    free_list(roots);
    struct bar bar = {.started_us = clock_monotonic_us()};
    struct usage_scan_progress progress = {tell, &bar};
    bool shown = !rows_want_json(in) && isatty(STDERR_FILENO);
    usage_scan(l, &files, clock_wall_us(), shown ? &progress : NULL, ret);
    if (bar.is_shown)
        (void)fprintf(stderr, "\r\033[K");
    int rc = ledger_save(l);
    if (rc != 0)
        (void)fprintf(stderr, "muster usage: the cache %s could not be written: %s\n", dir, strerror(-rc));
    file_walk_deinit(&files);
}
