#include "cli/usage.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "cli/rows.h"
#include "core/civil.h"
#include "io/config.h"
#include "io/price_file.h"
#include "io/zoneinfo.h"
#include "transcripts/file_walk.h"

#include <unistd.h>

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
