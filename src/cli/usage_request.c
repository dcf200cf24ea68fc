#include "cli/usage.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "cli/rows.h"
#include "core/civil.h"
#include "io/config.h"
#include "io/price_file.h"
#include "io/zoneinfo.h"
#include "transcripts/dir_listings.h"
#include "transcripts/usage_scan.h"

#include <unistd.h>

#define TELL_EVERY_US INT64_C(200000)
#define TELL_AFTER_US INT64_C(500000)
#define BAR_CELLS 30

/* -- the zone -- */

/* The name that a link such as /etc/localtime has in the database. */
static bool linked_name(const char *link, char name[64])
{
    char target[512];
    ssize_t n = readlink(link, target, sizeof(target) - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    const char *marker = strstr(target, "zoneinfo/");
    return marker && (size_t)snprintf(name, 64, "%s", marker + 9) < 64;
}

static void system_zone(char name[64])
{
    const char *tz = getenv("TZ");
    if (tz && tz[0] == ':')
        tz++;
    if (tz && tz[0] && (size_t)snprintf(name, 64, "%s", tz) < 64)
        return;
    if ((tz && !tz[0]) || !linked_name("/etc/localtime", name))
        (void)snprintf(name, 64, "UTC");
}

int usage_zone(const struct invocation *in, const struct timezone **ret, char name[64])
{
    const char *asked = command_option(in, "zone");
    struct err e;
    if (asked) {
        if ((size_t)snprintf(name, 64, "%s", asked) < 64 && asked[0] && zoneinfo_get(name, ret, &e) == 0)
            return 0;
        return command_usage(in, "--zone \"%.60s\" is no time zone; a name such as Europe/Prague is expected",
                             asked);
    }
    system_zone(name);
    if (zoneinfo_get(name, ret, &e) != 0) {
        *ret = timezone_utc();
        (void)snprintf(name, 64, "UTC");
    }
    return 0;
}

/* -- dates -- */

static int read_day(const struct invocation *in, const char *option, int64_t fallback, int64_t *ret)
{
    const char *text = command_option(in, option);
    *ret = fallback;
    if (!text || usage_day_parse(text, ret))
        return 0;
    return command_usage(in, "--%s \"%.40s\" is no day; one such as 2026-11-22 is expected", option, text);
}

static int read_source(const struct invocation *in, unsigned *ret)
{
    const char *text = command_option(in, "source");
    *ret = 0;
    if (!text || strcmp(text, "all") == 0)
        return 0;
    for (int i = 0; i < TRANSCRIPT_FORMAT_COUNT; i++)
        if (strcmp(text, transcript_format_names[i]) == 0)
            *ret = 1U << i;
    return *ret ? 0 : command_usage(in, "--source \"%.40s\": all, claude, codex or gemini is expected", text);
}

/* -- prices -- */

/* Those that the node of this machine counts with, unless another file is named; ccusage has prices of its
 * own. */
static int read_prices(const struct invocation *in, struct price_list **ret)
{
    const char *asked = command_option(in, "prices");
    struct err e = {.code = ERR_NONE};
    CLEANUP(freep)
    char *path = asked ? xstrdup(asked) : config_text_alone(in->config_path, "usage", "prices");
    *ret = NULL;
    if (command_option(in, "compat"))
        return 0;
    if (!path || (!asked && !path[0]) || price_file_read(path, ret, &e) == 0)
        return 0;
    return command_usage(in, "%s: %s", e.place, e.text);
}

int usage_request_read(const struct invocation *in, enum usage_group group, struct usage_request *ret)
{
    struct usage_request q = {.question = {.group = group, .bucket = group, .now_us = clock_wall_us()}};
    q.json = rows_want_json(in);
    q.breakdown = command_option(in, "breakdown") != NULL;
    int rc = read_source(in, &q.question.sources);
    if (rc == 0)
        rc = usage_zone(in, &q.question.zone, q.zone_name);
    if (rc == 0)
        rc = read_day(in, "since", INT64_MIN, &q.question.since_day);
    if (rc == 0)
        rc = read_day(in, "until", INT64_MAX, &q.question.until_day);
    if (rc == 0)
        rc = read_prices(in, &q.prices);
    q.question.prices = q.prices;
    if (rc == 0)
        *ret = q;
    return rc;
}

void usage_request_deinit(struct usage_request *q)
{
    q->prices = price_list_free(q->prices);
}

/* -- the cache -- */

static char *cache_dir(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    struct buf dir = BUF_INIT;
    if (cache && cache[0] == '/')
        buf_printf(&dir, "%s/muster/usage", cache);
    else if (home && home[0] == '/')
        buf_printf(&dir, "%s/.cache/muster/usage", home);
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
static void walk(struct file_walk *files, const char *dir, unsigned sources)
{
    struct buf path = BUF_INIT;
    if (dir)
        buf_printf(&path, "%s/directories", dir);
    CLEANUP(dir_listings_freep) struct dir_listings *listings = dir_listings_open(dir ? path.p : NULL);
    *files = (struct file_walk){.remembered = listings};
    file_walk_homes(files, environment, sources ? sources : ~0U);
    file_walk_finish(files);
    files->remembered = NULL;
    if (!sources)
        (void)dir_listings_save(listings);
    buf_deinit(&path);
}

void usage_refresh(struct ledger *l, unsigned sources, bool may_tell, struct usage_scan_result *ret)
{
    CLEANUP(freep) char *dir = cache_dir();
    struct file_walk files;
    ledger_open(l, dir); /* makes the directory */
    walk(&files, dir, sources);
    struct bar bar = {.started_us = clock_monotonic_us()};
    struct usage_scan_progress progress = {tell, &bar};
    bool shown = may_tell && isatty(STDERR_FILENO);
    usage_scan(l, &files, clock_wall_us(), shown ? &progress : NULL, ret);
    if (bar.is_shown)
        (void)fprintf(stderr, "\r\033[K");
    int rc = ledger_save(l);
    if (rc != 0)
        (void)fprintf(stderr, "muster usage: the cache %s could not be written: %s\n", dir, strerror(-rc));
    file_walk_deinit(&files);
}
